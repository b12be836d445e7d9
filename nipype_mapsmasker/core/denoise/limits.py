# SPDX-License-Identifier: Apache-2.0
"""How much of a run has to be left for it to be cleaned."""

from __future__ import annotations

from dataclasses import dataclass

from nipype_mapsmasker.core.denoise.volumes import Volumes
from nipype_mapsmasker.errors import ParameterError, SignalError

__all__ = ["Limits", "check_limits"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """
    Say below what a run is not worth cleaning.

    Parameters
    ----------
    min_volumes : int or None
        Fewest volumes kept.
    min_minutes : float or None
        Shortest time kept, minutes.
    max_censored : float or None
        Largest share of the run's volumes that may be censored, 0 to 1.
    """

    min_volumes: int | None = None
    min_minutes: float | None = None
    max_censored: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be a limit."""
        if self.min_volumes is not None and self.min_volumes < 1:
            msg = f"min_volumes must be at least 1; got {self.min_volumes!r}."
            raise ParameterError(msg)
        if self.min_minutes is not None and not self.min_minutes > 0:
            msg = f"min_minutes must be above 0; got {self.min_minutes!r}."
            raise ParameterError(msg)
        if self.max_censored is not None and not 0 <= self.max_censored < 1:
            msg = (
                f"max_censored is a share of the run from 0 to below 1; got "
                f"{self.max_censored!r}: write 0.4 for 40 %."
            )
            raise ParameterError(msg)


def check_limits(volumes: Volumes, limits: Limits, t_r: float | None = None) -> None:
    """
    Refuse a run of which too little is left.

    Parameters
    ----------
    volumes : Volumes
        What is kept.
    limits : Limits
        What has to be.
    t_r : float, optional
        Repetition time in seconds, for minutes.

    Raises
    ------
    SignalError
        Nothing is kept, or less than a limit; the message has the numbers.

    Notes
    -----
    Whether any degree of freedom is left after filter and regression is cleaning's to tell.
    """
    n_volumes, n_kept = volumes.keep.size, int(volumes.keep.sum())
    why = ", ".join(f"{name} {count}" for name, count in volumes.counts().items())
    said = f"{n_kept} of {n_volumes} volumes are kept" + (f" (censored: {why})" if why else "")
    if not n_kept:
        msg = f"None of the {n_volumes} volumes is kept (censored: {why}); loosen the thresholds."
        raise SignalError(msg)
    if limits.min_volumes is not None and n_kept < limits.min_volumes:
        msg = f"{said}, and min_volumes={limits.min_volumes} asks for more; leave the run out."
        raise SignalError(msg)
    if limits.min_minutes is not None:
        if t_r is None:
            msg = (
                f"min_minutes={limits.min_minutes:g} needs the repetition time, which is not "
                "known; give t_r."
            )
            raise SignalError(msg)
        minutes = n_kept * t_r / 60
        if minutes < limits.min_minutes:
            msg = (
                f"{said}, {minutes:.3g} minutes, and min_minutes={limits.min_minutes:g} asks for "
                "more; leave the run out."
            )
            raise SignalError(msg)
    share = 1 - n_kept / n_volumes
    if limits.max_censored is not None and share > limits.max_censored:
        msg = (
            f"{said}, so that {100 * share:.3g} % are censored, and max_censored="
            f"{limits.max_censored:g} allows {100 * limits.max_censored:.3g} %; leave the run out."
        )
        raise SignalError(msg)
