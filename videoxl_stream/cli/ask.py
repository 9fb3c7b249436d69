"""``videoxl-stream ask``: one question about one video."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from videoxl_stream.cli.references import load_model
from videoxl_stream.errors import ConfigError, EndOfStream, SourceReadError

if TYPE_CHECKING:
    from videoxl_stream.frames import Frame
    from videoxl_stream.interfaces import OpenSource, VideoModel

_READ_TIMEOUT_S = 1.0


def ask(
    video: Annotated[str, typer.Argument(help="Path or URL of the footage.")],
    question: Annotated[str, typer.Argument(help="What you want to know.")],
    model: Annotated[
        str, typer.Option(help="'embedded', a checkpoint folder, or FILE.py:name of a model of your own.")
    ] = "embedded",
    at: Annotated[
        float | None, typer.Option(min=0, help="Ask at this second, knowing only the footage before it.")
    ] = None,
    sample_fps: Annotated[
        float | None,
        typer.Option(help="Frames to look at per second of footage; what the model was made for, if left out."),
    ] = None,
) -> None:
    """Watch a video and answer a question about it."""
    from videoxl_stream.names import find_source

    source = find_source(video, sample_fps, model).open()
    try:
        watcher = load_model(model)
        memory = _watch(source, watcher, at)
    finally:
        source.close()
    for piece in watcher.answer(memory, question):
        typer.echo(piece, nl=False)
    typer.echo()


def _watch(source: OpenSource, model: VideoModel[Any], until_s: float | None) -> Any:
    """Take in the footage, with a bar on the error stream, so that the answer alone can be piped on."""
    memory = model.open_memory()
    console = Console(stderr=True)
    columns = (TextColumn("watching"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task("watching", total=source.expected_frames)
        footage = _frames(source, until_s, console)
        while frames := list(islice(footage, model.window_frames)):
            model.append(memory, [frame.image for frame in frames], [frame.time_s for frame in frames])
            bars.advance(task, len(frames))
    if memory.span is None:
        msg = "there is no footage to ask about; give a video with pictures, or a later --at"
        raise ConfigError(msg)
    return memory


def _frames(source: OpenSource, until_s: float | None, console: Console) -> Iterator[Frame]:
    while True:
        try:
            frame = source.read(_READ_TIMEOUT_S)
        except EndOfStream:
            return
        except SourceReadError as e:
            console.print(f"warning: {e}", style="yellow", markup=False, highlight=False, soft_wrap=True)
            return
        if frame is not None:
            if until_s is not None and frame.time_s >= until_s:
                return
            yield frame
