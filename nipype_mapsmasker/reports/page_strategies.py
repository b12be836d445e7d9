# SPDX-License-Identifier: Apache-2.0
"""Strategies side by side on the cohort's page: motion that is left, and what each costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nipype_mapsmasker.reports.charts import Chart
from nipype_mapsmasker.reports.comparison import COMPARED, MIN_SUBJECTS
from nipype_mapsmasker.reports.html import Html, join, tag
from nipype_mapsmasker.reports.parts import figure, pairs, section
from nipype_mapsmasker.reports.results import AtlasSummary, StrategyComparison

__all__ = ["strategies_section"]

N_BINS = 12
"""Bins of distance, each with as many pairs of maps."""

MIN_PER_BIN = 5
"""Fewer pairs than this have no quartiles."""


def strategies_section(atlases: Sequence[AtlasSummary]) -> Html | None:
    """
    Compare strategies by what they leave of head motion, and by what they cost.

    Parameters
    ----------
    atlases : sequence of AtlasSummary
        One per set of maps and strategy.

    Returns
    -------
    Html or None
        A table, and figures of each strategy whose motion is known; None where nothing is known.
    """
    known = [atlas for atlas in atlases if atlas.comparison and atlas.comparison.values]
    if not known:
        return None
    rows = [(_name(atlas), *_cells(atlas.comparison)) for atlas in known]
    head = ["Strategy", *(words for words, _ in COMPARED.values())]
    n_subjects = max(atlas.comparison.n_subjects for atlas in known if atlas.comparison)
    text = (
        "QC-FC is the correlation, over subjects, of a pair's connectivity with mean framewise "
        "displacement (Ciric et al. 2017): a good strategy leaves few edges bound to motion, no "
        "dependence on distance, and many degrees of freedom. "
    )
    if n_subjects < MIN_SUBJECTS:
        text += f"It takes {MIN_SUBJECTS} subjects with known motion; known here: {n_subjects}."
    drawn = [
        tag("div", tag("h3", _name(atlas)), join(charts), class_="strategy")
        for atlas in known
        if (charts := _charts(atlas.comparison))
    ]
    return section("strategies", "Strategies", tag("p", text), pairs(rows, head), *drawn)


def _name(atlas: AtlasSummary) -> str:
    """Name a set of maps and a way of cleaning."""
    return " · ".join(part for part in (atlas.atlas, atlas.strategy) if part) or "all"


def _cells(comparison: StrategyComparison | None) -> list[str]:
    """Write the measures of a strategy."""
    values = {} if comparison is None else comparison.values
    return [
        f"{values[name]:.{digits}f}" if name in values else "n/a"
        for name, (_, digits) in COMPARED.items()
    ]


def _charts(comparison: StrategyComparison | None) -> list[Html]:
    """Draw QC-FC of all pairs, and over the distance of their maps."""
    if comparison is None or comparison.correlation is None:
        return []
    relation = np.asarray(comparison.correlation, dtype=np.float64)
    there = np.isfinite(relation)
    if not there.any():
        return []
    charts = [_histogram(relation[there], comparison.n_subjects)]
    if comparison.distances is not None:
        apart = np.asarray(comparison.distances, dtype=np.float64)
        usable = there & np.isfinite(apart)
        if usable.sum() >= 2 * MIN_PER_BIN:
            charts.append(_over_distance(apart[usable], relation[usable]))
    return charts


def _histogram(relation: Any, n_subjects: int) -> Html:
    """Draw how the pairs' QC-FC spreads."""
    edges = np.linspace(-1, 1, 41)
    share = np.histogram(relation, edges)[0] / relation.size
    chart = Chart(
        (-1.0, 1.0), (0.0, 1.05 * float(share.max())), y_label="share of pairs",
        x_label="correlation over subjects of connectivity with mean motion",
    )  # fmt: skip
    chart.at(0.0, "axis")
    chart.steps(edges, share, "after outline")
    chance = 0.6745 / np.sqrt(max(1, n_subjects - 1))
    caption = (
        f"Does connectivity go with motion (QC-FC)? Over {n_subjects} subjects the median |r| of "
        "a pair's correlation with mean framewise displacement is "
        f"{np.median(np.abs(relation)):.2f}; about {chance:.2f} would be chance."
    )
    return figure(chart.html("Histogram of QC-FC correlations", height="9rem"), caption=caption)


def _over_distance(apart: Any, relation: Any) -> Html:
    """Draw the median of QC-FC, and its quartiles, over distance."""
    n_bins = min(N_BINS, apart.size // MIN_PER_BIN)
    parts = np.array_split(np.argsort(apart, kind="stable"), n_bins)
    places = np.array([apart[part].mean() for part in parts])
    low, middle, high = np.array([np.percentile(relation[part], [25, 50, 75]) for part in parts]).T
    top = 1.1 * float(max(np.abs(low).max(), np.abs(high).max(), 0.05))
    chart = Chart(
        (float(places[0]), float(places[-1])), (-top, top), y_label="QC-FC (r)",
        x_label="distance of the two maps (mm)",
    )  # fmt: skip
    chart.level(0.0, "axis")
    chart.band(places, low, high, "after fill")
    chart.line(places, middle, "after")
    caption = "QC-FC over the distance of the two maps: median and quartiles."
    return figure(chart.html("QC-FC over distance", height="9rem"), caption=caption)
