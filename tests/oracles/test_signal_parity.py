# SPDX-License-Identifier: Apache-2.0
"""Cleaning equals nilearn's over random combinations of parameters, and closed forms elsewhere."""

from __future__ import annotations

from typing import Any

import nilearn.signal
import numpy as np
import pytest

from nipype_mapsmasker.core.cleaning import Cleaning, clean
from nipype_mapsmasker.core.confounds import high_variance_confounds

pytestmark = [
    # nilearn warns of what it does not do and of parameters that it will drop.
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

TOLERANCE_SD = 1e-9
"""Largest difference, in standard deviations of the signal: two orders of the same sums."""

FILTERS: list[dict[str, Any]] = [
    {"filter": None},
    {"filter": "butterworth"},
    {"filter": "butterworth", "low_pass": 0.1},
    {"filter": "butterworth", "high_pass": 0.01},
    {"filter": "butterworth", "low_pass": 0.09, "high_pass": 0.008},
    {"filter": "butterworth", "low_pass": 5.0},
    {"filter": "butterworth", "low_pass": 5.0, "high_pass": 0.01},
    {"filter": "butterworth", "low_pass": 0.08, "butterworth_order": 2},
    {"filter": "butterworth", "low_pass": 0.08, "butterworth_padtype": "even"},
    {"filter": "butterworth", "high_pass": 0.02, "butterworth_padtype": "constant"},
    {"filter": "butterworth", "low_pass": 0.08, "butterworth_padtype": None},
    {"filter": "butterworth", "low_pass": 0.08, "butterworth_padlen": 7},
    {"filter": "cosine", "high_pass": 0.008},
    {"filter": "cosine", "high_pass": 0.02},
]


def theirs(signals: Any, params: dict[str, Any], **arrays: Any) -> Any:
    words = {key.replace("butterworth_", "butterworth__"): value for key, value in params.items()}
    words["filter"] = words.get("filter", "butterworth") or False
    words.setdefault("detrend", False)
    words.setdefault("standardize", None)
    return nilearn.signal.clean(signals, **words, **arrays)


def theirs_in_time(signals: Any, params: dict[str, Any], confounds: Any, mask: Any) -> Any:
    """Let nilearn do all but detrending, which goes by rows there (difference 9)."""
    words = {"detrend": False, "filter": None, "t_r": params["t_r"]} | {
        name: params[name] for name in ("standardize", "standardize_confounds")
    }
    columns = [] if confounds is None else [confounds]
    if params["filter"] == "cosine":
        times = np.arange(len(signals)) * params["t_r"]
        drifts = nilearn.signal.create_cosine_drift(params["high_pass"], times)
        columns.append(drifts[:, :-1])
    line = np.stack([np.ones(len(signals)), np.arange(len(signals))], axis=1)[mask]

    def detrended(values: Any) -> Any:
        return values - line @ np.linalg.lstsq(line, values, rcond=None)[0]

    regressors = detrended(np.hstack(columns)[mask]) if columns else None
    return theirs(detrended(signals[mask]), words, confounds=regressors)


def difference_sd(ours: Any, other: Any) -> float:
    return float((np.abs(ours - other).max(axis=0) / other.std(axis=0)).max())


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("number", range(len(FILTERS)))
def test_random_combinations(number: int, seed: int) -> None:
    rng = np.random.default_rng((number, seed))
    t_r = float(rng.choice([0.7, 2.0, 2.5, 3.0]))
    n_volumes = int(rng.integers(60, 160))
    params = FILTERS[number] | {
        "t_r": t_r,
        "detrend": bool(rng.random() < 0.5),
        "standardize": [None, "zscore_sample", "zscore_sample", False][rng.integers(4)],
        "standardize_confounds": bool(rng.random() < 0.6),
    }
    walk = rng.standard_normal((n_volumes, 4)).cumsum(axis=0)
    signals = walk + rng.uniform(-1000, 1000, 4)
    confounds = None
    if rng.random() < 0.7:
        confounds = rng.standard_normal((n_volumes, rng.integers(1, 7))) * 30 + 5
    mask = None
    butterworth = params["filter"] == "butterworth" and {"low_pass", "high_pass"} & set(params)
    if not butterworth and rng.random() < 0.5:  # with it, nilearn interpolates the wrong rows
        mask = rng.random(n_volumes) < 0.85
    cleaned, _ = clean(signals, Cleaning(**params), confounds=confounds, sample_mask=mask)
    if mask is not None and params["detrend"]:
        expected = theirs_in_time(signals, params, confounds, mask)
    else:
        expected = theirs(signals, params, confounds=confounds, sample_mask=mask)
    assert difference_sd(cleaned, expected) < TOLERANCE_SD


@pytest.mark.parametrize(
    "params",
    [
        {"detrend": True},
        {},
        {"detrend": True, "filter": "cosine", "high_pass": 0.01},
        {"detrend": True, "filter": None},
    ],
)
def test_psc_where_cleaning_takes_all_of_the_mean_or_nothing(params: dict[str, Any]) -> None:
    rng = np.random.default_rng(4)
    signals = rng.standard_normal((90, 5)) * 3 + rng.uniform(100, 1000, 5)
    params = params | {"standardize": "psc", "t_r": 2.0}
    cleaned, _ = clean(signals, Cleaning(**params))
    assert difference_sd(cleaned, theirs(signals, params)) < TOLERANCE_SD


def test_zscore_has_no_degree_of_freedom_subtracted() -> None:
    signals = np.random.default_rng(5).standard_normal((40, 3)) + 8
    cleaned, _ = clean(signals, Cleaning(standardize="zscore"))
    closed = (signals - signals.mean(axis=0)) / signals.std(axis=0, ddof=0)
    assert np.abs(cleaned - closed).max() < 1e-13


def test_regression_is_least_squares() -> None:
    rng = np.random.default_rng(6)
    signals, confounds = rng.standard_normal((50, 3)), rng.standard_normal((50, 4))
    centred = confounds - confounds.mean(axis=0)
    fitted = centred @ np.linalg.lstsq(centred, signals, rcond=None)[0]
    cleaned, _ = clean(signals, Cleaning(), confounds=confounds)
    assert np.abs(cleaned - (signals - fitted)).max() < 1e-12


@pytest.mark.parametrize("extrapolate", [False, True])
@pytest.mark.parametrize("censored", [[7, 8, 40], [0, 1, 7], [30, 58, 59], [0, 1, 2, 33, 59]])
def test_scrubbing_with_butterworth_is_the_paper_s_recipe_step_by_step(
    censored: list[int], extrapolate: bool
) -> None:
    """nilearn's own steps in the order it documents, with the rows it means."""
    from scipy.interpolate import CubicSpline

    rng = np.random.default_rng(7)
    signals = rng.standard_normal((60, 3)).cumsum(axis=0) + 50
    confounds = rng.standard_normal((60, 2))
    keep = np.ones(60, dtype=bool)
    keep[censored] = False
    kept = np.flatnonzero(keep)
    rows = np.arange(60) if extrapolate else np.arange(kept[0], kept[-1] + 1)
    parts = []
    for values in (signals, confounds):
        filled = values.copy()
        filled[~keep] = CubicSpline(kept * 2.0, values[keep])(np.flatnonzero(~keep) * 2.0)
        filled = nilearn.signal._detrend(filled[rows])
        filled = nilearn.signal.butterworth(filled, 0.5, low_pass=0.1, high_pass=0.01, copy=True)
        parts.append(filled[keep[rows]])
    expected = nilearn.signal.clean(
        parts[0], confounds=parts[1], detrend=False, standardize="zscore_sample", filter=False
    )
    params = Cleaning(detrend=True, standardize="zscore_sample", low_pass=0.1, high_pass=0.01,
                      t_r=2.0, extrapolate=extrapolate)  # fmt: skip
    cleaned, summary = clean(signals, params, confounds=confounds, sample_mask=keep)
    assert difference_sd(cleaned, expected) < TOLERANCE_SD
    assert summary.n_kept == len(cleaned) == 60 - len(censored)


@pytest.mark.parametrize("detrend", [True, False])
@pytest.mark.parametrize("n_voxels", [400, 3000])
@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.float32, np.float64])
def test_high_variance_confounds(dtype: type, n_voxels: int, detrend: bool) -> None:
    rng = np.random.default_rng(8)
    run = rng.standard_normal((40, n_voxels)) * rng.uniform(1, 30, n_voxels) + 3000
    run = (run + np.arange(40)[:, None] * rng.standard_normal(n_voxels)).astype(dtype)
    found = high_variance_confounds(
        lambda: (run[left : left + 7] for left in range(0, 40, 7)), 40, detrend=detrend
    )
    expected = nilearn.signal.high_variance_confounds(run.astype(float), detrend=detrend)
    signs = np.sign((found * expected).sum(axis=0))
    assert np.abs(found - expected * signs).max() < 1e-10
    peaks = np.abs(found).argmax(axis=0)
    assert (found[peaks, range(5)] > 0).all()
