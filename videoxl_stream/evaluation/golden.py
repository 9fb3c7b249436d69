"""Parity with the original model: run recorded cases and print a table.

    python -m videoxl_stream.evaluation.golden CASE_DIR...

A case is a folder with ``case.json`` and ``tensors.safetensors`` as recorded from the original; a folder of such
folders stands for all of them. ``_seq1``, ``_seq2``, ... of one name run in that order on one model object. Cases
with footage run twice: step by step, and with all windows in parallel. The exit status is 0 only if all pass.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from safetensors.torch import load_file
from torch import Tensor

from videoxl_stream.errors import ConfigError

TOLERANCE = 1e-4


@dataclass(slots=True)
class Result:
    """What one case gave: the largest error of each quantity, relative to its tolerance's scale, and what failed."""

    name: str
    errors: dict[str, float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether nothing failed and something was compared."""
        return not self.faults and bool(self.errors)

    def close(self, what: str, found: Tensor, expected: Tensor) -> None:
        """Compare numbers: max |difference| <= 1e-4 x max(1, max |expected|)."""
        if found.shape != expected.shape:
            self.faults.append(f"{what}: shape {tuple(found.shape)}, expected {tuple(expected.shape)}")
            return
        if expected.numel() == 0:
            return
        expected = expected.double()
        error = float((found.detach().double() - expected).abs().max() / max(1.0, float(expected.abs().max())))
        self.errors[what] = max(error, self.errors.get(what, 0.0))
        if not error <= TOLERANCE:  # written so that NaN fails
            self.faults.append(f"{what}: error {error:.2e}")

    def same(self, what: str, found: object, expected: object) -> None:
        """Compare exactly."""
        self.errors.setdefault(what, 0.0)
        if found != expected:
            self.faults.append(f"{what}: {_short(found)}, expected {_short(expected)}")


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."


@dataclass(frozen=True, slots=True)
class Case:
    """One recorded case."""

    folder: Path
    content: dict[str, Any]

    @property
    def name(self) -> str:
        """Name of its folder."""
        return self.folder.name

    @property
    def kind(self) -> str:
        """What it records."""
        return str(self.content.get("kind", "?"))

    @property
    def sequence(self) -> tuple[str, int]:
        """Cases that share the first part run in the order of the second, on one model object."""
        match = re.search(r"_seq(\d+)", self.name)
        return (self.name, 0) if match is None else (self.name[: match.start()], int(match[1]))

    def tensors(self) -> dict[str, Tensor]:
        """Its recorded tensors."""
        return load_file(self.folder / "tensors.safetensors")


def find_cases(paths: Iterable[Path]) -> list[Case]:
    """All cases in the given folders or directly below them, sequences in order.

    Raises:
        ConfigError: a folder holds none, or a case.json cannot be read.
    """
    folders: list[Path] = []
    for path in paths:
        below = [path] if (path / "case.json").is_file() else sorted(p.parent for p in path.glob("*/case.json"))
        if not below:
            msg = f"{path} holds no case.json, nor does any folder in it; give folders of recorded cases"
            raise ConfigError(msg)
        folders += below
    cases = []
    for folder in dict.fromkeys(folder.resolve() for folder in folders):
        file = folder / "case.json"
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as e:
            msg = f"{file} is not readable JSON ({e}); copy the case again"
            raise ConfigError(msg) from e
        if not isinstance(content, dict):
            msg = f"{file} holds no JSON object; copy the case again"
            raise ConfigError(msg)
        cases.append(Case(folder, content))
    return sorted(cases, key=lambda case: (case.folder.parent, *case.sequence))


def run_cases(cases: Iterable[Case]) -> Iterator[Result]:
    """Run cases one by one, keeping one model object per sequence and way of running."""
    from videoxl_stream.evaluation.golden_checks import CHECKS, Networks  # noqa: PLC0415 - loads torch models

    networks = Networks()
    for case in cases:
        check: Callable[[Case, Result, Any], None] | None = CHECKS.get(case.kind)
        result = Result(case.name)
        if check is None:
            result.faults.append(f"kind {case.kind!r} is unknown; known: {', '.join(sorted(CHECKS))}")
        else:
            try:
                check(case, result, networks)
            except Exception as e:  # whatever one case breaks, the others are still run and told
                result.faults.append(f"{type(e).__name__}: {e}")
        yield result


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m videoxl_stream.evaluation.golden", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="CASE_DIR")
    console = Console(width=None if sys.stdout.isatty() else 160)
    table = Table("case", "result", "worst error", "of", "compared", title=f"parity, tolerance {TOLERANCE:.0e}")
    try:
        cases = find_cases(parser.parse_args(arguments).folders)
    except ConfigError as e:
        console.print(str(e), style="red", markup=False)
        return 2
    torch.manual_seed(0)
    failed = 0
    for result in run_cases(cases):
        failed += not result.passed
        worst = max(result.errors, key=lambda what: result.errors[what], default="-")
        verdict = "[green]pass[/green]" if result.passed else "[red]FAIL[/red] " + escape("; ".join(result.faults[:3]))
        error = f"{result.errors.get(worst, float('nan')):.1e}"
        table.add_row(result.name, verdict, error, worst, str(len(result.errors)))
    console.print(table)
    console.print(f"{len(cases) - failed} of {len(cases)} cases pass")
    return 0 if failed == 0 and cases else 1


if __name__ == "__main__":
    sys.exit(main())
