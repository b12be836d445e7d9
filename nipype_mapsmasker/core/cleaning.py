# SPDX-License-Identifier: Apache-2.0
"""
Clean region signals: interpolate, detrend, filter, censor, regress, standardise.

The steps and their order follow Lindquist et al. (2019), so that no step brings back what an
earlier one removed; each is a public function of its own in `standardize`, `filters` and
`regression`, and `clean` composes them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nipype_mapsmasker.core.filters import Butterworth, cosine_drifts, interpolate_censored
from nipype_mapsmasker.core.freedom import degrees_of_freedom
from nipype_mapsmasker.core.parameters import Cleaning
from nipype_mapsmasker.core.regression import confound_basis, project_out, scale_confounds
from nipype_mapsmasker.core.signal_inputs import as_confounds, as_keep, as_signals, listed
from nipype_mapsmasker.core.standardize import (
    ZERO_FLOOR,
    detrend,
    magnitude,
    percent_signal_change,
    unit_of,
    zscore,
)
from nipype_mapsmasker.errors import SignalError

__all__ = ["Cleaning", "CleaningSummary", "clean", "refuse_nothing"]

_PASSIVE_STEPS = ("non-finite values set to zero", "censor")
"""Steps that leave the values of other volumes of the same column alone."""

NOTHING_LEFT = 1e-6
"""Share of a signal's standard deviation below which nothing of it is left."""


@dataclass(kw_only=True)
class CleaningSummary:
    """
    Tell what was done to a run's signals; every field is plain JSON.

    Parameters
    ----------
    n_volumes, n_kept : int
        Volumes in the run, and volumes left after censoring.
    confound_rank : int
        Directions removed by regression, cosines included.
    degrees_of_freedom : int
        Rank of the whole linear map from the kept volumes to the cleaned ones: detrending, filter,
        censoring, regression, removal of the mean. Of the directions that a Butterworth filter
        weakens those count that keep half of their size, which is what its cut-offs mean.
    variation_left : float or None
        The largest share of a signal's standard deviation that is left before it is standardised;
        None where no signal varies.
    low_pass, high_pass : float or None
        Effective cut-offs in Hz.
    steps : list of str
        What was done, in order.
    warnings : list of str
        Whatever the user should know, one sentence each.
    """

    n_volumes: int
    n_kept: int
    confound_rank: int = 0
    degrees_of_freedom: int = 0
    variation_left: float | None = None
    low_pass: float | None = None
    high_pass: float | None = None
    steps: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def clean(
    signals: ArrayLike,
    params: Cleaning,
    *,
    confounds: ArrayLike | None = None,
    sample_mask: ArrayLike | None = None,
) -> tuple[NDArray[np.float64], CleaningSummary]:
    r"""
    Clean signals by one strategy.

    .. math:: \hat{S} = \mathrm{std}\left((I - QQ^\top)\; E\, F\, D\, I_c\, S\right), \quad
              Q = \mathrm{orth}\left(E\, F\, D\, I_c\, C\right)

    with I_c the interpolation of censored volumes, D the detrending, F the Butterworth filter and
    E the censoring. Without a Butterworth filter nothing is interpolated and E comes first; the
    cosine filter adds its columns to C before that.

    Parameters
    ----------
    signals : (T, K) array_like of float
        One column per region; computed in float64 whatever arrives, and never changed.
    params : Cleaning
        The strategy.
    confounds : (T, C) or (T,) array_like of float or None, default=None
        Regressors, filtered and censored like the signals, then regressed out of them.
    sample_mask : (T,) array_like of bool, (n_kept,) array_like of int or None, default=None
        Which volumes are kept: booleans, or sorted indices without repetition.

    Returns
    -------
    cleaned : (n_kept, K) ndarray of float
        The cleaned signals.
    summary : CleaningSummary
        What was done, and every warning.

    Raises
    ------
    ParameterError
        The strategy makes no sense.
    SignalError
        The arrays do not fit together or are too short for the filter.

    Notes
    -----
    nilearn: ``signal.clean``. A column that is NaN in every kept volume is a lost map and comes
    back as NaN; one that has NaN or infinities in some kept volumes is lost as a whole as soon as
    any step but censoring is asked for, which is told in the warnings. What signals and confounds
    hold at censored volumes is never read.

    References
    ----------
    Lindquist MA et al. Modular preprocessing pipelines can reintroduce artifacts into fMRI data.
    Human Brain Mapping 40:2358-2376, 2019.

    Examples
    --------
    What is left has nothing in common with the confounds.

    >>> rng = np.random.default_rng(0)
    >>> signals, motion = rng.normal(size=(50, 3)), rng.normal(size=(50, 2))
    >>> cleaned, summary = clean(signals, Cleaning(detrend=True), confounds=motion)
    >>> bool(np.allclose((motion - motion.mean(axis=0)).T @ cleaned, 0, atol=1e-12))
    True
    >>> summary.confound_rank, summary.degrees_of_freedom
    (2, 46)
    """
    raw = as_signals(signals)
    n_volumes = raw.shape[0]
    params.check(n_volumes)
    keep = as_keep(sample_mask, n_volumes)
    regressors = as_confounds(confounds, n_volumes, keep)
    # By powers of two, which change no digit: squares of 1e200 would overflow.
    regressors /= unit_of(magnitude(regressors[keep]))
    summary = CleaningSummary(n_volumes=n_volumes, n_kept=int(keep.sum()))
    if params.ensure_finite:
        raw = np.where(np.isfinite(raw), raw, 0.0)
        summary.steps.append("non-finite values set to zero")
    present = np.asarray(np.isfinite(raw[keep]).all(axis=0))
    cleaned = raw[keep]
    result = _clean_finite(raw[:, present], params, regressors, keep, summary)
    touched = any(step not in _PASSIVE_STEPS for step in summary.steps)
    _tell_lost(cleaned, present, summary, touched=touched)
    cleaned[:, present] = result
    if touched:
        cleaned[:, ~present] = np.nan
    return cleaned, summary


