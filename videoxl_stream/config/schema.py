"""The JSON Schema of a site, for editors; what fields mean is said by the docstrings of what they become."""

from __future__ import annotations

import inspect
import re
from typing import Any

from videoxl_stream.buffer import BufferLimits
from videoxl_stream.config.parts import WatchedRule
from videoxl_stream.config.site import Site
from videoxl_stream.daemon import Admission
from videoxl_stream.evidence import Evidence
from videoxl_stream.journal import Durability
from videoxl_stream.motion import MotionGate
from videoxl_stream.regions import Zone
from videoxl_stream.rules import Rule

_EXPLAINED: dict[str, type] = {
    **{each.__name__: each for each in (Admission, BufferLimits, Durability, Evidence, MotionGate, Zone)},
    WatchedRule.__name__: Rule,
}
_ARGUMENT = re.compile(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)


def json_schema() -> dict[str, Any]:
    """The schema of a site's YAML file: JSON Schema 2020-12."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Site.model_json_schema()}
    for name, definition in [("Site", schema), *schema["$defs"].items()]:
        definition["description"] = _summary(definition.get("description", ""))
        arguments = _arguments(_EXPLAINED[name]) if name in _EXPLAINED else {}
        for field, content in definition.get("properties", {}).items():
            content.setdefault("description", arguments.get(field, ""))
            content.pop("title", None)
            if name == WatchedRule.__name__:
                content.pop("default", None)  # what is not given is as the ready-made rule has it
    return schema


def _summary(docstring: str) -> str:
    return docstring.split("\n\n", 1)[0].replace("\n", " ")


def _arguments(described: type) -> dict[str, str]:
    """What a class's docstring says of each argument, in one line."""
    _, _, section = inspect.getdoc(described).partition("\nArgs:\n")  # type: ignore[union-attr]
    section = section.split("\n\n", 1)[0]
    return {name: " ".join(text.split()).replace("``", "") for name, text in _ARGUMENT.findall(section)}
