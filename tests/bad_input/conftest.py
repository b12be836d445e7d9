# SPDX-License-Identifier: Apache-2.0
"""A cohort for each test to spoil."""

import pytest
from nipype import logging as nipype_logging

from tests.tiny import make_tiny


@pytest.fixture
def cohort(tmp_path):
    """Three sound runs, on two grids."""
    return make_tiny(tmp_path / "cohort")


@pytest.fixture(autouse=True)
def _quiet(tmp_path, monkeypatch):
    """Keep what is written to the current folder apart, and silence Nipype's account of faults."""
    monkeypatch.chdir(tmp_path)
    for name in ("nipype.workflow", "nipype.utils", "nipype.interface"):
        monkeypatch.setattr(nipype_logging.getLogger(name), "disabled", True)
