"""What happens when the process that decodes dies, hangs, or is no longer needed."""

from __future__ import annotations

import gc
import os
import select
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tests.connectors.clips import every, read_all, read_some, write_video
from videoxl_stream.connectors.file import FileSource
from videoxl_stream.connectors.open_files import OpenFiles
from videoxl_stream.connectors.outcomes import Fate
from videoxl_stream.errors import SourceOpenError, SourceReadError

ROOT = Path(__file__).parents[2]
NUM_FRAMES = 40
PATIENCE_S = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three files, each far too large, once decoded, for a pipe to hold."""
    path = tmp_path_factory.mktemp("clips")
    for name in "abc":
        write_video(path / f"{name}.mp4", every(40, NUM_FRAMES), size=(240, 320))
    return path


def descriptors() -> set[str]:
    gc.collect()
    return set(os.listdir("/proc/self/fd"))


def is_gone(pid: int) -> bool:
    """Whether a process has ended and was reaped."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def begun(path: Path, *, stall_timeout_s: float = PATIENCE_S) -> tuple[OpenFiles, int]:
    """A source of which one frame was read, and its decoder."""
    opened = FileSource(path, sample_fps=None, stall_timeout_s=stall_timeout_s).open()
    assert len(read_some(opened, 1)) == 1
    assert opened.decoder_pid is not None
    return opened, opened.decoder_pid


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_a_crash_costs_the_file_that_was_being_read(folder: Path, death: signal.Signals) -> None:
    before = descriptors()
    opened, pid = begun(folder)
    os.kill(pid, death)
    frames = read_all(opened)
    [crashed, *others] = opened.outcomes
    assert crashed.fate is Fate.CRASHED
    assert death.name in crashed.reason
    assert 0 < crashed.num_frames < NUM_FRAMES
    assert [(outcome.fate, outcome.num_frames) for outcome in others] == [(Fate.READ, NUM_FRAMES)] * 2
    assert [frame.index for frame in frames] == list(range(1, crashed.num_frames + 2 * NUM_FRAMES))
    assert all(later.time_s > earlier.time_s for earlier, later in pairwise(frames))
    assert is_gone(pid)
    assert descriptors() == before


def test_a_crash_over_the_one_file_asked_for_is_an_error(folder: Path) -> None:
    opened, pid = begun(folder / "a.mp4")
    os.kill(pid, signal.SIGSEGV)
    with pytest.raises(SourceReadError, match=r"a\.mp4 makes the decoder crash \(SIGSEGV\)"):
        read_all(opened)
    assert opened.decoder_pid is None
    assert is_gone(pid)


def test_a_decoder_that_hangs_costs_the_file_that_was_being_read(folder: Path) -> None:
    before = descriptors()
    opened, pid = begun(folder, stall_timeout_s=2)
    os.kill(pid, signal.SIGSTOP)
    read_all(opened)
    assert [outcome.fate for outcome in opened.outcomes] == [Fate.STALLED, Fate.READ, Fate.READ]
    assert "said nothing for 2 s" in opened.outcomes[0].reason
    assert is_gone(pid)
    assert descriptors() == before


def test_while_a_decoder_hangs_a_reader_is_not_kept(folder: Path) -> None:
    opened, pid = begun(folder)
    os.kill(pid, signal.SIGSTOP)
    while opened.read(0) is not None:
        pass
    assert opened.read(0.01) is None
    os.kill(pid, signal.SIGCONT)
    assert len(read_all(opened)) > 2 * NUM_FRAMES


@pytest.mark.parametrize("state", [None, signal.SIGSTOP, signal.SIGKILL, signal.SIGSEGV])
def test_closing_leaves_nothing_behind(folder: Path, state: signal.Signals | None) -> None:
    before = descriptors()
    opened, pid = begun(folder)
    if state is not None:
        os.kill(pid, state)
    opened.close()
    assert is_gone(pid)
    assert descriptors() == before
    opened.close()
    with pytest.raises(SourceReadError, match="closed"):
        opened.read(0)


def test_a_source_that_nobody_closed_leaves_nothing_behind(folder: Path) -> None:
    before = descriptors()
    opened, pid = begun(folder)
    del opened
    assert descriptors() == before
    assert is_gone(pid)


def test_the_process_ends_with_the_stream(folder: Path) -> None:
    before = descriptors()
    opened, pid = begun(folder)
    read_all(opened)
    assert opened.decoder_pid is None
    assert is_gone(pid)
    assert descriptors() == before


def test_it_goes_on_behind_a_file_that_crashed_before(folder: Path) -> None:
    source = FileSource(folder, sample_fps=None)
    opened, pid = begun(folder)
    os.kill(pid, signal.SIGKILL)
    read_some(opened, NUM_FRAMES)
    assert opened.outcomes[0].fate is Fate.CRASHED
    resumed = source.open(opened.position())
    first, second = read_some(resumed, 1)[0], read_some(opened, 1)[0]
    assert (first.index, first.time_s, first.utc) == (second.index, second.time_s, second.utc)
    resumed.close()
    opened.close()


def test_what_ends_the_program_ends_the_decoder(folder: Path) -> None:
    """Killed outright, the program can tell nobody: the decoder has to notice."""
    code = (
        "import sys, time\n"
        "from videoxl_stream import FileSource\n"
        f"opened = FileSource({str(folder)!r}, sample_fps=None).open()\n"
        "while opened.read(60) is None: pass\n"
        "print(opened.decoder_pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        decoder = os.pidfd_open(int(program.stdout.readline()))
        program.kill()
    ended = select.poll()
    ended.register(decoder, select.POLLIN)
    assert ended.poll(PATIENCE_S * 1000)
    os.close(decoder)


def test_an_interrupt_of_the_program_is_not_the_decoders(folder: Path) -> None:
    opened, pid = begun(folder)
    assert os.getpgid(pid) != os.getpgid(0)  # a terminal sends Ctrl-C to the program's group
    opened.close()


def test_a_decoder_that_does_not_start_is_not_blamed_on_a_file(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho libavcodec is missing >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    with pytest.raises(SourceOpenError, match=r"does not start.*status 3.*libavcodec is missing"):
        FileSource(folder / "a.mp4").open()
    opened = FileSource(folder).open()
    with pytest.raises(SourceReadError, match="does not start"):
        read_all(opened)
    assert opened.outcomes == ()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nothing"))
    with pytest.raises(SourceOpenError, match="gives no process"):
        FileSource(folder / "a.mp4").open()


def test_a_decoder_that_talks_nonsense_is_given_up(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho hello, I am no decoder at all\nexec cat\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    with pytest.raises(SourceOpenError, match="nonsense"):
        FileSource(folder / "a.mp4").open()


def test_the_decoding_process_starts_without_what_it_does_not_need() -> None:
    code = (
        "import sys, videoxl_stream.connectors.decoding\n"
        "print(*sorted({'numpy', 'pydantic', 'torch', 'sqlalchemy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
