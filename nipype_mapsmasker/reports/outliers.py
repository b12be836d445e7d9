# SPDX-License-Identifier: Apache-2.0
"""Runs that stand out of their cohort, by robust distance from its median."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nipype_mapsmasker.reports import measures as m

__all__ = ["OUTLIER_SD", "Outlier", "find_outliers"]

OUTLIER_SD = 3.5
"""Robust standard deviations from the cohort's median (Iglewicz and Hoaglin, 1993)."""

MIN_COHORT = 5
"""Fewer runs have no outliers."""


@dataclass(frozen=True)
class Outlier:
    """
    Name one run that stands out of its cohort.

    Parameters
    ----------
    index : int
        The run's place among the values.
    measure : str
        A name in `nipype_mapsmasker.reports.measures.MEASURES`.
    value, median, distance : float
        The run's value, the cohort's median, and the distance in robust standard deviations.
    """

    index: int
    measure: str
    value: float
    median: float
    distance: float

    @property
    def text(self) -> str:
        """The outlier in words."""
        known = m.MEASURES[self.measure]
        side = "above" if self.value > self.median else "below"
        far = "far" if self.distance > 99 else f"{self.distance:.1f} robust SD"
        shape = f".{-known.digits}g" if known.digits < 0 else f".{known.digits}f"
        return (
            f"{known.label} {self.value:{shape}}, {far} {side} "
            f"the cohort's median of {self.median:{shape}}"
        )


def find_outliers(rows: Sequence[Mapping[str, float]]) -> list[Outlier]:
    """
    Find the values that stand out of a cohort.

    Parameters
    ----------
    rows : sequence of mapping of str to float
        The measures of each run; runs without a measure are left out of it.

    Returns
    -------
    list of Outlier
        By distance, the farthest first; none for fewer than `MIN_COHORT` runs.
    """
    found: list[Outlier] = []
    for name, measure in m.MEASURES.items():
        column = np.array([row.get(name, np.nan) for row in rows], dtype=np.float64)
        known = np.isfinite(column)
        if known.sum() < MIN_COHORT:
            continue
        median = float(np.median(column[known]))
        spread = 1.4826 * float(np.median(np.abs(column[known] - median)))
        for index in np.flatnonzero(known):
            away = float(column[index]) - median
            right_side = measure.worse == "both" or (away > 0) == (measure.worse == "high")
            if not right_side or abs(away) <= measure.least or away == 0:
                continue
            distance = abs(away) / spread if spread > 0 else float("inf")
            if distance > OUTLIER_SD:
                found.append(Outlier(int(index), name, float(column[index]), median, distance))
    return sorted(found, key=lambda outlier: (-outlier.distance, outlier.index, outlier.measure))
