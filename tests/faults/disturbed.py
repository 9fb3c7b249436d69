"""Something that a daemon needs goes away in the middle of its work, and comes back."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from tests.faults.outcome import Outcome, median
from tests.faults.process import wait_for
from tests.faults.site import Difference, Site, Write

_RUN_S = 900.0

Fault = Callable[[Site], AbstractContextManager[None]]
"""Takes something away from a site's daemon, as long as it lasts."""


def disturbed(
    name: str,
    folder: Path,
    write: Write,
    fault: Fault,
    undisturbed: Site,
    *,
    tries: int,
    lasts_s: float,
    seed: int,
    url: Callable[[str], str] | None = None,
) -> Outcome:
    """Let a fault strike at some point of the work, and compare with a daemon that nobody disturbed.

    Args:
        name: of the line in the table.
        folder: for the sites.
        write: their definition.
        fault: what strikes.
        undisturbed: what to compare with.
        tries: one site each.
        lasts_s: how long the fault lasts.
        seed: of the points at which it strikes.
        url: makes a store for each site, by name; None for files.
    """
    rng = random.Random(seed)
    total = undisturbed.windows
    survived = lost = duplicated = 0
    recovered: list[float] = []
    for number in range(tries):
        site = Site(folder / f"disturbed-{number}", write, url and url(f"disturbed_{number}"))
        took = _strike(site, fault, rng.randint(2, max(2, total // 2)), lasts_s)
        recovered.append(took)
        site.close()
        difference = Difference.of(site, undisturbed)
        lost, duplicated = lost + difference.lost, duplicated + difference.duplicated
        survived += difference.equal
    return Outcome(
        name=name,
        tried=tries,
        survived=survived,
        lost=lost,
        duplicated=duplicated,
        seconds_to_recover=median(recovered),
        remark=f"away for {lasts_s:g} s; {len(undisturbed.found())} events in each site, compared field by field",
    )


def _strike(site: Site, fault: Fault, at: int, lasts_s: float) -> float:
    """Let a daemon work to the end, with a fault after so many windows; says how long it took to go on after it."""
    daemon = site.start()
    wait_for(lambda: not daemon.is_running or site.windows >= at, _RUN_S)
    assert daemon.is_running, f"the daemon was done before the fault; see {site.log}"
    with fault(site):
        time.sleep(lasts_s)
        before = site.windows
    took = wait_for(lambda: not daemon.is_running or site.windows > before, _RUN_S)
    assert daemon.wait(_RUN_S) == 0, f"the daemon gave up; see {site.log}"
    return _RUN_S if took is None else took
