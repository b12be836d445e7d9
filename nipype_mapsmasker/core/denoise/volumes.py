# SPDX-License-Identifier: Apache-2.0
"""
Volumes that are kept, and why the others are not.

A volume is censored where the head moved (framewise displacement) or the image jumped (DVARS),
and what is left between two such volumes is censored too where it is too short [1]_. Volumes
before the steady state go in any case.

References
----------
.. [1] Power JD et al. Methods to detect, characterize, and remove motion artifact in resting state
   fMRI. NeuroImage 84:320-341, 2014.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from numbers import Real
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.denoise.vocabulary import ConfoundStrategy
from nipype_mapsmasker.errors import ParameterError, SignalError

__all__ = [
    "REASONS",
    "Censoring",
    "Volumes",
    "censoring_of",
    "choose_volumes",
    "short_segments",
]

REASONS = (
    "dummy_scan",
    "no_data",
    "framewise_displacement",
    "std_dvars",
    "short_segment",
    "sample_mask",
)
"""Why a volume is censored: one column each of ``outliers.tsv``."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Censoring:
    """
    Say when volumes are censored.

    Parameters
    ----------
    fd_threshold : float or None
        Framewise displacement, mm; None is off.
    std_dvars_threshold : float or None
        Standardised DVARS; None is off.
    min_segment : int
        Shortest run of volumes that is kept between those that are censored by the two above.
    dummy_scans : int or 'auto'
        Volumes at the start that go: so many, or those that the table flags.
    """

    fd_threshold: float | None = None
    std_dvars_threshold: float | None = None
    min_segment: int = 0
    dummy_scans: int | Literal["auto"] = "auto"


@dataclass(frozen=True, eq=False)
class Volumes:
    """
    Hold which volumes are kept.

    Parameters
    ----------
    keep : (T,) ndarray of bool
        True for a volume that is kept.
    reasons : dict of str to (T,) ndarray of bool
        For each of `REASONS`, the volumes that it censors; a volume may have several.
    """

    keep: Flags
    reasons: dict[str, Flags]

    def counts(self) -> dict[str, int]:
        """Count the volumes of each reason that has any."""
        return {name: int(flags.sum()) for name, flags in self.reasons.items() if flags.any()}

    def named(self) -> list[str]:
        """Give the reasons of each volume in one word, '' for one that is kept."""
        return [
            "+".join(name for name, flags in self.reasons.items() if flags[volume])
            for volume in range(self.keep.size)
        ]


def censoring_of(
    strategy: ConfoundStrategy,
    *,
    fd_thresh: float | Literal["off"] | None = None,
    dvars_thresh: float | Literal["off"] | None = None,
    min_segment: int | None = None,
    dummy_scans: int | Literal["auto"] = "auto",
) -> Censoring:
    """
    Give a strategy's rules, as options change them.

    Parameters
    ----------
    strategy : ConfoundStrategy
        The strategy.
    fd_thresh, dvars_thresh : float, 'off' or None
        A threshold for every strategy, one that scrubs or not; 'off' for none; None leaves the
        strategy's own.
    min_segment : int or None
        Likewise; None leaves the strategy's own.
    dummy_scans : int or 'auto'
        Volumes at the start that go.

    Returns
    -------
    Censoring
        The rules.

    Raises
    ------
    ParameterError
        A value is out of range.

    Examples
    --------
    >>> from nipype_mapsmasker.core.denoise.presets import preset
    >>> censoring_of(preset("simple"), fd_thresh=0.3).fd_threshold
    0.3
    """
    scrubs = "scrub" in strategy.strategy
    own = (strategy.fd_threshold, strategy.std_dvars_threshold) if scrubs else (None, None)
    if dummy_scans != "auto" and (not isinstance(dummy_scans, int) or dummy_scans < 0):
        msg = f"dummy_scans must be 'auto' or a number of volumes, 0 or more; got {dummy_scans!r}."
        raise ParameterError(msg)
    if min_segment is not None and min_segment < 0:
        msg = f"min_segment must be a number of volumes, 0 or more; got {min_segment!r}."
        raise ParameterError(msg)
    return Censoring(
        fd_threshold=_threshold("fd_thresh", fd_thresh, own[0]),
        std_dvars_threshold=_threshold("dvars_thresh", dvars_thresh, own[1]),
        min_segment=strategy.scrub if min_segment is None else min_segment,
        dummy_scans=dummy_scans,
    )


