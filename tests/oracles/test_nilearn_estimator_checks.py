# SPDX-License-Identifier: Apache-2.0
"""nilearn 0.14.1's and scikit-learn's rules for estimators, run on our maskers."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from nilearn._utils import estimator_checks as theirs
from nilearn.conftest import _img_maps
from sklearn.utils.estimator_checks import parametrize_with_checks

from tests.oracles import adapters_masker as ours

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow]

LABEL = "estimator_checks"

INTERNAL = "looks at private attributes of nilearn's report"
STDOUT = "counts lines that nilearn prints to stdout; ours go to the log, on stderr"
INTEGERS = "wants integer signals, which would cut decimals off: refused"

REFUSED = {
    "check_doc_attributes": "forbids the docs of **kwargs, which its class has no more",
    "check_doc_link": "wants a link into nilearn's documentation",
    "check_img_estimator_dtype_bool": "wants a warning for boolean signals, which are numbers",
    "check_img_estimator_dtypes": INTEGERS,
    "check_img_estimator_dtypes_inverse_transform": INTEGERS,
    "check_img_estimator_dtypes_transform": INTEGERS,
    "check_img_estimator_verbose": STDOUT,
    "check_masker_fit_with_non_finite_in_mask": "wants a warning; voxels of a mask that are not "
    "finite are outside",
    "check_masker_generate_report": INTERNAL,
    "check_masker_generate_report_false": INTERNAL,
    "check_masker_mask_img": "wants a mask of several volumes; one 3D mask is documented",
    "check_masker_transform_resampling": "wants warnings of resampling, which is what was asked "
    "for",
    "check_multimasker_generate_report": INTERNAL,
    "check_nifti_masker_generate_report_after_fit_with_only_mask": INTERNAL,
    "check_tags": "wants the tags of scikit-learn before 1.6",
}
"""nilearn's checks that ask for what we do otherwise, and why; each must really fail."""

SCALAR = "wants a scalar of a 3D image and a single map, where ours is 1D as for several"

ALSO_REFUSED = {
    ("NiftiMapsMasker-1", "check_masker_verbose"): STDOUT,
    ("NiftiMapsMasker-2", "check_masker_verbose"): STDOUT,
    ("NiftiMapsMasker-1", "check_nifti_masker_fit_transform"): SCALAR,
    ("MultiNiftiMapsMasker-1", "check_nifti_masker_fit_transform"): SCALAR,
    ("NiftiMapsMasker-2", "check_nifti_masker_fit_transform"): "gives one image twice, whose "
    "voxels are all constant over the run and so have no data (differences.md, 10)",
}
"""The same, for one class and number of maps."""

REFUSED_OF_SCIKIT_LEARN = {
    "check_do_not_raise_errors_in_init_or_set_params": "sets an argument called kwargs; unknown "
    "keywords are refused at once"
}
"""scikit-learn's checks that ask for what we do otherwise, beside nilearn's own list."""


def in_their_place() -> Any:
    """Let nilearn's checks take our classes for its own."""
    return mock.patch.multiple(
        theirs,
        NiftiMapsMasker=ours.NiftiMapsMasker,
        MultiNiftiMapsMasker=ours.MultiNiftiMapsMasker,
        _MultiMixin=ours.MultiNiftiMapsMasker,
    )


def all_checks() -> list[Any]:
    found = []
    estimators = [
        kind(_img_maps(n_regions=n), standardize=None)
        for kind in (ours.NiftiMapsMasker, ours.MultiNiftiMapsMasker)
        for n in (1, 2)
    ]
    with in_their_place(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for estimator, check, name in theirs.nilearn_check_estimator(estimators):
            kind = f"{type(estimator).__name__}-{estimator.maps_img.shape[3]}"
            reason = REFUSED.get(name) or ALSO_REFUSED.get((kind, name))
            marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
            found.append(pytest.param(estimator, check, reason, id=f"{kind}-{name}", marks=marks))
    return found


CHECKS = all_checks()


@pytest.mark.parametrize(("estimator", "check", "reason"), CHECKS)
def test_nilearns_rules(
    estimator: Any,
    check: Callable[[Any], None],
    reason: str | None,
    record_property: Callable[[str, Any], None],
) -> None:
    kind = "refused" if reason else "as it is"
    name = f"{check.__name__} ({type(estimator).__name__})"
    record_property("nilearn's own test", (LABEL, name, kind, reason or ""))
    with in_their_place():
        check(estimator)


def test_refused_names_checks_that_exist() -> None:
    names = {param.values[1].__name__ for param in CHECKS}
    assert set(REFUSED) <= names


def inapplicable(estimator: Any) -> dict[str, str]:
    """Take nilearn's list of scikit-learn's checks that a masker of images cannot pass."""
    with in_their_place():
        return theirs.return_expected_failed_checks(estimator) | REFUSED_OF_SCIKIT_LEARN


@parametrize_with_checks(
    [ours.NiftiMapsMasker(), ours.MultiNiftiMapsMasker()], expected_failed_checks=inapplicable
)
def test_scikit_learns_rules(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)
