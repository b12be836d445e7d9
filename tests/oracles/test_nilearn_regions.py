# SPDX-License-Identifier: Apache-2.0
"""nilearn 0.14.1's own tests of signal extraction with maps, run on ours."""

from collections.abc import Callable
from typing import Any

import nilearn.regions.tests.test_signal_extraction as theirs
import pytest
from nilearn.conftest import (
    affine_eye,
    img_3d_zeros_eye,
    img_4d_zeros_eye,
    rng,
    shape_3d_default,
)

from tests.oracles import adapters_space
from tests.oracles.borrowed import Borrowed

__all__ = ["affine_eye", "img_3d_zeros_eye", "img_4d_zeros_eye", "rng", "shape_3d_default"]

pytestmark = pytest.mark.filterwarnings("default")

WORDS = "our message says it in other words"
LABELS = "labels alone; label images are compared in test_labels_parity"

BORROWED = Borrowed(
    theirs,
    "regions.signal_extraction",
    {
        "img_to_signals_maps": adapters_space.img_to_signals_maps,
        "signals_to_img_maps": adapters_space.signals_to_img_maps,
    },
    adapted={
        "test_errors_3d": "nilearn's own reader judges dimensions",
        "test_errors_4d_masks": "nilearn's own reader judges dimensions",
        "test_img_to_signals_maps_bad_maps": WORDS,
        "test_img_to_signals_maps_bad_masks": WORDS,
        "test_img_to_signals_maps_warnings": "lost maps are reported by coverage, not warnings",
        "test_signal_extraction_with_maps_and_labels": "nilearn's deprecation is emitted",
    },
    refused={},
    unused={
        name: LABELS
        for name in vars(theirs)
        if name.startswith("test_") and ("labels_" in name or name.endswith("_labels"))
        and name != "test_signal_extraction_with_maps_and_labels"
    }
    | {
        "test_check_shape_and_affine_compatibility_error": "a private check",
        "test_check_shape_and_affine_compatibility_with_dim": "a private check",
        "test_check_shape_and_affine_compatibility_without_dim": "a private check",
        "test_masked_atlas_keeps_the_label_values": LABELS,
        "test_signal_extraction_nans_in_regions_are_replaced_with_zeros": LABELS,
        "test_trim_maps_all_regions": "a private helper",
        "test_trim_maps_half_regions": "a private helper",
        "test_trim_maps_support_covers_negative_weights": "a private helper",
    },
)  # fmt: skip

globals().update(
    BORROWED.fixtures("labels_data", "labels_img", "mask_img", "signals", "fmri_img",
                      "labeled_regions")
)  # fmt: skip
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
    assert len(BORROWED.names) == 7
