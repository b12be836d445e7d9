# SPDX-License-Identifier: Apache-2.0
"""Figures of a cohort: coverage of every map in every run, and the spread of each measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nipype_mapsmasker.reports.figures.numbers import with_missing
from nipype_mapsmasker.reports.figures.style import (
    AFTER,
    INK,
    MAX_NAMES,
    WARN,
    add_panel,
    label,
    name_size,
    name_space,
    new_figure,
    note,
    set_names,
    short_names,
    styled,
)
from nipype_mapsmasker.reports.measures import MEASURES

__all__ = ["figure_coverage_heat", "figure_measures"]

MAX_NAMED = 3
"""Outliers named in each panel."""

Array = NDArray[Any]


@styled
def figure_coverage_heat(coverage: Array, run_ids: Sequence[str], names: Sequence[str]) -> Figure:
    """
    Draw the coverage of every map in every run.

    Parameters
    ----------
    coverage : (R, K) ndarray of float
        Shares from 0 to 1; NaN (a failed run) is grey.
    run_ids, names : sequence of str
        The R runs and the K maps.

    Returns
    -------
    Figure
        Runs from top to bottom, maps from left to right.
    """
    n_runs, n_maps = coverage.shape
    if not n_runs or not n_maps:
        return note(new_figure(7.0, 1.0), "No coverage is known.")
    named = n_runs <= 40
    runs = [label(run, 34) for run in run_ids] if named else []
    many = n_maps > MAX_NAMES
    ruler = new_figure(1, 1)
    bottom = 0.5 if many else name_space(ruler, short_names(names), name_size(n_maps))
    tall = min(6.5, max(0.5, (0.2 if named else 0.02) * n_runs))
    figure = new_figure(9.2, 0.12 + tall + bottom)
    left = name_space(ruler, runs, 7.5) if named else 0.68
    axes = add_panel(figure, left=left, right=0.92, top=0.12, bottom=bottom)
    image = axes.imshow(coverage, aspect="auto", vmin=0, vmax=1, cmap=with_missing("viridis"))
    if named:
        axes.set_yticks(range(n_runs), runs, fontsize=7.5)
    else:
        axes.set_ylabel("run (row of the table, as listed)")
    set_names(axes, names, x=True)
    if many:
        axes.set_xlabel("map number")
    axes.spines[:].set_visible(False)
    place = add_panel(figure, left=9.2 - 0.8, right=0.66, top=0.12, bottom=bottom)
    bar = figure.colorbar(image, cax=place, ticks=[0, 0.5, 1])
    bar.set_label("coverage")
    return figure


@styled
def figure_measures(
    rows: Sequence[Mapping[str, float]],
    run_ids: Sequence[str],
    outliers: Mapping[str, Sequence[int]] | None = None,
) -> Figure:
    """
    Draw how each measure spreads over the runs.

    Parameters
    ----------
    rows : sequence of mapping of str to float
        Measures of each run.
    run_ids : sequence of str
        The runs.
    outliers : mapping of str to sequence of int, optional
        For each measure the runs that stand out, the farthest first.

    Returns
    -------
    Figure
        One panel per measure that varies: a histogram, the median, and outliers as crosses.
    """
    shown = []
    for name, measure in MEASURES.items():
        values = np.array([row.get(name, np.nan) for row in rows], dtype=np.float64)
        known = values[np.isfinite(values)]
        rounding = 1e-9 if measure.digits > 0 else 0.0
        if known.size >= 2 and np.ptp(known) > rounding:
            shown.append((name, measure, values))
    if not shown:
        return note(new_figure(7.0, 1.0), "No distributions: fewer than two runs differ.")
    n_columns = 3
    n_rows = -(-len(shown) // n_columns)
    figure = new_figure(9.2, 1.85 * n_rows + 0.1)
    wide, tall, gap = 2.55, 1.25, 0.42
    for place, (name, measure, values) in enumerate(shown):
        row, column = divmod(place, n_columns)
        top, left = 0.3 + 1.85 * row, 0.55 + (wide + gap) * column
        axes = add_panel(
            figure,
            left=left,
            right=9.2 - left - wide,
            top=top,
            bottom=1.85 * n_rows + 0.1 - top - tall,
        )
        known = values[np.isfinite(values)]
        bins = min(30, max(8, int(np.sqrt(known.size)) * 2))
        counts, edges = np.histogram(known, bins=bins, range=_span(known, measure.least))
        axes.stairs(counts, edges, fill=True, color="#9fc3dc")
        axes.stairs(counts, edges, color=AFTER, linewidth=0.8)
        axes.axvline(np.median(known), color=INK, linewidth=1, linestyle=(0, (4, 3)))
        top = counts.max()
        axes.set_ylim(0, top * 1.45)
        axes.margins(x=0.08)
        axes.set_title(measure.label, fontsize=9)
        axes.tick_params(labelsize=7.5)
        axes.locator_params(axis="x", nbins=5)
        axes.locator_params(axis="y", nbins=4, integer=True)
        far = list((outliers or {}).get(name, ()))
        axes.plot(values[far], np.full(len(far), top * 0.06), "X", color=WARN, markersize=6)
        if far:
            text = ", ".join(label(run_ids[i], 16) for i in far[:MAX_NAMED])
            rest = f" +{len(far) - MAX_NAMED}" if len(far) > MAX_NAMED else ""
            axes.text(
                0.02,
                0.97,
                label(text, 46) + rest,
                transform=axes.transAxes,
                va="top",
                fontsize=7,
                color=WARN,
                bbox={"facecolor": "white", "alpha": 0.85, "pad": 0.6, "lw": 0},
            )
        if column == 0:
            axes.set_ylabel("runs", fontsize=8)
    return figure


def _span(known: Array, least: float) -> tuple[float, float]:
    """Give a histogram's ends: wide enough that differences not worth naming look small."""
    low, high = float(known.min()), float(known.max())
    more = max(0.0, (least - (high - low)) / 2)
    return low - more, high + more
