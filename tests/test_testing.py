from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from videoxl_stream.errors import ConfigError, EndOfStream, MemoryFormatError, NotInMemoryError, SourceOpenError
from videoxl_stream.interfaces import Clock, Sink, Source, VideoModel
from videoxl_stream.queries import Query, Span
from videoxl_stream.testing import ListSink, ManualClock, ScriptedMemory, ScriptedModel, ScriptedSource

CAT = Query("Is there a cat?", ("yes", "no", "unsure"))


def test_the_doubles_keep_the_protocols() -> None:
    """The assignments are for mypy: a double that drifts from its protocol does not type."""
    source: Source = ScriptedSource([])
    sink: Sink = ListSink()
    clock: Clock = ManualClock()
    model: VideoModel[ScriptedMemory] = ScriptedModel()
    assert all((source, sink, clock, model))


def watched(model: ScriptedModel, times: list[float], budget: int | None = None) -> ScriptedMemory:
    memory = model.open_memory(budget=budget)
    model.append(memory, [np.zeros((2, 2, 3), np.uint8)] * len(times), times)
    return memory


def test_a_source_follows_its_script_and_goes_on_exactly() -> None:
    source = ScriptedSource([0.0, None, 1.5, OSError("gone"), 2.0])
    opened = source.open()
    first = opened.read(1)
    assert first is not None
    assert (first.index, first.time_s) == (0, 0)
    assert opened.read(1) is None
    resumed = source.open(opened.position())
    second = resumed.read(1)
    assert second is not None
    assert (second.index, second.time_s) == (1, 1.5)
    with pytest.raises(OSError, match="gone"):
        resumed.read(1)
    resumed.read(1)
    with pytest.raises(EndOfStream):
        resumed.read(1)


def test_a_source_refuses_another_position() -> None:
    with pytest.raises(SourceOpenError, match="no position"):
        ScriptedSource([]).open({"pts": 3})


def test_verdicts_follow_the_script() -> None:
    model = ScriptedModel({CAT.text: [Span(2, 4)]}, sure=0.8)
    memory = watched(model, [0, 1, 2, 3, 4, 5])
    for span, expected in ((None, 0.8), (Span(0, 2), 0.2), (Span(3, 9), 0.8)):
        [verdict] = model.verdicts(memory, [Query(CAT.text, CAT.answers, span)])
        assert verdict.probability("yes") == pytest.approx(expected)
        assert sum(verdict.probabilities) == pytest.approx(1)
    assert "".join(model.answer(memory, CAT.text)).startswith("yes")


def test_what_is_not_in_memory_cannot_be_asked() -> None:
    model = ScriptedModel()
    with pytest.raises(NotInMemoryError, match="later span"):
        model.verdicts(watched(model, [0, 1, 2]), [Query(CAT.text, span=Span(3, 9))])
    memory = model.open_memory(budget=4)
    model.append(memory, [np.zeros((8, 8, 3), np.uint8)] * 12, [float(at) for at in range(12)])
    with pytest.raises(NotInMemoryError, match="no longer in memory"):
        model.verdicts(memory, [Query(CAT.text, span=Span(0, 2))])


def test_the_budget_forgets_whole_windows() -> None:
    model = ScriptedModel(window_frames=2)
    memory = watched(model, [0, 1, 2, 3, 4, 5, 6], budget=4)
    assert memory.windows == [[2, 3], [4, 5]]
    assert memory.span is not None
    assert memory.span.start_s == 2


def test_a_memory_is_saved_and_loaded(tmp_path: Path) -> None:
    model = ScriptedModel()
    memory = watched(model, [0, 1, 2, 3, 4], budget=9)
    model.save_memory(memory, tmp_path / "memory")
    assert model.load_memory(tmp_path / "memory") == memory
    (tmp_path / "other").write_text("{}}")
    with pytest.raises(MemoryFormatError, match="other"):
        model.load_memory(tmp_path / "other")


def test_a_clock_stands_still_until_it_is_moved() -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    clock.advance(90)
    assert clock.now() == clock.now() == datetime(2026, 1, 1, 0, 1, 30, tzinfo=UTC)
    with pytest.raises(ConfigError):
        clock.advance(-1)


@pytest.mark.parametrize(
    ("span", "windows", "pending"),
    [
        (Span(7, 9), [[0, 1, 2]], []),  # pending has seen it, too
        (Span(-5, 0), [[0, 1, 2], [7, 8, 9]], [10]),
        (Span(3, 7), [[0, 1, 2], [7, 8, 9]], [10]),  # nothing was seen between the windows
        (Span(2, 3), [], []),
        (Span(10, 11), [[0, 1, 2], [7, 8, 9]], []),
        (Span(50, 60), [[0, 1, 2], [7, 8, 9]], [10]),
    ],
)
def test_forgetting_gives_up_what_has_seen_the_span_and_nothing_else(
    span: Span, windows: list[list[float]], pending: list[float]
) -> None:
    memory = watched(ScriptedModel(window_frames=3), [0, 1, 2, 7, 8, 9, 10])
    gone = (memory.windows, memory.pending) != (windows, pending)
    assert memory.forget(span) == gone
    assert (memory.windows, memory.pending) == (windows, pending)
    assert memory.held == range(len(windows))


def test_what_has_left_was_seen_by_what_stayed() -> None:
    memory = watched(ScriptedModel(window_frames=2), [0, 1, 2, 3, 4, 5, 6], budget=4)
    assert memory.held == range(1, 3)
    assert not memory.forget(Span(-3, 0))
    assert memory.forget(Span(1, 2))
    assert (memory.span, memory.held) == (None, range(1, 1))


def test_a_memory_is_dumped_in_parts() -> None:
    model = ScriptedModel(window_frames=2)
    memory, parts = model.open_memory(budget=6), []
    for start in range(5):
        after = memory.held.stop
        model.append(memory, [np.zeros((2, 2, 3), np.uint8)] * 2, [2.0 * start, 2.0 * start + 1])
        parts.append(model.dump_memory(memory, after))
    again, holed = (model.open_memory(budget=6) for _ in range(2))
    model.restore_memory(again, parts)
    assert again == memory
    model.restore_memory(holed, [*parts[:3], parts[4]])
    assert (holed.windows, holed.held) == ([[4, 5], [8, 9]], range(3, 5))
    assert holed.forget(Span(6, 7))
    with pytest.raises(MemoryFormatError, match="another model or ratio"):
        model.restore_memory(model.open_memory(ratio=4), parts)
    with pytest.raises(MemoryFormatError, match="no scripted memory"):
        model.restore_memory(again, [b"{"])
