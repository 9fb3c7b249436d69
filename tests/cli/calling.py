"""Calling the command line as a user does."""

from __future__ import annotations

from typer.testing import CliRunner, Result

from videoxl_stream.cli import app


def call(*arguments: object, answer: str | None = None) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], input=answer)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result
