# SPDX-License-Identifier: Apache-2.0
"""The reference's arguments as this package's parameters, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np

from nipype_mapsmasker.core.parameters import Cleaning, FittingParameters
from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.maskers.sklearn_face import CLEAN_PREFIX

__all__ = ["Settings", "n_processes", "settings_of", "summary_of"]

CLEAN_ARGUMENTS = {
    "filter": "filter",
    "ensure_finite": "ensure_finite",
    "extrapolate": "extrapolate",
    "butterworth__order": "butterworth_order",
    "butterworth__padtype": "butterworth_padtype",
    "butterworth__padlen": "butterworth_padlen",
}
"""The reference's names of what goes to the cleaning, and ours."""

RESAMPLING_TARGETS = ("data", "mask", "maps", None)
"""Whose grid everything is brought to."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """
    Hold what a masker was told, in this package's words.

    Parameters
    ----------
    fitting : FittingParameters
        How maps are fitted.
    cleaning : Cleaning
        How signals are cleaned.
    high_variance_confounds, keep_masked_maps, reports : bool
        As the reference has them.
    dtype : dtype or None
        Of the signals; None is float64.
    """

    fitting: FittingParameters
    cleaning: Cleaning
    high_variance_confounds: bool
    keep_masked_maps: bool
    reports: bool
    dtype: np.dtype[Any] | None


def settings_of(masker: Any) -> Settings:
    """
    Read and check a masker's arguments.

    Parameters
    ----------
    masker : object
        With the reference's arguments as attributes.

    Returns
    -------
    Settings
        In this package's words.

    Raises
    ------
    ParameterError
        A value that makes no sense, alone or with others.
    """
    if masker.resampling_target not in RESAMPLING_TARGETS:
        msg = (
            f"resampling_target must be one of {RESAMPLING_TARGETS}; got "
            f"{masker.resampling_target!r}."
        )
        raise ParameterError(msg)
    given = {
        **dict(masker.clean_args or {}),
        **{name.removeprefix(CLEAN_PREFIX): value for name, value in masker._clean_kwargs.items()},
    }
    unknown = sorted(set(given) - set(CLEAN_ARGUMENTS))
    if unknown:
        msg = (
            f"clean_args and {CLEAN_PREFIX}* set {unknown}, which is not known; expected among "
            f"{sorted(CLEAN_ARGUMENTS)}."
        )
        raise ParameterError(msg)
    cleaning = Cleaning(
        detrend=_truth("detrend", masker.detrend),
        standardize=_standardize(masker.standardize),
        standardize_confounds=_truth("standardize_confounds", masker.standardize_confounds),
        low_pass=masker.low_pass,
        high_pass=masker.high_pass,
        t_r=masker.t_r,
        **{CLEAN_ARGUMENTS[name]: value for name, value in given.items()},
    )
    cleaning.check()
    return Settings(
        fitting=FittingParameters(
            allow_overlap=_truth("allow_overlap", masker.allow_overlap),
            smoothing_fwhm=_widths(masker.smoothing_fwhm),
            resampling_target=masker.resampling_target,
        ),
        cleaning=cleaning,
        high_variance_confounds=_truth("high_variance_confounds", masker.high_variance_confounds),
        keep_masked_maps=_truth("keep_masked_maps", masker.keep_masked_maps),
        reports=_truth("reports", masker.reports),
        dtype=_dtype(masker.dtype),
    )


def n_processes(n_jobs: Any) -> int:
    """
    Read joblib's number of jobs.

    Parameters
    ----------
    n_jobs : int or None
        -1 is all cores, -2 all but one, and so on; None is 1.

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    ParameterError
        It is 0 or no whole number.
    """
    if n_jobs is None:
        return 1
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, Integral) or n_jobs == 0:
        msg = f"n_jobs must be a whole number other than 0, -1 for all cores; got {n_jobs!r}."
        raise ParameterError(msg)
    wanted = int(n_jobs)
    if wanted > 0:
        return wanted
    from nipype_mapsmasker.plugins import available_cpus

    return max(1, int(available_cpus()) + 1 + wanted)


def _truth(name: str, value: Any) -> bool:
    """Read True or False."""
    if not isinstance(value, bool | np.bool_):
        msg = f"{name} must be True or False; got {value!r}."
        raise ParameterError(msg)
    return bool(value)


def _standardize(value: Any) -> Any:
    """Read the standardisation; True means the population's deviation, as the reference page."""
    if isinstance(value, bool | np.bool_):
        return "zscore" if value else None
    return value


def _widths(fwhm: Any) -> float | tuple[float, ...] | None:
    """Read one width or three."""
    if fwhm is None:
        return None
    if isinstance(fwhm, Real) and str(fwhm) not in ("True", "False"):
        return float(fwhm)
    try:
        widths = tuple(0.0 if width is None else float(width) for width in fwhm)
    except (TypeError, ValueError):
        widths = ()
    if len(widths) != 3:
        msg = f"smoothing_fwhm must be one width in mm or three; got {fwhm!r}."
        raise ParameterError(msg)
    return widths


def _dtype(dtype: Any) -> np.dtype[Any] | None:
    """Read the type of the signals."""
    if dtype is None:
        return None
    if isinstance(dtype, str) and dtype == "auto":
        return np.dtype(np.float32)
    try:
        read = np.dtype(dtype)
    except TypeError as error:
        msg = f"dtype must be None, 'auto' or a type of numpy; got {dtype!r}."
        raise ParameterError(msg) from error
    if read.kind == "b":
        msg = "'dtype' cannot be bool: signals are numbers; use a floating-point type."
        raise TypeError(msg)
    if read.kind != "f":
        msg = (
            f"dtype must be a floating-point type, 'auto' or None; got {dtype!r}: it would cut "
            "the signals' decimals off."
        )
        raise ParameterError(msg)
    return read


def summary_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """
    Give a masker's arguments as short plain values, for a page.

    Parameters
    ----------
    values : mapping
        By name.

    Returns
    -------
    dict
        Numbers, texts and truths; images and other objects by what they are.
    """
    plain = (bool, int, float, str, type(None))
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, plain):
            found[name] = value
        elif hasattr(value, "shape"):
            found[name] = f"{type(value).__name__} of shape {tuple(value.shape)}"
        else:
            found[name] = str(value)
    return found
