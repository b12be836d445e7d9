# SPDX-License-Identifier: Apache-2.0
"""nilearn 0.14.1's own tests of MultiNiftiMapsMasker, run on ours."""

from collections.abc import Callable
from typing import Any

import pytest
from nilearn.conftest import affine_eye, img_maps, length, n_regions, shape_3d_default
from nilearn.maskers.tests import test_multi_nifti_maps_masker as theirs

from tests.oracles import adapters_masker
from tests.oracles.borrowed import Borrowed

__all__ = ["affine_eye", "img_maps", "length", "n_regions", "shape_3d_default"]

pytestmark = pytest.mark.filterwarnings("default")

ESTIMATOR = "run on our classes in test_nilearn_estimator_checks"

BORROWED = Borrowed(
    theirs,
    "maskers.multi_nifti_maps_masker",
    {
        "NiftiMapsMasker": adapters_masker.NiftiMapsMasker,
        "MultiNiftiMapsMasker": adapters_masker.MultiNiftiMapsMasker,
    },
    adapted={
        "test_errors": "nilearn's own exception for dimensions is raised",
        "test_multi_nifti_maps_masker": "nilearn's deprecation of keep_masked_maps is emitted",
    },
    refused={},
    unused={
        "test_check_estimator_nilearn": ESTIMATOR,
        "test_check_estimator_sklearn": ESTIMATOR,
    },
)

globals().update(BORROWED.tests())


@pytest.fixture(autouse=True)
def ours(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, Any], None],
) -> None:
    BORROWED.replace(request, monkeypatch, record_property)


def test_lists_name_tests_that_exist() -> None:
    assert not BORROWED.unknown
