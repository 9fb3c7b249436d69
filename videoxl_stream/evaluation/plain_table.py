"""A table of figures for a terminal."""

from __future__ import annotations

from rich import box
from rich.table import Table


def plain_table(title: str, first: str, *columns: str) -> Table:
    """An empty one, whose first column names and whose other columns are numbers."""
    table = Table(title=title, box=box.SIMPLE)
    table.add_column(first, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right")
    return table
