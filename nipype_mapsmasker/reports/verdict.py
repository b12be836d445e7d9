# SPDX-License-Identifier: Apache-2.0
"""Can the run be used? Stated thresholds, reasons in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.reports import limits as lim
from nipype_mapsmasker.reports import measures as m
from nipype_mapsmasker.reports.limits import CUT_COVERAGE, LEVEL_WORDS, thresholds
from nipype_mapsmasker.reports.results import Finding, RunResults, Verdict
from nipype_mapsmasker.reports.spectral import BAND, evidence, find_pace

__all__ = [
    "CUT_COVERAGE",
    "LEVEL_WORDS",
    "Finding",
    "Verdict",
    "judge",
    "thresholds",
]

Array = NDArray[Any]


def judge(
    run: RunResults,
    values: Mapping[str, float] | None = None,
    odd: tuple[tuple[int, ...], tuple[int, ...]] | None = None,
) -> Verdict:
    """
    Judge one run by absolute thresholds.

    Parameters
    ----------
    run : RunResults
        The run.
    values : mapping of str to float, optional
        From `nipype_mapsmasker.reports.measures.run_measures`, where they are known already.
    odd : tuple of tuple of int, optional
        From `nipype_mapsmasker.reports.measures.odd_volumes`, likewise.

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
    ratio = _ratios(run, lost | flat)
    dead = ratio < 1 / lim.SPREAD_RATIO
    startup, spikes = m.odd_volumes(run) if odd is None else odd
    findings = [
        *_judge_kept(run, values),
        *_judge_coverage(names, lost | cut, coverage),
        *_judge_flat(names, flat),
        *_judge_volumes(startup, spikes),
        *_judge_spread(names, dead, ratio > lim.SPREAD_RATIO),
        *_judge_spectrum(run, values, (*startup, *spikes)),
        *_judge_rest(run, values),
        *_notes(run),
    ]
    findings.sort(key=lambda finding: lim.LEVEL_ORDER.index(finding.level))
    level = next((f.level for f in findings if f.level != "note"), "good")
    return Verdict(
        level,
        tuple(findings),
        _named(names, lost | flat | dead),
        _named(names, cut),
        startup_volumes=startup,
        spike_volumes=spikes,
    )


def _judge_kept(run: RunResults, values: Mapping[str, float]) -> list[Finding]:
    """Judge what censoring and cleaning left."""
    found = []
    share, n_volumes = values["kept_share"], len(run.kept)
    n_kept = int(run.kept.sum())
    level = _below(share, lim.KEPT_SHARE)
    if level:
        limit = lim.KEPT_SHARE[1 if level == "bad" else 0]
        text = (
            f"Only {n_kept} of {n_volumes} volumes were kept ({share:.0%}, "
            f"threshold {limit:.0%}): {1 - share:.0%} are censored."
        )
        found.append(Finding(level, "censoring", text))
    dof = values.get("degrees_of_freedom", np.inf)
    level = _below(dof, lim.DEGREES_OF_FREEDOM)
    if level:
        limit = lim.DEGREES_OF_FREEDOM[1 if level == "bad" else 0]
        noun = "degree" if round(dof) == 1 else "degrees"
        text = f"Cleaning left {dof:.0f} {noun} of freedom (threshold {limit:.0f})."
        found.append(Finding(level, "degrees of freedom", text))
    return found


def _judge_coverage(names: Sequence[str], cut: Array, coverage: Array) -> list[Finding]:
    """Judge how much of the maps had data."""
    if not cut.any():
        return []
    share = float(cut.mean())
    level = "bad" if share > lim.CUT_SHARE[1] else "check"
    worst = [names[index] for index in np.argsort(coverage, kind="stable")[: int(cut.sum())]]
    text = (
        f"{_count(int(cut.sum()), 'map')} of {len(names)} had data under less than "
        f"{CUT_COVERAGE:.0%} of the weight: {_list(worst)}. Part of the brain is outside the "
        "image, the mask or the field of view."
    )
    return [Finding(level, "coverage", text, maps=tuple(worst))]


def _judge_flat(names: Sequence[str], flat: Array) -> list[Finding]:
    """Judge signals that do not vary."""
    if not flat.any():
        return []
    level = "bad" if flat.mean() > lim.FLAT_SHARE[1] else "check"
    which = _named(names, flat)
    verb = "changes" if len(which) == 1 else "change"
    text = f"{_count(len(which), 'signal')} of {len(names)} never {verb}: {_list(which)}."
    return [Finding(level, "flat signals", text, maps=which)]


def _judge_volumes(startup: tuple[int, ...], spikes: tuple[int, ...]) -> list[Finding]:
    """Name volumes that the signals themselves give away."""
    found = []
    if startup:
        verb = "is" if len(startup) == 1 else "are"
        text = (
            f"{_volumes(startup)} (counted from 0) {verb} not in steady state yet and {verb} in "
            "use: leave out the start-up volumes."
        )
        found.append(Finding("check", "start-up volumes", text, volumes=startup))
    if spikes:
        verb = "jumps" if len(spikes) == 1 else "jump"
        text = (
            f"{_volumes(spikes)} (counted from 0) {verb} out of the course of most signals, more "
            "than confounds explain: leave them out."
        )
        found.append(Finding("check", "spikes", text, volumes=spikes))
    return found


def _ratios(run: RunResults, known: Array) -> Array:
    """Give each signal's standard deviation over the median one's; 1 for those that are known."""
    ratio = np.ones(len(known))
    places = np.flatnonzero(~known)
    if run.kept.sum() >= 3 and len(places) >= 3:
        spread = m.detrended(run.raw[run.kept][:, places]).std(axis=0)
        if (middle := float(np.median(spread))) > 0:
            ratio[places] = spread / middle
    return ratio


