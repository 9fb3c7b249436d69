"""A program of the command line in a process of its own, which Ctrl-C can stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# A shell that starts something in the background lets it ignore Ctrl-C, and children inherit that.
_CODE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from videoxl_stream.cli import main
main()
"""


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start ``videoxl-stream`` with arguments; it is gone afterwards, whatever happens."""
    process = subprocess.Popen(
        [sys.executable, "-c", _CODE, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def interrupted(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Press Ctrl-C; return the exit code and the rest of what is said."""
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=20)
    return process.returncode, output, errors
