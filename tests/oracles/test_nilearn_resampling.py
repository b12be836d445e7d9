# SPDX-License-Identifier: Apache-2.0
"""nilearn 0.14.1's own tests of resampling, run on ours."""

from collections.abc import Callable
from typing import Any

import nilearn.image.tests.test_resampling as theirs
import pytest
from nilearn.conftest import affine_eye, affine_mni, img_4d_mni, rng, shape_4d_default
from nilearn.image.tests.conftest import img_4d_mni_tr2

from tests.oracles import adapters_space
from tests.oracles.borrowed import Borrowed

__all__ = ["affine_eye", "affine_mni", "img_4d_mni", "img_4d_mni_tr2", "rng", "shape_4d_default"]

pytestmark = pytest.mark.filterwarnings("default")

GRID = "the adapter works out the grid where only an affine is given"
OTHER = "another function of nilearn's"

BORROWED = Borrowed(
    theirs,
    "image.resampling",
    {
        "resample_img": adapters_space.resample_img,
        "resample_to_img": adapters_space.resample_to_img,
    },
    adapted={
        "test_3x3_affine_bbox": GRID,
        "test_4d_affine_bounding_box_error": GRID,
        "test_raises_bbox_error_if_data_outside_box": GRID + "; our message is another",
        "test_raises_upon_3x3_affine_and_no_shape": GRID,
        "test_resampling_error_checks": "our message says it in other words",
        "test_resampling_result_axis_permutation": GRID,
    },
    refused={
        "test_resampling_nan_big": "non-finite voxels come out as 0, which the masker makes of "
        "them right after; missing data are counted in coverage, not warned of",
        "test_resampling_warning_binary_image": "labels and masks are always resampled by nearest "
        "voxel, so that there is nothing to warn of",
        "test_resampling_warning_s_form": "which of a header's transforms holds is the reader's "
        "business (io)",
    },
    unused={name: OTHER for name in vars(theirs) if name.startswith(("test_reorder", "test_crop"))}
    | {
        "test_coord_transform_trivial": OTHER,
        "test_get_mask_bounds": OTHER,
        "test_get_mask_bounds_error": OTHER,
        "test_resample_img_segmentation_fault": "2 GB of ones, for an old SciPy",
    },
)

globals().update(BORROWED.fixtures("shape", "data"))
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
