# SPDX-License-Identifier: Apache-2.0
"""
Synthetic runs whose true signals are known.

A run is Y = B + S Mᵀ + C Aᵀ + drift + spikes + noise: B the brain, S (T, K) the true signals,
M (V, K) the maps, C (T, C) the confounds and A (V, C) smooth random weights. The true signals
lie in `PASS_BAND` and are orthogonal to the confounds, so cleaning can bring them back whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.grids import Grid
from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.testing.space import Blobs, make_brain_mask, positions

__all__ = ["PASS_BAND", "Run", "make_confounds", "make_run", "make_signals", "recovery"]

PASS_BAND = (0.01, 0.1)
"""Lowest and highest frequency of the true signals, Hz."""

BASELINE = 1000.0
"""Intensity inside the brain; outside it is a fiftieth of that."""

AMPLITUDES = {"signal": 10.0, "confounds": 6.0, "drift": 8.0, "spikes": 60.0, "noise": 4.0}
"""Standard deviation over time, in a typical voxel, of each part of a run."""

TAPER = 0.05
"""Share of a run over which the true signals rise from silence, and fall back to it."""


@dataclass(frozen=True)
class Run:
    """
    Hold one synthetic run.

    Parameters
    ----------
    data : (T, V) ndarray of float
        The volumes, voxels in disk order (x fastest).
    grid : Grid
        Where the voxels are.
    truth : (T, K) ndarray of float
        The signals that the maps carry.
    confounds : (T, C) ndarray of float
        The confounds as a table has them, NaN where it says ``n/a``.
    confound_names : list of str
        Columns of the table.
    keep : (T,) ndarray of bool
        The sample mask: false for volumes spoilt by motion.
    t_r : float
        Repetition time, seconds.
    """

    data: NDArray[np.float64]
    grid: Grid
    truth: NDArray[np.float64]
    confounds: NDArray[np.float64]
    confound_names: list[str]
    keep: NDArray[np.bool_]
    t_r: float


def make_confounds(
    n_volumes: int, rng: np.random.Generator, *, n_spikes: int = 0
) -> tuple[NDArray[np.float64], list[str], NDArray[np.bool_]]:
    """
    Make a table of confounds with fMRIPrep's column names.

    Parameters
    ----------
    n_volumes : int
        T.
    rng : Generator
        Source of randomness.
    n_spikes : int
        Number of volumes with a sudden movement.

    Returns
    -------
    confounds : (T, C) ndarray of float
        Motion in millimetres and radians; NaN first in derivatives and framewise displacement.
    names : list of str
        The C column names.
    keep : (T,) ndarray of bool
        False in the volumes with a sudden movement.
    """
    keep = np.ones(n_volumes, dtype=bool)
    spikes = rng.permutation(np.arange(2, n_volumes - 3))[:n_spikes]
    # The derivative of a jump reaches into the next volume.
    keep[np.concatenate([spikes, spikes + 1])] = False
    values = _smooth_noise(n_volumes, 8, rng) * np.array([5.0, 5.0, *[0.05] * 3, *[0.001] * 3])
    values[:, :2] += BASELINE
    jumps = rng.choice([-1.0, 1.0], (n_spikes, 6)) * np.array([*[0.6] * 3, *[0.012] * 3])
    values[spikes, 2:] += jumps
    names = ["csf", "white_matter", *(f"trans_{a}" for a in "xyz"), *(f"rot_{a}" for a in "xyz")]
    derivatives = np.diff(values, axis=0, prepend=np.nan)
    lengths = np.abs(derivatives[:, 2:]) * np.array([1, 1, 1, 50, 50, 50])
    table = np.hstack([values, derivatives, lengths.sum(axis=1, keepdims=True)])
    names += [f"{name}_derivative1" for name in names] + ["framewise_displacement"]
    return table, names, keep


def make_signals(
    n_volumes: int,
    n_maps: int,
    rng: np.random.Generator,
    *,
    t_r: float = 2.0,
    nuisance: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """
    Make signals in the pass band that are orthogonal to the nuisance.

    Parameters
    ----------
    n_volumes, n_maps : int
        T and K.
    rng : Generator
        Source of randomness.
    t_r : float
        Repetition time, seconds.
    nuisance : (T, C) ndarray of float, optional
        What cleaning will regress out.

    Returns
    -------
    (T, K) ndarray of float
        Columns of mean 0 and standard deviation 1.

    Raises
    ------
    ParameterError
        The band has too few frequencies in so short a run.
    """
    times = (np.arange(n_volumes) + 0.5) / n_volumes
    orders = np.arange(1, n_volumes)
    frequencies = orders / (2 * n_volumes * t_r)
    # A margin at both ends: a Butterworth filter weakens its own edges.
    orders = orders[(frequencies > 1.5 * PASS_BAND[0]) & (frequencies < 0.8 * PASS_BAND[1])]
    # Silence at both ends: filters ring there, whatever the cleaning.
    taper = np.sin(np.pi / 2 * np.clip(np.minimum(times, 1 - times) / TAPER, 0, 1)) ** 2
    basis = taper[:, np.newaxis] * np.cos(np.pi * np.outer(times, orders))
    unwanted = times[:, np.newaxis]
    if nuisance is not None:
        unwanted = np.hstack([unwanted, nuisance])
    if len(orders) <= unwanted.shape[1] + n_maps:
        msg = (
            f"n_volumes={n_volumes} at t_r={t_r} s leaves {len(orders)} frequencies in the pass "
            f"band for {n_maps} maps and {unwanted.shape[1]} nuisance columns: ask for more."
        )
        raise ParameterError(msg)
    projected, _ = np.linalg.qr(basis.T @ unwanted)
    weights = rng.standard_normal((len(orders), n_maps))
    signals = basis @ (weights - projected @ (projected.T @ weights))
    return np.asarray(signals / signals.std(axis=0))


def make_run(
    blobs: Blobs,
    grid: Grid,
    rng: np.random.Generator,
    *,
    n_volumes: int = 200,
    t_r: float = 2.0,
    n_spikes: int = 4,
    noise: float = 1.0,
) -> Run:
    """
    Make a run that the maps, drift, confounds and noise add up to.

    Parameters
    ----------
    blobs : Blobs
        The maps.
    grid : Grid
        The run's grid.
    rng : Generator
        Source of randomness.
    n_volumes : int
        T.
    t_r : float
        Repetition time, seconds.
    n_spikes : int
        Number of volumes spoilt by motion, which the sample mask leaves out.
    noise : float
        Factor on the white noise; 0 for none.

    Returns
    -------
    Run
        The volumes and the truth about them.
    """
    confounds, names, keep = make_confounds(n_volumes, rng, n_spikes=n_spikes)
    filled = np.where(np.isnan(confounds), np.roll(confounds, -1, axis=0), confounds)
    courses = (filled - filled.mean(axis=0)) / filled.std(axis=0)
    # Scrubbing bridges the spoilt volumes before it filters; the truth avoids what it then sees.
    calm = np.column_stack([_bridge(course, keep) for course in courses.T])
    truth = make_signals(n_volumes, len(blobs.sigmas), rng, t_r=t_r, nuisance=calm)
    brain = make_brain_mask(grid)
    drift = np.linspace(-1.7, 1.7, n_volumes)[:, np.newaxis] ** np.array([1, 2])
    nuisance = np.hstack(
        [
            courses * (AMPLITUDES["confounds"] / np.sqrt(courses.shape[1])),
            drift * AMPLITUDES["drift"],
            ~keep[:, np.newaxis] * AMPLITUDES["spikes"],
        ]
    )
    data = nuisance @ (_smooth_fields(grid, nuisance.shape[1], rng) * brain)
    data += AMPLITUDES["signal"] * truth @ blobs.sample(grid)
    data += np.where(brain, BASELINE, BASELINE / 50)
    data += noise * AMPLITUDES["noise"] * rng.standard_normal(data.shape)
    return Run(data, grid, truth, confounds, names, keep, t_r)


def recovery(
    signals: NDArray[np.float64],
    truth: NDArray[np.float64],
    *,
    keep: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """
    Correlate each signal with the true one of the same map.

    Parameters
    ----------
    signals : (T, K) or (T_kept, K) ndarray of float
        What was extracted and cleaned.
    truth : (T, K) ndarray of float
        What was put in.
    keep : (T,) ndarray of bool, optional
        The volumes that ``signals`` still has.

    Returns
    -------
    (K,) ndarray of float
        Pearson's r; 1 is perfect.

    Examples
    --------
    >>> truth = np.random.default_rng(0).standard_normal((30, 2))
    >>> recovery(5 - 3 * truth, truth).round(12)
    array([-1., -1.])
    """
    wanted = truth if keep is None else truth[keep]
    first = signals - signals.mean(axis=0)
    second = wanted - wanted.mean(axis=0)
    norms = np.linalg.norm(first, axis=0) * np.linalg.norm(second, axis=0)
    return np.asarray((first * second).sum(axis=0) / norms)


def _smooth_noise(n_volumes: int, n_columns: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return (T, n_columns) noise of standard deviation 1 that changes over a few volumes."""
    white = rng.standard_normal((n_volumes + 4, n_columns))
    smooth = sum(white[lag : lag + n_volumes] for lag in range(5))
    return np.asarray(smooth / np.std(smooth, axis=0))


def _bridge(course: NDArray[np.float64], keep: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return a (T,) course whose spoilt volumes lie on straight lines between kept ones."""
    volumes = np.arange(len(course))
    return np.interp(volumes, volumes[keep], course[keep])


def _smooth_fields(grid: Grid, n_fields: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return (n_fields, V) weights that change over centimetres, of mean square about 1."""
    waves = rng.normal(0, 0.03, (n_fields, 3))
    phases = rng.uniform(0, 2 * np.pi, (n_fields, 1))
    return np.asarray(np.sqrt(2) * np.cos(waves @ positions(grid).T + phases))
