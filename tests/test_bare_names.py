from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("folder", ["connectors", "pipelines"])
def test_a_folder_imported_by_its_bare_name_says_what_to_import(folder: str) -> None:
    """From the repository root the bare name is found, and would make a second copy of every class."""
    command = [sys.executable, "-c", f"import {folder}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"ImportError: import videoxl_stream.{folder}" in done.stderr
