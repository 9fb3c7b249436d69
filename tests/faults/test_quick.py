"""A small share of ``make faults``, for every test run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.crash import killed
from tests.faults.footage import FootageSite
from tests.faults.site import Site


@pytest.mark.slow
def test_a_killed_daemon_finds_what_an_undisturbed_one_finds(tmp_path: Path) -> None:
    write = FootageSite(tmp_path / "clips", seed=4020, duration_s=40)
    undisturbed = Site.undisturbed(tmp_path / "undisturbed", write)
    outcome = killed(tmp_path, write, undisturbed, num_kills=3, seed=1)
    undisturbed.close()
    assert outcome.is_well, outcome