def refuse_nothing(cleaned: NDArray[np.float64], summary: CleaningSummary) -> None:
    """
    Refuse a result that holds nothing of the signals.

    Parameters
    ----------
    cleaned : (n_kept, K) ndarray of float
        From `clean`.
    summary : CleaningSummary
        From `clean`.

    Raises
    ------
    SignalError
        No degree of freedom or nothing of the variation is left, or every number is zero or n/a.
    """
    done = ", ".join(summary.steps) or "nothing"
    left = summary.variation_left
    if summary.degrees_of_freedom == 0 or (left is not None and left < NOTHING_LEFT):
        msg = (
            f"Cleaning leaves nothing of the signals: of {summary.n_volumes} volumes "
            f"{summary.n_kept} were kept, and after: {done} ({summary.confound_rank} confound "
            f"directions, cut-offs low_pass={summary.low_pass} and high_pass={summary.high_pass} "
            f"Hz) no more than {0.0 if left is None else left:.0e} of the deviation is left "
            f"(degrees of freedom: {summary.degrees_of_freedom}); censor fewer volumes, regress "
            "fewer confounds, or widen the filter."
        )
        raise SignalError(msg)
    if cleaned.size and not (np.isfinite(cleaned) & (cleaned != 0)).any():
        msg = (
            f"Every cleaned signal is zero or n/a in every volume (done: {done}); check that the "
            "image has data that vary under the maps, min_coverage, and what is removed."
        )
        raise SignalError(msg)


def _clean_finite(
    signals: NDArray[np.float64],
    params: Cleaning,
    confounds: NDArray[np.float64],
    keep: NDArray[np.bool_],
    summary: CleaningSummary,
) -> NDArray[np.float64]:
    """Run the steps on columns that are finite in all kept volumes, filling in the summary."""
    baseline = signals[keep].mean(axis=0)
    scale = magnitude(signals[keep])
    variation = signals[keep].std(axis=0)
    confounds = _add_cosines(confounds, params, keep, summary)
    confound_scale = magnitude(confounds[keep])
    bandpass = _butterworth(params, summary)
    _note_steps(params, keep, bandpass, summary)

    def prepare(columns: NDArray[np.float64]) -> NDArray[np.float64]:
        return _prepare(columns, params, keep, bandpass)

    signals, basis = prepare(signals), np.zeros((summary.n_kept, 0))
    if confounds.shape[1]:
        basis = _confound_basis(prepare(confounds), confound_scale, params, summary)
        signals = project_out(signals, basis)
    if params.standardization() is not None and summary.n_kept > 1:
        ones = np.full((summary.n_kept, 1), 1.0 / np.sqrt(summary.n_kept))
    else:
        ones = np.zeros((summary.n_kept, 0))
    summary.degrees_of_freedom = degrees_of_freedom(
        keep, basis, ones, None if bandpass is None else prepare, detrended=params.detrend
    )
    varied = variation > ZERO_FLOOR * scale
    if varied.any():
        shares = signals[:, varied].std(axis=0) / variation[varied]
        summary.variation_left = float(shares.max())
    if summary.degrees_of_freedom == 0:
        summary.warnings.append(
            f"No degrees of freedom are left: {summary.n_kept} of {summary.n_volumes} volumes "
            f"were kept and {summary.confound_rank} confound directions removed; the cleaned "
            "signals mean nothing."
        )
    return _standardize(signals, baseline, scale, params, summary)


def _note_steps(
    params: Cleaning,
    keep: NDArray[np.bool_],
    bandpass: Butterworth | None,
    summary: CleaningSummary,
) -> None:
    """Tell the steps up to the regression, in their order."""
    n_rows, censored = summary.n_kept, summary.n_kept < summary.n_volumes
    if bandpass is not None:
        kept = np.flatnonzero(keep)
        n_rows = keep.size if params.extrapolate else int(kept[-1] - kept[0]) + 1
        if n_rows > summary.n_kept:
            summary.steps.append("interpolate censored volumes")
    elif censored:
        summary.steps.append("censor")
    if params.detrend and n_rows > 1:
        summary.steps.append("detrend")
    elif params.detrend:
        summary.warnings.append("A single volume has no trend; detrending was left out.")
    if bandpass is not None:
        summary.steps.append("butterworth")
        if censored:
            summary.steps.append("censor")


