"""YAML as people mean it, and the line in which each of its values stands."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import yaml

from videoxl_stream.errors import ConfigError


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # it has no types
    """Plain data in the words of YAML 1.2's core schema, and no key twice.

    YAML 1.1, which PyYAML speaks by itself, takes ``yes`` and ``no`` for booleans and ``22:00`` for 1320.
    """

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - read by PyYAML

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        """Refuse what would silently replace a value given before."""
        given: dict[Any, Any] = {}
        for key, _ in node.value:
            if (name := key.value if isinstance(key, yaml.ScalarNode) else None) in given:
                line = key.start_mark.line + 1
                msg = f"{key_shown(str(name))!r} stands here again; it was given in line {given[name]} already"
                raise yaml.MarkedYAMLError(problem=msg, problem_mark=yaml.Mark(None, 0, line - 1, 0, None, None))
            given[name] = key.start_mark.line + 1
        made: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
        return made


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(0|[1-9][0-9]*)", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
    ("merge", r"<<", ["<"]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), _first)


class Document:
    """A YAML file that was read.

    Args:
        path: of the file.

    Raises:
        ConfigError: it cannot be read, or is no YAML.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            text = self.path.read_text(encoding="utf-8")
            self.data: Any = yaml.load(text, Loader=_Loader)
            self._root = yaml.compose(text, Loader=_Loader)
        except (OSError, UnicodeDecodeError) as e:
            reason = e.strerror if isinstance(e, OSError) else "it is not UTF-8"
            msg = f"{path} cannot be read ({reason}); give the path of a YAML file"
            raise ConfigError(msg) from e
        except (yaml.YAMLError, RecursionError) as e:
            mark = getattr(e, "problem_mark", None)
            where = f"{path}:{mark.line + 1}" if mark is not None else str(path)
            msg = f"{where}: {_problem(e)}; mend that line, perhaps with quotes around a text"
            raise ConfigError(msg) from e

    def where(self, keys: Sequence[str | int]) -> str:
        """The file and the line of the innermost value that keys lead to, such as ``site.yaml:12``."""
        node, line = self._root, 1
        for key in keys:
            for name, child in _children(node):
                if name == key:
                    node, line = child, child.start_mark.line + 1
                    break
        return f"{self.path}:{line}"


def key_shown(key: str | int) -> str:
    """A key as it may be shown: a URL that slipped into the place of one may hold a password."""
    return "..." if "://" in str(key) else str(key)


def _problem(error: Exception) -> str:
    """What is wrong, without names: a password that begins with * or ! is an alias or a tag to PyYAML."""
    problem = getattr(error, "problem", None) or "this is no YAML"
    names_something = re.search("alias|anchor|tag", problem) and type(error) is not yaml.MarkedYAMLError
    return problem.partition("'")[0].rstrip() if names_something else problem


def _children(node: Any) -> list[tuple[str | int, Any]]:
    if isinstance(node, yaml.MappingNode):
        return [(key.value, value) for key, value in node.value]
    return list(enumerate(node.value)) if isinstance(node, yaml.SequenceNode) else []
