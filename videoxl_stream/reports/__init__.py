"""What was found, made readable: one ``Report``, written as HTML, Markdown or JSON."""

from __future__ import annotations

from videoxl_stream.reports.html import render_html, write_html
from videoxl_stream.reports.json import render_json, write_json
from videoxl_stream.reports.markdown import render_markdown, write_markdown
from videoxl_stream.reports.report import Mark, Report

__all__ = [
    "Mark",
    "Report",
    "render_html",
    "render_json",
    "render_markdown",
    "write_html",
    "write_json",
    "write_markdown",
]
