"""Limits that keep the code readable and that no linter checks."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAX_FUNCTION_LINES = 60
MAX_MODULE_LINES = 400
VAGUE = re.compile(r"(Manager|Handler|Utils?|Base|Helper)(?=[A-Z]|$)|^(Base|Abstract)(?=[A-Z])")
# A path that exists on one machine only: a home, or a checkout in some fixed place.
OF_ONE_MACHINE = re.compile(r"(?<![\w.~/])/(?:home|root|Users|work|workspace)/\w")
TEXT = {".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".j2", ".json", ".cfg", ".ini", ""}


def tracked(*patterns: str) -> list[Path]:
    """Files that git tracks and that stand in the tree as files."""
    command = ["git", "ls-files", "--", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [path for name in listed if (path := ROOT / name).is_file() and not path.is_symlink()]


def definitions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]]:
    """Every function and class of the project, with where it stands."""
    for path in tracked("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node


def test_no_function_is_longer_than_a_screen() -> None:
    lengths = {
        where: (node.end_lineno or node.lineno) - node.lineno + 1
        for where, node in definitions()
        if not isinstance(node, ast.ClassDef)
    }
    assert {where: lines for where, lines in lengths.items() if lines > MAX_FUNCTION_LINES} == {}


def test_no_module_holds_more_than_one_noun_can_fill() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_bytes().splitlines()) for path in tracked("*.py")}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_MODULE_LINES} == {}


def test_class_names_say_what_a_thing_is() -> None:
    classes = [(where, node.name) for where, node in definitions() if isinstance(node, ast.ClassDef)]
    assert [where for where, name in classes if VAGUE.search(name)] == []


@pytest.mark.parametrize("name", ["StreamManager", "EventHandler", "Utils", "BaseSource", "VideoUtil"])
def test_a_vague_name_is_seen(name: str) -> None:
    assert VAGUE.search(name)


@pytest.mark.parametrize("name", ["Pipeline", "Database", "Baseline", "RTSPSource", "VideoXLConfig"])
def test_a_plain_name_passes(name: str) -> None:
    assert not VAGUE.search(name)


def test_no_file_names_a_path_of_one_machine() -> None:
    found = []
    for path in tracked():
        if path.suffix in TEXT:
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
                if OF_ONE_MACHINE.search(line):
                    found.append(f"{path.relative_to(ROOT)}:{number}")
    assert found == []


def test_such_a_path_is_seen() -> None:
    assert OF_ONE_MACHINE.search("open('" + "/home" + "/me/video.mp4')")
    assert not OF_ONE_MACHINE.search("https://example.org/home/videos")
