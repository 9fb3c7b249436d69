"""A report as JSON, for other programs."""

from __future__ import annotations

from pathlib import Path

from videoxl_stream.reports.report import Report
from videoxl_stream.whole_file import write_text


def render_json(report: Report) -> str:
    """Make the text: all of ``Report``, nothing left out."""
    return report.model_dump_json(indent=2) + "\n"


def write_json(path: str | Path, report: Report) -> Path:
    """Write what ``render_json`` makes, and the folders above it.

    Returns:
        the path.

    Raises:
        ConfigError: the file cannot be written.
    """
    return write_text(Path(path), render_json(report))
