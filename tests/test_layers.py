"""Which module may import which, and where each third-party library may be touched.

The tables below are the design; the code is compared with them. Every import counts: inside functions, under
TYPE_CHECKING, and ``import_module("literal")``.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = "videoxl_stream"
FOLDERS = {PACKAGE: PACKAGE, "connectors": f"{PACKAGE}.connectors", "pipelines": f"{PACKAGE}.pipelines"}

# Nothing in a lower layer may import from a higher one; the first column is all that may be imported.
LAYERS: dict[str, set[str]] = {
    "nouns": {"clock", "errors", "events", "file_names", "frames", "queries", "regions", "stored", "whole_file"},
    "seams": {"interfaces"},
    "parts": {
        "buffer",
        "decisions",
        "evidence",
        "gaps",
        "journal",
        "localise",
        "model",
        "motion",
        "outages",
        "reports",
        "rules",
        "scheduling",
        "store",
    },
    "core": {
        "absence",
        "asking",
        "daemon",
        "delivery",
        "ledger",
        "lineup",
        "opening",
        "pipeline",
        "reading",
        "status",
        "stopped",
        "stream",
        "waiting_room",
        "worker",
    },
    "transports": {"connectors", "testing"},
    "users": {
        PACKAGE,  # the root itself: it names everything, lazily
        "__main__",
        "cli",
        "config",
        "evaluation",
        "examples",
        "names",
        "pipelines",
        "server",
        "training",
        "watching",
    },
}
MAY_IMPORT: dict[str, set[str]] = {
    "nouns": LAYERS["nouns"],
    "seams": LAYERS["nouns"],
    "parts": LAYERS["nouns"] | LAYERS["seams"],
    "core": LAYERS["nouns"] | LAYERS["seams"] | LAYERS["parts"] - {"model"},
    "transports": LAYERS["nouns"] | LAYERS["seams"],
    "users": set().union(*LAYERS.values()),
}
# Neighbours that may see each other all the same.
ALSO_MAY_IMPORT = {
    "decisions": {"rules"},
    "gaps": {"rules"},
    "journal": {"buffer"},
    "scheduling": {"rules"},
    "reports": {"gaps", "store"},
    "outages": {"gaps", "rules"},
    "absence": {"ledger"},
    "ledger": {"status"},
    "stream": {"reading", "status"},
    "lineup": {"reading", "stream", "waiting_room"},
    "worker": {"asking", "ledger", "stream"},
    "stopped": {"stream"},
    "opening": {"stopped", "stream"},
    "pipeline": {"absence", "ledger", "lineup", "opening", "status", "stopped", "stream", "waiting_room", "worker"},
    "daemon": {"delivery", "pipeline", "status"},
}

EVERYWHERE = "everywhere"
# Library -> the only modules that may touch it; a name covers what is below it. The standard library is free.
THIRD_PARTY: dict[str, set[str]] = {
    "numpy": {EVERYWHERE},
    "pydantic": {EVERYWHERE},
    "torch": {"model", "training", "evaluation"},
    "transformers": {"model", "training", "evaluation"},
    "safetensors": {"model", "training", "evaluation"},
    "tokenizers": {"model", "training", "evaluation"},
    "huggingface_hub": {"model"},
    "accelerate": {"training", "evaluation"},
    "matplotlib": {"training", "evaluation"},
    "sqlalchemy": {"store"},
    "alembic": {"store"},
    "apscheduler": {"scheduling"},
    "kafka": {"connectors.kafka"},
    "httpx2": {"connectors.webhook"},
    "standardwebhooks": {"connectors.signatures"},
    "av": {"connectors", "evidence", "reports", "training", "evaluation"},
    "PIL": {"connectors", "evidence", "journal", "model", "reports", "training", "evaluation"},
    "jinja2": {"reports", "server"},
    "typer": {"cli"},
    "rich": {"cli", "training", "evaluation"},
    "fastapi": {"server"},
    "starlette": {"server"},
    "uvicorn": {"server"},
    "prometheus_client": {"daemon", "server"},
    "yaml": {"config"},
    "pydantic_core": {"config"},
}


@dataclass(frozen=True)
class Import:
    """One import statement: the module that holds it, its line, and what it names, absolutely."""

    module: str
    line: int
    target: str

    def __str__(self) -> str:
        """Show where to look."""
        return f"{self.module}:{self.line} imports {self.target}"


def modules(root: Path) -> dict[str, Path]:
    """Every module under its one true name; the symlinks inside the package are not followed twice."""
    found = {}
    for folder, package in {**FOLDERS, "examples": "examples"}.items():
        for path in sorted((root / folder).rglob("*.py")):
            inside = path.relative_to(root / folder)
            if folder == PACKAGE and inside.parts[0] in FOLDERS:
                continue
            parts = inside.with_suffix("").parts
            found[".".join((package, *parts)).removesuffix(".__init__")] = path
    return found


def absolute(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    """The module that ``from … import`` reads, dots resolved."""
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    base = parts[: len(parts) - node.level + is_package]
    return ".".join((*base, *filter(None, [node.module])))


def literal_import(node: ast.Call) -> str | None:
    """The module named by ``import_module("…")`` or ``__import__("…")``, where it is a literal."""
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if called in {"import_module", "__import__"} and node.args and isinstance(node.args[0], ast.Constant):
        return str(node.args[0].value)
    return None


def imports(module: str, path: Path, known: set[str]) -> Iterator[Import]:
    """Every import in one file, at any depth."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = absolute(node, module, path.name == "__init__.py")
            for alias in node.names:
                # `from package import module` reads the module, `from module import name` the module before it.
                named = f"{base}.{alias.name}"
                yield Import(module, node.lineno, named if named in known else base)
        elif isinstance(node, ast.Call) and (target := literal_import(node)):
            yield Import(module, node.lineno, target)


