# SPDX-License-Identifier: Apache-2.0
"""One look for all figures, and figures turned to bytes that never change."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ParamSpec, cast

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ft2font import FT2Font

__all__ = [
    "AFTER",
    "BEFORE",
    "CENSORED",
    "INK",
    "MISSING",
    "WARN",
    "add_panel",
    "label",
    "legend_above",
    "name_size",
    "name_space",
    "new_figure",
    "note",
    "save_figure",
    "set_names",
    "short_names",
    "styled",
]

BEFORE = "#B35900"
"""Before cleaning (a colour-blind-safe orange, dark enough for text)."""

AFTER = "#0072B2"
"""After cleaning (a colour-blind-safe blue)."""

CENSORED = "#CC79A7"
"""Censored volumes (a colour-blind-safe purple)."""

WARN = "#C00000"
"""Thresholds and outliers."""

INK = "#1b1f24"
"""Text and axes."""

MISSING = "#d9d9d9"
"""No data."""

MAX_NAMES = 60
"""With more maps than this, axes show numbers instead of names."""

DPI = 130
"""Of pictures; figures are drawn to be shown at about 100."""

P = ParamSpec("P")

_RC: dict[Any, Any] = {
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "figure.facecolor": "white",
    "font.family": ["DejaVu Sans"],
    "font.size": 9,
    "image.interpolation": "nearest",
    "legend.frameon": False,
    "path.simplify": True,
    "savefig.facecolor": "white",
    "svg.hashsalt": "nipype_mapsmasker",
    "text.color": INK,
    # A dollar sign in a map's name is a dollar sign.
    "text.parse_math": False,
    "text.usetex": False,
    "xtick.color": INK,
    "ytick.color": INK,
}


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """
    Let a function draw in the reports' style, whatever the caller's settings are.

    Parameters
    ----------
    draw : callable
        Returns a figure.

    Returns
    -------
    callable
        The same, under matplotlib's defaults and the reports' settings.
    """

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with mpl.rc_context():
            mpl.rcdefaults()
            mpl.rcParams.update(_RC)
            return draw(*args, **kwargs)

    return drawn


def new_figure(width: float, height: float) -> Figure:
    """
    Make a figure that no global state knows.

    Parameters
    ----------
    width, height : float
        In inches.

    Returns
    -------
    Figure
        On an Agg canvas, without a layout engine: finding places for the panels of a page by
        trial would take half of the time of drawing it, see `add_panel`.
    """
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def add_panel(
    figure: Figure, *, left: float, right: float, top: float, bottom: float, **options: Any
) -> Axes:
    """
    Add axes with margins that are known beforehand.

    Parameters
    ----------
    figure : Figure
        Where.
    left, right, top, bottom : float
        From the figure's edges to the axes, in inches.
    **options
        As ``Figure.add_axes`` takes them.

    Returns
    -------
    Axes
        The panel.
    """
    width, height = figure.get_size_inches()
    box = (left / width, bottom / height, (width - left - right) / width)
    return figure.add_axes((*box, (height - top - bottom) / height), **options)


def name_space(figure: Figure, names: Iterable[str], size: float = 8.0) -> float:
    """
    Measure the room that names need beside an axis.

    Parameters
    ----------
    figure : Figure
        Where they will stand.
    names : iterable of str
        As they will be shown.
    size : float, default=8
        Size of the letters in points.

    Returns
    -------
    float
        Inches, with ticks and a little air.
    """
    renderer = cast("FigureCanvasAgg", figure.canvas).get_renderer()
    font = FontProperties(family=["DejaVu Sans"], size=size)
    # Letters differ in width, hence several of the longest are measured.
    longest = sorted(set(names), key=len, reverse=True)[:6]
    widths = [renderer.get_text_width_height_descent(n, font, False)[0] for n in longest]
    # Five in a hundred more, since letters are fitted to the pixels of each resolution.
    return 1.05 * float(max(widths, default=0.0) / figure.dpi) + 0.2


def legend_above(axes: Axes, **options: Any) -> None:
    """
    Put the legend in the margin above the axes.

    Parameters
    ----------
    axes : Axes
        The axes.
    **options
        As ``Axes.legend`` takes them.
    """
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        fontsize=8,
        borderpad=0,
        borderaxespad=0.4,
        handlelength=1.6,
        **options,
    )


def save_figure(
    figure: Figure, target: str | Path | io.BytesIO, *, format: str = "png", dpi: int = DPI
) -> None:
    """
    Write a figure without any date or version: equal figures give equal bytes.

    Parameters
    ----------
    figure : Figure
        What is drawn.
    target : str, Path or BytesIO
        Where to.
    format : {'png', 'svg', 'pdf'}
        What as.
    dpi : int, default=130
        Pixels per inch.
    """
    dated = {"png": "Software", "svg": "Date", "pdf": "CreationDate"}[format]
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_RC)
        figure.savefig(target, format=format, dpi=dpi, metadata={dated: None})


def label(name: Any, longest: int = 28) -> str:
    """
    Make a name fit for drawing.

    Parameters
    ----------
    name : str
        Any text.
    longest : int, default=28
        Longer names lose their middle.

    Returns
    -------
    str
        On one line; characters that the font lacks are replaced by a box.
    """
    text = " ".join(str(name).split())
    if len(text) > longest:
        half = (longest - 1) // 2
        text = f"{text[:half]}…{text[-half:]}"
    known = _characters()
    return "".join(letter if ord(letter) in known else "□" for letter in text)


def set_names(
    axes: Axes, names: Sequence[str], *, x: bool = False, y: bool = False, size: float = 8.0
) -> None:
    """
    Label the cells of a picture with names, or with numbers when there are too many.

    Parameters
    ----------
    axes : Axes
        Where.
    names : sequence of str
        One per cell.
    x, y : bool
        Which axes.
    size : float, default=8
        Largest size of the letters in points.
    """
    if len(names) <= MAX_NAMES:
        ticks = list(range(len(names)))
        shown = short_names(names)
    else:
        step = next(size for size in (10, 20, 50, 100, 200, 500, 10**6) if size * 12 > len(names))
        ticks = list(range(0, len(names), step))
        shown = [str(tick) for tick in ticks]
    size = name_size(len(shown), size)
    if y:
        axes.set_yticks(ticks, shown, fontsize=size)
    if x:
        rotation = 90 if len(names) <= MAX_NAMES else 0
        axes.set_xticks(ticks, shown, fontsize=size, rotation=rotation)


def short_names(names: Sequence[str]) -> list[str]:
    """
    Shorten names for an axis.

    Parameters
    ----------
    names : sequence of str
        Any names.

    Returns
    -------
    list of str
        As `set_names` writes them.
    """
    return [label(name, 22) for name in names]


def name_size(n_names: int, size: float = 8.0) -> float:
    """
    Choose the size of the names on an axis.

    Parameters
    ----------
    n_names : int
        How many there are.
    size : float, default=8
        Largest size in points.

    Returns
    -------
    float
        In points.
    """
    return size if n_names <= 30 else max(6.5, size * 30 / n_names)


def note(figure: Figure, text: str, width: float = 7.0) -> Figure:
    """
    Fill a figure with a sentence instead of a plot.

    Parameters
    ----------
    figure : Figure
        An empty figure.
    text : str
        Why there is nothing to plot.
    width : float, default=7
        Unused inches are cut off on the right.

    Returns
    -------
    Figure
        The same figure.
    """
    figure.set_size_inches(width, 0.6)
    figure.text(0.01, 0.5, text, va="center", fontsize=9)
    return figure


@functools.cache
def _characters() -> frozenset[int]:
    """List the characters of the font that comes with matplotlib."""
    font = Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return frozenset(FT2Font(str(font)).get_charmap())
