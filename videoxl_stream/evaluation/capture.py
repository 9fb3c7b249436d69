"""How many cameras one processor core captures, by the size of their pictures and by what is decoded.

    python -m videoxl_stream.evaluation.capture --output docs/measures/capture.json

Every stream is read from a real RTSP server on this machine (``rtsp-server`` of ``aio-rtsp-toolkit[server]``, which the
extra ``dev`` brings) by ``RTSPSource``, one camera at a time. What counts is the processor time of the capturing
process, so that other work on the machine disturbs little.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import av
import numpy as np
from rich.console import Console
from rich.table import Table

from videoxl_stream.connectors.open_camera import OpenCamera
from videoxl_stream.connectors.rtsp import RTSPSource

Decode = Literal["all", "keyframes", "hardware"]

# Height -> width and bits per second of H.264 at 25 fps, as cameras are usually set.
SIZES = {360: (640, 700_000), 720: (1280, 2_500_000), 1080: (1920, 4_500_000)}
RATES = (15, 25)
_CLIP_S = 8
_KEYFRAME_S = 2
_WARM_UP_S = 2.0
_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What capturing one camera takes.

    Args:
        height: of its pictures.
        fps: of the camera.
        kilobits_per_s: that it sends.
        decode: as for ``RTSPSource``.
        core_share: seconds of processor time per second of stream.
        cameras_per_core: the inverse.
        memory_mib: resident memory of the capturing process.
    """

    height: int
    fps: int
    kilobits_per_s: int
    decode: str
    core_share: float
    cameras_per_core: float
    memory_mib: float


def write_clip(path: Path, height: int, fps: int) -> None:
    """Encode a textured scene that moves, under the noise of a sensor: what a camera's encoder is busy with."""
    width, bits = SIZES[height]
    rng = np.random.default_rng(height)
    scene = np.kron(rng.integers(40, 200, (height // 8, width // 4)), np.ones((8, 8)))[:, : 2 * width]
    noise = rng.normal(0, 4, (height, width + 64))
    options = {"preset": "veryfast", "bf": "0", "g": str(_KEYFRAME_S * fps), "sc_threshold": "0"}
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.bit_rate = bits * fps // 25
        for number in range(_CLIP_S * fps):
            shift, grain = round(number / fps * 40) % width, int(rng.integers(64))
            grey = (scene[:, shift : shift + width] + noise[:, grain : grain + width]).clip(0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="gray").reformat(format="yuv420p")))
        container.mux(stream.encode(None))


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """A server of the files in a folder; gives where it is."""
    ports = []
    for _ in range(2):
        with socket.create_server(("127.0.0.1", 0)) as free:
            ports.append(str(free.getsockname()[1]))
    program = Path(sys.executable).parent / "rtsp-server"
    where = ["--host", "127.0.0.1", "--port", ports[0], "--control-port", ports[1]]
    quiet = subprocess.DEVNULL
    with subprocess.Popen([str(program), "--dir", str(folder), *where], stdout=quiet, stderr=quiet) as process:
        try:
            yield f"rtsp://127.0.0.1:{ports[0]}"
        finally:
            process.kill()


def measure(url: str, height: int, fps: int, decode: Decode, *, seconds: float, bits: int) -> Cost:
    """Watch one camera for a while.

    Raises:
        TimeoutError: it does not come up.
    """
    opened = RTSPSource(url, decode=decode).open(packets=True)
    try:
        _watch(opened, until_up=True, seconds=_PATIENCE_S)
        _watch(opened, seconds=_WARM_UP_S)
        pid, begun, before = opened.decoder_pid or 0, time.monotonic(), _processor_s(opened.decoder_pid or 0)
        _watch(opened, seconds=seconds)
        share = (_processor_s(pid) - before) / (time.monotonic() - begun)
        return Cost(height, fps, bits // 1000, decode, round(share, 4), round(1 / share, 1), _memory_mib(pid))
    finally:
        opened.close()


def _watch(opened: OpenCamera, *, seconds: float, until_up: bool = False) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        opened.read(0.1)
        opened.packets()
        if until_up and opened.connection.up:
            return
    if not opened.connection.up:
        msg = f"the camera is down: it {opened.connection.reason}"
        raise TimeoutError(msg)


def _processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


def costs(folder: Path, modes: Sequence[Decode], *, seconds: float) -> Iterator[Cost]:
    """Measure every size and rate in every mode."""
    with serving(folder) as server:
        for height in SIZES:
            for fps in RATES:
                name = f"{height}p{fps}.mp4"
                write_clip(folder / name, height, fps)
                bits = (folder / name).stat().st_size * 8 // _CLIP_S
                for mode in modes:
                    url = f"{server}/{name}?play_count=0"
                    yield measure(url, height, fps, mode, seconds=seconds, bits=bits)


def table(measured: Sequence[Cost]) -> Table:
    """For a terminal."""
    shown = Table("picture", "fps", "kbit/s", "decode", "core per camera", "cameras per core", "MiB each")
    for cost in measured:
        cells = (cost.fps, cost.kilobits_per_s, cost.decode, f"{cost.core_share:.3f}", cost.cameras_per_core)
        shown.add_row(f"{cost.height}p", *map(str, cells), str(cost.memory_mib))
    return shown


def _hardware() -> dict[str, str | int]:
    described = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in described if line.startswith("model name")]
    codecs = ".".join(map(str, av.library_versions["libavcodec"]))
    return {"processor": next(iter(names), platform.machine()), "cpus": os.cpu_count() or 1, "libavcodec": codecs}


def main() -> None:
    """Measure, show and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("build/capture.json"))
    parser.add_argument("--seconds", type=float, default=8.0, help="of stream, per measure")
    parser.add_argument("--modes", nargs="+", choices=["all", "keyframes", "hardware"], default=["all", "keyframes"])
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measured = list(costs(Path(folder), asked.modes, seconds=asked.seconds))
    Console().print(table(measured))
    asked.output.parent.mkdir(parents=True, exist_ok=True)
    written = {"hardware": _hardware(), "seconds": asked.seconds, "costs": [asdict(cost) for cost in measured]}
    asked.output.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
