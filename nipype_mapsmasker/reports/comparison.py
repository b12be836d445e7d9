# SPDX-License-Identifier: Apache-2.0
"""
What a strategy leaves of head motion in the connectomes of a cohort, and what it costs.

The measures of Ciric et al. (2017) and Wang et al. (2024): QC-FC, the share of significant edges,
the dependence on distance, degrees of freedom, and modularity.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.group import motion_edges
from nipype_mapsmasker.io.results.found import subject_of
from nipype_mapsmasker.reports.results import RunRow, StrategyComparison

__all__ = ["COMPARED", "MIN_SUBJECTS", "compare_strategy"]

Array = NDArray[Any]

MIN_SUBJECTS = 10
"""With fewer subjects, relations between motion and connectivity are chance."""

COMPARED: dict[str, tuple[str, int]] = {
    "qcfc_median_absolute": ("QC-FC, median |r|", 2),
    "qcfc_share_significant": ("Edges bound to motion (p < 0.05)", 2),
    "qcfc_distance": ("Dependence on distance (rank r)", 2),
    "degrees_of_freedom_lost": ("Degrees of freedom spent (share)", 2),
    "modularity": ("Modularity", 3),
}
"""Measures of a strategy, under the names of ``group_qcfc.tsv``: words, and digits shown."""


def compare_strategy(
    rows: Sequence[RunRow],
    pairs: Sequence[Array],
    volumes: Sequence[int],
    modularity: Sequence[float],
    distances: Array | None,
) -> StrategyComparison:
    """
    Say what one strategy leaves, and what it costs.

    Parameters
    ----------
    rows : sequence of RunRow
        Its R runs, with motion and degrees of freedom among their measures.
    pairs : sequence of (P,) ndarray of float
        Correlations of P pairs of maps in each run.
    volumes : sequence of int
        Volumes of each run.
    modularity : sequence of float
        Of each run.
    distances : (P,) ndarray of float or None
        Between the maps of each pair, mm.

    Returns
    -------
    StrategyComparison
        Runs of one subject count once: means of Fisher's z, and of motion.
    """
    values: dict[str, float] = {}
    shares = [
        1 - row.measures["degrees_of_freedom"] / number
        for row, number in zip(rows, volumes, strict=True)
        if "degrees_of_freedom" in row.measures and number
    ]
    for name, found in (("degrees_of_freedom_lost", shares), ("modularity", modularity)):
        known = [value for value in found if np.isfinite(value)]
        if known:
            values[name] = float(np.mean(known))
    moved = [index for index, row in enumerate(rows) if "motion" in row.measures]
    subjects: dict[str, list[int]] = {}
    for index in moved:
        subjects.setdefault(subject_of(rows[index].run_id), []).append(index)
    if len(subjects) < MIN_SUBJECTS or not len(pairs[0]):
        return StrategyComparison(values=values, n_subjects=len(subjects))
    fisher = np.arctanh(np.clip(np.array(pairs, dtype=np.float64), -1 + 1e-12, 1 - 1e-12))
    edges = np.array([fisher[runs].mean(axis=0) for runs in subjects.values()])
    motion = np.array(
        [np.mean([rows[run].measures["motion"] for run in runs]) for runs in subjects.values()]
    )
    found_edges = motion_edges(edges, motion, distances)
    told = {
        "qcfc_median_absolute": found_edges.median_absolute,
        "qcfc_share_significant": found_edges.share_significant,
        "qcfc_distance": found_edges.distance_dependence,
    }
    values |= {name: value for name, value in told.items() if np.isfinite(value)}
    return StrategyComparison(
        values=values,
        n_subjects=len(subjects),
        correlation=found_edges.correlation,
        distances=distances,
    )
