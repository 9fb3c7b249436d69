"""Clips with masks: decoded, masked and encoded again by a process of their own.

    python -m videoxl_stream.evidence.masking < JOB

That takes seconds and reads what a camera sent: neither may hold up or end the program that watches. A job is a line
of JSON, and behind it the codec's extradata and the packets' bytes.
"""

from __future__ import annotations

import errno
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, BinaryIO

import av
import av.logging

from videoxl_stream.evidence.encode import TimedPicture, decode, encode
from videoxl_stream.frames import Codec, Packet
from videoxl_stream.regions import Regions

_MODULE = "videoxl_stream.evidence.masking"
_ROUNDING_S = 1e-4
_NICENESS = 10
_MAX_ERROR_BYTES = 4096


class MaskedClip:
    """A clip that is being made; its process ends with the last reference to this.

    Args:
        packets: from a keyframe on, of one codec.
        first_s: what is shown before is left out.
        regions: whose masks nobody may see under.
        path: written by the process, and not whole before ``error`` is empty.

    Raises:
        OSError: there is no process, or no room for the job, to be had.
    """

    def __init__(self, packets: Sequence[Packet], first_s: float, regions: Regions, path: Path) -> None:
        self.path = path
        with ExitStack() as opened:
            # Without a buffer: what a full disk does not take must not come up again when the file is closed.
            job = opened.enter_context(tempfile.TemporaryFile(buffering=0))
            _write_job(job, packets, first_s, regions, path)
            job.seek(0)
            self._errors = tempfile.TemporaryFile(buffering=0)
            opened.callback(self._errors.close)
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", _MODULE],
                stdin=job,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                env=environment,
                process_group=0,  # Ctrl-C is for the program that watches
            )
            opened.pop_all()
            job.close()
        self._end = weakref.finalize(self, _stop, self._process, self._errors)

    def wait(self, timeout_s: float = 0.0) -> bool:
        """Wait until the process has ended; say whether it has."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    @property
    def error(self) -> str:
        """Why there is no clip, once the process has ended; empty if there is one."""
        status = self._process.poll()
        if status == 0:
            return ""
        if status is None:
            return "it takes too long"
        if not self._errors.closed:
            self._errors.seek(0)
            said = self._errors.read(_MAX_ERROR_BYTES).decode(errors="replace").strip().splitlines()
            return f"the encoder ended with status {status}: {said[-1] if said else 'it said nothing'}"
        return "it was given up"

    def close(self) -> None:
        """End the process, if it has not ended, and release all that belongs to it."""
        self._end()


def _stop(process: subprocess.Popen[bytes], errors: BinaryIO) -> None:
    process.kill()
    process.wait()
    errors.close()


def _write_job(job: io.FileIO, packets: Sequence[Packet], first_s: float, regions: Regions, path: Path) -> None:
    codec = packets[0].codec
    about = {
        "codec": asdict(replace(codec, extradata=b"")) | {"extradata": len(codec.extradata)},
        "masks": regions.masks,
        "first_s": first_s,
        "path": str(path),
        "packets": [[p.time_s, p.decode_s, p.duration_s, p.keyframe, len(p.data)] for p in packets],
    }
    data = b"".join([json.dumps(about).encode(), b"\n", codec.extradata, *(packet.data for packet in packets)])
    if job.write(data) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _read_packets(job: BinaryIO, about: dict[str, Any]) -> list[Packet]:
    codec = Codec(**about["codec"] | {"extradata": job.read(about["codec"]["extradata"])})
    return [
        Packet(time_s, decode_s, duration_s, keyframe, job.read(num_bytes), codec)
        for time_s, decode_s, duration_s, keyframe, num_bytes in about["packets"]
    ]


def main() -> None:
    """Do the job on standard input."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(_NICENESS)
    av.logging.set_libav_level(av.logging.ERROR)
    job = sys.stdin.buffer
    about = json.loads(job.readline())
    packets, regions = _read_packets(job, about), Regions(masks=about["masks"])

    def masked() -> Iterator[TimedPicture]:
        for time_s, image in decode(packets):
            if time_s >= about["first_s"] - _ROUNDING_S:
                yield time_s, regions.hide(image)

    try:
        encode(masked(), Path(about["path"]))
    except (av.FFmpegError, OSError, ValueError) as e:
        sys.exit(str(e))


if __name__ == "__main__":
    main()
