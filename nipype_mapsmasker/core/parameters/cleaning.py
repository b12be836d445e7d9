# SPDX-License-Identifier: Apache-2.0
"""The parameters of one cleaning strategy, in nilearn's words, and every check on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from nipype_mapsmasker.core.parameters.declare import check_values, parameter
from nipype_mapsmasker.errors import ParameterError, SignalError

if TYPE_CHECKING:
    from nipype_mapsmasker.core.filters import Butterworth

__all__ = [
    "Cleaning",
    "CleaningParameters",
    "ConfoundParameters",
    "Filter",
    "PadType",
    "Standardize",
]

Standardize = Literal["zscore", "zscore_sample", "psc"]
"""Ways of standardising: division by the deviation with ddof 0, with ddof 1, or in percent."""

Filter = Literal["butterworth", "cosine"]
"""Ways of filtering."""

PadType = Literal["odd", "even", "constant"]
"""How a filter continues a signal beyond its ends, in SciPy's words."""


@dataclass(frozen=True, kw_only=True)
class ConfoundParameters:
    """Hold which confounds a strategy uses; `parameters_of` tells what each field is."""

    confounds_columns: Sequence[str] | None = parameter(
        None,
        "names, or patterns such as trans_*, of the columns of the confounds to use; None uses "
        "all",
    )
    confounds_na: Literal["next", "zero", "error"] = parameter(
        "next", "what leading n/a of a confound becomes: the next value, 0, or an error"
    )
    missing_confounds: Literal["error", "skip"] = parameter(
        "error",
        "what a run without a table of confounds is where columns were chosen: at fault, or "
        "cleaned without them",
    )


@dataclass(frozen=True, kw_only=True)
class CleaningParameters:
    """Hold the parameters of a cleaning but the run's own; `parameters_of` tells of each."""

    detrend: bool = parameter(
        False, "whether mean and line are removed from signals and confounds"
    )
    standardize: Standardize | bool | None = parameter(
        None,
        "what signals are divided by: the standard deviation with ddof 0 ('zscore'; True means "
        "this) or ddof 1 ('zscore_sample'), or their mean, in percent ('psc')",
    )
    standardize_confounds: bool = parameter(
        True,
        "whether confounds are standardised before they are regressed out; False keeps their "
        "means, and constants among them",
    )
    filter: Filter | Literal[False] | None = parameter(
        "butterworth", "kind of filter; Butterworth without a cut-off does nothing"
    )
    low_pass: float | None = parameter(None, "upper cut-off in Hz", unit="Hz", above=0)
    high_pass: float | None = parameter(None, "lower cut-off in Hz", unit="Hz", above=0)
    ensure_finite: bool = parameter(
        False, "whether NaN and infinities in the signals are set to 0 first"
    )
    extrapolate: bool = parameter(
        False,
        "whether the Butterworth filter sees extrapolated values for volumes censored at head and "
        "tail, rather than nothing",
    )
    butterworth_order: int = parameter(
        5, "order of the Butterworth filter, which runs forwards and backwards", low=1, high=100
    )
    butterworth_padtype: PadType | None = parameter(
        "odd", "how the Butterworth filter continues a signal beyond its ends"
    )
    butterworth_padlen: int | None = parameter(
        None, "number of volumes of that; None is SciPy's choice", low=0
    )


@dataclass(frozen=True, kw_only=True)
class Cleaning(CleaningParameters):
    """
    Hold one strategy's parameters for runs of one repetition time.

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

    t_r: float | None = parameter(
        None, "repetition time in seconds; filters need it", unit="seconds", above=0
    )

    def check(self, n_volumes: int | None = None) -> None:
        """
        Refuse values that make no sense, before any data are read.

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
        check_values(self)
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
        if self.standardize is None or isinstance(self.standardize, str):
            return self.standardize
        return "zscore" if self.standardize else None

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
        from nipype_mapsmasker.core.filters import design_butterworth  # loads SciPy

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
