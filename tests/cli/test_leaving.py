"""The end of a command: all is told, the exit code is right, and nothing of the interpreter's end holds it up."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import os, threading, time

class Slow:
    def __del__(self):
        os.write(1, b"taken down")

slow = Slow()
from videoxl_stream.cli import main
threading.Thread(target=lambda: (time.sleep(0.2), print("closed"))).start()
main()
"""


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [(["--help"], 0, "Usage"), (["config", "check", "missing.yaml"], 2, "missing.yaml"), (["no-such"], 2, "no-such")],
)
def test_a_command_ends_once_all_is_closed(arguments: list[str], code: int, told: str) -> None:
    process = subprocess.run([sys.executable, "-c", CODE, *arguments], capture_output=True, text=True, check=False)
    assert process.returncode == code
    assert told in process.stdout + process.stderr
    assert "closed" in process.stdout
    assert "taken down" not in process.stdout
