# SPDX-License-Identifier: Apache-2.0
"""Figure of a cohort's strategies: how much motion each leaves, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nipype_mapsmasker.reports.figures.style import AFTER, INK, styled

__all__ = ["PANELS", "figure_strategies"]

PANELS = (
    ("qcfc_share_significant", "edges bound to motion", "share (p < 0.05)"),
    ("qcfc_median_absolute", "QC-FC", "median |r|"),
    ("qcfc_distance", "dependence on distance", "rank correlation"),
    ("degrees_of_freedom_lost", "degrees of freedom spent", "share of volumes"),
    ("modularity", "modularity", "Q"),
)
"""Columns of the table that are drawn, their titles, and what the axis says."""


@styled
def figure_strategies(
    rows: Sequence[Mapping[str, Any]],
    edges: Sequence[tuple[str, NDArray[np.float64] | None, NDArray[np.float64] | None]] = (),
) -> Figure:
    """
    Draw the table of strategies, and QC-FC over distance.

    Parameters
    ----------
    rows : sequence of mapping
        Rows of the table, one per atlas and strategy: ``atlas``, ``strategy`` and the measures.
    edges : sequence of tuple
        Label, distances (E,) in mm and QC-FC (E,) of each row, or None.

    Returns
    -------
    Figure
        One panel per measure; below, one per strategy whose QC-FC is known.
    """
    labels = _labels(rows)
    known = [
        (label, distances, values)
        for label, distances, values in edges
        if distances is not None and values is not None and np.isfinite(values).any()
    ]
    n_rows = 2 if known else 1
    height = 1.2 + 0.26 * max(len(rows), 3)
    figure = Figure(figsize=(11.0, height + (2.6 if known else 0.0)), layout="constrained")
    parts = figure.subfigures(n_rows, 1, height_ratios=[height, 2.6][:n_rows], squeeze=False)
    _draw_bars(parts[0, 0], rows, labels)
    if known:
        _draw_distances(parts[1, 0], known)
    return figure


def _labels(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name each row by its strategy, and by its atlas where there are several."""
    several = len({row["atlas"] for row in rows}) > 1
    return [
        " ".join([*([str(row["atlas"])] if several else []), str(row["strategy"] or "(no name)")])
        for row in rows
    ]


def _draw_bars(part: Any, rows: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> None:
    """Draw one panel per measure, strategies from top to bottom."""
    panels = part.subplots(1, len(PANELS), sharey=True)
    places = np.arange(len(rows))
    for axes, (name, title, unit) in zip(panels, PANELS, strict=True):
        values = np.array([_number(row.get(name)) for row in rows])
        axes.barh(places, np.nan_to_num(values), color=AFTER, height=0.7)
        for place, value in zip(places, values, strict=True):
            text = "n/a" if np.isnan(value) else f" {value:.2f}"
            axes.text(max(np.nan_to_num(value), 0.0), place, text, va="center", color=INK)
        axes.set_title(title, fontsize=9)
        axes.set_xlabel(unit)
        axes.axvline(0, color=INK, linewidth=0.6)
        axes.margins(x=0.25)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
    panels[0].set_yticks(places, labels)
    panels[0].invert_yaxis()


def _draw_distances(
    part: Any, known: Sequence[tuple[str, NDArray[np.float64], NDArray[np.float64]]]
) -> None:
    """Draw QC-FC of every edge over the distance of its regions."""
    panels = part.subplots(1, len(known), sharex=True, sharey=True, squeeze=False)[0]
    for axes, (label, distances, values) in zip(panels, known, strict=True):
        axes.plot(distances, values, ".", color=AFTER, markersize=2, alpha=0.6, rasterized=True)
        axes.axhline(0, color=INK, linewidth=0.6)
        axes.set_title(label, fontsize=9)
        axes.set_xlabel("distance (mm)")
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("QC-FC (r)")


def _number(value: Any) -> float:
    """Give a number, NaN for none."""
    return float("nan") if value is None else float(value)
