"""All commands, and how they fail: in one line that names the remedy."""

from __future__ import annotations

import atexit
import logging

import typer
from rich.console import Console
from typer.core import TyperGroup

from videoxl_stream.cli.ask import ask
from videoxl_stream.cli.config import config
from videoxl_stream.cli.demo import demo
from videoxl_stream.cli.eval import evaluate
from videoxl_stream.cli.events import events
from videoxl_stream.cli.frames import frames
from videoxl_stream.cli.leaving import leave
from videoxl_stream.cli.outbox import outbox
from videoxl_stream.cli.report import report
from videoxl_stream.cli.run import run
from videoxl_stream.cli.store import store
from videoxl_stream.cli.verify import verify
from videoxl_stream.errors import VideoXLStreamError

_FAILED = 2
_INTERRUPTED = 130  # 128 + SIGINT, as shells have it


class _Commands(TyperGroup):
    """Turns errors of this package into one red line; anything else is a fault of ours and keeps its traceback."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]
        try:
            return super().invoke(ctx)
        except VideoXLStreamError as e:
            Console(stderr=True).print(f"error: {e}", style="red", markup=False, highlight=False, soft_wrap=True)
            raise typer.Exit(_FAILED) from e
        except KeyboardInterrupt as e:
            Console(stderr=True).print("stopped", style="dim")
            raise typer.Exit(_INTERRUPTED) from e


app = typer.Typer(
    name="videoxl-stream",
    cls=_Commands,
    help="Streaming video analytics with a long memory.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(run)
app.command()(ask)
app.command()(verify)
app.command()(demo)
app.command()(report)
app.add_typer(config)
app.add_typer(evaluate)
app.add_typer(events)
app.add_typer(frames)
app.add_typer(outbox)
app.add_typer(store)


def main() -> None:
    """Run the command line, and leave the process as soon as all is closed.

    What the interpreter takes down behind that, PyTorch and its threads among it, takes seconds on a busy machine, and
    no thread of ours could cut it short: a daemon that was told to stop would be late.
    """
    code = 1

    def end() -> None:
        logging.shutdown()
        leave(code)

    atexit.register(end)  # the first one is called last, when threads and child processes have ended
    try:
        app()
        code = 0
    except SystemExit as e:
        code = e.code if isinstance(e.code, int) else int(e.code is not None)
        raise
