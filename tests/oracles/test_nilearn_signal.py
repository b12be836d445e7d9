# SPDX-License-Identifier: Apache-2.0
"""
nilearn 0.14.1's own tests of `nilearn.signal`, taken from the installed package, run on ours.

Each test function is used unchanged. Where it says `clean`, it gets ours: through the plain
adapters (as it is), through the translating ones (adapted, with the reason), or it is refused,
with the reason, and must then really fail. ``pytest tests/oracles`` ends with the count.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import nilearn.tests.test_signal as theirs
import pytest
from nilearn.conftest import rng

from tests.oracles import adapters_signal

__all__ = ["confounds", "rng", "signals"]

# nilearn's tests are written for a suite in which a warning that no one expects is no error.
pytestmark = pytest.mark.filterwarnings("default")

WORDS = "our message says it in other words"
BOOLEANS = "booleans are not deprecated here; the adapter emits nilearn's warning"

ADAPTED = {
    "test_butterworth_errors": WORDS,
    "test_butterworth_warnings_critical_frequencies": WORDS,
    "test_butterworth_warnings_lpf_too_high": WORDS,
    "test_clean_confounds_inputs": "files are read before `clean`, here by nilearn's own reader",
    "test_clean_detrending": BOOLEANS,
    "test_clean_errors": WORDS,
    "test_clean_frequencies": WORDS,
    "test_clean_psc_warning": WORDS,
    "test_clean_runs": "`clean` is called once per run",
    "test_clean_standardize_true_false": BOOLEANS,
    "test_clean_warning": WORDS,
    "test_handle_scrubbed_volumes_exception": "our exception is a SignalError",
    "test_sample_mask_across_runs": "`clean` is called once per run",
    "test_standardize_boolean": "True is the sample's deviation there, the population's here",
    "test_standardize_error": WORDS,
}
"""Tests that need the translating adapters, and why."""

REFUSED = {
    "test_butterworth_warnings_hpf_too_low": "a negative cut-off is an error, not a tiny one",
    "test_clean_confounds_errors": "kinds and files of confounds are the readers' business (io)",
    "test_clean_sample_mask_error": "a wrong sample mask is a SignalError (a ValueError), not an "
    "IndexError or TypeError, and there is no vector of runs",
    "test_clean_warning_low_pass_not_implemented": "low_pass with the cosine filter is an error",
    "test_create_cosine_drift_terms": "cosines are added whatever the confounds contain",
}
"""Tests that ask for what we knowingly do otherwise, and why."""


def _copy(test: Callable[..., None]) -> Callable[..., None]:
    """Copy a test with its marks, so that marking it here does not mark nilearn's."""
    copy = types.FunctionType(test.__code__, test.__globals__, test.__name__, test.__defaults__)
    copy.__dict__.update(test.__dict__)
    copy.pytestmark = list(getattr(test, "pytestmark", []))
    copy.__doc__ = test.__doc__
    if test.__name__ in REFUSED:
        copy = pytest.mark.xfail(reason=REFUSED[test.__name__], strict=True)(copy)
    return copy


signals, confounds = theirs.signals, theirs.confounds
data_butterworth_single_timeseries = theirs.data_butterworth_single_timeseries
data_butterworth_multiple_timeseries = theirs.data_butterworth_multiple_timeseries
NAMES = sorted(name for name in vars(theirs) if name.startswith("test_"))
globals().update({name: _copy(getattr(theirs, name)) for name in NAMES})


@pytest.fixture(autouse=True)
def ours(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, Any], None],
) -> None:
    """Put our functions in the place of nilearn's, for one test."""
    name = request.function.__name__
    if name not in NAMES:
        return
    kind = "refused" if name in REFUSED else "adapted" if name in ADAPTED else "as it is"
    reason = REFUSED.get(name) or ADAPTED.get(name) or ""
    record_property("nilearn's own test", ("signal", name, kind, reason))
    adapters = adapters_signal.translated if kind == "adapted" else adapters_signal.plain
    for attribute, function in vars(adapters).items():
        monkeypatch.setattr(theirs, attribute, function)


def test_lists_name_tests_that_exist() -> None:
    assert set(ADAPTED) | set(REFUSED) <= set(NAMES)
    assert not set(ADAPTED) & set(REFUSED)


def test_every_function_of_theirs_is_replaced() -> None:
    module = "nilearn.signal"
    used = {
        name for name, what in vars(theirs).items() if getattr(what, "__module__", "") == module
    }
    assert used == set(vars(adapters_signal.plain))
