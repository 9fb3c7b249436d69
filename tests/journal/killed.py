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
from videoxl_stream.buffer import Window
from videoxl_stream.interfaces import VideoModel
from videoxl_stream.journal import Durability
from videoxl_stream.testing import ScriptedModel

BUDGET = 40


def model_named(name: str) -> VideoModel[Any]:
    if name == "scripted":
        return ScriptedModel()
    from tests.model.conftest import GOLDEN
    from videoxl_stream.model.pictures import PictureProcessor
    from videoxl_stream.model.video_xl import VideoXL
    from videoxl_stream.model.weights import load_network, load_tokenizer

    network = load_network(GOLDEN / "model_a")
    return VideoXL(network, load_tokenizer(GOLDEN / "tiny_tokenizer"), PictureProcessor(56, "squash"))


class Victim:
    """A stream that is watched by processes which are killed."""

    def __init__(self, model: VideoModel[Any], folder: Path, kind: str) -> None:
        self.model, self.database = model, folder / "events.db"
        self.durability = Durability(folder / "memory", kind, checkpoint_windows=3)
        self.undisturbed = Site(model, Durability(folder / "undisturbed", kind), {"budget": BUDGET})
        self.undisturbed.open()

    def window(self, number: int) -> Window:
        most = self.model.window_frames
        return window_of([float(most * number + i) for i in range(1 + 3 * number % most)], most)

    @property
    def committed(self) -> int:
        with closing(sqlite3.connect(self.database)) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS done (windows INTEGER)")
            return int(connection.execute("SELECT coalesce(max(windows), 0) FROM done").fetchone()[0])

    def site(self) -> Site:
        committed = self.committed
        return Site(self.model, self.durability, {"budget": BUDGET}, committed, [b""] * committed)

    def watch(self, told: int) -> None:
        """Watch for ever; tell of each operation on a file."""
        site = self.site()
        with after_each_change(lambda: os.write(told, b".")):
            site.open()
            while True:
                site.watch(self.window(site.committed))
                with closing(sqlite3.connect(self.database)) as connection, connection:
                    connection.execute("INSERT INTO done VALUES (?)", (site.committed,))

    def kill(self, after: int) -> None:
        """Let a process watch, and kill it after so many operations."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                self.watch(writing)
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

    def is_same(self) -> bool:
        """Whether what a restart gives is what a run without kills would have."""
        site = self.site()
        lost = site.open().windows_lost
        site.journal.close()
        while self.undisturbed.committed < site.committed:
            self.undisturbed.watch(self.window(self.undisturbed.committed))
        return not lost and site.dump() == self.undisturbed.states[site.committed]


def main(name: str, folder: Path, kind: str, kills: int) -> None:
    victim, dice, same = Victim(model_named(name), folder, kind), random.Random(kind), 0
    for _ in range(kills):
        victim.kill(dice.randint(1, 60))
        same += victim.is_same()
    sys.stdout.write(json.dumps({"kills": kills, "same": same, "windows": victim.committed}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
