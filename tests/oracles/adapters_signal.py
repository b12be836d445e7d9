# SPDX-License-Identifier: Apache-2.0
"""
Our cleaning under the names and signatures of nilearn 0.14.1's `signal` module.

Two sets. `plain` renames and reorders arguments, and raises the summary's warnings as warnings.
`translated` also says in nilearn's words what ours say in other words, emits the deprecation
warning that we have no reason for, calls once per run, and reads confounds that are not arrays
with nilearn's own reader.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
from nilearn.exceptions import AllVolumesRemovedError
from nilearn.signal import sanitize_confounds

from nipype_mapsmasker.core import cleaning, confounds, filters, standardize
from nipype_mapsmasker.core.parameters import Cleaning
from nipype_mapsmasker.core.signal_inputs import as_keep

__all__ = ["plain", "translated"]

_TEXTS = {
    r"must be below low_pass=(\S+) Hz": "High pass cutoff frequency ({high}) is greater than or "
    "equal to low pass filter frequency ({low}).",
    r"^low_pass=.* not below the Nyquist": "The frequency specified for the low pass filter is "
    "too high",
    r"^high_pass=.* not below the Nyquist": "The frequency specified for the high pass filter is "
    "too high",
    r"^Signals were not filtered": "Signals are returned unfiltered because band-pass critical "
    "frequencies are equal. Please check that inputs for sampling_rate, low_pass, and high_pass "
    "are valid.",
    r"^filter='cosine' needs": "Repetition time (t_r) and low cutoff frequency (high_pass) must "
    "be specified",
    r"^filter='butterworth' needs t_r": "Repetition time (t_r) must be specified for butterworth.",
    r"^filter must be one of": "Filter method not_implemented not implemented.",
    r"^standardize must be one of": "'standardize' must be one of",
    r"^ensure_finite must be": "'ensure_finite' must be one of",
    r"^confounds must be a \(T, C\)": "confound array has an incorrect number of dimensions",
    r"^filter=None, so that": "Will not perform filtering.",
    r"^Confounds were regressed with": "one must perform detrend and/or standardize confounds",
    r"mean of zero, of which": "psc standardization strategy is meaningless",
}
"""Beginnings of our messages, and what nilearn's tests look for instead."""


def _same(text: str) -> str:
    return text


def _translate(text: str) -> str:
    """Give nilearn's words for one of our messages, or the message itself."""
    for pattern, theirs in _TEXTS.items():
        if re.search(pattern, text):
            numbers = re.findall(r"(?:high|low)_pass=([\d.]+)", text)
            low_high = dict(zip(("high", "low"), numbers, strict=False))
            return theirs.format(**low_high) if "{high}" in theirs else theirs
    return text


