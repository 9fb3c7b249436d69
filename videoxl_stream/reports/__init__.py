"""Events made readable."""

from __future__ import annotations

from videoxl_stream.reports.html import render_html, write_html

__all__ = ["render_html", "write_html"]
