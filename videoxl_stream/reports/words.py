"""How times, lengths and shares read."""

from __future__ import annotations

from datetime import datetime, tzinfo


def moment(at: datetime, zone: tzinfo) -> str:
    """Date and time to the second."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def day(at: datetime, zone: tzinfo) -> str:
    """The date."""
    return f"{at.astimezone(zone):%Y-%m-%d}"


def time_of_day(at: datetime, zone: tzinfo) -> str:
    """The time to the second."""
    return f"{at.astimezone(zone):%H:%M:%S}"


def duration(seconds: float) -> str:
    """A length of time in its two largest units: 0.2 s, 2 min 5 s, 3 h 20 min, 2 d 4 h."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for large, small, unit, rest in ((86_400, 3600, "d", "h"), (3600, 60, "h", "min"), (60, 1, "min", "s")):
        if whole >= large:
            more = whole % large // small
            return f"{whole // large} {unit} {more} {rest}" if more else f"{whole // large} {unit}"
    return f"{whole} s"


def percent(share: float) -> str:
    """A share of 1 in percent; what is little but not nothing, or nearly but not all, is never rounded to that."""
    if 0 < share < 0.001:
        return "< 0.1 %"
    if 0.999 < share < 1:
        return "> 99.9 %"
    return f"{share * 100:.1f} %".replace(".0 %", " %")


def silence(label: str, last: datetime, zone: tzinfo) -> str:
    """That a stream is not heard of any more."""
    return f"Nothing is known of {label} after {moment(last, zone)}."


def counted(number: int, noun: str) -> str:
    """A number of things: 1 event, 2,000 events."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