def part_of(module: str) -> str:
    """The part a module belongs to: ``videoxl_stream.model.memory`` is of ``model``."""
    parts = module.split(".")
    return parts[1] if parts[0] == PACKAGE and len(parts) > 1 else parts[0]


def layer_of(part: str) -> str | None:
    """The layer a part stands in, or None where the table does not know it."""
    return next((layer for layer, parts in LAYERS.items() if part in parts), None)


def fault_inside(found: Import) -> str | None:
    """What is wrong with an import of our own code, or None."""
    importer, imported = part_of(found.module), part_of(found.target)
    layer = layer_of(importer)
    if importer == imported or layer is None:
        return None
    if imported in MAY_IMPORT[layer] | ALSO_MAY_IMPORT.get(importer, set()):
        return None
    return f"{found}: {importer!r} ({layer}) must not see {imported!r}; hand it in, or use a protocol of interfaces"


def fault_outside(found: Import) -> str | None:
    """What is wrong with an import of a library, or None."""
    library = found.target.split(".")[0]
    if library in sys.stdlib_module_names:
        return None
    if library in FOLDERS:
        return f"{found}: import {PACKAGE}.{library}; the bare name makes a second copy of every class"
    if library not in THIRD_PARTY:
        return f"{found}: register {library!r} in THIRD_PARTY of tests/test_layers.py and in pyproject.toml"
    inside = found.module.removeprefix(f"{PACKAGE}.")
    allowed = THIRD_PARTY[library]
    if EVERYWHERE in allowed or any(f"{inside}.".startswith(f"{part}.") for part in allowed):
        return None
    return f"{found}: {library} belongs only in {', '.join(sorted(allowed))}"


def faults(root: Path) -> list[str]:
    """Everything in a tree that the tables forbid or do not know."""
    known = modules(root)
    unknown = {part for module in known if layer_of(part := part_of(module)) is None}
    found = [f"{part!r} is new: give it a layer in LAYERS of tests/test_layers.py" for part in sorted(unknown)]
    for module, path in known.items():
        for one in imports(module, path, set(known)):
            ours = one.target.split(".")[0] in {PACKAGE, "examples"}
            fault = fault_inside(one) if ours else fault_outside(one)
            found += [fault] if fault else []
    return found


def test_every_import_is_one_the_design_allows() -> None:
    assert faults(ROOT) == []


