# SPDX-License-Identifier: Apache-2.0
"""Tiny cohorts, asked for in Python."""

import pytest

from nipype_mapsmasker.cohort import CohortRequest
from tests.tiny import make_tiny


@pytest.fixture
def tiny(tmp_path):
    """Three runs that the test may change."""
    return make_tiny(tmp_path / "data")


@pytest.fixture
def ask(tiny, tmp_path):
    """Make a request for the tiny cohort, without pages and workers unless the test says so."""

    def make(**values):
        usual = {
            "input": list(tiny.in_files),
            "out_dir": tmp_path / "out",
            "maps": [tiny.maps_file],
            "plugin": "Linear",
            "reports": False,
        }
        return CohortRequest(**usual | values)

    return make
