"""What every test shares: reproducible property tests, and processors divided fairly between workers."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from hypothesis import settings

# Read once, when PyTorch is first imported: two workers with all threads each would only fight over the cores.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("MKL_NUM_THREADS", "1")

# No test may reach out for weights or tokenizers.
os.environ["HF_HUB_OFFLINE"] = "1"

IN_CI = os.environ.get("CI", "").lower() not in {"", "0", "false"}

# A time limit for one example measures the machine, not the code.
settings.register_profile("laptop", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)
settings.load_profile("ci" if IN_CI else "laptop")


@pytest.fixture
def require_service() -> Callable[[bool, str], None]:
    """Skip a test whose service is missing on a laptop; in CI fail it, or it would go untested for ever."""

    def require(available: bool, remedy: str) -> None:
        if available:
            return
        if IN_CI:
            pytest.fail(remedy)
        pytest.skip(remedy)

    return require
