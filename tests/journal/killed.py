"""Kills a process that watches a stream, again and again, and says how often its memory came back; run by a test."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.journal.sites import Site, after_each_change, window_of
from videoxl_stream.journal import Durability
from videoxl_stream.testing import ScriptedModel

BUDGET = 40


def site_at(folder: Path, kind: str, committed: int) -> Site:
    return Site(ScriptedModel(), Durability(folder, kind, checkpoint_windows=3), {"budget": BUDGET}, committed)


def window(number: int) -> Any:
    return window_of([4.0 * number + i for i in range(1 + number % 4)], 4)


def committed(database: Path) -> int:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS done (windows INTEGER)")
        return int(connection.execute("SELECT coalesce(max(windows), 0) FROM done").fetchone()[0])


def watch(folder: Path, kind: str, database: Path, told: int) -> None:
    """Watch for ever; tell of each operation on a file."""
    site = site_at(folder, kind, committed(database))
    site.states = [b""] * site.committed
    with after_each_change(lambda: os.write(told, b".")):
        site.open()
        while True:
            site.watch(window(site.committed))
            with closing(sqlite3.connect(database)) as connection, connection:
                connection.execute("INSERT INTO done VALUES (?)", (site.committed,))


def undisturbed(num_windows: int) -> bytes:
    model = ScriptedModel()
    memory = model.open_memory(budget=BUDGET)
    for number in range(num_windows):
        one = window(number)
        model.append(memory, [frame.image for frame in one.frames], [frame.time_s for frame in one.frames])
        if one.short:
            model.close_window(memory)
    return model.dump_memory(memory)


def kill_one(folder: Path, kind: str, database: Path, after: int) -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            watch(folder, kind, database, writing)
        finally:
            os._exit(1)
    os.close(writing)
    heard = 0
    while heard < after and (said := os.read(reading, after - heard)):
        heard += len(said)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(reading)
    if not os.WIFSIGNALED(status):
        sys.exit("the child ended by itself")


def main(folder: Path, kind: str, kills: int) -> None:
    database, dice, same = folder / "events.db", random.Random(kind), 0
    for _ in range(kills):
        kill_one(folder / "memory", kind, database, dice.randint(1, 60))
        site = site_at(folder / "memory", kind, committed(database))
        site.states = [b""] * site.committed
        restored = site.open()
        same += site.dump() == undisturbed(site.committed) and not restored.windows_lost
        site.journal.close()
    sys.stdout.write(json.dumps({"kills": kills, "same": same, "windows": committed(database)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
