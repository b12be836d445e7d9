# SPDX-License-Identifier: Apache-2.0
"""Trends, drifts and confounds of censored runs, against least squares in time."""

from __future__ import annotations

import numpy as np
import pytest

from nipype_mapsmasker.core.cleaning import clean
from nipype_mapsmasker.core.filters import cosine_drifts
from nipype_mapsmasker.core.parameters import Cleaning

TOLERANCE_SD = 1e-6
"""Largest difference in standard deviations of the signal."""


def centred(values: np.ndarray) -> np.ndarray:
    return values - values.mean(axis=0)


@pytest.mark.parametrize("seed", range(200))
def test_detrending_is_a_line_over_volume_numbers(seed: int) -> None:
    rng = np.random.default_rng((7, seed))
    n_volumes, t_r = int(rng.integers(40, 150)), float(rng.choice([0.7, 2.0, 3.0]))
    times = np.arange(n_volumes)
    keep = rng.random(n_volumes) < rng.uniform(0.5, 1.0)
    keep[rng.integers(n_volumes) :][: rng.integers(0, 20)] = False
    keep[:6] = True
    signals = rng.standard_normal((n_volumes, 3)) * 5 + rng.uniform(100, 900, 3)
    signals += times[:, None] * rng.uniform(-3, 3, 3)
    confounds = rng.standard_normal((n_volumes, 3)) + times[:, None] * rng.uniform(-1, 1, 3)
    columns = [np.ones((n_volumes, 1)), times[:, None], confounds]
    # Units and offsets say nothing; both are beyond what squares or differences can hold.
    factors = 10.0 ** rng.choice([-200.0, -3.0, 0.0, 200.0], 3)
    given = confounds * factors + factors * rng.choice([0.0, 50.0, 1e5], 3)
    given[~keep] = np.nan
    words = {"filter": None}
    if rng.random() < 0.5:
        words = {"filter": "cosine", "high_pass": float(rng.uniform(0.003, 0.02)), "t_r": t_r}
        columns.append(cosine_drifts(n_volumes, t_r, words["high_pass"]))
    params = Cleaning(
        detrend=True, standardize="zscore", standardize_confounds=bool(rng.random() < 0.5), **words
    )
    spiked = np.where(keep[:, None], signals, 1e6)
    found, summary = clean(spiked, params, confounds=given, sample_mask=keep)
    design = np.hstack(columns)[keep]
    design /= np.sqrt((design**2).sum(axis=0))
    left = signals[keep] - design @ np.linalg.lstsq(design, signals[keep], rcond=1e-12)[0]
    expected = left / left.std(axis=0)
    assert np.abs(found - expected).max() < TOLERANCE_SD
    assert summary.degrees_of_freedom == keep.sum() - np.linalg.matrix_rank(design, tol=1e-9)


@pytest.mark.parametrize("seed", range(200))
def test_confounds_beside_any_mean_are_regressed(seed: int) -> None:
    """Neither detrended nor standardised, the span is that of the columns as they are."""
    rng = np.random.default_rng((8, seed))
    n_volumes, n_confounds = 60, int(rng.integers(1, 5))
    confounds = rng.standard_normal((n_volumes, n_confounds))
    given = confounds + rng.choice([0.0, 3.0, 1e6, 3e10], n_confounds)
    long = given.astype(np.longdouble)  # of what float64 has left of them
    deviations = centred(long).astype(np.float64)
    signals = rng.standard_normal((n_volumes, 2)) * 5 + 40
    found, summary = clean(
        signals, Cleaning(standardize_confounds=False, filter=None), confounds=given
    )
    # The span of m_j + d_j, by one column as it is and the others without its share of the mean.
    levels = long.mean(axis=0).astype(np.float64)
    first = int(np.abs(levels).argmax())
    design = [deviations[:, first] / levels[first] + 1.0 if levels[first] else given[:, first]]
    for k in np.flatnonzero(np.arange(n_confounds) != first):
        share = levels[k] / levels[first]
        design.append(deviations[:, k] - share * deviations[:, first])
    basis = np.linalg.qr(np.stack(design, axis=1))[0]
    expected = signals - basis @ (basis.T @ signals)
    assert summary.confound_rank == n_confounds
    assert np.abs(found - expected).max() / expected.std(axis=0).min() < TOLERANCE_SD
