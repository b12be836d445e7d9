# SPDX-License-Identifier: Apache-2.0
"""Temporal filters: Butterworth, cosine drifts, and splines over censored volumes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.parameters.cleaning import PadType
from nipype_mapsmasker.errors import ParameterError, SignalError

__all__ = [
    "Butterworth",
    "cosine_drifts",
    "design_butterworth",
    "interpolate_censored",
]

NYQUIST_MARGIN = 10 * np.finfo(np.float32).eps
"""A cut-off at or above the Nyquist frequency is lowered to this share below it."""

MIN_CUTOFF = 1e-7
"""Smallest share of the Nyquist frequency whose filter is right in 64 bits; at 1e-9 it is none."""


@dataclass(frozen=True)
class Butterworth:
    """
    Hold a designed Butterworth filter.

    Parameters
    ----------
    sections : (n_sections, 6) ndarray of float
        Second-order sections; none (0, 6) when the filter lets everything pass.
    low_pass, high_pass : float or None
        Effective cut-offs in Hz, after what the Nyquist frequency made of them.
    padtype : {'odd', 'even', 'constant'} or None
        How ends are continued.
    padding : int
        Volumes added at both ends; a signal must have more volumes than that.
    warnings : tuple of str
        What was changed with respect to the cut-offs that were asked for.
    """

    sections: NDArray[np.float64]
    low_pass: float | None
    high_pass: float | None
    padtype: PadType | None
    padding: int
    warnings: tuple[str, ...]

    def check(self, n_volumes: int) -> None:
        """
        Refuse signals that are too short to be padded.

        Parameters
        ----------
        n_volumes : int
            Number of volumes that would be filtered.

        Raises
        ------
        SignalError
            There are not more volumes than padding.
        """
        if self.sections.size and n_volumes <= self.padding:
            msg = (
                f"The Butterworth filter pads {self.padding} volumes at both ends and needs more "
                f"volumes than that to work on; got {n_volumes}: lower butterworth_order or "
                "butterworth_padlen, or filter with 'cosine' or not at all."
            )
            raise SignalError(msg)

    def apply(self, signals: NDArray[np.float64]) -> NDArray[np.float64]:
        r"""
        Filter forwards and backwards, which leaves the phase alone.

        .. math:: S'(f) = |H(f)|^2\,S(f)

        Parameters
        ----------
        signals : (T, K) ndarray of float
            One signal per column.

        Returns
        -------
        (T, K) ndarray of float
            The filtered signals.

        Raises
        ------
        SignalError
            There are not more volumes than padding.

        Examples
        --------
        A low-pass filter keeps a constant.

        >>> low = design_butterworth(2.0, low_pass=0.1)
        >>> bool(np.allclose(low.apply(np.full((30, 1), 7.0)), 7.0))
        True
        """
        self.check(signals.shape[0])
        if not self.sections.size or not signals.shape[1]:
            return signals.copy()
        # Here and below: SciPy's slowest imports, which a run without a filter does not need.
        from scipy import signal

        return np.asarray(
            signal.sosfiltfilt(
                self.sections, signals, axis=0, padtype=self.padtype, padlen=self.padding
            )
        )


def design_butterworth(
    t_r: float,
    *,
    low_pass: float | None = None,
    high_pass: float | None = None,
    order: int = 5,
    padtype: PadType | None = "odd",
    padlen: int | None = None,
) -> Butterworth:
    r"""
    Design a low-pass, high-pass or band-pass Butterworth filter.

    .. math:: |H(f)|^2 = 1 \big/ \left(1 + (f / f_c)^{2N}\right) \quad \text{(low-pass)}

    Parameters
    ----------
    t_r : float
        Repetition time in seconds; the sampling rate is its inverse.
    low_pass, high_pass : float or None, default=None
        Cut-offs in Hz; None leaves that side open.
    order : int, default=5
        The N of the equation. The filter is applied twice, which doubles it.
    padtype : {'odd', 'even', 'constant'} or None, default='odd'
        How the ends are continued; None adds no padding.
    padlen : int or None, default=None
        Volumes of padding; None takes three times the length of the filter.

    Returns
    -------
    Butterworth
        The filter, with its effective cut-offs and any warnings.

    Raises
    ------
    ParameterError
        ``high_pass`` is not below ``low_pass``.

    Notes
    -----
    A digital filter is unstable at the Nyquist frequency, so that a cut-off at or above it is
    lowered to just below, with a warning, as nilearn does (``signal.butterworth``). If that makes
    both cut-offs equal nothing is filtered, with another warning.

    References
    ----------
    Gustafsson F. Determining the initial states in forward-backward filtering. IEEE Transactions
    on Signal Processing 44:988-992, 1996.

    Examples
    --------
    >>> design_butterworth(2.0, high_pass=0.01, low_pass=0.1).padding
    33
    >>> design_butterworth(2.0, low_pass=0.3).warnings[0][:44]
    'low_pass=0.3 Hz is not below the Nyquist fre'
    """
    if low_pass is not None and high_pass is not None and high_pass >= low_pass:
        msg = (
            f"high_pass={high_pass} Hz must be below low_pass={low_pass} Hz: frequencies between "
            "the two are kept, and here there are none; swap them or drop one."
        )
        raise ParameterError(msg)
    rate = 1.0 / t_r
    warnings: list[str] = []
    high = _below_nyquist("high_pass", high_pass, rate, warnings)
    low = _below_nyquist("low_pass", low_pass, rate, warnings)
    if high is not None and high == low:
        warnings.append(
            f"Signals were not filtered: low_pass={low_pass} Hz and high_pass={high_pass} Hz both "
            f"lie at or above the Nyquist frequency of {rate / 2:g} Hz; check t_r={t_r} s."
        )
        high = low = None
    if high is None and low is None:
        return Butterworth(np.zeros((0, 6)), None, None, padtype, 0, tuple(warnings))
    edges: list[float | np.float32] = [cut for cut in (high, low) if cut is not None]
    kind = "bandpass" if len(edges) == 2 else ("highpass" if low is None else "lowpass")
    slowest = min(map(float, edges))
    if slowest < MIN_CUTOFF * rate / 2:
        msg = (
            f"A cut-off of {slowest:g} Hz is less than {MIN_CUTOFF:g} of the Nyquist frequency of "
            f"{rate / 2:g} Hz, too slow to be filtered in numbers of 64 bits; check t_r={t_r:g} "
            "s, or leave the cut-off out."
        )
        raise ParameterError(msg)
    from scipy import signal

    sections = signal.butter(
        order, edges if len(edges) == 2 else edges[0], kind, output="sos", fs=rate
    )
    padding = _default_padding(sections) if padlen is None else padlen
    if padtype is None:
        padding = 0
    low, high = (None if cut is None else float(cut) for cut in (low, high))
    return Butterworth(sections, low, high, padtype, padding, tuple(warnings))


def cosine_drifts(n_volumes: int, t_r: float, high_pass: float) -> NDArray[np.float64]:
    r"""
    Give the slow cosines that stand for drifts: SPM's discrete cosine set without its constant.

    .. math:: c_k(t) = \sqrt{2/T}\,\cos\!\left(\frac{\pi k}{T}\,(t + \tfrac12)\right), \quad
              k = 1 \ldots \min(T - 1, \lfloor 2\,T\,f\,\mathrm{TR} \rfloor)

    Parameters
    ----------
    n_volumes : int
        Number of volumes T.
    t_r : float
        Repetition time in seconds.
    high_pass : float
        Cut-off f in Hz: cosines up to this frequency are given.

    Returns
    -------
    (T, n_drifts) ndarray of float
        Orthonormal columns; none when the run is too short for the slowest one.

    Notes
    -----
    nilearn: ``signal.create_cosine_drift``, without the last column.

    References
    ----------
    Ashburner J et al. SPM12 manual, ``spm_dctmtx``.

    Examples
    --------
    The set is orthonormal and has no mean.

    >>> drifts = cosine_drifts(100, 2.0, 0.01)
    >>> drifts.shape
    (100, 4)
    >>> bool(np.allclose(drifts.T @ drifts, np.eye(4))), bool(np.allclose(drifts.sum(0), 0))
    (True, True)
    """
    if n_volumes < 2:
        return np.zeros((n_volumes, 0))
    # The time step is worked out as nilearn does, from the last volume's time: where 2 T f TR is
    # a whole number, round-off decides about the last cosine, and both must decide alike.
    step = (n_volumes - 1) * t_r / (n_volumes - 1)
    n_drifts = min(n_volumes - 1, int(np.floor(2 * n_volumes * high_pass * step)))
    phase = (np.pi / n_volumes) * (np.arange(n_volumes) + 0.5)
    drifts = np.sqrt(2.0 / n_volumes) * np.cos(np.outer(phase, np.arange(1, n_drifts + 1)))
    return np.asarray(drifts, dtype=np.float64)


def interpolate_censored(
    signals: NDArray[np.float64], keep: NDArray[np.bool_], *, extrapolate: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """
    Replace censored volumes by a cubic spline through the kept ones.

    Parameters
    ----------
    signals : (T, K) ndarray of float
        One signal per column; what it holds at censored volumes is never read.
    keep : (T,) ndarray of bool
        True for a volume that is kept.
    extrapolate : bool, default=False
        True continues the spline over censored volumes at the head and the tail. False leaves
        those volumes out: the result starts at the first kept volume and ends at the last.

    Returns
    -------
    filled : (T', K) ndarray of float
        Evenly sampled signals; T' = T with ``extrapolate``.
    keep : (T',) ndarray of bool
        Which of these rows are kept volumes; they stay in their order and number.

    Raises
    ------
    SignalError
        No volume is kept, or a single one that nothing can be interpolated from.

    Notes
    -----
    nilearn 0.10 to 0.14.1 inverts an array of *indices* here and so writes the splined values at
    mirrored positions, and lets the censored volumes themselves into the filter.

    References
    ----------
    Lindquist MA et al. Modular preprocessing pipelines can reintroduce artifacts into fMRI data.
    Human Brain Mapping 40:2358-2376, 2019.

    Examples
    --------
    What censored volumes hold has no influence.

    >>> signals = np.array([[1.0], [2.0], [999.0], [4.0], [5.0]])
    >>> filled, keep = interpolate_censored(signals, signals[:, 0] != 999)
    >>> filled.round(12).ravel().tolist()
    [1.0, 2.0, 3.0, 4.0, 5.0]
    """
    kept = np.flatnonzero(keep)
    if not kept.size:
        msg = f"The sample mask keeps none of the {keep.size} volumes; nothing is left to clean."
        raise SignalError(msg)
    first, last = (0, keep.size - 1) if extrapolate else (int(kept[0]), int(kept[-1]))
    span = slice(first, last + 1)
    filled, inside = signals[span].copy(), keep[span].copy()
    holes = np.flatnonzero(~inside)
    if not holes.size or not signals.shape[1]:
        return filled, inside
    if kept.size < 2:
        msg = (
            f"The sample mask keeps 1 of {keep.size} volumes, from which the others cannot be "
            "interpolated for the Butterworth filter; keep more volumes or use filter='cosine'."
        )
        raise SignalError(msg)
    from scipy import interpolate

    spline = interpolate.CubicSpline(kept, signals[kept], axis=0)
    filled[holes] = spline(holes + first)
    return filled, inside


def _below_nyquist(
    name: str, cut_off: float | None, rate: float, warnings: list[str]
) -> float | np.float32 | None:
    """Lower a cut-off (Hz) to just below the Nyquist frequency, telling so in ``warnings``."""
    nyquist = rate / 2
    if cut_off is None or cut_off < nyquist:
        return cut_off
    # Single precision, and kept so for the design: that is how nilearn arrives at its filter, and
    # this close to the Nyquist frequency rounding alone moves the result by 1e-5 of the signal.
    lowered = np.float32(nyquist) - np.float32(nyquist * NYQUIST_MARGIN)
    warnings.append(
        f"{name}={cut_off} Hz is not below the Nyquist frequency of {nyquist:g} Hz, the highest "
        f"that this repetition time can show; it was lowered to {lowered:.9g} Hz."
    )
    return lowered


def _default_padding(sections: NDArray[np.float64]) -> int:
    """Give three times the number of taps of the filter as one fraction, as scipy pads."""
    n_taps = 2 * int(sections.shape[0]) + 1
    # A first-order section has no second power in numerator and denominator.
    n_first_order = min(int((sections[:, 2] == 0).sum()), int((sections[:, 5] == 0).sum()))
    return 3 * (n_taps - n_first_order)