def test_the_walk_sees_the_whole_tree() -> None:
    names = set(modules(ROOT))
    assert {PACKAGE, f"{PACKAGE}.errors", f"{PACKAGE}.connectors", f"{PACKAGE}.pipelines"} <= names
    assert not any(name.split(".")[0] in {"connectors", "pipelines"} for name in names)


@pytest.mark.parametrize(
    ("file", "code", "complaint"),
    [
        ("videoxl_stream/buffer.py", "import torch", "torch belongs only in"),
        ("videoxl_stream/pipeline.py", "from videoxl_stream.model.memory import VideoMemory", "must not see 'model'"),
        ("videoxl_stream/pipeline.py", "from videoxl_stream import model", "must not see 'model'"),
        ("videoxl_stream/pipeline.py", "from . import model", "must not see 'model'"),
        ("videoxl_stream/pipeline.py", "from .model.memory import VideoMemory", "must not see 'model'"),
        ("videoxl_stream/model/memory.py", "from ..rules import Rule", "must not see 'rules'"),
        ("videoxl_stream/model/__init__.py", "from ..rules import Rule", "must not see 'rules'"),
        ("videoxl_stream/errors.py", "import videoxl_stream.interfaces", "must not see 'interfaces'"),
        ("videoxl_stream/buffer.py", "from videoxl_stream import Pipeline", "must not see 'videoxl_stream'"),
        ("videoxl_stream/rules.py", "def f():\n    from videoxl_stream import store", "must not see 'store'"),
        ("videoxl_stream/rules.py", "import_module('videoxl_stream.store')", "must not see 'store'"),
        ("videoxl_stream/interfaces.py", "import examples.five_lines", "must not see 'examples'"),
        ("connectors/file.py", "from videoxl_stream.buffer import FrameBuffer", "must not see 'buffer'"),
        ("connectors/file.py", "from ..rules import Rule", "must not see 'rules'"),
        ("connectors/file.py", "import kafka", "kafka belongs only in connectors.kafka"),
        ("connectors/kafkaesque.py", "import kafka.errors", "kafka belongs only in connectors.kafka"),
        ("videoxl_stream/store/sql.py", "import av", "av belongs only in"),
        ("videoxl_stream/daemon.py", "from apscheduler.triggers.cron import CronTrigger", "only in scheduling"),
        ("videoxl_stream/watching.py", "from connectors import file", "second copy of every class"),
        ("videoxl_stream/frames.py", "import cv2", "register 'cv2' in THIRD_PARTY"),
        ("videoxl_stream/gadgets.py", "", "'gadgets' is new: give it a layer"),
    ],
)
def test_a_planted_violation_is_found(tmp_path: Path, file: str, code: str, complaint: str) -> None:
    plant(tmp_path, file, code)
    assert [complaint in fault for fault in faults(tmp_path)] == [True]


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("videoxl_stream/model/memory.py", "import torch\nfrom videoxl_stream.queries import Span"),
        ("videoxl_stream/model/memory.py", "from .windows import cut"),
        ("videoxl_stream/scheduling.py", "from apscheduler.triggers.cron import CronTrigger\nfrom .rules import Rule"),
        ("videoxl_stream/reports/page.py", "from videoxl_stream.store import EventStore"),
        ("videoxl_stream/pipeline.py", "from videoxl_stream import buffer, rules\nimport json, os.path"),
        ("connectors/kafka.py", "import kafka.errors\nfrom videoxl_stream.interfaces import Source"),
        ("pipelines/surveillance.py", "from videoxl_stream import Pipeline, model\nimport videoxl_stream.connectors"),
    ],
)
def test_what_the_design_allows_passes(tmp_path: Path, file: str, code: str) -> None:
    plant(tmp_path, file, code)
    assert faults(tmp_path) == []


def plant(root: Path, file: str, code: str) -> None:
    """Make a small tree of the usual shape with one file's code replaced."""
    usual = ["__init__", "buffer", "rules", "pipeline", "model/__init__", "model/memory", "store/__init__"]
    files = [f"{PACKAGE}/{name}.py" for name in usual]
    for name in [*files, "connectors/__init__.py", "connectors/kafka.py", "pipelines/__init__.py", file]:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code if name == file else "", encoding="utf-8")