def _judge_spread(names: Sequence[str], dead: Array, wild: Array) -> list[Finding]:
    """Name signals that vary far more, or less, than the others."""
    found = []
    for about, which, words in (("dead signals", dead, "less"), ("wild signals", wild, "more")):
        if which.any():
            maps = _named(names, which)
            verb = "varies" if len(maps) == 1 else "vary"
            text = (
                f"{_list(maps)} {verb} over {lim.SPREAD_RATIO:.0f} times {words} than the median "
                "signal."
            )
            found.append(Finding("check", about, text, maps=maps))
    return found


def _judge_spectrum(
    run: RunResults, values: Mapping[str, float], odd: Sequence[int]
) -> list[Finding]:
    """Judge whether the signals before cleaning can be blood flow."""
    share = values.get("signal_share", np.inf)
    if share < lim.SIGNAL_SHARE and _is_noise(run, values.get("signal_error", 0.0), odd):
        text = (
            f"The signals look like noise: {max(share, 0.0):.0%} of their power between {BAND[0]} "
            f"and {BAND[1]} Hz is more than white noise (threshold {lim.SIGNAL_SHARE:.0%})."
        )
        return [Finding("bad", "noise", text)]
    corner = values.get("pace")
    if corner is None or lim.PACE_LIMITS[0] <= corner <= lim.PACE_LIMITS[1] or run.t_r is None:
        return []
    power = m.run_power(run, odd)
    pace = None if power is None else find_pace(power)
    if pace is None or (pace.highest >= lim.PACE_LIMITS[0] and pace.lowest <= lim.PACE_LIMITS[1]):
        return []
    side = "fast" if corner > lim.PACE_LIMITS[1] else "slow"
    text = (
        f"The signals are too {side} for blood flow: they rise above noise up to {corner:.3f} Hz "
        f"(threshold {lim.PACE_LIMITS[side == 'fast']:g} Hz). Is the repetition time really "
        f"{run.t_r:g} s?"
    )
    return [Finding("check", "repetition time", text)]


def _is_noise(run: RunResults, error: float, odd: Sequence[int]) -> bool:
    """Tell whether a small share of signal can be believed."""
    if not lim.SIGNAL_DOUBT < error <= lim.SIGNAL_ERROR:
        return error <= lim.SIGNAL_DOUBT
    power = m.run_power(run, odd)
    gained = None if power is None else evidence(power)
    return gained is None or gained < lim.SIGNAL_EVIDENCE


def _judge_rest(run: RunResults, values: Mapping[str, float]) -> list[Finding]:
    """Judge fit, global signal, confounds left and motion."""
    found = []
    steps = run.summary.get("steps", ())
    claimed = values.get("confound_rank", 0) > 0 or "butterworth" in steps
    if claimed and values.get("removed", 1.0) < lim.NOTHING_REMOVED:
        text = "The cleaned signals are the raw ones, though regressors or a filter are named."
        found.append(Finding("bad", "not cleaned", text))
    is_explained = values.get("fluctuation_r_squared", 0.0) >= lim.FLUCTUATION
    if values.get("r_squared", np.inf) < lim.R_SQUARED and not is_explained:
        text = (
            f"The maps explain {values['r_squared']:.1%} of a volume's energy (threshold "
            f"{lim.R_SQUARED:.0%}): are image and maps in the same space?"
        )
        found.append(Finding("check", "fit", text))
    # With fewer degrees of freedom, which is named, any signals are nearly one.
    is_told = values.get("degrees_of_freedom", np.inf) >= lim.DEGREES_OF_FREEDOM[1]
    if is_told and values.get("mean_correlation", 0.0) > lim.MEAN_CORRELATION:
        text = (
            f"The cleaned signals are nearly one: mean correlation "
            f"{values['mean_correlation']:.2f} (threshold {lim.MEAN_CORRELATION})."
        )
        found.append(Finding("check", "global signal", text))
    chance = float(np.sqrt(2 / np.pi / max(values.get("degrees_of_freedom", np.inf), 1.0)))
    limit = max(lim.CONFOUNDS_AFTER, 2 * chance)
    if values.get("confounds_after", 0.0) > limit:
        text = (
            f"Confounds are left in the cleaned signals: mean |r| {values['confounds_after']:.2f} "
            f"(threshold {limit:.2f})."
        )
        found.append(Finding("check", "confounds", text))
    if values.get("motion", 0.0) > lim.MOTION_MM:
        text = (
            f"The head moved {values['motion']:.2f} mm from volume to volume on average "
            f"(threshold {lim.MOTION_MM} mm)."
        )
        found.append(Finding("check", "motion", text))
    return found


def _notes(run: RunResults) -> list[Finding]:
    """Say what does not weigh on the verdict but should be known."""
    found = []
    if run.variance_inflation is not None:
        high = np.nan_to_num(run.variance_inflation, nan=0.0) > lim.VARIANCE_INFLATION
        if high.any():
            text = (
                f"Variance inflation above {lim.VARIANCE_INFLATION:.0f} in {int(high.sum())} of "
                f"{len(run.names)} maps: {_list(_named(run.names, high))}. These maps are much "
                "alike; their signals are hard to tell apart."
            )
            found.append(Finding("note", "variance inflation", text))
    if run.warnings:
        text = f"{_count(len(run.warnings), 'warning')} during the run, listed at the end."
        found.append(Finding("note", "warnings", text))
    return found


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


def _volumes(volumes: Sequence[int]) -> str:
    """Name volumes by their numbers."""
    noun = "Volume" if len(volumes) == 1 else "Volumes"
    return f"{noun} {_list([str(volume) for volume in volumes], most=20)}"


def _count(number: int, noun: str) -> str:
    """Count in words fit for a sentence."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
