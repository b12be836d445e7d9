# SPDX-License-Identifier: Apache-2.0
"""Random runs, maps, masks and parameters, none of which is one of the known differences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.oracles.chain import Job, save_image

__all__ = ["random_job"]

TARGETS = ["data", "data", "mask", "maps", "maps", None]

FILTERS: list[dict[str, Any]] = [
    {"filter": None},
    {"filter": "butterworth"},
    {"low_pass": 0.1},
    {"high_pass": 0.01},
    {"low_pass": 0.1, "high_pass": 0.01},
    {"low_pass": 0.08, "butterworth_order": 3, "butterworth_padtype": "even"},
    {"high_pass": 0.02, "butterworth_padtype": "constant", "butterworth_padlen": 9},
    {"filter": "cosine", "high_pass": 0.01},
]


def random_affine(rng: np.random.Generator, shape: tuple[int, ...], kind: str) -> np.ndarray:
    """Make an affine whose grid covers a cube of some 30 mm about the origin."""
    linear = np.diag(32.0 / np.array(shape) * rng.uniform(0.95, 1.1, 3))
    if kind == "isotropic":
        linear = np.eye(3) * np.rint(linear.max() * 4) / 4
    if kind == "flipped":
        linear = linear * [-1, 1, 1] if rng.random() < 0.5 else linear * [-1, -1, 1]
    if kind == "permuted":
        linear = linear[:, [2, 0, 1]]
    if kind == "oblique":
        for axis, angle in enumerate(rng.uniform(-0.4, 0.4, 3)):
            turn = np.eye(3)
            one, two = [other for other in range(3) if other != axis]
            turn[one, one] = turn[two, two] = np.cos(angle)
            turn[one, two], turn[two, one] = -np.sin(angle), np.sin(angle)
            linear = turn @ linear
    affine = np.eye(4)
    affine[:3, :3] = linear
    affine[:3, 3] = -linear @ ((np.array(shape) - 1) / 2) + rng.uniform(-2, 2, 3)
    return affine


def random_grid(rng: np.random.Generator) -> tuple[tuple[int, ...], np.ndarray]:
    shape = tuple(int(size) for size in rng.integers(7, 12, 3))
    kinds = ["isotropic", "anisotropic", "flipped", "permuted", "oblique", "oblique"]
    return shape, random_affine(rng, shape, kinds[rng.integers(len(kinds))])


def sampled(shape: tuple[int, ...], affine: np.ndarray, centre: Any, width: float) -> np.ndarray:
    points = np.indices(shape).reshape(3, -1).T @ affine[:3, :3].T + affine[:3, 3]
    return np.exp(-((points - centre) ** 2).sum(axis=1) / (2 * width**2)).reshape(shape)


def random_job(rng: np.random.Generator, folder: Path) -> Job:
    """Make a run, maps and mask, mostly on different grids, and parameters."""
    target = TARGETS[rng.integers(len(TARGETS))]
    grid = random_grid(rng)
    maps_grid = grid if target is None else random_grid(rng)
    mask_grid = grid if target is None else random_grid(rng)
    if target is not None and rng.random() < 0.2:
        maps_grid = grid
    n_maps = int(rng.integers(2, 6))
    maps = np.stack(
        [
            sampled(*maps_grid, rng.uniform(-8, 8, 3), rng.uniform(5, 9))
            - 0.4 * (k % 2) * sampled(*maps_grid, rng.uniform(-8, 8, 3), 5)
            + 0.02 * rng.standard_normal(maps_grid[0])
            for k in range(n_maps)
        ],
        axis=-1,
    )
    if rng.random() < 0.3:
        maps[np.abs(maps) < 0.3] = 0.0
    if rng.random() < 0.2:
        maps[tuple(rng.integers(0, 7, 3))] = np.nan
    n_volumes = int(rng.integers(50, 70))
    shape = grid[0]
    level = 100 * sampled(*grid, 0, 15)[..., None]
    run = level + rng.standard_normal((*shape, n_volumes)).cumsum(axis=-1) * 0.5
    run += 3 * rng.standard_normal((*shape, 1)) - 5
    if rng.random() < 0.3:
        x, y, z = rng.integers(1, 5, 3)
        run[x : x + 2, y : y + 3, z : z + 2] = np.nan
        run[0, 0, 0, 5] = np.inf if target != "maps" else np.nan
    job = Job(
        run=save_image(folder / "run.nii", run, grid[1]),
        maps=save_image(folder / "maps.nii", maps, maps_grid[1]),
        resampling_target=target,
    )
    if target == "mask" or rng.random() < 0.5:
        mask = sampled(*mask_grid, rng.uniform(-3, 3, 3), 10) > 0.35
        job.mask = save_image(folder / "mask.nii", mask.astype(np.uint8), mask_grid[1])
    widths = [None, None, 0.0, 6.0, (4.0, 6.0, 5.0), (0.0, 5.0, 8.0)]
    job.smoothing_fwhm = widths[rng.integers(len(widths))]
    job.high_variance = bool(rng.random() < 0.2)
    if rng.random() < 0.5:
        job.confounds = rng.standard_normal((n_volumes, rng.integers(1, 6))) * 10 + 3
    choose_cleaning(rng, job, n_volumes)
    return job


def choose_cleaning(rng: np.random.Generator, job: Job, n_volumes: int) -> None:
    """Draw cleaning parameters, none of which is one of the known differences."""
    cleaning = FILTERS[rng.integers(len(FILTERS))] | {
        "t_r": float(rng.choice([1.5, 2.0, 2.5])),
        "detrend": bool(rng.random() < 0.5),
        "standardize": [None, "zscore_sample", "zscore_sample"][rng.integers(3)],
        "standardize_confounds": bool(rng.random() < 0.7),
    }
    if rng.random() < 0.4:
        if {"low_pass", "high_pass"} & set(cleaning) and "filter" not in cleaning:
            # The mirror image of every censored volume is kept, and so are both ends.
            half = rng.permutation(np.arange(2, n_volumes // 2 - 1))[:5]
            censored = np.where(rng.random(5) < 0.5, half, n_volumes - 1 - half)
        else:
            censored = rng.permutation(n_volumes)[:7]
            cleaning["detrend"] = False  # a line over rows there, in time here
        keep = np.ones(n_volumes, dtype=bool)
        keep[censored] = False
        job.sample_mask = keep if rng.random() < 0.5 else np.flatnonzero(keep)
    plain = job.confounds is None and not job.high_variance and job.sample_mask is None
    if plain and cleaning.get("filter", "butterworth") is None:
        cleaning["standardize"] = "psc"
    job.cleaning = cleaning
