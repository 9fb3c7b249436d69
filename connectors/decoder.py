"""A process that decodes, seen from outside: it may crash or hang, and that is all that happens."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import select
import signal
import subprocess
import sys
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from typing import IO

from videoxl_stream.connectors.messages import Message, WireError, messages
from videoxl_stream.connectors.outcomes import Fate

_MODULE = "videoxl_stream.connectors.decoding"
_PIPE_BYTES = 1 << 20  # the most that Linux gives everybody
_REAP_S = 1.0
_STARTING_S = 20.0  # that a process may take to begin, on a busy machine
_QUOTED_LINES = 3
_log = logging.getLogger(__name__)


class DecoderLost(Exception):  # noqa: N818 - an expected end of a process
    """Raised when a decoding process has ended or says nothing more.

    Args:
        fate: what that makes of the file it was reading.
        reason: in words that go on from the file's name.
        ready: whether it had begun to serve; if not, no file is to blame.
    """

    def __init__(self, fate: Fate, reason: str, ready: bool) -> None:
        super().__init__(reason)
        self.fate = fate
        self.reason = reason
        self.ready = ready


class Decoder:
    """One decoding process; ends with ``close``, with the last reference to this, or with this process.

    It runs the interpreter and sees the modules that this process does. In flight is at most what the pipe holds and
    one message.

    Args:
        stall_timeout_s: how long it may say nothing while something is expected of it, once it has begun.
        module: that it runs.
        environment: variables that it sees; None means those of this process.
        hide: takes out of what it prints what nobody may see.

    Raises:
        OSError: the system gives no process.
    """

    def __init__(
        self,
        stall_timeout_s: float,
        *,
        module: str = _MODULE,
        environment: Mapping[str, str] | None = None,
        hide: Callable[[str], str] = str,
    ) -> None:
        self._stall_timeout_s = stall_timeout_s
        self._hide = hide
        self._process = _start(module, os.environ if environment is None else environment)
        self._end = weakref.finalize(self, _stop, self._process)
        stdout, stderr = self._process.stdout, self._process.stderr
        self._fd = -1 if stdout is None else stdout.fileno()
        self._stderr_fd = -1 if stderr is None else stderr.fileno()
        for fd in (self._fd, self._stderr_fd):
            os.set_blocking(fd, False)
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)
        self._poll.register(self._stderr_fd, select.POLLIN)
        self._messages = messages(self._fd)
        self._quiet_since: float | None = None
        self._ready = False
        self._last_lines: deque[str] = deque(maxlen=_QUOTED_LINES)
        self._unfinished_line = b""
        self._stderr_ended = False

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def request(self, request: Mapping[str, object]) -> None:
        """Ask for something; if the process is gone, ``receive`` tells."""
        self._last_lines.clear()
        self._quiet_since = None
        stdin = self._process.stdin
        try:
            if stdin is not None:
                stdin.write(json.dumps(request).encode() + b"\n")
        except BrokenPipeError:
            _log.debug("decoding process %d is gone", self.pid)

    def receive(self, timeout_s: float) -> Message | None:
        """Return the next message, or None when none was whole within ``timeout_s``.

        Raises:
            DecoderLost: the process ended, says nothing any more, or talks nonsense. It is closed.
        """
        deadline = time.monotonic() + timeout_s
        try:
            while True:
                message = next(self._messages)
                if message is None:
                    if not self._wait(deadline):
                        return None
                elif message.kind == "ready":
                    self._ready = True
                else:
                    self._quiet_since = None
                    return message
        except EOFError as e:
            raise self._lost(Fate.CRASHED, self._how_it_ended()) from e
        except (WireError, StopIteration) as e:
            raise self._lost(Fate.CRASHED, f"makes the decoder talk nonsense ({e})") from e

    def close(self) -> None:
        """Kill the process and release all that belongs to it; may be called twice."""
        self._end()

    def _wait(self, deadline: float) -> bool:
        """Wait until there is something to read; False if it is too late."""
        now = time.monotonic()
        self._quiet_since = now if self._quiet_since is None else self._quiet_since
        patience_s = self._stall_timeout_s if self._ready else max(self._stall_timeout_s, _STARTING_S)
        stalled_at = self._quiet_since + patience_s
        if now >= stalled_at:
            raise self._lost(Fate.STALLED, f"makes the decoder hang: it said nothing for {patience_s:g} s")
        if now > deadline:
            return False
        for fd, _ in self._poll.poll(max(0.0, min(deadline, stalled_at) - now) * 1000):
            if fd == self._fd:
                self._quiet_since = None
            else:
                self._read_stderr()
        return True

    def _read_stderr(self) -> None:
        try:
            text = os.read(self._stderr_fd, 1 << 16)
        except BlockingIOError:
            return
        if not text and not self._stderr_ended:
            self._stderr_ended = True
            self._poll.unregister(self._stderr_fd)
        *lines, self._unfinished_line = (self._unfinished_line + text).split(b"\n")
        for line in filter(None, (self._hide(line.decode(errors="replace").rstrip()) for line in lines)):
            _log.debug("decoding process %d: %s", self.pid, line)
            self._last_lines.append(line)

    def _how_it_ended(self) -> str:
        try:
            status = self._process.wait(_REAP_S)
        except subprocess.TimeoutExpired:
            return "makes the decoder close its pipe"
        if status < 0:
            return f"makes the decoder crash ({_signal_name(-status)})"
        return f"makes the decoder end (status {status})"

    def _lost(self, fate: Fate, reason: str) -> DecoderLost:
        self._read_stderr()
        self.close()
        quoted = f"; it said: {' | '.join(self._last_lines)}" if self._last_lines else ""
        return DecoderLost(fate, reason + quoted, self._ready)


def _start(module: str, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    # Its own group: Ctrl-C and Ctrl-Z are for this process, which then ends the other.
    # The modules that this process sees, and none that happen to lie in the working folder.
    path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        env={**environment, "PYTHONPATH": path},
        process_group=0,
    )
    _widen(process.stdout)
    return process


def _widen(pipe: IO[bytes] | None) -> None:
    """Let a pipe hold more, where the system allows it: fewer changes between the two processes."""
    if pipe is not None and hasattr(fcntl, "F_SETPIPE_SZ"):
        try:
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        except OSError as e:
            _log.debug("pipes stay small: %s", e)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    try:
        process.wait(_REAP_S)
    except subprocess.TimeoutExpired:  # it hangs in the kernel, as over a dead network drive; nobody can wait for that
        _log.warning("decoding process %d does not end, though it was killed", process.pid)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
