# SPDX-License-Identifier: Apache-2.0
"""nilearn 0.14.1's own tests of NiftiMapsMasker, run on ours."""

from collections.abc import Callable
from typing import Any

import pytest
from nilearn.conftest import (
    affine_eye,
    affine_mni,
    img_3d_zeros_eye,
    img_4d_rand_eye,
    img_fmri,
    img_maps,
    length,
    n_regions,
    rng,
    shape_3d_default,
    shape_3d_large,
)
from nilearn.maskers.tests import test_nifti_maps_masker as theirs
from nilearn.maskers.tests.conftest import shape_mask

from tests.oracles import adapters_masker
from tests.oracles.borrowed import Borrowed

__all__ = [
    "affine_eye",
    "affine_mni",
    "img_3d_zeros_eye",
    "img_4d_rand_eye",
    "img_fmri",
    "img_maps",
    "length",
    "n_regions",
    "rng",
    "shape_3d_default",
    "shape_3d_large",
    "shape_mask",
]

pytestmark = pytest.mark.filterwarnings("default")

WORDS = "our message says it in other words"
DEPRECATED = "nilearn's deprecation of keep_masked_maps is emitted"
ESTIMATOR = "run on our classes in test_nilearn_estimator_checks"

BORROWED = Borrowed(
    theirs,
    "maskers.nifti_maps_masker",
    {
        "NiftiMapsMasker": adapters_masker.NiftiMapsMasker,
        "MultiNiftiMapsMasker": adapters_masker.MultiNiftiMapsMasker,
    },
    adapted={
        "test_clipped_mask": DEPRECATED,
        "test_empty_img_map_error": WORDS,
        "test_error": WORDS,
        "test_errors_field_of_view": WORDS,
        "test_mask_img_masks_all_maps_error": WORDS,
        "test_no_map_after_resampling_error": WORDS,
        "test_resampling_errors": WORDS,
        "test_resampling_to_maps": DEPRECATED,
        "test_resampling_to_mask": DEPRECATED,
        "test_with_nans_and_infs_in_data": "nilearn's warning is emitted; ours is the coverage",
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
    # The estimators in parameters of tests were made when nilearn's module was imported.
    if "estimator" in request.fixturenames:
        name = request.getfixturevalue("estimator").__name__
        request.node.funcargs["estimator"] = getattr(adapters_masker, name)


def test_lists_name_tests_that_exist() -> None:
    assert not BORROWED.unknown
