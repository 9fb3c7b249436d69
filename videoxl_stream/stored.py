"""Plain data that is stored as JSON between two runs."""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar, Self, cast

from pydantic import ConfigDict, TypeAdapter, ValidationError

from videoxl_stream.errors import ConfigError


class Stored:
    """A dataclass that can be written as JSON and read back."""

    __slots__ = ()
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    def to_json(self) -> str:
        """Write it as JSON."""
        return _adapter(cast("Any", type(self))).dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read it back.

        Raises:
            ConfigError: the text was not written by ``to_json`` of this version.
        """
        try:
            read: Self = _adapter(cast("Any", cls)).validate_json(text)
        except ValidationError as e:
            msg = f"this is no {cls.__name__} of this version, start the stream without resuming: {text[:80]!r}"
            raise ConfigError(msg) from e
        return read


@cache
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
