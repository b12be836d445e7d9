# SPDX-License-Identifier: Apache-2.0
"""nilearn 0.14.1's own tests of MultiNiftiMapsMasker, run on ours."""

import importlib.util
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from nilearn.conftest import affine_eye, img_maps, length, n_regions, shape_3d_default

from tests.oracles import adapters_masker
from tests.oracles.borrowed import Borrowed

# Their module of checks for estimators, none of which is used here, imports polars at its top.
_STAND_IN = importlib.util.find_spec("polars") is None
if _STAND_IN:
    sys.modules["polars"] = ModuleType("polars")
theirs = pytest.importorskip("nilearn.maskers.tests.test_multi_nifti_maps_masker")
if _STAND_IN:
    del sys.modules["polars"]

__all__ = ["affine_eye", "img_maps", "length", "n_regions", "shape_3d_default"]

pytestmark = pytest.mark.filterwarnings("default")

ESTIMATOR = "scikit-learn's rules for estimators; ours are interfaces of Nipype"

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
