# SPDX-License-Identifier: Apache-2.0
"""The parameters of one cleaning strategy, in nilearn's words, and every check on them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Literal

import numpy as np

from nipype_mapsmasker.core.filters import Butterworth, PadType, design_butterworth
from nipype_mapsmasker.errors import ParameterError, SignalError

__all__ = ["Cleaning", "Filter", "Standardize"]

Standardize = Literal["zscore", "zscore_sample", "psc"]
"""Ways of standardising: division by the deviation with ddof 0, with ddof 1, or in percent."""

Filter = Literal["butterworth", "cosine"]
"""Ways of filtering."""

_STANDARDIZE = ("zscore", "zscore_sample", "psc")
_FILTERS = ("butterworth", "cosine")
_PADTYPES = ("odd", "even", "constant")
_SWITCHES = ("detrend", "standardize_confounds", "ensure_finite", "extrapolate")


@dataclass(frozen=True, kw_only=True)
class Cleaning:
    """
    Hold one strategy's parameters.

    Parameters
    ----------
    detrend : bool, default=False
        Remove mean and line from signals and confounds.
    standardize : {'zscore', 'zscore_sample', 'psc'} or bool or None, default=None
        Divide by the standard deviation with ddof 0 or ddof 1, or by the mean, in percent.
        True means 'zscore_sample', False None.
    standardize_confounds : bool, default=True
        Standardise confounds before regression; False divides them by their largest value.
    filter : {'butterworth', 'cosine'} or bool or None, default='butterworth'
        Which filter; False means None. Butterworth without any cut-off does nothing.
    low_pass, high_pass : float or None, default=None
        Cut-offs in Hz.
    t_r : float or None, default=None
        Repetition time in seconds.
    ensure_finite : bool, default=False
        Set NaN and infinities in the signals to zero first.
    extrapolate : bool, default=False
        Let the Butterworth filter see censored volumes at head and tail as extrapolated by the
        spline, rather than not at all.
    butterworth_order : int, default=5
        Order of the filter, which runs forwards and backwards.
    butterworth_padtype : {'odd', 'even', 'constant'} or None, default='odd'
        How ends are continued.
    butterworth_padlen : int or None, default=None
        Volumes of padding; None takes three times the filter's length.

    Notes
    -----
    Making an object checks nothing, because ``t_r`` often comes later; `check` does, and `clean`
    calls it.

    Examples
    --------
    >>> Cleaning(filter="cosine", t_r=2.0).check()
    Traceback (most recent call last):
    ...
    nipype_mapsmasker.errors.ParameterError: filter='cosine' needs high_pass, in Hz; got None: ...
    """

    detrend: bool = False
    standardize: Standardize | bool | None = None
    standardize_confounds: bool = True
    filter: Filter | Literal[False] | None = "butterworth"
    low_pass: float | None = None
    high_pass: float | None = None
    t_r: float | None = None
    ensure_finite: bool = False
    extrapolate: bool = False
    butterworth_order: int = 5
    butterworth_padtype: PadType | None = "odd"
    butterworth_padlen: int | None = None

    def check(self, n_volumes: int | None = None) -> None:
        """
        Refuse what cannot be meant, before any data are read.

        Parameters
        ----------
        n_volumes : int or None, default=None
            Number of volumes of a run, as its header says; None checks the parameters alone.

        Raises
        ------
        ParameterError
            A value is unknown, of the wrong type, or does not go with another.
        SignalError
            The run is too short for the filter.
        """
        self._check_values()
        self._check_filter()
        if n_volumes is None:
            return
        if n_volumes < 1:
            msg = f"There are no volumes to clean; got n_volumes={n_volumes}."
            raise SignalError(msg)
        bandpass = self.butterworth()
        if bandpass is not None:
            bandpass.check(n_volumes)

    def standardization(self) -> Standardize | None:
        """
        Give the way of standardising that is meant.

        Returns
        -------
        {'zscore', 'zscore_sample', 'psc'} or None
            With True and False spelt out.
        """
        if isinstance(self.standardize, (bool, np.bool_)):
            return "zscore_sample" if self.standardize else None
        return self.standardize

    def butterworth(self) -> Butterworth | None:
        """
        Design the Butterworth filter.

        Returns
        -------
        Butterworth or None
            None when there is another filter, none, or no cut-off.

        Raises
        ------
        ParameterError
            As `check`.
        """
        if self.filter != "butterworth" or (self.low_pass is None and self.high_pass is None):
            return None
        self._check_filter()
        assert self.t_r is not None  # _check_filter has refused that
        return design_butterworth(
            float(self.t_r),
            low_pass=None if self.low_pass is None else float(self.low_pass),
            high_pass=None if self.high_pass is None else float(self.high_pass),
            order=int(self.butterworth_order),
            padtype=self.butterworth_padtype,
            padlen=None if self.butterworth_padlen is None else int(self.butterworth_padlen),
        )

    def cosine_cutoff(self) -> tuple[float, float]:
        """
        Give what the cosine filter needs.

        Returns
        -------
        t_r : float
            Repetition time in seconds.
        high_pass : float
            Cut-off in Hz.

        Raises
        ------
        ParameterError
            One of the two is not given.
        """
        self._check_filter()
        assert self.t_r is not None  # _check_filter has refused that
        assert self.high_pass is not None
        return float(self.t_r), float(self.high_pass)

    def _check_values(self) -> None:
        """Check each value by itself."""
        for name in _SWITCHES:
            _check_switch(name, getattr(self, name))
        if not isinstance(self.standardize, (bool, np.bool_)):
            _check_choice("standardize", self.standardize, _STANDARDIZE, "True, False, None")
        if self.filter is not False:
            _check_choice("filter", self.filter, _FILTERS, "None")
        _check_choice("butterworth_padtype", self.butterworth_padtype, _PADTYPES, "None")
        for name, unit in (("low_pass", "Hz"), ("high_pass", "Hz"), ("t_r", "seconds")):
            _check_positive(name, getattr(self, name), unit)
        _check_whole("butterworth_order", self.butterworth_order, least=1)
        if self.butterworth_padlen is not None:
            _check_whole("butterworth_padlen", self.butterworth_padlen, least=0)

    def _check_filter(self) -> None:
        """Check that the filter has what it needs, and nothing that it cannot use."""
        if self.filter == "cosine":
            if self.low_pass is not None:
                msg = (
                    f"filter='cosine' is a high-pass filter and cannot use low_pass="
                    f"{self.low_pass} Hz; use filter='butterworth' or drop low_pass."
                )
                raise ParameterError(msg)
            if self.high_pass is None:
                msg = (
                    "filter='cosine' needs high_pass, in Hz; got None: give it (0.008 is common) "
                    "or set filter=None."
                )
                raise ParameterError(msg)
        cut_offs = (self.low_pass, self.high_pass)
        if not self.filter or cut_offs == (None, None):
            return
        if self.t_r is None:
            msg = (
                f"filter={self.filter!r} needs t_r, the repetition time in seconds; got None: "
                "give it, or set filter=None."
            )
            raise ParameterError(msg)
        if None not in cut_offs and self.high_pass >= self.low_pass:  # type: ignore[operator]
            msg = (
                f"high_pass={self.high_pass} Hz must be below low_pass={self.low_pass} Hz: "
                "frequencies between the two are kept, and here there are none; swap them or drop "
                "one."
            )
            raise ParameterError(msg)


def _check_switch(name: str, value: object) -> None:
    if not isinstance(value, (bool, np.bool_)):
        msg = f"{name} must be True or False; got {value!r}."
        raise ParameterError(msg)


def _check_choice(name: str, value: object, choices: tuple[str, ...], others: str) -> None:
    if value is not None and not (isinstance(value, str) and value in choices):
        known = ", ".join(map(repr, choices))
        msg = f"{name} must be one of {known}, {others}; got {value!r}."
        raise ParameterError(msg)


def _check_positive(name: str, value: object, unit: str) -> None:
    if value is None:
        return
    if (
        isinstance(value, (bool, np.bool_))
        or not isinstance(value, Real)
        or not math.isfinite(value)
        or value <= 0
    ):
        msg = f"{name} must be a positive number of {unit}, or None for none; got {value!r}."
        raise ParameterError(msg)


def _check_whole(name: str, value: object, *, least: int) -> None:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Integral) or value < least:
        msg = f"{name} must be a whole number of at least {least}; got {value!r}."
        raise ParameterError(msg)
