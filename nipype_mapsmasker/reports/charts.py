# SPDX-License-Identifier: Apache-2.0
"""
Charts that the browser draws: curves in SVG that stretch, words in HTML that do not.

Colours are classes of the style sheet, so that dark mode and print follow; places are shares of
the plot, so that a narrow window squeezes the curves and not the letters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.reports.html import Html, join, tag

__all__ = ["Chart", "spans", "ticks"]

WIDTH, HEIGHT = 1000.0, 100.0
"""The plot's own units; the browser stretches them to what there is."""

Array = NDArray[Any]
Limits = tuple[float, float]


class Chart:
    """
    Collect what is drawn between two axes.

    Parameters
    ----------
    x, y : tuple of float
        Ends of the axes; equal ones are drawn apart.
    x_label, y_label : str
        What the axes are.
    x_ticks, y_ticks : int
        About how many; 0 for none.
    log : bool
        Whether y is the power of ten that is written beside it.
    """

    def __init__(
        self,
        x: Limits,
        y: Limits,
        *,
        x_label: str = "",
        y_label: str = "",
        x_ticks: int = 5,
        y_ticks: int = 3,
        log: bool = False,
    ) -> None:
        """Start with axes alone."""
        self._x, self._y = _apart(x), _apart(y)
        self._shapes: list[Html] = []
        self._words: list[Html] = []
        self._x_label, self._y_label = x_label, y_label
        if log:
            places = [float(p) for p in range(math.ceil(self._y[0]), math.floor(self._y[1]) + 1)]
            places = places[:: max(1, len(places) // 5)]
        else:
            places = ticks(*self._y, y_ticks) if y_ticks else []
        for place in places:
            top = self._share(place, self._y)
            self._line("grid", (0, top), (1, top))
            text = _decade(int(place)) if log else f"{place:g}"
            self._words.append(_word("yt", text, top=f"{100 * (1 - top):.2f}%"))
        whole = x_label.startswith(("volume", "map number"))
        for place in ticks(*self._x, x_ticks) if x_ticks else []:
            if whole and place % 1:
                continue
            left = self._share(place, self._x)
            self._words.append(_word("xt", f"{place:g}", left=f"{100 * left:.2f}%"))

    def line(self, x: Array, y: Array, kind: str) -> None:
        """Draw a curve, interrupted where it is not known."""
        known = np.isfinite(y)
        points = self._points(x, np.where(known, y, self._y[0]))
        parts: list[str] = []
        pen = False
        for point, there in zip(points, known, strict=True):
            if there:
                # A point without neighbours would leave no trace as a line.
                parts.append(f"L{point}" if pen else f"M{point}h0")
            pen = bool(there)
        if not parts:
            return
        self._shapes.append(tag("path", class_=kind, d="".join(parts)))
        # A lone point is a dot that a thin line's end would hide.
        follows = [*(part.startswith("L") for part in parts[1:]), False]
        lone = [p for p, on in zip(parts, follows, strict=True) if p.startswith("M") and not on]
        if lone:
            self._shapes.append(tag("path", class_=f"{kind} lone", d="".join(lone)))

    def band(self, x: Array, low: Array, high: Array, kind: str) -> None:
        """Fill between two curves."""
        there = np.isfinite(low) & np.isfinite(high)
        points = self._points(x[there], low[there])
        points += self._points(x[there], high[there])[::-1]
        if points:
            self._shapes.append(tag("polygon", class_=kind, points=" ".join(points)))

    def steps(self, edges: Array, heights: Array, kind: str) -> None:
        """Draw a histogram's outline, filled by the style sheet."""
        x, y = np.repeat(edges, 2), np.concatenate([[0.0], np.repeat(heights, 2), [0.0]])
        self._shapes.append(tag("polygon", class_=kind, points=" ".join(self._points(x, y))))

    def span(self, start: float, stop: float, kind: str) -> None:
        """Shade a part of the x axis, behind everything else."""
        left, right = self._share(start, self._x), self._share(stop, self._x)
        width = f"{max(WIDTH * (right - left), 1.0):.2f}"
        shape = tag("rect", class_=kind, x=f"{WIDTH * left:.2f}", y=0, width=width, height=100)
        self._shapes.insert(0, shape)

    def level(self, value: float, kind: str, text: str = "") -> None:
        """Draw a line at one height, with a word at its right end."""
        place = self._share(value, self._y)
        self._line(kind, (0, place), (1, place))
        if text:
            self._words.append(_word(f"lt {kind}", text, top=f"{100 * (1 - place):.2f}%"))

    def at(self, value: float, kind: str) -> None:
        """Draw a line from bottom to top."""
        place = self._share(value, self._x)
        self._line(kind, (place, 0), (place, 1))

    def lollipops(self, y: Array, start: Array, stop: Array, kind: str) -> None:
        """Draw from each start, with a dot on it, a line to its stop."""
        for place, left, right in zip(y, start, stop, strict=True):
            if not (np.isfinite(left) and np.isfinite(right)):
                continue
            (a, b), (c, _) = self._place(left, place), self._place(right, place)
            self._shapes.append(tag("path", class_=kind, d=f"M{a:.2f} {b:.2f}H{c:.2f}"))
            self._shapes.append(tag("path", class_=f"{kind} dot", d=f"M{a:.2f} {b:.2f}h0"))

    def bars(self, x: Array, y: Array, kind: str) -> None:
        """Draw a bar from the bottom up to each value."""
        known = np.isfinite(y)
        points = self._points(x[known], y[known])
        path = "".join(f"M{point}V{HEIGHT:g}" for point in points)
        if path:
            self._shapes.append(tag("path", class_=kind, d=path))

    def name_rows(self, names: Sequence[str]) -> None:
        """Write a name beside each of as many rows."""
        for row, name in enumerate(names):
            self._words.append(
                _word("name", name, title=name, top=f"{100 * (row + 0.5) / len(names):.2f}%")
            )

    def html(
        self, description: str, *, kind: str = "", height: str = "", series: str = ""
    ) -> Html:
        """
        Write the chart.

        Parameters
        ----------
        description : str
            What it shows, for those who do not see it.
        kind : str
            More classes.
        height : str
            Of the plot, as a style sheet writes it.
        series : str
            Name of the numbers that the script shows under the pointer.

        Returns
        -------
        Html
            The element.
        """
        drawn = tag(
            "svg",
            join(self._shapes),
            viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}",
            preserveAspectRatio="none",
            aria_hidden="true",
        )
        style = f"height: {height}" if height else None
        plot = tag(
            "div", drawn, join(self._words), class_="plot", style=style, data_series=series or None
        )
        labels = [
            _word("yl", self._y_label) if self._y_label else None,
            plot,
            _word("xl", self._x_label) if self._x_label else None,
        ]
        said = {"role": "img", "aria_label": description}
        if not description:
            said = {"aria_hidden": "true"}
        return tag("div", join(labels), class_=f"chart {kind}".strip(), **said)

    def _line(self, kind: str, start: tuple[float, float], stop: tuple[float, float]) -> None:
        """Draw a straight line between two shares of the plot."""
        (a, b), (c, d) = start, stop
        path = f"M{WIDTH * a:.2f} {HEIGHT * (1 - b):.2f}L{WIDTH * c:.2f} {HEIGHT * (1 - d):.2f}"
        self._shapes.append(tag("path", class_=kind, d=path))

    def _points(self, x: Array, y: Array) -> list[str]:
        """Place points, those outside the axes on their ends."""
        across = WIDTH * (np.asarray(x, float) - self._x[0]) / (self._x[1] - self._x[0])
        inside = np.clip(np.asarray(y, float), *self._y)
        down = HEIGHT * (1 - (inside - self._y[0]) / (self._y[1] - self._y[0]))
        return [f"{a:.2f} {b:.2f}" for a, b in zip(across.tolist(), down.tolist(), strict=True)]

    def _place(self, x: float, y: float) -> tuple[float, float]:
        """Place one point."""
        return WIDTH * self._share(x, self._x), HEIGHT * (1 - self._share(y, self._y))

    @staticmethod
    def _share(value: float, limits: Limits) -> float:
        """Give the place of a value between two ends, from 0 to 1."""
        return min(1.0, max(0.0, (value - limits[0]) / (limits[1] - limits[0])))


def ticks(low: float, high: float, wanted: int) -> list[float]:
    """
    Choose round numbers for an axis.

    Parameters
    ----------
    low, high : float
        Its ends.
    wanted : int
        About how many.

    Returns
    -------
    list of float
        At least two where there is a range; few more than wanted.
    """
    raw = (high - low) / wanted
    if not (raw > 0 and math.isfinite(raw)):
        return []
    while True:
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(k * power for k in (1, 2, 2.5, 5, 10) if k * power >= raw * 0.999)
        first, last = math.ceil(low / step - 1e-6), math.floor(high / step + 1e-6)
        if first < last:
            return [float(f"{number * step:.10g}") for number in range(first, last + 1)]
        raw = 0.49 * step  # the next finer step: a single number gives no scale


def spans(keep: Array) -> list[tuple[int, int]]:
    """
    Find the stretches of censored volumes.

    Parameters
    ----------
    keep : (T,) ndarray of bool
        Kept volumes.

    Returns
    -------
    list of tuple of int
        First volume, and the first after it that is kept.
    """
    edges = np.diff(np.concatenate([[False], ~keep, [False]]).astype(int))
    starts, stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return list(zip(starts.tolist(), stops.tolist(), strict=True))


def _decade(power: int) -> str:
    """Write a power of ten, small ones with their exponent."""
    if power >= -2:
        return f"{10.0**power:g}"
    return "10" + str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _apart(limits: Limits) -> Limits:
    """Draw equal or unknown ends of an axis apart."""
    low, high = limits
    if not (math.isfinite(low) and math.isfinite(high)):
        return 0.0, 1.0
    room = max(abs(low), abs(high), 1e-12) * 1e-9
    return (low, high) if high - low > room else (low - 0.5, high + 0.5)


def _word(kind: str, text: str, title: str | None = None, **style: str) -> Html:
    """Write a word at a place of the plot; the chart's description says it already."""
    placed = "; ".join(f"{name}: {value}" for name, value in style.items())
    return tag("span", text, class_=kind, style=placed or None, title=title, aria_hidden="true")
