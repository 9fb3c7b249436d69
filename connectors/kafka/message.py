"""Messages that carry footage, as ``docs/kafka.md`` describes them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Self

MAX_STREAM_ID = 200  # characters
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEARS = range(1970, 2100)
_NUMBER = re.compile(r"-?\d{1,18}")
_TS_PACKET_BYTES = 188
_MAX_SEQUENCE = 2**63 - 1


class Malformed(Exception):  # noqa: N818 - a verdict on a message, which goes to the dead letters with it
    """Raised when a message does not keep to the contract; says how."""


class Format(StrEnum):
    """What a message's value is."""

    PICTURE = "picture"
    SEGMENT = "segment"

    @classmethod
    def of(cls, value: bytes) -> Self:
        """Tell by how it begins.

        Raises:
            Malformed: it is nothing that is known.
        """
        if value.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")) or (value[:4], value[8:12]) == (b"RIFF", b"WEBP"):
            return cls(Format.PICTURE)
        if value[4:8] in (b"ftyp", b"styp", b"moov") or _is_transport_stream(value):
            return cls(Format.SEGMENT)
        msg = f"the value begins with {value[:8].hex() or 'nothing'}: neither JPEG, PNG, WebP, MPEG-TS nor MP4"
        raise Malformed(msg)


@dataclass(frozen=True, slots=True, eq=False)
class FrameMessage:
    """One message of one stream.

    Args:
        stream_id: whose footage it is.
        utc: when its first picture was taken.
        dated: whether it says so itself, instead of only having been written at that time.
        sequence: its running number in the stream; None if it has none.
        format: of the value.
        value: a picture, or a segment of encoded footage.
        partition: it came from.
        offset: in there.
        record: as it came, for the dead letters.
    """

    stream_id: str
    utc: datetime
    dated: bool
    sequence: int | None
    format: Format
    value: bytes
    partition: int
    offset: int
    record: Any

    @classmethod
    def of(cls, record: Any, *, max_bytes: int) -> Self:
        """Understand a record of kafka-python.

        Raises:
            Malformed: it breaks the contract.
        """
        headers = _headers(record.headers or ())
        if not record.value:
            msg = "the value is empty"
            raise Malformed(msg)
        if len(record.value) > max_bytes:
            msg = f"the value is too large: {len(record.value)} bytes, and {max_bytes} are allowed"
            raise Malformed(msg)
        stream_id = headers.get("stream_id", "").strip()
        if not stream_id or len(stream_id) > MAX_STREAM_ID or not stream_id.isprintable():
            msg = f"the header stream_id is {stream_id[:20]!r}: it must name the stream, in {MAX_STREAM_ID} characters"
            raise Malformed(msg)
        stated = headers.get("timestamp")
        return cls(
            stream_id=stream_id,
            utc=_utc("own" if stated is None else "header", str(record.timestamp) if stated is None else stated),
            dated=stated is not None,
            sequence=_sequence(headers.get("sequence")),
            format=Format.of(record.value),
            value=record.value,
            partition=record.partition,
            offset=record.offset,
            record=record,
        )

    @property
    def utc_us(self) -> int:
        """When its first picture was taken, in microseconds since 1970."""
        return microseconds(self.utc)


def microseconds(utc: datetime) -> int:
    """An aware time in microseconds since 1970, exactly."""
    return (utc - _EPOCH) // timedelta(microseconds=1)


def moment(utc_us: int) -> datetime:
    """The aware UTC time so many microseconds after 1970."""
    return _EPOCH + timedelta(microseconds=utc_us)


def _headers(pairs: Sequence[tuple[str, bytes]]) -> dict[str, str]:
    """Those that are ours; of one that comes twice the last counts."""
    try:
        return {name: value.decode() for name, value in pairs if name in {"stream_id", "timestamp", "sequence"}}
    except (UnicodeDecodeError, AttributeError) as e:
        msg = "a header is not UTF-8"
        raise Malformed(msg) from e


def _utc(what: str, text: str) -> datetime:
    try:
        if _NUMBER.fullmatch(text.strip()):
            utc = _EPOCH + timedelta(milliseconds=int(text))
        else:
            utc = datetime.fromisoformat(text.strip())
            utc = utc.replace(tzinfo=UTC) if utc.utcoffset() is None else utc.astimezone(UTC)
    except (ValueError, OverflowError) as e:
        msg = f"the {what} timestamp is {text[:40]!r}: it must be ISO 8601 or milliseconds since 1970"
        raise Malformed(msg) from e
    if utc < _EPOCH or utc.year not in _YEARS:
        msg = f"the {what} timestamp is {text[:40]!r}: no footage is of that time"
        raise Malformed(msg)
    return utc


def _sequence(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 19 or int(text) > _MAX_SEQUENCE:
        msg = f"the header sequence is {text[:20]!r}: it must be a whole number from 0 on"
        raise Malformed(msg)
    return int(text)


def _is_transport_stream(value: bytes) -> bool:
    """Every packet begins with the same byte; three packets are enough to tell."""
    starts = value[: 3 * _TS_PACKET_BYTES : _TS_PACKET_BYTES]
    return len(value) >= _TS_PACKET_BYTES and set(starts) == {0x47}
