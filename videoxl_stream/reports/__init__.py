"""Events made readable."""

from __future__ import annotations

from videoxl_stream.reports.html import render_html, write_html
from videoxl_stream.reports.timeline import Mark

__all__ = ["Mark", "render_html", "write_html"]
