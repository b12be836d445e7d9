# SPDX-License-Identifier: Apache-2.0
"""
Runs that stand out of their cohort.

`compare_runs` gives findings that weigh on the verdict: what no run can know of itself.
`find_outliers` lists values far from the cohort's median, which are worth a look and no more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nipype_mapsmasker.reports import limits as lim
from nipype_mapsmasker.reports import measures as m
from nipype_mapsmasker.reports.results import RunRow
from nipype_mapsmasker.reports.verdict import Finding

__all__ = [
    "OUTLIER_SD",
    "Outlier",
    "cohort_outliers",
    "compare_runs",
    "find_outliers",
    "groups_of",
]

OUTLIER_SD = 3.5
"""Robust standard deviations from the cohort's median (Iglewicz and Hoaglin, 1993)."""

_OWN_STEPS = ("censor", "interpolate censored volumes", "non-finite values set to zero")
"""Steps that a run needs or not, whatever the strategy."""


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
        By distance, the farthest first; none for fewer runs than
        `nipype_mapsmasker.reports.limits.MIN_COHORT`.
    """
    found: list[Outlier] = []
    for name, measure in m.MEASURES.items():
        column = np.array([row.get(name, np.nan) for row in rows], dtype=np.float64)
        known = np.isfinite(column)
        if known.sum() < lim.MIN_COHORT or not measure.worse:
            continue
        scale = np.log(np.maximum(column, 1e-300)) if measure.log else column
        centre = float(np.median(scale[known]))
        median = float(np.exp(centre)) if measure.log else centre
        spread = 1.4826 * float(np.median(np.abs(scale[known] - centre)))
        for index in np.flatnonzero(known):
            away = float(scale[index]) - centre
            right_side = measure.worse == "both" or (away > 0) == (measure.worse == "high")
            if not right_side or abs(away) <= measure.least or away == 0:
                continue
            distance = abs(away) / spread if spread > 0 else float("inf")
            if distance > OUTLIER_SD:
                found.append(Outlier(int(index), name, float(column[index]), median, distance))
    return sorted(found, key=lambda outlier: (-outlier.distance, outlier.index, outlier.measure))


def cohort_outliers(rows: Sequence[RunRow]) -> list[Outlier]:
    """
    Find the values that stand out among runs of the same maps and strategy.

    Parameters
    ----------
    rows : sequence of RunRow
        All rows of a cohort; failed ones are left out.

    Returns
    -------
    list of Outlier
        By distance, the farthest first; ``index`` counts all rows.
    """
    found = [
        replace(outlier, index=places[outlier.index])
        for places in groups_of(rows)
        for outlier in find_outliers([rows[place].measures for place in places])
    ]
    return sorted(found, key=lambda outlier: (-outlier.distance, outlier.index, outlier.measure))


def groups_of(rows: Sequence[RunRow]) -> list[list[int]]:
    """
    Put rows together that can be compared.

    Parameters
    ----------
    rows : sequence of RunRow
        All rows of a cohort.

    Returns
    -------
    list of list of int
        Places of the rows of each set of maps and strategy, failed ones left out.
    """
    groups: dict[tuple[str, str], list[int]] = {}
    for place, row in enumerate(rows):
        if not row.failed:
            groups.setdefault((row.atlas, row.strategy), []).append(place)
    return list(groups.values())


def compare_runs(rows: Sequence[RunRow]) -> dict[int, list[Finding]]:
    """
    Find what only the other runs give away: cleaning left out, and a wrong repetition time.

    Parameters
    ----------
    rows : sequence of RunRow
        Runs of the same maps and strategy, none of them failed.

    Returns
    -------
    dict of int to list of Finding
        By the run's place among the rows; runs without a finding are left out, and there are
        none for fewer than `nipype_mapsmasker.reports.limits.MIN_COHORT` runs.
    """
    if len(rows) < lim.MIN_COHORT:
        return {}
    found: dict[int, list[Finding]] = {}
    # What was not cleaned at all has missed steps, too: the stronger finding says it.
    cleaning = {**_fewer_steps(rows), **_uncleaned(rows)}
    for findings in (cleaning, _other_paces(rows)):
        for index, finding in findings.items():
            found.setdefault(index, []).append(finding)
    return found


def _uncleaned(rows: Sequence[RunRow]) -> dict[int, Finding]:
    """Find runs that cleaning changed nothing in, though it changed the others."""
    removed = _column(rows, "removed")
    least, usual = lim.UNCLEANED
    if not np.isfinite(removed).any() or np.nanmedian(removed) < usual:
        return {}
    text = (
        f"Not cleaned like the others: its cleaned signals are the raw ones, where cleaning took "
        f"{np.nanmedian(removed):.0%} of the variance of the cohort's median run."
    )
    return {
        int(index): Finding("bad", "not cleaned", text)
        for index in np.flatnonzero(removed < least)
    }


def _fewer_steps(rows: Sequence[RunRow]) -> dict[int, Finding]:
    """Find runs whose cleaning left out what most others went through."""
    counts = Counter(step for row in rows for step in set(row.steps) if step not in _OWN_STEPS)
    common = [step for step, count in counts.items() if count >= lim.SAME_STEPS * len(rows)]
    found = {}
    for index, row in enumerate(rows):
        if missing := [step for step in sorted(common) if step not in row.steps]:
            text = f"Not cleaned like the others, which had also: {', '.join(missing)}."
            found[index] = Finding("check", "not cleaned", text)
    return found


def _other_paces(rows: Sequence[RunRow]) -> dict[int, Finding]:
    """Find runs whose spectrum says that their repetition time is not what they say."""
    times = np.array([row.t_r or np.nan for row in rows], dtype=np.float64)
    paces = np.log(_column(rows, "pace"))
    timed = np.isfinite(times)
    if timed.sum() < lim.MIN_COHORT:
        return {}
    middle = float(np.median(times[timed]))
    usual = timed & (np.abs(times - middle) < 0.01 * middle)
    shared = 2 * usual.sum() > timed.sum()
    centre, spread = float("nan"), float("nan")
    known = np.isfinite(paces)
    alike = (usual if shared else timed) & known
    if alike.any() and (timed & known).sum() >= lim.MIN_COHORT:
        centre = float(np.median(paces[alike]))
        spread = 1.4826 * float(np.median(np.abs(paces[known] - np.median(paces[known]))))
    found = {}
    for index in np.flatnonzero(timed):
        pace, t_r = float(paces[index]), float(times[index])
        if shared and not usual[index]:
            n_like = int((np.abs(times - t_r) < 0.01 * t_r).sum())
            text = _alone(pace, centre, t_r, middle, lone=n_like <= lim.LONE_SHARE * len(rows))
        elif abs(pace - centre) > max(np.log(lim.PACE_RATIO), OUTLIER_SD * spread):
            text = f"{_corners(pace, centre)} Is its repetition time really {t_r:g} s?"
        else:
            continue
        if text:
            found[int(index)] = Finding("check", "repetition time", text)
    return found


def _alone(pace: float, centre: float, t_r: float, others: float, *, lone: bool) -> str:
    """Say why a repetition time that most runs do not have is doubtful, if it is."""
    if np.isfinite(pace):
        if not np.isfinite(centre):
            return ""
        # 0 where the run says the truth, 1 where its repetition time is that of the others.
        place = (pace - centre) / np.log(others / t_r)
        if place <= lim.PACE_SHARES[lone]:
            return ""
        return (
            f"{_corners(pace, centre)} A repetition time of {others:g} s, as in most runs, would "
            f"explain it better than its own of {t_r:g} s."
        )
    if not lone:
        return ""
    return (
        f"Its repetition time of {t_r:g} s, where most runs have {others:g} s, is not borne out "
        "by its spectrum."
    )


def _corners(pace: float, centre: float) -> str:
    """Compare the corners of two spectra, given as logarithms."""
    return (
        f"Its signals rise above noise up to {np.exp(pace):.3f} Hz, those of other runs up to "
        f"{np.exp(centre):.3f} Hz."
    )


def _column(rows: Sequence[RunRow], name: str) -> np.ndarray:
    """Take one measure of all rows, NaN where it is not known."""
    return np.array([row.measures.get(name, np.nan) for row in rows], dtype=np.float64)
