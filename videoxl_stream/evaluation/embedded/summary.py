"""All that the records say as plain data, without their items, which would be megabytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from videoxl_stream.evaluation.embedded.part import Part
from videoxl_stream.evaluation.embedded.target import Row
from videoxl_stream.evaluation.embedded.targets import TARGETS
from videoxl_stream.evaluation.record import Record

FORMAT = 1
_KEPT = ("settings", "versions", "hardware", "written", "values", "times", "details")


def rows(records: Mapping[str, Record]) -> list[Row]:
    """Every target with what was found."""
    return [Row.of(target, records) for target in TARGETS]


def summary(parts: Mapping[str, Part], records: Mapping[str, Record]) -> dict[str, Any]:
    """Targets and every figure of every part."""
    return {
        "format": FORMAT,
        "targets": [row.to_json() for row in rows(records)],
        "parts": {name: _part(records[name]) for name in parts if name in records},
    }


def _part(record: Record) -> dict[str, Any]:
    content = record.to_json()
    scores = {
        name: {key: value for key, value in score.items() if key != "cells"}
        for name, score in content["scores"].items()
    }
    of = {"model": {"revision": content["model"]["revision"]}}  # its name may be a folder on some machine
    return of | {key: content[key] for key in _KEPT} | {"scores": scores}
