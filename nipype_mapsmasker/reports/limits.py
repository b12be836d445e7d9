# SPDX-License-Identifier: Apache-2.0
"""
The thresholds of the verdicts, and what each is derived from.

Those on signals come from planted runs (`nipype_mapsmasker.testing.planted`):
docs/explanation/verdicts.md has the rates of false alarms and of faults that were found.
"""

from __future__ import annotations

from nipype_mapsmasker.reports.spectral import BAND

__all__ = [
    "CONFOUNDS_AFTER",
    "CUT_COVERAGE",
    "CUT_SHARE",
    "DEGREES_OF_FREEDOM",
    "FLAT_SHARE",
    "FLUCTUATION",
    "KEPT_SHARE",
    "LEVEL_ORDER",
    "LEVEL_WORDS",
    "LONE_SHARE",
    "MEAN_CORRELATION",
    "MIN_COHORT",
    "MOTION_MM",
    "NOTHING_REMOVED",
    "PACE_LIMITS",
    "PACE_RATIO",
    "PACE_SHARES",
    "R_SQUARED",
    "SAME_STEPS",
    "SIGNAL_DOUBT",
    "SIGNAL_ERROR",
    "SIGNAL_EVIDENCE",
    "SIGNAL_SHARE",
    "SPREAD_RATIO",
    "UNCLEANED",
    "VARIANCE_INFLATION",
    "thresholds",
]

LEVEL_WORDS = {"good": "Usable", "check": "Look closer", "bad": "Do not use as it is"}
"""Levels of the verdict, from best to worst, and the words for them."""

LEVEL_ORDER = ("bad", "check", "note")
"""Levels of findings, worst first."""

KEPT_SHARE = (0.8, 0.5)
"""Below the first share of volumes kept: look closer; below the second: bad."""

DEGREES_OF_FREEDOM = (30.0, 10.0)
"""Likewise for the degrees of freedom that cleaning left: with 30 a correlation below 0.35 cannot
be told from none (p = 0.05), with 10 none below 0.6, which is about the largest that there is."""

CUT_COVERAGE = 0.5
"""A map with less of its weight on data than this is cut."""

CUT_SHARE = (0.0, 0.2)
"""More than this share of the maps cut: look closer; bad."""

FLAT_SHARE = (0.0, 0.2)
"""More than this share of the maps without a varying signal, though they have data."""

SIGNAL_SHARE = 0.35
"""Noise: less of the power in the band is more than white noise. The square root of the share is
about what cleaned signals correlate with the neural ones: below 0.6, and connectivity shrinks to
less than 0.35 of what it is. Breathing and chance bring runs of mere noise up to 0.28; of planted
sound runs two in a thousand have less than 0.35."""

SIGNAL_ERROR = 0.4
"""With a standard error above this the share says nothing: too few frequencies or signals. At 0.26
to 0.35, that of 5 to 8 signals over 50 s, planted noise and sound runs are still apart."""

SIGNAL_DOUBT = 0.15
"""With a standard error above this the share needs a second witness, ..."""

SIGNAL_EVIDENCE = 10.0
"""... the shape of the spectrum: a run is noise unless a spectrum that falls, or has a corner, is
this much likelier (log likelihood) than a flat one."""

PACE_LIMITS = (0.02, 0.15)
"""Hz; a spectrum that certainly ends below, or beyond, is not blood flow at that repetition time:
sound runs end at 0.03 to 0.1 Hz."""

NOTHING_REMOVED = 1e-4
"""Regression and filters that took a smaller share of the variance were not applied: even one
regressor without meaning takes 1 / volumes."""

R_SQUARED = 0.05
"""Median share of a volume's energy explained by the maps: below, they may be misplaced, ..."""

FLUCTUATION = 0.01
"""... unless they explain more of what the run varies by than this: a map with a negative side is
nearly orthogonal to the mean image wherever it lies, and of noise, which is what there is beside
the brain, a map of n voxels explains 1 / n."""

SPREAD_RATIO = 20.0
"""A signal that varies so many times as much as the median one, or as little: five standard
deviations of the spread over regions (a factor of 1.8)."""

MEAN_CORRELATION = 0.7
"""Mean correlation between cleaned signals: above, something global is left in."""

CONFOUNDS_AFTER = 0.2
"""Mean absolute correlation of cleaned signals with confounds: above this, and above twice what
chance gives with the degrees of freedom that are left, cleaning missed them."""

MOTION_MM = 0.5
"""Mean framewise displacement."""

VARIANCE_INFLATION = 10.0
"""Above, maps are so alike that their signals are hard to tell apart: noted, not judged."""

MIN_COHORT = 5
"""Fewer runs are not compared with one another."""

UNCLEANED = (0.01, 0.05)
"""Cleaning took less than the first share of the variance, and from the median run more than the
second: this run was not cleaned."""

SAME_STEPS = 0.8
"""What at least this share of the runs went through, all should have gone through."""

PACE_RATIO = 1.8
"""A spectrum whose corner is so many times that of the others' belongs to another repetition
time: corners of sound runs differ by a factor of 1.25 (standard deviation)."""

PACE_SHARES = (0.4, 0.25)
"""A run with another repetition time than most: doubtful when its corner lies this far on the way
to where it would be with the others' repetition time; the second for lone runs."""

LONE_SHARE = 0.1
"""Not more than this share of the runs, and a repetition time is that of lone runs."""


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
        "Volumes at the start that are not in steady state, found in the signals: look closer "
        "for any.",
        "Spikes, found in the signals (most of them jump, more than confounds explain): look "
        "closer for any.",
        f"Share of the power between {BAND[0]} and {BAND[1]} Hz, before cleaning, that is more "
        f"than white noise: bad below {SIGNAL_SHARE}, unless its standard error is above "
        f"{SIGNAL_ERROR} (noise); with one above {SIGNAL_DOUBT} only if the spectrum is flat, "
        f"too, to within a log likelihood of {SIGNAL_EVIDENCE:.0f}.",
        f"Corner of the spectrum: look closer if certainly below {PACE_LIMITS[0]} Hz or above "
        f"{PACE_LIMITS[1]} Hz (wrong repetition time).",
        "Cleaning that names regressors or a filter and changed nothing: bad.",
        f"Median R² of the spatial fit: look closer below {R_SQUARED}, where that of the "
        f"fluctuation is below {FLUCTUATION}, too.",
        f"SD of a signal over the median signal's: look closer above {SPREAD_RATIO:.0f} or below "
        f"1/{SPREAD_RATIO:.0f}.",
        f"Mean correlation between cleaned signals: look closer above {MEAN_CORRELATION}.",
        f"Mean |correlation| of cleaned signals with confounds: look closer above "
        f"{CONFOUNDS_AFTER} and twice what chance gives.",
        f"Mean framewise displacement: look closer above {MOTION_MM} mm.",
        f"Among {MIN_COHORT} runs or more of the same maps and strategy: bad if cleaning changed "
        "nothing where it changed others; look closer if it left out steps, or regressors, that "
        "others had, and if the repetition time does not fit the others' spectra.",
        f"Variance inflation above {VARIANCE_INFLATION:.0f} is noted, not judged.",
    ]
