"""Times, ages and sizes as people write them on the command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import typer
from pydantic import ByteSize, TypeAdapter, ValidationError

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_SIZE = TypeAdapter(ByteSize)


def age(text: str) -> timedelta:
    """Read how old something is, such as ``90s``, ``30m``, ``2h``, ``1.5d`` or ``4w``.

    Raises:
        typer.BadParameter: it cannot be read.
    """
    match = _AGE.fullmatch(text.strip())
    try:
        if match is not None:
            return timedelta(**{_UNITS[match[2]]: float(match[1])})
    except OverflowError:
        pass
    msg = f"{text!r} is no age; write a number and one of s, m, h, d, w, such as 30d"
    raise typer.BadParameter(msg)


def moment(text: str) -> datetime:
    """Read a time: ISO 8601, in UTC unless it names another zone, or how long ago it was, as for ``age``.

    Raises:
        typer.BadParameter: it cannot be read.
    """
    try:
        if _AGE.fullmatch(text.strip()):
            return datetime.now(UTC) - age(text)
        at = datetime.fromisoformat(text.strip())
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError) as e:
        msg = f"{text!r} is no time; write one such as 2026-01-31T18:30:00 (UTC), or how long ago, such as 2h"
        raise typer.BadParameter(msg) from e


def size(text: str) -> int:
    """Read a number of bytes, such as ``500MB`` or ``1.5TiB``.

    Raises:
        typer.BadParameter: it cannot be read.
    """
    try:
        return int(_SIZE.validate_python(text))
    except ValidationError as e:
        msg = f"{text!r} is no size; write a number and a unit, such as 500MB or 20GiB"
        raise typer.BadParameter(msg) from e


def ages(texts: list[str]) -> dict[str, timedelta]:
    """Read ages of several classes, each as ``NAME=AGE``.

    Raises:
        typer.BadParameter: one cannot be read.
    """
    named = {}
    for text in texts:
        name, equals, value = text.rpartition("=")
        if not equals or not name:
            msg = f"{text!r} names no class; write its name, an equals sign and an age, such as fire=90d"
            raise typer.BadParameter(msg)
        named[name] = age(value)
    return named


def shown_bytes(num_bytes: int) -> str:
    """A number of bytes for people."""
    return ByteSize(num_bytes).human_readable(decimal=True)
