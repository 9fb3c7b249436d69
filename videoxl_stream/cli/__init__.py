"""The command line. One file for each command or group; ``app`` lists them."""

from __future__ import annotations

from videoxl_stream.cli.app import app, main

__all__ = ["app", "main"]
