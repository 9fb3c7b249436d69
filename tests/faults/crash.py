"""kill -9 of the whole daemon, at any point, many times over: what is found in the end is what was to be found."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from tests.faults.outcome import Outcome, median
from tests.faults.process import DaemonProcess, pause, wait_for
from tests.faults.site import Difference, Site, Write

_LIFE_S, _RUN_S = 120.0, 900.0
_MOST_WINDOWS, _LONGEST_PAUSE_S = 3, 0.12

Told = Callable[[str], None]


def killed(folder: Path, write: Write, undisturbed: Site, *, num_kills: int, seed: int, tell: Told = print) -> Outcome:
    """Kill a daemon so often, and compare with one that nobody disturbed.

    A life ends after none to three more windows, and then at any moment of the next tenth of a second; or before
    it has begun. Sites follow each other until there were kills enough.
    """
    rng = random.Random(seed)
    differences: list[Difference] = []
    kills = survived = 0
    recoveries: list[float] = []
    while kills < num_kills:
        site = Site(folder / f"killed-{len(differences)}", write)
        more, recovered = _until_done(site, num_kills - kills, rng, tell)
        site.close()
        differences.append(Difference.of(site, undisturbed))
        kills += more
        recoveries += recovered
        survived += more if differences[-1].equal else 0
        tell(f"site {len(differences)}: {more} kills, {differences[-1]}")
    return Outcome(
        name="kill -9 of the daemon",
        tried=kills,
        survived=survived,
        lost=sum(each.lost for each in differences),
        duplicated=sum(each.duplicated for each in differences),
        seconds_to_recover=median(recoveries),
        remark=f"{len(undisturbed.found())} events in each of {len(differences)} sites, compared field by field",
    )


def _until_done(site: Site, most: int, rng: random.Random, tell: Told) -> tuple[int, list[float]]:
    """Kill one life after another until the footage is over, or there were kills enough; then let the last one live."""
    recovered: list[float] = []
    for kills in range(most):
        before, life = site.windows, site.start()
        took = _live(site, life, before, rng.randint(0, _MOST_WINDOWS))
        recovered += [] if took is None else [took]
        pause(rng, _LONGEST_PAUSE_S)
        if not life.is_running:
            assert life.wait(_LIFE_S) == 0, f"a daemon gave up; see {site.log}"
            return kills, recovered
        life.kill()
        if kills % 10 == 9:
            tell(f"{kills + 1} kills, {site.windows} windows")
    assert site.start().wait(_RUN_S) == 0, f"a daemon gave up; see {site.log}"
    return most, recovered


def _live(site: Site, life: DaemonProcess, before: int, more: int) -> float | None:
    """Let a life pass so many windows; says how long the first of them took."""
    took = None
    for wanted in range(before + 1, before + more + 1):
        waited = wait_for(lambda at=wanted: not life.is_running or site.windows >= at, _LIFE_S)  # type: ignore[misc]
        took = waited if took is None else took
    return took
