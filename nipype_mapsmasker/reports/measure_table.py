# SPDX-License-Identifier: Apache-2.0
"""The numbers of a run: their names, how they are written, and which side is suspicious."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["LOST_COVERAGE", "MEASURES", "Measure"]

LOST_COVERAGE = 0.05
"""A map with less of its weight on data than this counts as lost."""


@dataclass(frozen=True)
class Measure:
    """
    Describe one number of a run.

    Parameters
    ----------
    label : str
        For headings and axes.
    digits : int
        Decimals in tables; below 0, significant digits.
    worse : str
        'low', 'high', 'both' or '': which side of a cohort is suspicious.
    least : float
        Smallest distance from the cohort's median that is worth naming; of its logarithm where
        ``log`` is true.
    meaning : str
        One sentence.
    log : bool
        Runs are compared by ratio, not by difference.
    unit : str
        Unit, where there is one.
    """

    label: str
    digits: int
    worse: str
    least: float
    meaning: str
    log: bool = False
    unit: str = ""


MEASURES: dict[str, Measure] = {
    "n_volumes": Measure("Volumes", 0, "both", 1, "Volumes of the image."),
    "kept_share": Measure("Kept", 2, "low", 0.1, "Share of the volumes that were kept."),
    "degrees_of_freedom": Measure(
        "Degrees of freedom", 0, "low", 5, "Kept volumes less what cleaning took."
    ),
    "confound_rank": Measure(
        "Rank of the confounds", 0, "", 1, "Directions that regression took, redundant ones once."
    ),
    "removed": Measure(
        "Removed by cleaning",
        2,
        "low",
        0.1,
        "Median share of a signal's variance that cleaning took, its trend aside.",
    ),
    "startup_volumes": Measure(
        "Start-up volumes", 0, "", 1, "Kept volumes at the start that are not in steady state."
    ),
    "spikes": Measure("Spikes", 0, "", 1, "Kept volumes in which most signals jump."),
    "min_coverage": Measure(
        "Lowest coverage", 2, "low", 0.1, "Smallest share of a map's weight that had data."
    ),
    "mean_coverage": Measure(
        "Mean coverage", 3, "low", 0.05, "Mean share of the maps' weight that had data."
    ),
    "fluctuation_r_squared": Measure(
        "R² of fluctuations",
        3,
        "low",
        0.05,
        "Share of the run's fluctuation, each voxel's mean removed, that the maps explain.",
    ),
    "r_squared": Measure(
        "R² of volumes",
        3,
        "both",
        0.05,
        "Median share of a volume's energy, the mean image included, that the maps explain.",
    ),
    "signal_share": Measure(
        "Signal in band",
        2,
        "low",
        0.2,
        "Share of the power between 0.01 and 0.1 Hz, before cleaning, that is more than white "
        "noise; near 0 for mere noise.",
    ),
    "signal_error": Measure(
        "Error of signal in band", 2, "", 0.1, "Standard error of that share for white noise."
    ),
    "pace": Measure(
        "Corner of the spectrum (Hz)",
        3,
        "",
        0.02,
        "Frequency up to which the signals before cleaning rise above white noise; about 0.05 Hz "
        "for blood flow.",
        unit="Hz",
    ),
    "noise": Measure(
        "SD before cleaning",
        -4,
        "both",
        float(np.log(2)),
        "Median standard deviation of the signals before cleaning, trend removed.",
        log=True,
    ),
    "tsnr": Measure(
        "Temporal SNR",
        0,
        "low",
        float(np.log(1.5)),
        "Median over maps of the signal's mean over its standard deviation, trend removed.",
        log=True,
    ),
    "mean_correlation": Measure(
        "Mean correlation", 3, "both", 0.1, "Mean correlation between cleaned signals."
    ),
    "similarity": Measure(
        "Similarity",
        2,
        "low",
        0.1,
        "Correlation of the run's correlation matrix with the cohort's mean.",
    ),
    "confounds_after": Measure(
        "Confounds left", 3, "high", 0.05, "Mean |correlation| of cleaned signals with confounds."
    ),
    "motion": Measure(
        "Mean motion (mm)", 3, "high", 0.1, "Mean framewise displacement.", unit="mm"
    ),
}
"""The numbers of a run, in the order of the cohort's table."""
