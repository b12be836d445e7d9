# SPDX-License-Identifier: Apache-2.0
"""Can the run be used? Stated thresholds, reasons in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.reports import measures as m
from nipype_mapsmasker.reports.results import RunResults

__all__ = [
    "CUT_COVERAGE",
    "LEVEL_WORDS",
    "Finding",
    "Verdict",
    "judge",
    "thresholds",
]

LEVEL_WORDS = {"good": "Usable", "check": "Look closer", "bad": "Do not use as it is"}
"""Levels of the verdict, from best to worst, and the words for them."""

KEPT_SHARE = (0.8, 0.5)
"""Below the first share of volumes kept: look closer; below the second: bad."""

DEGREES_OF_FREEDOM = (30.0, 10.0)
"""Likewise for the degrees of freedom that cleaning left."""

CUT_COVERAGE = 0.5
"""A map with less of its weight on data than this is cut."""

CUT_SHARE = (0.0, 0.2)
"""More than this share of the maps cut: look closer; bad."""

FLAT_SHARE = (0.0, 0.2)
"""More than this share of the maps without a varying signal, though they have data."""

SMOOTHNESS = (0.3, 0.1)
"""A median lag-1 autocorrelation below this: noisier than blood flow can be."""

R_SQUARED = 0.05
"""Median share of a volume's energy explained by the maps: below, the maps may be misplaced."""

SPREAD_RATIO = 20.0
"""Largest over median standard deviation of the signals."""

STEP_SIZE = 6.0
"""A volume-to-volume change this many robust SD above the run's median is a jump."""

STEP_SHARE = 0.05
"""More than this share of kept volumes with a jump: look closer."""

MEAN_CORRELATION = 0.7
"""Mean correlation between cleaned signals: above, something global is left in."""

CONFOUNDS_AFTER = 0.2
"""Mean |correlation| of cleaned signals with confounds: above, cleaning missed them."""

MOTION_MM = 0.5
"""Mean framewise displacement."""

VARIANCE_INFLATION = 10.0
"""Above, maps are so alike that their signals are hard to tell apart: noted, not judged."""

Array = NDArray[Any]


@dataclass(frozen=True)
class Finding:
    """
    Hold one reason.

    Parameters
    ----------
    level : str
        'bad', 'check' or 'note'; notes do not weigh on the verdict.
    about : str
        What was measured.
    text : str
        A sentence with the value and the threshold.
    """

    level: str
    about: str
    text: str


