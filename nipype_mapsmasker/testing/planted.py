# SPDX-License-Identifier: Apache-2.0
"""
Results of runs with known faults, at the level of signals, to put verdicts to the test.

A signal is s = neural + respiration + noise + drift + motion A: neural activity with a spectrum of
f^-b times that of the haemodynamic response, shared within networks; white noise, a little of it
shared by neighbours; slow drift; and what the head's motion adds. Cleaning is the package's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.cleaning import Cleaning, clean
from nipype_mapsmasker.reports.results import RunResults

__all__ = ["FAULTS", "Fault", "Planted", "plant"]

Fault = Literal[
    "start-up volumes",
    "spikes",
    "dead region",
    "half field of view",
    "noise only",
    "wrong repetition time",
    "uncleaned",
    "too few degrees of freedom",
]
"""What can be wrong with a run."""

FAULTS: tuple[Fault, ...] = get_args(Fault)
"""All of them."""

BASELINE = 1000.0
"""Mean of every signal."""

HRF_SHAPE, HRF_SECONDS = 6.0, 0.9
"""The haemodynamic response is a gamma density of this shape and scale (peak near 5 s)."""

PASS_BAND = (0.01, 0.1)
"""Cut-offs in Hz where cleaning filters."""

NOISE_LEVELS = (0.4, 1.0)
"""Least and largest standard deviation of the white noise, where neural activity has 1: within
the band, signals of sound runs then correlate with neural activity at about 0.65 or more."""

TR_FACTORS = (1 / 3, 1 / 2, 2.0, 3.0)
"""What a wrong repetition time is a multiple of the right one by."""


@dataclass(frozen=True)
class Planted:
    """
    Hold one run and the truth about it.

    Parameters
    ----------
    run : RunResults
        What the pages would see.
    fault : str
        One of `FAULTS`, or '' for a clean run.
    volumes, maps : tuple
        Volumes, counted from 0, and names of the maps that the fault is in.
    spared : tuple of int
        Volumes of which it may or may not be said: the faint end of a start-up.
    """

    run: RunResults
    fault: str
    volumes: tuple[int, ...] = ()
    maps: tuple[str, ...] = ()
    spared: tuple[int, ...] = ()


@dataclass
class _Draft:
    """A run while it is being made."""

    raw: NDArray[np.float64]
    size: NDArray[np.float64]
    keep: NDArray[np.bool_]
    coverage: NDArray[np.float64]
    names: list[str]
    t_r: float
    volumes: tuple[int, ...] = ()
    maps: tuple[str, ...] = ()
    spared: tuple[int, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)


def plant(
    fault: Fault | Literal[""],
    rng: np.random.Generator,
    *,
    run_id: str = "sub-01",
    n_volumes: int = 200,
    t_r: float = 2.0,
    n_maps: int = 20,
    filtering: Literal["none", "butterworth", "cosine"] = "none",
    censored: bool = False,
) -> Planted:
    """
    Make the results of one run with a fault, or without any.

    Parameters
    ----------
    fault : str
        One of `FAULTS`, or '' for none.
    rng : Generator
        Source of randomness.
    run_id : str
        The run.
    n_volumes : int
        T.
    t_r : float
        True repetition time, seconds.
    n_maps : int
        K.
    filtering : {'none', 'butterworth', 'cosine'}
        How cleaning filters.
    censored : bool
        Whether the head jerked in some volumes, which the sample mask leaves out.

    Returns
    -------
    Planted
        The run and the truth about it.
    """
    motion, keep, displacement = _motion(n_volumes, t_r, censored, rng)
    neural = 0.0 if fault == "noise only" else 1.0
    signals = _signals(n_volumes, t_r, n_maps, neural, rng)
    signals += motion @ rng.normal(0, 0.15, (motion.shape[1], n_maps))
    size = signals.std(axis=0)
    signals += _drift(n_volumes, n_maps, rng) * size
    signals[~keep] += rng.choice([-1, 1], n_maps) * rng.uniform(4, 10, n_maps) * size
    draft = _Draft(
        signals,
        size,
        keep,
        np.clip(1 - rng.gamma(1.5, 0.02, n_maps), 0.7, 1.0),
        [f"region_{number:03d}" for number in range(n_maps)],
        t_r,
    )
    confounds = motion
    if fault == "too few degrees of freedom":
        n_spare = int(keep.sum()) - motion.shape[1]
        n_more = max(0, n_spare - int(rng.integers(2, 10)))
        confounds = np.hstack([motion, rng.standard_normal((n_volumes, n_more))])
    elif fault:
        _FAULTS.get(fault, _nothing)(draft, rng)
    amplitude = BASELINE * rng.uniform(0.004, 0.01) * np.exp(rng.normal(0, 0.4, n_maps))
    baseline = np.where(draft.raw.any(axis=0), BASELINE, 0.0)
    raw = baseline + draft.raw * amplitude / size.mean()
    cleaned, summary = _clean(raw, confounds, draft, filtering, fault == "uncleaned")
    run = RunResults(
        run_id=run_id,
        names=draft.names,
        raw=raw,
        cleaned=cleaned,
        keep=keep,
        t_r=draft.t_r,
        atlas="planted",
        confounds=confounds,
        confound_names=[f"confound_{number}" for number in range(confounds.shape[1])],
        motion=displacement,
        coverage=draft.coverage,
        summary=summary,
    )
    return Planted(run, fault, draft.volumes, draft.maps, draft.spared)


def _signals(
    n_volumes: int, t_r: float, n_maps: int, neural: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Make neural activity, respiration and noise; the activity's standard deviation is 1."""
    n_networks = max(2, min(7, n_maps // 3))
    pace = np.exp(rng.normal(0, 0.1))
    slope = rng.uniform(0.6, 1.1)
    shared = _haemodynamic(n_volumes, t_r, np.full(n_networks + 1, pace), slope, rng)
    own = _haemodynamic(n_volumes, t_r, pace * np.exp(rng.normal(0, 0.07, n_maps)), slope, rng)
    weights = np.zeros((n_networks + 1, n_maps))
    weights[np.arange(n_maps) % n_networks, np.arange(n_maps)] = rng.uniform(0.6, 1.2, n_maps)
    weights[-1] = rng.uniform(0.2, 0.7) * rng.uniform(0.6, 1.4, n_maps)
    signals = shared @ weights + 0.8 * own
    signals *= neural / signals.std(axis=0)
    times = t_r * np.arange(n_volumes)
    phase = 2 * np.pi * rng.uniform(0.2, 0.35) * times + np.cumsum(rng.normal(0, 0.2, n_volumes))
    signals += np.outer(np.sin(phase), rng.uniform(0, 0.4, n_maps))
    # Short repetition times have less contrast in a volume, and more volumes.
    level = np.exp(rng.uniform(*np.log(NOISE_LEVELS))) * (1.5 if t_r < 1 else 1.0)
    white = rng.standard_normal((n_volumes, n_maps))
    white += 0.3 * np.roll(white, 1, axis=1)
    return np.asarray(signals + level * np.exp(rng.normal(0, 0.2, n_maps)) * white)


def _haemodynamic(
    n_volumes: int,
    t_r: float,
    pace: NDArray[np.float64],
    slope: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Make (T, N) signals of variance 1 whose spectrum is f^-slope times the response's."""
    n_long = 2 * n_volumes + 64
    frequencies = np.fft.rfftfreq(n_long, t_r)[1:, np.newaxis]
    response = (1 + (2 * np.pi * frequencies * HRF_SECONDS * pace) ** 2) ** (-HRF_SHAPE / 2)
    amplitude = np.maximum(frequencies, 0.005) ** (-slope / 2) * response
    shape = amplitude.shape
    waves = amplitude * (rng.standard_normal(shape) + 1j * rng.standard_normal(shape))
    # A stretch of a longer record: the ends do not meet.
    signals = np.fft.irfft(np.vstack([np.zeros((1, shape[1])), waves]), n_long, axis=0)
    signals = signals[:n_volumes]
    return np.asarray(signals / signals.std(axis=0))


def _drift(n_volumes: int, n_maps: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Make a line and half a wave of a size that scanners have."""
    time = np.linspace(-1, 1, n_volumes)[:, np.newaxis]
    line = rng.normal(0, 1.0, n_maps) + rng.normal(0, 1.0)
    wave = rng.normal(0, 0.5, n_maps)
    return np.asarray(line * time + wave * np.cos(np.pi * time))


def _motion(
    n_volumes: int, t_r: float, censored: bool, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
    """Make six courses of unit variance, the sample mask, and framewise displacement in mm."""
    steps = rng.standard_normal((n_volumes, 6)) * np.sqrt(t_r / 2)
    courses = np.cumsum(steps, axis=0)
    courses -= np.linspace(0, 1, n_volumes)[:, np.newaxis] * courses[-1]
    courses = courses / courses.std(axis=0) + 0.3 * rng.standard_normal((n_volumes, 6))
    keep = np.ones(n_volumes, dtype=bool)
    displacement = np.abs(rng.normal(0.1, 0.04, n_volumes))
    if censored:
        n_jerks = max(1, round(rng.uniform(0.02, 0.12) * n_volumes))
        jerks = rng.choice(np.arange(1, n_volumes - 1), n_jerks, replace=False)
        keep[jerks] = False
        displacement[jerks] += rng.uniform(0.5, 1.5, n_jerks)
    return courses, keep, displacement


def _clean(
    raw: NDArray[np.float64],
    confounds: NDArray[np.float64],
    draft: _Draft,
    filtering: str,
    uncleaned: bool,
) -> tuple[NDArray[np.float64], Mapping[str, Any]]:
    """Clean by the package's own steps, or claim to have done so."""
    low, high = {
        "none": (None, None), "butterworth": PASS_BAND[::-1], "cosine": (None, PASS_BAND[0])
    }[filtering]  # fmt: skip
    params = Cleaning(
        detrend=True,
        standardize="zscore_sample",
        filter="cosine" if filtering == "cosine" else "butterworth",
        low_pass=low,
        high_pass=high,
        t_r=draft.t_r,
    )
    cleaned, summary = clean(raw, params, confounds=confounds, sample_mask=draft.keep)
    if uncleaned:
        kept = raw[draft.keep]
        cleaned = (kept - kept.mean(axis=0)) / kept.std(axis=0, ddof=1)
    return cleaned, asdict(summary)


def _nothing(draft: _Draft, rng: np.random.Generator) -> None:
    """Leave the signals as they are: the fault is made elsewhere."""


def _start_up(draft: _Draft, rng: np.random.Generator) -> None:
    """Let magnetisation settle: all signals begin too high and fall to their level."""
    seconds = rng.uniform(0.6, 1.5)
    height = rng.uniform(6, 12) * np.exp(rng.normal(0, 0.2, draft.raw.shape[1]))
    course = np.exp(-draft.t_r * np.arange(len(draft.raw)) / seconds)
    draft.raw += np.outer(course, height * draft.size)
    sizes = course * np.median(height)
    sure = (sizes >= 4) & draft.keep
    draft.volumes = tuple(np.flatnonzero(sure).tolist())
    draft.spared = tuple(np.flatnonzero((sizes >= 0.5) & ~sure).tolist())


def _spikes(draft: _Draft, rng: np.random.Generator) -> None:
    """Let the head jerk in volumes that nothing names: all signals, or half of them, jump."""
    n_maps = draft.raw.shape[1]
    places = np.flatnonzero(draft.keep)[3:-3]
    chosen = np.sort(rng.choice(places, int(rng.integers(1, 6)), replace=False))
    for volume in chosen:
        hit = np.ones(n_maps) if rng.random() < 0.5 else np.arange(n_maps) % 2
        height = rng.uniform(5, 10) * np.exp(rng.normal(0, 0.2, n_maps))
        draft.raw[volume] += rng.choice([-1, 1], n_maps) * hit * height * draft.size
    draft.volumes = tuple(chosen.tolist())


def _dead_region(draft: _Draft, rng: np.random.Generator) -> None:
    """Take the signal out of some maps, as a coil or a hole in the mask does."""
    n_maps = draft.raw.shape[1]
    # A region, not most of the brain.
    n_dead = int(rng.integers(1, min(3, max(1, n_maps // 4)) + 1))
    chosen = np.sort(rng.choice(n_maps, n_dead, replace=False))
    kind = rng.integers(3)
    if kind == 0:
        draft.raw[:, chosen] = 0.0
    elif kind == 1:
        noise = rng.standard_normal((len(draft.raw), len(chosen)))
        draft.raw[:, chosen] = 0.01 * draft.size[chosen] * noise
    else:
        draft.coverage[chosen] = rng.uniform(0, 0.04, len(chosen))
    draft.maps = tuple(draft.names[number] for number in chosen)


def _half_field_of_view(draft: _Draft, rng: np.random.Generator) -> None:
    """Put half of the maps outside the image."""
    n_maps = draft.raw.shape[1]
    chosen = np.arange(n_maps // 2)
    draft.coverage[chosen] = rng.uniform(0, 0.45, len(chosen))
    draft.maps = tuple(draft.names[: n_maps // 2])


def _wrong_t_r(draft: _Draft, rng: np.random.Generator) -> None:
    """Say a repetition time that is not the scanner's."""
    draft.t_r *= float(rng.choice(TR_FACTORS))


_FAULTS = {
    "start-up volumes": _start_up,
    "spikes": _spikes,
    "dead region": _dead_region,
    "half field of view": _half_field_of_view,
    "wrong repetition time": _wrong_t_r,
}
