# SPDX-License-Identifier: Apache-2.0
"""Figures of relations and shares: correlation matrices, their distribution, coverage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nipype_mapsmasker.reports.figures.style import (
    AFTER,
    BEFORE,
    INK,
    MAX_NAMES,
    MISSING,
    WARN,
    add_panel,
    label,
    legend_above,
    name_size,
    name_space,
    new_figure,
    note,
    set_names,
    short_names,
    styled,
)
from nipype_mapsmasker.reports.measures import LOST_COVERAGE, upper_triangle
from nipype_mapsmasker.reports.verdict import CUT_COVERAGE

__all__ = [
    "figure_correlation",
    "figure_coverage",
    "figure_distribution",
    "figure_spread",
    "with_missing",
]

SIGNED_COLOURS = "RdBu_r"
"""Colours of correlations: two hues that every kind of colour vision tells apart."""

Array = NDArray[Any]


@styled
def figure_correlation(
    matrix: Array, names: Sequence[str], *, order: Sequence[int] | None = None, title: str = ""
) -> Figure:
    """
    Draw a correlation matrix.

    Parameters
    ----------
    matrix : (K, K) ndarray of float
        Correlations; NaN is grey.
    names : sequence of str
        The maps.
    order : sequence of int, optional
        Order of rows and columns; the atlas's own by default.
    title : str
        Heading.

    Returns
    -------
    Figure
        From -1 (blue) over 0 (white) to 1 (red).
    """
    return _matrix(matrix, names, order, title, (-1.0, 1.0), SIGNED_COLOURS, "correlation")


@styled
def figure_spread(
    matrix: Array, names: Sequence[str], *, order: Sequence[int] | None = None, title: str = ""
) -> Figure:
    """
    Draw the standard deviation over runs of a correlation matrix.

    Parameters
    ----------
    matrix : (K, K) ndarray of float
        Standard deviations; NaN is grey.
    names, order, title
        As in `figure_correlation`.

    Returns
    -------
    Figure
        From 0 to the largest value.
    """
    matrix = matrix.astype(np.float64)
    # That a signal always correlates fully with itself says nothing.
    np.fill_diagonal(matrix, np.nan)
    known = upper_triangle(matrix)
    known = known[np.isfinite(known)]
    top = max(float(known.max()), 0.05) if known.size else 1.0
    return _matrix(matrix, names, order, title, (0.0, top), "cividis", "SD over runs")


@styled
def figure_distribution(before: Array, after: Array | None = None) -> Figure:
    """
    Draw the distribution of the correlations between signals.

    Parameters
    ----------
    before : (K, K) ndarray of float
        Correlations of the signals as extracted.
    after : (K, K) ndarray of float, optional
        Correlations of the cleaned signals.

    Returns
    -------
    Figure
        Two outlines over the range from -1 to 1, with their means.
    """
    figure = new_figure(7.0, 2.6)
    sets = [(before, BEFORE, "before cleaning"), (after, AFTER, "after cleaning")]
    values = [
        (known[np.isfinite(known)], colour, name)
        for known, colour, name in (
            (upper_triangle(matrix), colour, name)
            for matrix, colour, name in sets
            if matrix is not None
        )
    ]
    if not any(known.size for known, _, _ in values):
        return note(figure, "No correlations: fewer than two signals vary.")
    axes = add_panel(figure, left=0.68, right=0.15, top=0.32, bottom=0.48)
    edges = np.linspace(-1, 1, 41)
    for known, colour, name in values:
        if not known.size:
            continue
        share = np.histogram(known, edges)[0] / known.size
        text = f"{name} (mean {known.mean():.2f})"
        axes.stairs(share, edges, fill=True, color=colour, alpha=0.25)
        axes.stairs(share, edges, color=colour, linewidth=1.4, label=text)
        axes.axvline(known.mean(), color=colour, linewidth=1, linestyle=(0, (4, 3)))
    axes.axvline(0, color=INK, linewidth=0.6)
    axes.set_xlim(-1, 1)
    axes.set_xlabel("correlation between two signals")
    axes.set_ylabel("share of pairs")
    legend_above(axes, ncols=2)
    return figure


@styled
def figure_coverage(coverage: Array, names: Sequence[str]) -> Figure:
    """
    Draw which share of each map's weight had data.

    Parameters
    ----------
    coverage : (K,) ndarray of float
        Shares from 0 to 1.
    names : sequence of str
        The maps.

    Returns
    -------
    Figure
        One dot per map in the atlas's order, the lowest ones named.
    """
    named = len(names) <= 40
    low_edge = name_space(new_figure(1, 1), short_names(names), 7.5) if named else 0.48
    figure = new_figure(7.0, 2.0 + low_edge)
    axes = add_panel(figure, left=0.62, right=0.42, top=0.12, bottom=low_edge)
    values = np.nan_to_num(coverage)
    low = values < CUT_COVERAGE
    place = np.arange(len(values))
    size = 5 if len(values) <= 100 else 3
    if len(values) <= 100:
        axes.vlines(place, 0, values, color="#9fb8c8", linewidth=0.8)
    axes.plot(place[~low], values[~low], "o", color=AFTER, markersize=size)
    axes.plot(place[low], values[low], "X", color=WARN, markersize=size + 1)
    axes.axhline(CUT_COVERAGE, color=WARN, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.text(
        1.005,
        CUT_COVERAGE,
        "cut",
        transform=axes.get_yaxis_transform(),
        color=WARN,
        va="center",
        fontsize=8,
    )
    axes.axhline(LOST_COVERAGE, color=INK, linewidth=0.8, linestyle=(0, (1, 2)))
    axes.text(
        1.005, LOST_COVERAGE, "lost", transform=axes.get_yaxis_transform(), va="center", fontsize=8
    )
    axes.set_ylim(0, 1.05)
    axes.set_xlim(-0.7, len(values) - 0.3)
    axes.set_ylabel("coverage")
    if named:
        set_names(axes, names, x=True, size=7.5)
    else:
        axes.set_xlabel("map number")
    return figure


def with_missing(name: str) -> Colormap:
    """
    Copy a colour map that draws missing values in grey.

    Parameters
    ----------
    name : str
        matplotlib's name for it.

    Returns
    -------
    Colormap
        The copy.
    """
    return colormaps[name].with_extremes(bad=MISSING)


_MATRIX_WIDTHS = ((30, 5.9), (MAX_NAMES, 9.2), (np.inf, 6.6))


def _matrix(
    matrix: Array,
    names: Sequence[str],
    order: Sequence[int] | None,
    title: str,
    limits: tuple[float, float],
    cmap: str,
    unit: str,
) -> Figure:
    """Draw a square matrix with named rows and columns."""
    n_maps = len(matrix)
    index = list(range(n_maps)) if order is None else list(order)
    # Two stand side by side in a page, unless many names need the room.
    width = next(size for most, size in _MATRIX_WIDTHS if n_maps <= most)
    figure = new_figure(width, width)
    if not n_maps:
        return note(figure, "No maps.")
    named = n_maps <= MAX_NAMES
    edge = name_space(figure, short_names(names), name_size(n_maps)) if named else 0.5
    top, bar_width = 0.32 if title else 0.1, 0.95
    side = width - edge - bar_width
    figure.set_size_inches(width, top + side + edge)
    axes = add_panel(figure, left=edge, right=bar_width, top=top, bottom=edge)
    image = axes.imshow(
        matrix[np.ix_(index, index)],
        aspect="auto",
        cmap=with_missing(cmap),
        vmin=limits[0],
        vmax=limits[1],
        # More maps than pixels: average values rather than leave maps out.
        interpolation="nearest" if n_maps <= 300 else "auto",
        interpolation_stage="data",
    )
    if named:
        set_names(axes, [names[i] for i in index], x=True, y=True)
    elif order is None:
        set_names(axes, names, x=True, y=True)
        axes.set_xlabel("map number")
    else:
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_xlabel(f"{n_maps} maps, ordered by clustering")
    if title:
        axes.set_title(label(title, 60))
    axes.spines[:].set_visible(False)
    axes.tick_params(length=2)
    place = add_panel(figure, left=width - 0.82, right=0.66, top=top, bottom=edge)
    bar = figure.colorbar(image, cax=place)
    bar.set_label(unit)
    return figure
