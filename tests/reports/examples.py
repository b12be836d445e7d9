# SPDX-License-Identifier: Apache-2.0
"""Results shaped like real ones, from seeded random numbers, with faults that can be planted."""

from __future__ import annotations

from typing import Any

import numpy as np

from nipype_mapsmasker.core.cuts import collect_cuts
from nipype_mapsmasker.reports.results import RunResults, Source

HOSTILE = "<img src=x onerror=alert(1)>"

AFFINE = np.array([[-3.0, 0, 0, 78], [0, 3.0, 0, -112], [0, 0, 3.5, -56], [0, 0, 0, 1]])
SHAPE = (53, 63, 40)


def smooth_noise(rng: np.random.Generator, n_volumes: int, n_signals: int) -> np.ndarray:
    """Draw noise that remembers, like blood flow at a repetition time of 2 s."""
    noise = rng.standard_normal((n_volumes + 20, n_signals))
    for volume in range(1, len(noise)):
        noise[volume] += 0.75 * noise[volume - 1]
    return noise[20:]


def brain(shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """Make a mean image: an ellipsoid with a bright rim, a midline and two ventricles."""
    x, y, z = np.meshgrid(*[np.linspace(-1.1, 1.1, size) for size in shape], indexing="ij")
    radius = np.sqrt(x**2 + y**2 + z**2)
    volume = np.where(radius < 1, 700 + 250 * np.cos(6 * radius) - 120 * y, 0.0)
    volume[(radius < 1) & (np.abs(x) < 0.03)] *= 0.6
    volume[(np.abs(x) > 0.08) & (np.abs(x) < 0.22) & (np.abs(y) < 0.35) & (np.abs(z) < 0.2)] = 1500
    # Right is brighter, so that a swap of sides can be seen; x runs to the left here.
    return volume * np.where(x < 0, 1.15, 1.0)


def blobs(rng: np.random.Generator, n_maps: int, shape: tuple[int, int, int] = SHAPE) -> Any:
    """Yield maps, one volume at a time: a blob each, the fifth part of them with two signs."""
    axes = np.meshgrid(*[np.linspace(-1.1, 1.1, size) for size in shape], indexing="ij")
    for number in range(n_maps):
        place = rng.uniform(-0.6, 0.6, 3)
        width = rng.uniform(0.02, 0.05) if n_maps < 200 else 0.01
        volume = np.exp(-sum((a - p) ** 2 for a, p in zip(axes, place, strict=True)) / width)
        if number % 5 == 4:
            place[0] *= -1
            volume -= np.exp(-sum((a - p) ** 2 for a, p in zip(axes, place, strict=True)) / width)
        volume[np.abs(volume) < 0.02] = 0
        yield volume


def make_run(
    run_id: str = "sub-01_task-rest",
    *,
    seed: int = 0,
    n_maps: int = 12,
    n_volumes: int = 200,
    fault: str = "",
    with_maps: bool = True,
    **changes: Any,
) -> RunResults:
    """Make the results of a run; ``fault`` is '', 'noise', 'half' or 'censored'."""
    rng = np.random.default_rng(seed)
    t_r = 2.0
    networks = smooth_noise(rng, n_volumes, 3)
    mixing = np.zeros((3, n_maps))
    mixing[np.arange(n_maps) % 3, np.arange(n_maps)] = rng.uniform(0.5, 1.0, n_maps)
    motion = np.abs(rng.normal(0.12, 0.05, n_volumes))
    keep = np.ones(n_volumes, dtype=bool)
    bad = rng.choice(n_volumes, n_volumes * (60 if fault == "censored" else 4) // 100, False)
    keep[bad] = False
    motion[bad] += rng.uniform(0.5, 0.9, len(bad))
    confounds = np.column_stack([smooth_noise(rng, n_volumes, 6), networks.mean(axis=1)])
    signals = networks @ mixing + 0.5 * smooth_noise(rng, n_volumes, n_maps)
    signals += confounds @ rng.normal(0, 0.3, (7, n_maps))
    if fault == "noise":
        signals += 15 * rng.standard_normal(signals.shape)
    raw = 800 + 5 * signals + np.linspace(0, 12, n_volumes)[:, np.newaxis]
    coverage_fit = np.clip(rng.normal(0.97, 0.02, n_maps), 0, 1)
    coverage_data = np.ones(n_maps)
    if fault == "half":
        coverage_data[: n_maps // 2] = rng.uniform(0.0, 0.4, n_maps // 2)
    design = np.column_stack([np.ones(n_volumes), np.arange(n_volumes), confounds])[keep]
    cleaned = raw[keep] - design @ np.linalg.lstsq(design, raw[keep], rcond=None)[0]
    cleaned /= cleaned.std(axis=0, ddof=1)
    values: dict[str, Any] = {
        "run_id": run_id,
        "names": [f"Network {index + 1:02d}" for index in range(n_maps)],
        "raw": raw,
        "cleaned": cleaned,
        "keep": keep,
        "t_r": t_r,
        "atlas": "demo",
        "strategy": "scrub",
        "image": f"bids/{run_id}_bold.nii.gz",
        "confounds": confounds,
        "confound_names": [*[f"trans_{i}" for i in range(6)], "global_signal"],
        "motion": motion,
        "coverage": coverage_fit * coverage_data,
        "coverage_fit": coverage_fit,
        "coverage_data": coverage_data,
        "variance_inflation": 1 + rng.gamma(2, 0.6, n_maps),
        "r_squared": np.clip(0.62 + 0.01 * rng.standard_normal(n_volumes), 0, 1),
        "summary": {
            "n_volumes": n_volumes,
            "n_kept": int(keep.sum()),
            "confound_rank": 7,
            "degrees_of_freedom": int(keep.sum()) - 9,
            "steps": ["interpolate censored volumes", "detrend", "censor", "regress", "zscore"],
            "warnings": [],
        },
        "parameters": {
            "detrend": True,
            "standardize": "zscore_sample",
            "filter": "butterworth",
            "high_pass": 0.01,
            "low_pass": 0.1,
            "smoothing_fwhm": None,
            "resampling_target": "data",
        },
        "versions": {"nipype_mapsmasker": "0.1.0", "nipype": "1.11.0", "numpy": "2.4.0"},
        "sources": [
            Source(
                role="image", path=f"bids/{run_id}_bold.nii.gz", checksum="sha256:" + "ab" * 32
            ),
            Source(role="maps", path="atlases/demo maps.nii.gz", checksum="sha256:" + "cd" * 32),
        ],
        "command": "mapsmasker run runs.tsv out --maps 'atlases/demo maps.nii.gz' --detrend",
        "warnings": ["The header's repetition time (1 s) differs from the argument (2 s)."],
    }
    if with_maps:
        values["mean_image"] = brain()
        values["affine"] = AFFINE
        values["cuts"] = collect_cuts(blobs(np.random.default_rng(7), n_maps), AFFINE)
    return RunResults(**{**values, **changes})
