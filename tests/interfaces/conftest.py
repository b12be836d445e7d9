# SPDX-License-Identifier: Apache-2.0
"""One tiny cohort for all tests of interfaces, and what the first steps make of it."""

import pytest

from nipype_mapsmasker.interfaces import ExtractSignals, FitMaps
from tests.tiny import make_tiny


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """Three runs on two grids; tests only read it."""
    return make_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def fitted(tiny, tmp_path_factory):
    """The outputs of `FitMaps` on the grid of the first run."""
    fit = FitMaps(maps_file=tiny.maps_file, reference_file=tiny.in_files[0])
    return fit.run(cwd=tmp_path_factory.mktemp("fit")).outputs


@pytest.fixture(scope="session")
def extracted(tiny, fitted, tmp_path_factory):
    """The outputs of `ExtractSignals` for the first run."""
    extract = ExtractSignals(in_file=tiny.in_files[0], operator_files=[fitted.operator_file])
    return extract.run(cwd=tmp_path_factory.mktemp("extract")).outputs