def short_segments(censored: Flags, min_segment: int) -> Flags:
    """
    Find volumes that stand in too short a run between censored ones.

    Parameters
    ----------
    censored : (T,) ndarray of bool
        True for a volume that is censored.
    min_segment : int
        Shortest run that is kept.

    Returns
    -------
    (T,) ndarray of bool
        True for the volumes of shorter runs; none where nothing is censored.

    Notes
    -----
    nilearn: ``optimize_scrub``. The head and the tail of the run count as ends of a segment.

    Examples
    --------
    >>> short_segments(np.array([0, 0, 1, 0, 1, 0, 0], bool), 2).astype(int).tolist()
    [0, 0, 0, 1, 0, 0, 0]
    """
    short = np.zeros(censored.size, dtype=np.bool_)
    if not censored.any():
        return short
    padded = np.concatenate([[True], censored, [True]])
    ends = np.flatnonzero(padded)
    for left, right in pairwise(ends):
        # Between two censored volumes lie right - left - 1 others, from `left` on without padding.
        if 0 < right - left - 1 < min_segment:
            short[left : right - 1] = True
    return short


def choose_volumes(
    n_volumes: int,
    censoring: Censoring,
    *,
    non_steady: Flags | None = None,
    displacement: NDArray[np.float64] | None = None,
    std_dvars: NDArray[np.float64] | None = None,
    no_data: Flags | None = None,
    sample_mask: Flags | None = None,
) -> Volumes:
    """
    Decide which volumes are kept.

    Parameters
    ----------
    n_volumes : int
        T.
    censoring : Censoring
        The rules.
    non_steady : (T,) ndarray of bool, optional
        Volumes that the table flags as before the steady state.
    displacement : (T,) ndarray of float, optional
        Framewise displacement, mm; NaN at the head, where there is nothing to compare with.
    std_dvars : (T,) ndarray of float, optional
        Standardised DVARS, likewise.
    no_data : (T,) ndarray of bool, optional
        Volumes without any data.
    sample_mask : (T,) ndarray of bool, optional
        Volumes that the user keeps.

    Returns
    -------
    Volumes
        What is kept, and the reasons of the rest.

    Raises
    ------
    SignalError
        A threshold is asked for whose measure is not there, or lacks values after its head.

    Notes
    -----
    As in nilearn, segments are told by displacement and DVARS alone: volumes before the steady
    state do not cut one.
    """
    reasons = {name: np.zeros(n_volumes, dtype=np.bool_) for name in REASONS}
    if censoring.dummy_scans == "auto":
        if non_steady is not None:
            reasons["dummy_scan"] |= non_steady
    else:
        reasons["dummy_scan"][: int(censoring.dummy_scans)] = True
    measures = (
        ("framewise_displacement", displacement, censoring.fd_threshold),
        ("std_dvars", std_dvars, censoring.std_dvars_threshold),
    )
    for name, values, threshold in measures:
        if threshold is not None:
            reasons[name] |= _above(name, values, threshold, n_volumes)
    moved = reasons["framewise_displacement"] | reasons["std_dvars"]
    reasons["short_segment"] |= short_segments(moved, censoring.min_segment)
    if no_data is not None:
        reasons["no_data"] |= no_data
    if sample_mask is not None:
        reasons["sample_mask"] |= ~sample_mask
    keep = ~np.logical_or.reduce(list(reasons.values()))
    return Volumes(np.asarray(keep), reasons)


def _threshold(name: str, value: float | Literal["off"] | None, own: float | None) -> float | None:
    """Give the threshold that holds."""
    if value is None:
        return own
    if value == "off":
        return None
    given: object = value  # what the annotation promises is what is being checked
    if isinstance(given, bool) or not isinstance(given, Real) or not 0 < float(given) < np.inf:
        msg = f"{name} must be a number above 0, or 'off'; got {value!r}."
        raise ParameterError(msg)
    return float(value)


def _above(
    name: str, values: NDArray[np.float64] | None, threshold: float, n_volumes: int
) -> Flags:
    """Flag what lies above a threshold."""
    option = "fd_thresh" if name == "framewise_displacement" else "dvars_thresh"
    if values is None or np.isnan(values).all():
        what = "no column" if values is None else "no value in column"
        msg = (
            f"The confounds have {what} {name!r}, which a threshold of {threshold:g} needs; give "
            f"a table that has it, or switch {option} off."
        )
        raise SignalError(msg)
    missing = np.isnan(values)
    first = int(np.argmin(missing))
    if missing[first:].any():
        volume = first + int(np.argmax(missing[first:]))
        msg = (
            f"The confounds have no value of {name!r} at volume {volume} of {n_volumes}, so that "
            f"a threshold of {threshold:g} cannot tell; fill it, or switch {option} off."
        )
        raise SignalError(msg)
    return np.asarray(np.nan_to_num(values, nan=0.0) > threshold)
