# SPDX-License-Identifier: Apache-2.0
"""
Where cleaning knowingly differs from nilearn 0.14.1: each law holds for ours and not for theirs.

Every test states a law as assertions on a `clean` function, sees it hold for ours, and sees the
same assertions fail for nilearn's. A test whose second half stops working says that nilearn has
changed and that the difference is gone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import nilearn.signal
import numpy as np
import pytest

from nipype_mapsmasker.core.cleaning import Cleaning
from nipype_mapsmasker.core.cleaning import clean as our_clean
from nipype_mapsmasker.errors import ParameterError, SignalError

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),  # nilearn's means of NaN columns
]

Clean = Callable[..., Any]


def ours(signals: Any, confounds: Any = None, sample_mask: Any = None, **params: Any) -> Any:
    return our_clean(signals, Cleaning(**params), confounds=confounds, sample_mask=sample_mask)[0]


def theirs(signals: Any, confounds: Any = None, sample_mask: Any = None, **params: Any) -> Any:
    words = {"detrend": False, "standardize": None, "t_r": None} | params
    words["filter"] = words.get("filter", "butterworth") or False
    return nilearn.signal.clean(
        signals, confounds=confounds, sample_mask=sample_mask, **words
    )  # fmt: skip


def holds_for_ours_alone(law: Callable[[Clean], None]) -> None:
    law(ours)
    with pytest.raises(AssertionError):
        law(theirs)


@pytest.fixture
def run() -> np.ndarray:
    rng = np.random.default_rng(1)
    run = rng.standard_normal((120, 4)).cumsum(axis=0) + 200
    run.flags.writeable = False
    return run


BAND = {"low_pass": 0.1, "high_pass": 0.01, "t_r": 2.0}


def test_item_1_censored_volumes_do_not_enter_the_filter(run: np.ndarray) -> None:
    """In nilearn they do where the volume as far from the other end is censored as well."""

    def law(clean: Clean) -> None:
        keep = np.ones(120, dtype=bool)
        keep[[20, 50, 51, 69, 99]] = False
        spiked = np.where(keep[:, None], run, run + 1000)
        calm, wild = (clean(one, sample_mask=keep, detrend=True, **BAND) for one in (run, spiked))
        assert np.abs(calm - wild).max() < 1e-9

    holds_for_ours_alone(law)


@pytest.mark.parametrize(("head", "tail"), [(6, 9), (9, 6), (5, 5)])
def test_item_1_head_and_tail_censored_keep_their_volume_numbers(
    run: np.ndarray, head: int, tail: int
) -> None:
    def law(clean: Clean) -> None:
        keep = np.ones(120, dtype=bool)
        keep[:head] = keep[-tail:] = False
        cut = clean(run[head:-tail], detrend=True, **BAND)
        masked = clean(run, sample_mask=keep, detrend=True, **BAND)
        assert masked.shape == cut.shape
        assert np.abs(masked - cut).max() < 1e-9

    holds_for_ours_alone(law)


def test_item_1_head_hole_and_tail_censored(run: np.ndarray) -> None:
    def law(clean: Clean) -> None:
        keep = np.ones(120, dtype=bool)
        keep[:6] = keep[-9:] = keep[40:43] = False
        inside = clean(run[6:-9], sample_mask=keep[6:-9], low_pass=0.1, t_r=2.0)
        masked = clean(run, sample_mask=keep, low_pass=0.1, t_r=2.0)
        assert masked.shape == inside.shape == (102, 4)
        assert np.abs(masked - inside).max() < 1e-9

    holds_for_ours_alone(law)


def test_item_2_a_line_or_a_constant_costs_nothing_when_detrending_has_removed_it(
    run: np.ndarray,
) -> None:
    motion = np.random.default_rng(2).standard_normal((120, 3))
    clock = (1.7e9 + 2.1 * np.arange(120.0))[:, None]

    def law(clean: Clean) -> None:
        without = clean(run, confounds=motion, detrend=True)
        beside = clean(run, confounds=np.hstack([motion, clock]), detrend=True)
        assert np.abs(without - beside).max() < 1e-9

    holds_for_ours_alone(law)


def test_item_2_a_copy_of_a_confound_in_other_units_costs_nothing(run: np.ndarray) -> None:
    rng = np.random.default_rng(3)
    motion = rng.standard_normal((120, 3))
    with_copies = np.hstack([motion, 1e4 + motion @ rng.standard_normal((3, 3)) / 7])

    def law(clean: Clean) -> None:
        without = clean(run, confounds=motion, detrend=True)
        beside = clean(run, confounds=with_copies, detrend=True)
        assert np.abs(without - beside).max() < 1e-9

    holds_for_ours_alone(law)
    _, summary = our_clean(run, Cleaning(detrend=True), confounds=with_copies)
    assert summary.confound_rank == 3


def test_item_2_what_confounds_explain_to_the_last_digit_is_zero_not_noise(
    run: np.ndarray,
) -> None:
    def law(clean: Clean) -> None:
        explained = clean(
            run[:, :1] * 1e4, confounds=run[:, :1], detrend=True, standardize="zscore_sample"
        )
        assert np.abs(explained).max() < 1e-6

    holds_for_ours_alone(law)


def test_item_2_the_signal_s_units_do_not_decide(run: np.ndarray) -> None:
    def law(clean: Clean) -> None:
        one = clean(run, standardize="zscore_sample", detrend=True)
        tiny = clean(run * 2.0**-70, standardize="zscore_sample", detrend=True)
        assert np.abs(one - tiny).max() < 1e-9

    holds_for_ours_alone(law)


def test_item_3_cosines_are_added_whatever_the_confounds_contain(run: np.ndarray) -> None:
    slow = np.cos(np.pi / 120 * (np.arange(120) + 0.5))[:, None]
    motion = np.random.default_rng(4).standard_normal((120, 1))
    confounds = np.hstack([motion, slow])

    def law(clean: Clean) -> None:
        words = {"filter": "cosine", "high_pass": 0.02, "t_r": 2.0, "detrend": True}
        drop, keep_slow = (clean(run, confounds=one, **words) for one in (motion, confounds))
        # The slow cosine belongs to the filter's own set: giving it must change nothing.
        assert np.abs(drop - keep_slow).max() < 1e-9

    holds_for_ours_alone(law)


def test_item_9_a_drift_is_a_line_in_time_whatever_is_censored() -> None:
    rng = np.random.default_rng(6)
    noise, times = rng.standard_normal((120, 2)), np.arange(120.0)[:, None]
    keep = np.ones(120, dtype=bool)
    keep[70:110] = False

    def law(clean: Clean) -> None:
        words = {"sample_mask": keep, "detrend": True, "filter": None}
        still, drifting = (clean(one, **words) for one in (noise, noise + times * [0.5, 0.8]))
        assert np.abs(still - drifting).max() < 1e-9
        assert abs(np.corrcoef(drifting.T)[0, 1]) < 0.3  # they have nothing in common

    holds_for_ours_alone(law)


def test_item_9_a_confound_s_drift_costs_nothing_beside_detrending(run: np.ndarray) -> None:
    keep = np.ones(120, dtype=bool)
    keep[20:40] = keep[100:105] = False
    motion = np.random.default_rng(7).standard_normal((120, 2))

    def law(clean: Clean) -> None:
        words = {"sample_mask": keep, "detrend": True, "filter": None}
        one = clean(run, confounds=motion, **words)
        other = clean(run, confounds=motion + np.arange(120.0)[:, None], **words)
        assert np.abs(one - other).max() < 1e-9

    holds_for_ours_alone(law)


def test_item_4_low_pass_with_the_cosine_filter_is_an_error(run: np.ndarray) -> None:
    words = {"filter": "cosine", "high_pass": 0.01, "low_pass": 0.1, "t_r": 2.0}
    with pytest.raises(ParameterError, match=r"cannot use low_pass=0\.1 Hz; use filter='butterw"):
        ours(run, **words)
    assert theirs(run, **words).shape == run.shape


@pytest.mark.parametrize(
    ("mask", "text"),
    [
        (np.arange(120) % 2, "look like 0/1 flags"),
        (np.array([5, 3, 8]), "sorted and without repetition"),
        (np.array([3, 3, 8]), "sorted and without repetition"),
        (np.zeros(120, dtype=int), "look like 0/1 flags"),
    ],
)
def test_item_5_indices_are_sorted_unique_and_in_the_run(
    run: np.ndarray, mask: np.ndarray, text: str
) -> None:
    with pytest.raises(SignalError, match=text):
        ours(run, sample_mask=mask)
    assert theirs(run, sample_mask=mask).shape == (mask.size, 4)


def test_item_6_a_lost_region_does_not_change_the_units_of_the_others(run: np.ndarray) -> None:
    def law(clean: Clean) -> None:
        lost = np.hstack([run, np.full((120, 1), np.nan)])
        alone, beside = (clean(one, detrend=True, standardize="psc") for one in (run, lost))
        assert np.abs(alone - beside[:, :4]).max() < 1e-9

    holds_for_ours_alone(law)


def test_item_6_one_region_s_history_does_not_change_the_units_of_another(
    run: np.ndarray,
) -> None:
    level = np.random.default_rng(5).exponential(size=(120, 1))
    other = 5000 * level

    def law(clean: Clean) -> None:
        words = {"confounds": level, "standardize": "psc", "standardize_confounds": False}
        alone = clean(run, **words)
        beside = clean(np.hstack([run, other]), **words)
        assert np.abs(alone - beside[:, :4]).max() < 1e-9

    holds_for_ours_alone(law)


def test_item_6_the_baseline_is_the_region_s_mean_over_kept_volumes(run: np.ndarray) -> None:
    keep = np.ones(120, dtype=bool)
    keep[30:60] = False

    def law(clean: Clean) -> None:
        words = {"sample_mask": keep, "high_pass": 0.01, "t_r": 2.0}
        plain = clean(run, **words)
        change = clean(run, standardize="psc", **words)
        expected = 100 * (plain - plain.mean(axis=0)) / run[keep].mean(axis=0)
        assert np.abs(change - expected).max() < 1e-9

    holds_for_ours_alone(law)