def _adapters(say: Callable[[str], str], *, translate: bool) -> SimpleNamespace:
    """Make one set of adapters, whose messages go through ``say``."""

    def speak(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except ValueError as error:
            raise type(error)(say(str(error))) from error

    def warn(texts: list[str] | tuple[str, ...]) -> None:
        for text in texts:
            warnings.warn(say(text), UserWarning, stacklevel=3)

    def clean(signals: Any, runs: Any = None, detrend: bool = True,
              standardize: Any = "zscore_sample", sample_mask: Any = None, confounds: Any = None,
              standardize_confounds: bool = True, filter: Any = "butterworth",
              low_pass: Any = None, high_pass: Any = None, t_r: Any = 2.5,
              ensure_finite: Any = False, extrapolate: bool = False,
              **kwargs: Any) -> Any:  # fmt: skip
        if translate:
            if isinstance(standardize, bool):
                text = "boolean values for 'standardize' will be deprecated"
                warnings.warn(text, FutureWarning, stacklevel=2)
                # There True is the sample's deviation, here the population's.
                standardize = "zscore_sample" if standardize else None
            if isinstance(confounds, (list, tuple)) or hasattr(confounds, "__fspath__"):
                confounds = sanitize_confounds(len(signals), _paths_as_text(confounds))
        params = Cleaning(
            detrend=detrend, standardize=standardize, filter=filter, low_pass=low_pass,
            standardize_confounds=standardize_confounds, high_pass=high_pass, t_r=t_r,
            ensure_finite=ensure_finite, extrapolate=extrapolate,
            **{key.replace("__", "_"): value for key, value in kwargs.items()},
        )  # fmt: skip
        if runs is not None and translate:
            return np.vstack([
                speak(lambda rows=runs == run, number=number: cleaning.clean(
                    signals[rows], params,
                    confounds=None if confounds is None else confounds[rows],
                    sample_mask=None if sample_mask is None else sample_mask[number],
                ))[0]
                for number, run in enumerate(np.unique(runs))
            ])  # fmt: skip
        if runs is not None:
            raise TypeError("runs")  # noqa: EM101
        cleaned, summary = speak(
            lambda: cleaning.clean(signals, params, confounds=confounds, sample_mask=sample_mask)
        )
        warn(summary.warnings)
        return cleaned

    def butterworth(signals: Any, sampling_rate: float, low_pass: Any = None,
                    high_pass: Any = None, order: int = 5, padtype: Any = "odd",
                    padlen: int | None = None, copy: bool = False) -> Any:  # fmt: skip
        params = Cleaning(low_pass=low_pass, high_pass=high_pass, t_r=1 / sampling_rate,
                          butterworth_order=order, butterworth_padtype=padtype,
                          butterworth_padlen=padlen)  # fmt: skip
        speak(params.check)
        bandpass = params.butterworth()
        warn(bandpass.warnings)
        filtered = bandpass.apply(signals.reshape(len(signals), -1)).reshape(signals.shape)
        if copy:
            return filtered
        signals[...] = filtered
        return signals

    def standardize_signal(signals: Any, detrend: bool = False,
                           standardize: Any = "zscore_sample") -> Any:  # fmt: skip
        if translate and standardize is True:
            standardize = "zscore_sample"
        params = Cleaning(detrend=detrend, standardize=standardize)
        cleaned, summary = speak(lambda: cleaning.clean(signals, params))
        warn(summary.warnings)
        return cleaned

    def high_variance_confounds(series: Any, n_confounds: int = 5, percentile: float = 2.0,
                                detrend: bool = True) -> Any:  # fmt: skip
        return confounds.high_variance_confounds(
            lambda: [series[:8], series[8:]], len(series),
            n_confounds=n_confounds, percentile=percentile, detrend=detrend,
        )  # fmt: skip

    return SimpleNamespace(
        clean=clean,
        butterworth=butterworth,
        standardize_signal=standardize_signal,
        high_variance_confounds=high_variance_confounds,
        _detrend=_detrend,
        _mean_of_squares=_mean_of_squares,
        row_sum_of_squares=lambda signals: _mean_of_squares(signals) * len(signals),
        create_cosine_drift=_create_cosine_drift,
        _create_cosine_drift_terms=_create_cosine_drift_terms,
        _handle_scrubbed_volumes=_handle_scrubbed_volumes,
        _censor_signals=lambda signals, regressors, mask: (signals[mask], regressors[mask]),
    )


def _paths_as_text(confounds: Any) -> Any:
    """Give nilearn's reader the text of paths, as nilearn does."""
    if isinstance(confounds, (list, tuple)):
        return [_paths_as_text(one) for one in confounds]
    return str(confounds) if hasattr(confounds, "__fspath__") else confounds


def _detrend(signals: Any, inplace: bool = False, type: str = "linear") -> Any:
    result = standardize.detrend(signals.astype(float), type)
    if inplace and signals.dtype.kind == "f":
        signals[...] = result
        return signals
    return result


def _mean_of_squares(signals: Any) -> Any:
    return confounds.mean_squares(lambda: [signals], len(signals), detrend=False)


def _create_cosine_drift(high_pass: float, frame_times: Any) -> Any:
    drifts = filters.cosine_drifts(len(frame_times), frame_times[1] - frame_times[0], high_pass)
    return np.hstack([drifts, np.ones((len(frame_times), 1))])


def _create_cosine_drift_terms(signals: Any, confounds: Any, high_pass: float, t_r: float) -> Any:
    drifts = filters.cosine_drifts(len(signals), t_r, high_pass)
    return drifts if confounds is None else np.hstack([confounds, drifts])


def _handle_scrubbed_volumes(signals: Any, confounds: Any, sample_mask: Any, filter_type: str,
                             t_r: float, extrapolate: bool) -> Any:  # fmt: skip
    del t_r  # the spline is the same in seconds and in volume numbers
    if not len(sample_mask):
        raise AllVolumesRemovedError
    keep = as_keep(sample_mask, len(signals))
    if filter_type != "butterworth":
        return signals[keep], confounds[keep], sample_mask
    filled, inside = filters.interpolate_censored(signals, keep, extrapolate=extrapolate)
    regressors, _ = filters.interpolate_censored(confounds, keep, extrapolate=extrapolate)
    return filled, regressors, np.flatnonzero(inside)


plain = _adapters(_same, translate=False)
"""Names and argument orders only."""

translated = _adapters(_translate, translate=True)
"""Also messages, runs and files."""
