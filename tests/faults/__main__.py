"""Run every kind of fault, print a table, and write it as JSON.

python -m tests.faults [--only WORD] [--out build/faults.json]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from rich.console import Console
from rich.table import Table

from tests import postgres
from tests.faults.brokers import killed_broker, malformed
from tests.faults.cameras import disturbed_cameras, killed_workers
from tests.faults.crash import killed
from tests.faults.databases import stopped
from tests.faults.disks import full, small_disk
from tests.faults.disturbed import disturbed
from tests.faults.footage import FootageSite
from tests.faults.outcome import Outcome, write
from tests.faults.sharing import shared
from tests.faults.site import Site

_MIB = 2**20
_SITE_S = 300.0  # five minutes
_SEED = 4021


@contextmanager
def undisturbed(clips: Path, durability: str = "kv") -> Iterator[Site]:
    """The same five minutes, in peace: once for all faults, whatever store they have.

    Not whatever durability: memory of kept frames is made of these frames as JPEG, from the first time on.
    """
    write = FootageSite(clips, seed=_SEED, duration_s=_SITE_S, durability=durability)
    site = Site.undisturbed(clips / f"undisturbed-{durability}", write)
    try:
        yield site
    finally:
        site.close()


def kills(folder: Path, clips: Path, durability: str, num_kills: int) -> Outcome:
    """kill -9 of the daemon at random points of a five-minute site."""
    site = FootageSite(clips, seed=_SEED, duration_s=_SITE_S, durability=durability)
    with undisturbed(clips, durability) as other:
        outcome = killed(folder, site, other, num_kills=num_kills, seed=7)
    return outcome.named(f"kill -9 of the daemon, durability {durability}")


def postgresql(folder: Path, clips: Path) -> Outcome:
    """PostgreSQL is stopped for 20 s."""
    programs = postgres.programs()
    assert programs is not None, postgres.REMEDY
    site = FootageSite(clips, seed=_SEED, duration_s=_SITE_S)
    with undisturbed(clips) as other, postgres.served(programs) as server:

        def url(name: str) -> str:
            server.create(name)
            return server.url(name)

        fault = stopped(server)
        return disturbed("PostgreSQL stopped", folder, site, fault, other, tries=3, lasts_s=20.0, seed=8, url=url)


def disk(folder: Path, clips: Path) -> Outcome:
    """The disk of store, memory and evidence is full for 10 s."""
    site = FootageSite(clips, seed=_SEED, duration_s=_SITE_S)
    with undisturbed(clips) as other, small_disk(folder / "disk", 256 * _MIB):
        return disturbed("disk full", folder / "disk" / "sites", site, full, other, tries=3, lasts_s=10.0, seed=9)


FAULTS: dict[str, Callable[[Path, Path], Outcome]] = {
    "kills-kv": lambda folder, clips: kills(folder, clips, "kv", 60),
    "kills-frames": lambda folder, clips: kills(folder, clips, "frames", 15),
    "postgresql": postgresql,
    "disk": disk,
    "cameras": lambda folder, _: disturbed_cameras(folder),
    "decoders": lambda folder, _: killed_workers(folder),
    "broker": killed_broker,
    "consumers": shared,
    "malformed": lambda folder, _: malformed(folder),
}
"""What takes a folder of its own, and one of footage that all share."""


FIVE_MINUTES = {"kills-kv", "postgresql", "disk"}
KILLS = ("kills-kv", "kills-frames")
"""These keep one core busy with daemons that begin; all others mostly wait. So there are two lanes, side by side."""


class Run:
    """What has come of the faults so far, in the order in which they are listed.

    Args:
        everything: folder for all of them.
        out: where outcomes are written after each.
        console: where they are told.
    """

    def __init__(self, everything: Path, out: Path, console: Console) -> None:
        self._everything, self._out, self._console = everything, out, console
        self._lock = Lock()
        self._outcomes: dict[str, Outcome] = {}

    @property
    def outcomes(self) -> list[Outcome]:
        """In the order of FAULTS."""
        return [self._outcomes[name] for name in FAULTS if name in self._outcomes]

    def lane(self, names: Sequence[str]) -> None:
        """Run some, one after another."""
        for name in names:
            began = time.monotonic()
            self._console.print(f"{name} ...", style="dim")
            outcome = FAULTS[name](self._everything / name, self._everything / "clips")
            with self._lock:
                self._outcomes[name] = outcome
                write(self.outcomes, self._out)
            self._console.print(f"{name}: {outcome} in {time.monotonic() - began:.0f} s", style="dim")


def main() -> None:
    """Read the command line, and run."""
    given = argparse.ArgumentParser(description="Run every kind of fault.")
    given.add_argument("--only", default="", help="those whose name holds this word")
    given.add_argument("--out", type=Path, default=Path("build/faults.json"))
    options = given.parse_args()
    console = Console()
    wanted = [name for name in FAULTS if options.only in name]
    with tempfile.TemporaryDirectory(prefix="faults") as everything, ThreadPoolExecutor(2) as pool:
        run = Run(Path(everything), options.out, console)
        if FIVE_MINUTES & set(wanted):  # before both lanes want it
            console.print("five minutes in peace ...", style="dim")
            with undisturbed(Path(everything, "clips")):
                pass
        lanes = [[name for name in wanted if (name in KILLS) == killed] for killed in (True, False)]
        for lane in [pool.submit(run.lane, names) for names in lanes]:
            lane.result()
    outcomes = run.outcomes
    table = Table("fault", "tried", "survived", "lost", "duplicated", "seconds to recover", "what is counted")
    for one in outcomes:
        figures = (one.tried, one.survived, one.lost, one.duplicated, one.seconds_to_recover)
        table.add_row(one.name, *map(str, figures), one.remark)
    console.print(table)
    raise SystemExit(not all(outcome.is_well for outcome in outcomes))


if __name__ == "__main__":
    main()
