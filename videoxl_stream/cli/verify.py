"""``videoxl-stream verify``: whether a checkpoint is all right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

if TYPE_CHECKING:
    from videoxl_stream.model.verify import Check

_WRONG = 1
_RESULTS = {True: "[green]ok[/green]", False: "[red]FAILED[/red]", None: "[yellow]not checked[/yellow]"}


def verify(
    checkpoint: Annotated[str, typer.Argument(help="Folder of weights, or 'embedded'.")],
    run: Annotated[bool, typer.Option("--run", help="Also load the model and ask it one question.")] = False,
    device: Annotated[str, typer.Option(help="Where --run loads it: cpu, cuda, cuda:1, ...")] = "cpu",
) -> None:
    """Check weights, config, tokenizer and preprocessing; exit with 0 only if all is right."""
    from videoxl_stream.model.verify import try_out
    from videoxl_stream.model.verify import verify as checks_of
    from videoxl_stream.model.weights import embedded_path

    folder = embedded_path() if checkpoint == "embedded" else Path(checkpoint)
    with Progress(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("reading the weights", total=None)
        checks = list(checks_of(folder, progress=lambda done, total: bars.update(task, completed=done, total=total)))
    if run:
        checks.append(try_out(folder, device))
    _show(folder, checks)
    if not all(check.ok for check in checks):
        raise typer.Exit(_WRONG)


def _show(folder: Path, checks: list[Check]) -> None:
    console = Console()
    table = Table("check", "result", "what was found, and what to do", title=escape(str(folder)), title_justify="left")
    for check in checks:
        remedy = f"\n[bold]{escape(check.remedy)}[/bold]" if check.remedy else ""
        table.add_row(check.name, _RESULTS[check.ok], escape(check.found) + remedy)
    console.print(table)
    failed = sum(not check.ok for check in checks)
    console.print("all is right" if not failed else f"{failed} of {len(checks)} checks did not pass")
