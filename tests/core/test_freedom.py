# SPDX-License-Identifier: Apache-2.0
"""Degrees of freedom against the rank of the map that impulses show."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nipype_mapsmasker.core.cleaning import clean
from nipype_mapsmasker.core.freedom import HALF_SIZE
from nipype_mapsmasker.core.parameters import Cleaning

FILTERS: list[dict[str, Any]] = [
    {"filter": None},
    {"low_pass": 0.1},
    {"high_pass": 0.01},
    {"high_pass": 1e-4},
    {"low_pass": 0.09, "high_pass": 0.009},
    {"high_pass": 0.02, "butterworth_padtype": "constant", "butterworth_order": 2},
    {"filter": "cosine", "high_pass": 0.013},
    {"filter": "cosine", "high_pass": 1e-4},
]


def dense_rank(params: Cleaning, confounds: Any, keep: np.ndarray) -> int:
    """Clean one impulse per kept volume, and count what comes out."""
    impulses = np.zeros((keep.size, int(keep.sum())))
    impulses[np.flatnonzero(keep), np.arange(impulses.shape[1])] = 1.0
    plain = replace(params, standardize=None)
    whole, _ = clean(impulses, plain, confounds=confounds, sample_mask=keep)
    if params.standardize:
        whole = whole - whole.mean(axis=0)
    sizes = np.linalg.svd(whole, compute_uv=False)
    filtered = params.butterworth() is not None
    return int((sizes > (HALF_SIZE if filtered else 1e-9)).sum())


@pytest.mark.parametrize("seed", range(200))
def test_degrees_of_freedom_are_the_rank_of_the_whole_map(seed: int) -> None:
    rng = np.random.default_rng((11, seed))
    n_volumes = int(rng.integers(45, 90))
    params = Cleaning(
        t_r=float(rng.choice([0.8, 2.0, 3.0])),
        detrend=bool(rng.random() < 0.5),
        standardize=[None, "zscore", "psc"][rng.integers(3)],
        standardize_confounds=bool(rng.random() < 0.7),
        extrapolate=bool(rng.random() < 0.3),
        **FILTERS[rng.integers(len(FILTERS))],
    )
    keep = rng.random(n_volumes) < rng.choice([0.85, 2.0])
    confounds = None
    if rng.random() < 0.7:
        confounds = rng.standard_normal((n_volumes, rng.integers(1, 8))) + rng.uniform(-3, 3)
        if rng.random() < 0.3:
            confounds = np.hstack([confounds, np.ones((n_volumes, 1)), 2 * confounds[:, :1]])
    signals = rng.standard_normal((n_volumes, 2)).cumsum(axis=0) + 100
    _, summary = clean(signals, params, confounds=confounds, sample_mask=keep)
    assert summary.degrees_of_freedom == dense_rank(params, confounds, keep)
