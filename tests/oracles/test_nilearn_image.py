# SPDX-License-Identifier: Apache-2.0
"""nilearn 0.14.1's own tests of smoothing and of high-variance confounds of images, on ours."""

from collections.abc import Callable
from typing import Any

import nilearn.image.image
import nilearn.image.tests.test_image as theirs
import pytest
from nilearn.conftest import affine_eye, img_3d_mni, shape_3d_default

from tests.oracles import adapters_space
from tests.oracles.borrowed import Borrowed

__all__ = ["affine_eye", "img_3d_mni", "shape_3d_default"]

pytestmark = pytest.mark.filterwarnings("default")

WIDTH_ZERO = "a width of 0 is documented as none, without a warning; the adapter emits nilearn's"

USED = {
    "test_high_variance_confounds",
    "test_smooth_array_fwhm_is_odd_no_copy",
    "test_smooth_array_fwhm_is_odd_with_copy",
    "test_smooth_array_nan_do_not_propagate",
    "test_smooth_array_raise_warning_if_fwhm_is_zero",
    "test_smooth_array_same_result_with_fwhm_none_or_zero",
    "test_fast_smooth_array_give_same_result_as_smooth_array",
    "test_smooth_img",
    "test_smooth_img_fwhm_0_or_none",
    "test_smooth_img_integer_input_conserves_mass",
    "test_smooth_img_scalar_array",
    "test_smooth_img_warning",
}

BORROWED = Borrowed(
    theirs,
    "image.image",
    {
        "smooth_array": adapters_space.smooth_array,
        "high_variance_confounds": adapters_space.high_variance_confounds,
    },
    adapted={
        "test_smooth_array_raise_warning_if_fwhm_is_zero": WIDTH_ZERO,
        "test_smooth_img_warning": WIDTH_ZERO,
    },
    refused={
        "test_high_variance_confounds": "asks for 10 confounds of a mask whose share is 5 voxels; "
        "nilearn fills up with arbitrary columns, ours is an error",
        "test_fast_smooth_array_give_same_result_as_smooth_array": "the 'fast' kernel, of no "
        "certain width, is not offered",
    },
    unused={
        name: "another function of nilearn's"
        for name in vars(theirs)
        if name.startswith("test_") and name not in USED
    },
)

globals().update(BORROWED.fixtures("smooth_array_data"))
globals().update(BORROWED.tests())


@pytest.fixture(autouse=True)
def ours(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, Any], None],
) -> None:
    BORROWED.replace(request, monkeypatch, record_property)
    monkeypatch.setattr(nilearn.image.image, "smooth_array", adapters_space.smooth_array)


def test_lists_name_tests_that_exist() -> None:
    assert not BORROWED.unknown
    assert set(BORROWED.names) == USED
