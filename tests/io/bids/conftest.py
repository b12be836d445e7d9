# SPDX-License-Identifier: Apache-2.0
"""Folders of derivatives to look at."""

import pytest

from nipype_mapsmasker.testing import make_fmriprep_folder


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder with the usual awkward cases, its images empty; tests only read it."""
    return make_fmriprep_folder(tmp_path_factory.mktemp("derivatives"), is_empty=True)


@pytest.fixture
def own_folder(tmp_path):
    """A folder that the test may change."""
    return make_fmriprep_folder(tmp_path / "own", is_empty=True)
