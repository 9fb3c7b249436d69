"""The public surface: every name is there, typed, and costs nothing before it is used."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import videoxl_stream
from videoxl_stream import errors

HEAVY = {"torch", "transformers", "av", "kafka", "sqlalchemy", "alembic", "apscheduler", "numpy", "pydantic", "PIL"}


@pytest.mark.parametrize("name", videoxl_stream.__all__)
def test_every_public_name_resolves_to_something_of_that_name(name: str) -> None:
    value = getattr(videoxl_stream, name)
    assert value is getattr(videoxl_stream, name)
    if name != "__version__":
        assert value.__name__ == name
        assert value.__module__.startswith("videoxl_stream.")


def test_type_checkers_see_the_same_names_as_a_running_program() -> None:
    tree = ast.parse(Path(videoxl_stream.__file__).read_text(encoding="utf-8"))
    (for_checkers,) = (node for node in tree.body if isinstance(node, ast.If))
    imported = {
        f"{node.module}.{alias.name}"
        for node in for_checkers.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    at_run_time = {f"{home}.{name}" for name, home in videoxl_stream._HOME_OF.items()}
    assert imported == at_run_time
    assert {*videoxl_stream._HOME_OF, "__version__"} == set(videoxl_stream.__all__)


def test_every_error_of_the_tree_is_public() -> None:
    raised = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert raised <= set(videoxl_stream.__all__)
    assert all(issubclass(getattr(errors, name), errors.VideoXLStreamError) for name in raised)


def test_a_wrong_name_is_an_attribute_error() -> None:
    misspelt = "Pipelin"
    with pytest.raises(AttributeError, match="no attribute 'Pipelin'"):
        getattr(videoxl_stream, misspelt)


def test_completion_lists_names_that_are_not_imported_yet() -> None:
    assert set(videoxl_stream.__all__) <= set(dir(videoxl_stream))


@pytest.mark.parametrize(
    ("code", "allowed"),
    [
        ("import videoxl_stream", set[str]()),
        ("import videoxl_stream; videoxl_stream.ConfigError", set[str]()),
        ("from videoxl_stream import Query, Span", set[str]()),
        ("from videoxl_stream import Event, Frame", {"numpy", "pydantic"}),
    ],
)
def test_importing_loads_nothing_heavy(code: str, allowed: set[str]) -> None:
    report = f"{code}\nimport sys; print(*sorted(set(sys.modules) & {HEAVY!r}))"
    done = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= allowed
