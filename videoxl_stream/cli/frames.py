"""``videoxl-stream frames``: footage into a topic, as if a site sent it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from videoxl_stream.frames import Frame
    from videoxl_stream.interfaces import Source

_FLUSH_EVERY_S = 1.0
_READ_S = 0.5

frames = typer.Typer(name="frames", help="Send footage to a broker.", no_args_is_help=True)


@frames.callback()
def _group() -> None:
    """Keep ``produce`` a command of its own, although it is the only one."""


class MessageFormat(StrEnum):
    """What each message holds."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    MPEGTS = "mpegts"
    FMP4 = "fmp4"


@frames.command()
def produce(
    source: Annotated[str, typer.Argument(help="Path or URL of a video or camera.")],
    to: Annotated[str, typer.Option(metavar="URL", help="kafka://host:9092/topic")],
    stream_id: Annotated[str | None, typer.Option(help="Name of the stream, instead of the source's.")] = None,
    fps: Annotated[float, typer.Option(min=0.001, help="Frames per second of footage.")] = 2.0,
    message_format: Annotated[
        MessageFormat, typer.Option("--format", help="A picture a message, or two seconds as a segment.")
    ] = MessageFormat.JPEG,
    realtime: Annotated[
        bool, typer.Option("--realtime/--fast", help="At the footage's own pace, as of now; or all at once.")
    ] = True,
    loop: Annotated[bool, typer.Option(help="Begin again at the end, until Ctrl-C.")] = False,
    repeat: Annotated[int, typer.Option(min=1, help="So many streams of the same footage: NAME-1, NAME-2, ...")] = 1,
    partitions: Annotated[int, typer.Option(min=1, help="Of the topic, if it is to be created.")] = 8,
) -> None:
    """Push a video or camera into a topic of Kafka, so that a site can be simulated."""
    from videoxl_stream.connectors import open_source
    from videoxl_stream.connectors.kafka import FrameProducer

    console = Console()
    described = open_source(source, sample_fps=fps)
    name = stream_id or described.stream_id
    names = [name] if repeat == 1 else [f"{name}-{number}" for number in range(1, repeat + 1)]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    sent = 0
    producer = FrameProducer.from_url(to, encoding=message_format.value)
    try:
        with producer, Progress(*columns, console=console) as bars:
            producer.create_topic(partitions)
            task = bars.add_task(f"frames to {producer.name}", total=None)
            flush_at = time.monotonic() + _FLUSH_EVERY_S
            for frame in _paced(_footage(described, loop=loop), realtime=realtime):
                sent += _write(producer.write, frame, names)
                bars.update(task, completed=sent)
                if time.monotonic() >= flush_at:
                    producer.flush_sent()
                    flush_at = time.monotonic() + _FLUSH_EVERY_S
    finally:
        console.print(f"{sent} frames of {len(names)} streams sent to {producer.name}", markup=False, soft_wrap=True)


def _write(write: Callable[[Frame], None], frame: Frame, names: Sequence[str]) -> int:
    for name in names:
        write(replace(frame, stream_id=name))
    return len(names)


def _footage(source: Source, *, loop: bool) -> Iterator[Frame]:
    """The frames of a source; in a loop, each round goes on where the last one ended."""
    from videoxl_stream.errors import EndOfStream

    offset_s = end_s = 0.0
    while True:
        opened = source.open()
        try:
            while True:
                frame = opened.read(_READ_S)
                if frame is not None:
                    step_s = max(0.0, offset_s + frame.time_s - end_s)
                    end_s = offset_s + frame.time_s
                    shift = timedelta(seconds=offset_s)
                    yield replace(frame, time_s=end_s, utc=frame.utc + shift)
        except EndOfStream:
            if not loop or end_s == offset_s:
                return
            offset_s = end_s + step_s
        finally:
            opened.close()


def _paced(footage: Iterator[Frame], *, realtime: bool) -> Iterator[Frame]:
    """Frames as they are, or when they would come from a camera that begins now."""
    began, start, first_s = time.monotonic(), datetime.now(UTC), None
    for frame in footage:
        if not realtime:
            yield frame
            continue
        if first_s is None:
            began, start, first_s = time.monotonic(), datetime.now(UTC), frame.time_s
        at_s = frame.time_s - first_s
        time.sleep(max(0.0, began + at_s - time.monotonic()))
        yield replace(frame, utc=start + timedelta(seconds=at_s))