def _prepare(
    columns: NDArray[np.float64],
    params: Cleaning,
    keep: NDArray[np.bool_],
    bandpass: Butterworth | None,
) -> NDArray[np.float64]:
    """Interpolate, detrend, filter and censor signals or confounds: E F D I_c."""
    if bandpass is None:
        columns = columns[keep]
        return detrend(columns, times=np.flatnonzero(keep)) if params.detrend else columns
    columns, inside = interpolate_censored(columns, keep, extrapolate=params.extrapolate)
    if params.detrend:
        columns = detrend(columns)
    return bandpass.apply(columns)[inside]


def _add_cosines(
    confounds: NDArray[np.float64],
    params: Cleaning,
    keep: NDArray[np.bool_],
    summary: CleaningSummary,
) -> NDArray[np.float64]:
    """Put the drifts of the cosine filter beside the confounds, whatever these contain."""
    if params.filter != "cosine":
        return confounds
    t_r, high_pass = params.cosine_cutoff()
    drifts = cosine_drifts(keep.size, t_r, high_pass)
    summary.high_pass = high_pass
    if high_pass * t_r >= 0.5:
        summary.warnings.append(
            f"high_pass={high_pass} Hz is not below the Nyquist frequency of {0.5 / t_r:g} Hz, so "
            "that the cosines explain every signal; lower it."
        )
    if not drifts.shape[1]:
        summary.warnings.append(
            f"The cosine filter has no cosine of {high_pass} Hz or slower in {keep.size} volumes "
            f"of {t_r} s; nothing was filtered."
        )
        return confounds
    summary.steps.append("cosine")
    return np.hstack([confounds, drifts])


def _butterworth(params: Cleaning, summary: CleaningSummary) -> Butterworth | None:
    """Design the filter, if there is one, and note its effective cut-offs."""
    bandpass = params.butterworth()
    if bandpass is not None:
        summary.low_pass, summary.high_pass = bandpass.low_pass, bandpass.high_pass
        summary.warnings.extend(bandpass.warnings)
        if not bandpass.sections.size:
            return None
    elif not params.filter and not (params.low_pass is None and params.high_pass is None):
        summary.warnings.append(
            f"filter=None, so that low_pass={params.low_pass} and high_pass={params.high_pass} "
            "were not used; choose filter='butterworth' or drop the cut-offs."
        )
    return bandpass


def _confound_basis(
    confounds: NDArray[np.float64],
    scale: NDArray[np.float64],
    params: Cleaning,
    summary: CleaningSummary,
) -> NDArray[np.float64]:
    """Give an orthonormal basis of what is regressed out."""
    if not params.detrend and not params.standardize_confounds and params.filter != "cosine":
        summary.warnings.append(
            "Confounds were regressed with detrend=False and standardize_confounds=False: unless "
            "they have zero mean they take part of each signal's mean away, and more besides."
        )
    scaled, flat = scale_confounds(
        confounds, standardize=params.standardize_confounds, scale=scale
    )
    basis = confound_basis(scaled)
    summary.confound_rank = basis.shape[1]
    summary.steps.append("regress confounds")
    if flat.any():
        summary.warnings.append(
            f"{int(flat.sum())} of {flat.size} confounds (columns {listed(flat)}) are zero once "
            "they are censored, detrended, filtered and standardised; they were not used."
        )
    return basis


def _standardize(
    signals: NDArray[np.float64],
    baseline: NDArray[np.float64],
    scale: NDArray[np.float64],
    params: Cleaning,
    summary: CleaningSummary,
) -> NDArray[np.float64]:
    """Standardise as asked for, and tell which columns came out as zero."""
    method = params.standardization()
    if method is None:
        return signals
    if signals.shape[0] == 1:
        summary.warnings.append(
            f"A single volume cannot be standardised; standardize={method!r} was left out."
        )
        return signals
    summary.steps.append(f"standardize {method}")
    if method == "psc":
        standardized, flat = percent_signal_change(signals, baseline, scale)
        reason = "have a mean of zero, of which nothing can be a percentage"
    else:
        standardized, flat = zscore(signals, ddof=int(method == "zscore_sample"), scale=scale)
        reason = "are constant or explained to the last digit by what was removed"
    if flat.any():
        summary.warnings.append(f"{int(flat.sum())} of {flat.size} signals {reason}; set to 0.")
    return standardized


def _tell_lost(
    kept: NDArray[np.float64],
    present: NDArray[np.bool_],
    summary: CleaningSummary,
    *,
    touched: bool,
) -> None:
    """Warn about columns of which only some kept volumes are finite."""
    partial = ~present & ~np.isnan(kept).all(axis=0)
    if partial.any() and touched:
        summary.warnings.append(
            f"{int(partial.sum())} of {present.size} signals (columns {listed(partial)}) hold "
            "NaN or infinite values in some kept volumes and came out as NaN; ensure_finite=True "
            "would have set those values to zero."
        )