@dataclass(frozen=True)
class Verdict:
    """
    Hold the judgement of a run.

    Parameters
    ----------
    level : str
        'good', 'check' or 'bad': that of the worst finding.
    findings : tuple of Finding
        Worst first.
    lost_maps, cut_maps : tuple of str
        Maps without a signal, and maps of which less than `CUT_COVERAGE` had data.
    """

    level: str
    findings: tuple[Finding, ...]
    lost_maps: tuple[str, ...] = ()
    cut_maps: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The verdict in words."""
        return LEVEL_WORDS[self.level]


def judge(run: RunResults, values: Mapping[str, float] | None = None) -> Verdict:
    """
    Judge one run by absolute thresholds.

    Parameters
    ----------
    run : RunResults
        The run.
    values : mapping of str to float, optional
        From `nipype_mapsmasker.reports.measures.run_measures`, where they are known already.

    Returns
    -------
    Verdict
        The level and its reasons.
    """
    values = m.run_measures(run) if values is None else values
    names = list(run.names)
    coverage = np.ones(len(names)) if run.coverage is None else np.nan_to_num(run.coverage)
    lost = coverage < m.LOST_COVERAGE
    cut = ~lost & (coverage < CUT_COVERAGE)
    flat = m.flat_columns(run.raw[run.kept]) & ~lost
    findings = [
        *_judge_kept(run, values),
        *_judge_coverage(names, lost | cut, coverage),
        *_judge_flat(names, flat),
        *_judge_noise(run, values),
        *_judge_rest(values),
        *_notes(run),
    ]
    order = {"bad": 0, "check": 1, "note": 2}
    findings.sort(key=lambda finding: order[finding.level])
    level = next((f.level for f in findings if f.level != "note"), "good")
    return Verdict(level, tuple(findings), _named(names, lost | flat), _named(names, cut))


def thresholds() -> list[str]:
    """
    State the thresholds in words, for the pages.

    Returns
    -------
    list of str
        One sentence per threshold.
    """
    return [
        f"Volumes kept: look closer below {KEPT_SHARE[0]:.0%}, bad below {KEPT_SHARE[1]:.0%}.",
        f"Degrees of freedom left: look closer below {DEGREES_OF_FREEDOM[0]:.0f}, "
        f"bad below {DEGREES_OF_FREEDOM[1]:.0f}.",
        f"Maps with less than {CUT_COVERAGE:.0%} of their weight on data: look closer for any, "
        f"bad for more than {CUT_SHARE[1]:.0%} of the maps.",
        f"Flat signals: look closer for any, bad for more than {FLAT_SHARE[1]:.0%} of the maps.",
        "Median lag-1 autocorrelation before cleaning, drifts removed: look closer below "
        f"{SMOOTHNESS[0]}, bad below {SMOOTHNESS[1]} (noise).",
        f"Jumps (change from volume to volume more than {STEP_SIZE:.0f} robust SD above the run's "
        f"median): look closer above {STEP_SHARE:.0%} of the kept volumes.",
        f"Median R² of the spatial fit: look closer below {R_SQUARED}.",
        f"Largest over median SD of the signals: look closer above {SPREAD_RATIO:.0f}.",
        f"Mean correlation between cleaned signals: look closer above {MEAN_CORRELATION}.",
        f"Mean |correlation| of cleaned signals with confounds: look closer above "
        f"{CONFOUNDS_AFTER}.",
        f"Mean framewise displacement: look closer above {MOTION_MM} mm.",
        f"Variance inflation above {VARIANCE_INFLATION:.0f} is noted, not judged.",
    ]


def _judge_kept(run: RunResults, values: Mapping[str, float]) -> list[Finding]:
    """Judge what censoring and cleaning left."""
    found = []
    share, n_volumes = values["kept_share"], len(run.kept)
    n_kept = int(run.kept.sum())
    level = _below(share, KEPT_SHARE)
    if level:
        limit = KEPT_SHARE[1 if level == "bad" else 0]
        text = (
            f"Only {n_kept} of {n_volumes} volumes were kept ({share:.0%}, "
            f"threshold {limit:.0%}): {1 - share:.0%} are censored."
        )
        found.append(Finding(level, "censoring", text))
    dof = values.get("degrees_of_freedom", np.inf)
    level = _below(dof, DEGREES_OF_FREEDOM)
    if level:
        limit = DEGREES_OF_FREEDOM[1 if level == "bad" else 0]
        text = f"Cleaning left {dof:.0f} degrees of freedom (threshold {limit:.0f})."
        found.append(Finding(level, "degrees of freedom", text))
    return found


def _judge_coverage(names: Sequence[str], cut: Array, coverage: Array) -> list[Finding]:
    """Judge how much of the maps had data."""
    if not cut.any():
        return []
    share = float(cut.mean())
    level = "bad" if share > CUT_SHARE[1] else "check"
    worst = [names[index] for index in np.argsort(coverage, kind="stable")[: int(cut.sum())]]
    text = (
        f"{_count(int(cut.sum()), 'map')} of {len(names)} had data under less than "
        f"{CUT_COVERAGE:.0%} of the weight: {_list(worst)}. Part of the brain is outside the "
        "image, the mask or the field of view."
    )
    return [Finding(level, "coverage", text)]


def _judge_flat(names: Sequence[str], flat: Array) -> list[Finding]:
    """Judge signals that do not vary."""
    if not flat.any():
        return []
    level = "bad" if flat.mean() > FLAT_SHARE[1] else "check"
    which = _list(_named(names, flat))
    text = f"{_count(int(flat.sum()), 'signal')} of {len(names)} never change: {which}."
    return [Finding(level, "flat signals", text)]


def _judge_noise(run: RunResults, values: Mapping[str, float]) -> list[Finding]:
    """Judge whether the signals before cleaning look like blood flow."""
    found = []
    smooth = values.get("smoothness", np.inf)
    level = _below(smooth, SMOOTHNESS)
    if level:
        limit = SMOOTHNESS[1 if level == "bad" else 0]
        text = (
            f"The signals look like noise: median lag-1 autocorrelation {smooth:.2f} "
            f"(threshold {limit})."
        )
        found.append(Finding(level, "noise", text))
    alive = run.raw[run.kept][:, ~m.flat_columns(run.raw[run.kept])]
    if len(alive) < 3 or not alive.shape[1]:
        return found
    spread = m.detrended(alive).std(axis=0)
    ratio = float(spread.max() / np.median(spread))
    if ratio > SPREAD_RATIO:
        text = (
            f"One signal varies {ratio:.0f} times as much as the median one "
            f"(threshold {SPREAD_RATIO:.0f})."
        )
        found.append(Finding("check", "noise", text))
    share = _jumps(m.detrended(alive) / spread, run.kept)
    if share > STEP_SHARE:
        text = (
            f"{share:.0%} of the kept volumes jump from the one before "
            f"(threshold {STEP_SHARE:.0%})."
        )
        found.append(Finding("check", "jumps", text))
    return found


def _judge_rest(values: Mapping[str, float]) -> list[Finding]:
    """Judge fit, global signal, confounds left and motion."""
    found = []
    if values.get("r_squared", np.inf) < R_SQUARED:
        text = (
            f"The maps explain {values['r_squared']:.1%} of a volume's energy (threshold "
            f"{R_SQUARED:.0%}): are image and maps in the same space?"
        )
        found.append(Finding("check", "fit", text))
    if values.get("mean_correlation", 0.0) > MEAN_CORRELATION:
        text = (
            f"The cleaned signals are nearly one: mean correlation "
            f"{values['mean_correlation']:.2f} (threshold {MEAN_CORRELATION})."
        )
        found.append(Finding("check", "global signal", text))
    if values.get("confounds_after", 0.0) > CONFOUNDS_AFTER:
        text = (
            f"Confounds are left in the cleaned signals: mean |r| {values['confounds_after']:.2f} "
            f"(threshold {CONFOUNDS_AFTER})."
        )
        found.append(Finding("check", "confounds", text))
    if values.get("motion", 0.0) > MOTION_MM:
        text = (
            f"The head moved {values['motion']:.2f} mm from volume to volume on average "
            f"(threshold {MOTION_MM} mm)."
        )
        found.append(Finding("check", "motion", text))
    return found


def _notes(run: RunResults) -> list[Finding]:
    """Say what does not weigh on the verdict but should be known."""
    found = []
    if run.variance_inflation is not None:
        high = np.nan_to_num(run.variance_inflation, nan=0.0) > VARIANCE_INFLATION
        if high.any():
            text = (
                f"Variance inflation above {VARIANCE_INFLATION:.0f} in {int(high.sum())} of "
                f"{len(run.names)} maps: {_list(_named(run.names, high))}. These maps are much "
                "alike; their signals are hard to tell apart."
            )
            found.append(Finding("note", "variance inflation", text))
    if run.warnings:
        text = f"{_count(len(run.warnings), 'warning')} during the run, listed at the end."
        found.append(Finding("note", "warnings", text))
    return found


def _jumps(signals: Array, keep: Array) -> float:
    """Give the share of kept volumes whose change from the one before is far out."""
    consecutive = np.diff(np.flatnonzero(keep)) == 1
    steps = np.sqrt((np.diff(signals, axis=0) ** 2).mean(axis=1))[consecutive]
    if steps.size < 10:
        return 0.0
    median = float(np.median(steps))
    spread = 1.4826 * float(np.median(np.abs(steps - median)))
    return float((steps > median + STEP_SIZE * max(spread, 1e-12)).sum() / len(signals))


def _below(value: float, limits: tuple[float, float]) -> str:
    """Give the level of a value that is better when larger, empty when it is good."""
    if value < limits[1]:
        return "bad"
    return "check" if value < limits[0] else ""


def _named(names: Sequence[str], which: Array) -> tuple[str, ...]:
    """Take the names where a mask is true."""
    return tuple(names[index] for index in np.flatnonzero(which).tolist())


def _list(names: Sequence[str], most: int = 8) -> str:
    """Join names, the first few of many."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def _count(number: int, noun: str) -> str:
    """Count in words fit for a sentence."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
