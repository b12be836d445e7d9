# SPDX-License-Identifier: Apache-2.0
"""Figures of a run's signals: carpet, spectra, confounds, quality of the spatial fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, NullLocator
from numpy.typing import NDArray

from nipype_mapsmasker.reports.figures.style import (
    AFTER,
    BEFORE,
    CENSORED,
    INK,
    WARN,
    add_panel,
    label,
    legend_above,
    name_space,
    new_figure,
    note,
    set_names,
    short_names,
    styled,
)
from nipype_mapsmasker.reports.measures import (
    confound_correlations,
    detrended,
    flat_columns,
)
from nipype_mapsmasker.reports.spectra import signal_spectra

__all__ = ["MAX_CONFOUNDS", "figure_carpet", "figure_confounds", "figure_fit", "figure_spectra"]

CARPET_LIMIT_SD = 2.5
"""The carpet's grey scale ends at this many standard deviations."""

MOTION_LINE_MM = 0.5
"""Where the framewise displacement has a line to judge by."""

FIT_SPAN = 0.1
"""Least span of the axis of R², so that harmless changes look harmless."""

MAX_CONFOUNDS = 30
"""Rows in the figure of the confounds; those that correlate most before cleaning are shown."""

Array = NDArray[Any]

_GREYS = ListedColormap(np.repeat(np.linspace(0, 1, 24)[:, np.newaxis], 3, axis=1))


@styled
def figure_carpet(
    raw: Array,
    cleaned: Array | None,
    keep: Array,
    *,
    t_r: float | None = None,
    names: Sequence[str] = (),
    motion: Array | None = None,
) -> Figure:
    """
    Draw all signals over time, before and after cleaning.

    Parameters
    ----------
    raw : (T, K) ndarray of float
        Signals as extracted.
    cleaned : (T_kept, K) ndarray of float or None
        Signals as cleaned.
    keep : (T,) ndarray of bool
        Kept volumes.
    t_r : float, optional
        Repetition time in seconds.
    names : sequence of str
        The maps.
    motion : (T,) ndarray of float, optional
        Framewise displacement in mm.

    Returns
    -------
    Figure
        Motion and censored volumes above, then one grey row per map, in units of its own
        standard deviation; censored volumes are purple.
    """
    n_volumes, n_maps = raw.shape
    panels = [("Before cleaning (mean and line removed)", raw, True)]
    if cleaned is not None:
        full = np.full(raw.shape, np.nan)
        full[keep] = cleaned
        panels.append(("After cleaning", full, False))
    named = bool(len(names)) and n_maps <= 30
    tall = min(3.2, max(1.3, 0.13 * n_maps))
    heights = [0.8] + [tall] * len(panels)
    rows = _stack(heights, name_space(new_figure(1, 1), short_names(names)) if named else 0.62)
    figure = rows[0].get_figure()
    assert isinstance(figure, Figure)
    end = n_volumes * (t_r or 1.0)
    _draw_motion(rows[0], motion, keep, end)
    colours = _GREYS.with_extremes(bad=CENSORED)
    image = None
    for axes, (title, signals, remove_trend) in zip(rows[1:], panels, strict=True):
        scaled = _in_sd(signals, keep, remove_trend=remove_trend)
        image = axes.imshow(
            scaled.T,
            aspect="auto",
            cmap=colours,
            vmin=-CARPET_LIMIT_SD,
            vmax=CARPET_LIMIT_SD,
            extent=(0, end, n_maps - 0.5, -0.5),
        )
        axes.set_title(title)
        if named:
            set_names(axes, names, y=True)
        else:
            axes.set_ylabel("map number")
        axes.spines[:].set_visible(False)
        axes.tick_params(axis="x", labelbottom=axes is rows[-1])
    rows[-1].set_xlabel("time (s)" if t_r else "volume")
    if image is not None:
        width = float(figure.get_size_inches()[0])
        low, high = rows[-1].get_position().y0, rows[1].get_position().y1
        place = figure.add_axes(((width - 0.72) / width, low, 0.14 / width, high - low))
        bar = figure.colorbar(image, cax=place, extend="both")
        bar.set_label("SD of the signal")
    return figure


@styled
def figure_spectra(
    raw: Array,
    cleaned: Array | None,
    keep: Array,
    *,
    t_r: float | None,
    high_pass: float | None = None,
    low_pass: float | None = None,
) -> Figure:
    """
    Draw the spectra of all signals before and after cleaning, with the pass band.

    Parameters
    ----------
    raw, cleaned, keep
        As in `figure_carpet`.
    t_r : float or None
        Repetition time in seconds; without it there are no frequencies.
    high_pass, low_pass : float, optional
        Ends of the pass band in Hz.

    Returns
    -------
    Figure
        Median over maps and the range of the middle 80 %, as shares of each signal's variance.
    """
    figure = new_figure(7.0, 3.2)
    if not t_r:
        return note(figure, "No spectra: the repetition time is not known.")
    axes = add_panel(figure, left=0.78, right=0.15, top=0.32, bottom=0.48)
    drawn = [(raw[keep], BEFORE, "before cleaning")]
    if cleaned is not None:
        drawn.append((cleaned, AFTER, "after cleaning"))
    top = 0.0
    for signals, colour, name in drawn:
        frequencies, power = signal_spectra(signals, keep, t_r)
        power = power[:, np.isfinite(power).all(axis=0)]
        if not power.size:
            continue
        low, middle, high = np.quantile(np.maximum(power, 1e-9), [0.1, 0.5, 0.9], axis=1)
        axes.fill_between(frequencies, low, high, color=colour, alpha=0.2, linewidth=0)
        axes.plot(frequencies, middle, color=colour, linewidth=1.6, label=name)
        top = max(top, float(high.max()))
    if top == 0:
        return note(new_figure(7.0, 1.0), "No spectra: too few volumes, or no signal varies.")
    nyquist = 0.5 / t_r
    axes.set_yscale("log")
    axes.yaxis.set_minor_locator(NullLocator())
    # matplotlib's own labels are mathematics, which the reports' style does not parse.
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_ylim(max(top * 1e-5, 1e-9), top * 2)
    axes.set_xlim(0, nyquist)
    if high_pass or low_pass:
        band = (high_pass or 0.0, min(low_pass or nyquist, nyquist))
        axes.axvspan(*band, color="#7fa7c4", alpha=0.18, linewidth=0, label=_band(*band))
        for end in (high_pass, low_pass):
            if end and end < nyquist:
                axes.axvline(end, color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.set_xlabel("frequency (Hz)")
    axes.set_ylabel("share of variance")
    legend_above(axes, ncols=3)
    return figure


@styled
def figure_confounds(
    raw: Array, cleaned: Array | None, keep: Array, confounds: Array, names: Sequence[str]
) -> Figure:
    """
    Draw how strongly signals and confounds correlate, before and after cleaning.

    Parameters
    ----------
    raw, cleaned, keep
        As in `figure_carpet`.
    confounds : (T, C) ndarray of float
        The confounds.
    names : sequence of str
        Their names.

    Returns
    -------
    Figure
        Per confound the mean over maps of the absolute r as a dot, with a line up to the largest.
    """
    before = np.abs(confound_correlations(detrended(raw[keep]), confounds[keep]))
    after = None if cleaned is None else np.abs(confound_correlations(cleaned, confounds[keep]))
    strength = np.nan_to_num(before).mean(axis=1)
    order = np.argsort(-strength, kind="stable")[:MAX_CONFOUNDS]
    figure = new_figure(7.0, 1.0 + 0.24 * len(order))
    if not len(order):
        return note(figure, "No confounds were used.")
    shown = [label(names[index]) for index in order]
    side = name_space(figure, shown)
    axes = add_panel(figure, left=side, right=0.15, top=0.34, bottom=0.48)
    sets = [(before, BEFORE, -0.15, "before cleaning", "o")]
    if after is not None:
        sets.append((after, AFTER, 0.15, "after cleaning", "D"))
    for values, colour, shift, name, marker in sets:
        rows = np.flatnonzero(np.isfinite(values[order]).any(axis=1))
        known = np.where(np.isfinite(values), values, np.nan)[order[rows]]
        middle, largest = np.nanmean(known, axis=1), np.nanmax(known, axis=1, initial=0.0)
        axes.hlines(rows + shift, middle, largest, color=colour, lw=1)
        axes.plot(middle, rows + shift, marker, color=colour, markersize=4.5, label=name)
    axes.set_yticks(range(len(order)), shown, fontsize=8)
    axes.set_ylim(len(order) - 0.5, -0.5)
    axes.set_xlim(-0.02, 1)
    axes.grid(axis="x", color="#e3e3e3", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel("|correlation| with the signals: mean over maps (dot), largest (end of line)")
    legend_above(axes, ncols=2)
    return figure


@styled
def figure_fit(r_squared: Array, keep: Array, *, t_r: float | None = None) -> Figure:
    """
    Draw how well the maps describe each volume.

    Parameters
    ----------
    r_squared : (T,) ndarray of float
        Share of each volume's energy that the maps explain; NaN where it is not known.
    keep : (T,) ndarray of bool
        Kept volumes.
    t_r : float, optional
        Repetition time in seconds.

    Returns
    -------
    Figure
        A line over time, censored volumes shaded; the axis spans `FIT_SPAN` or more.
    """
    figure = new_figure(7.0, 2.4)
    if not np.isfinite(r_squared).any():
        text = "R² is not known: smoothing or resampling is folded into the extraction."
        return note(figure, text)
    axes = add_panel(figure, left=0.72, right=0.15, top=0.12, bottom=0.48)
    step = t_r or 1.0
    times = (np.arange(len(r_squared)) + 0.5) * step
    axes.plot(times, r_squared, color=AFTER, linewidth=1.2)
    _shade(axes, keep, len(keep) * step)
    low, high = float(np.nanmin(r_squared)), float(np.nanmax(r_squared))
    margin = max(0.1 * (high - low), (FIT_SPAN - (high - low)) / 2)
    axes.set_ylim(max(-0.005, low - margin), min(1.005, high + margin))
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.set_xlim(0, len(keep) * step)
    axes.set_xlabel("time (s)" if t_r else "volume")
    axes.set_ylabel("R² of the fit")
    return figure


def _stack(heights: Sequence[float], left: float) -> list[Axes]:
    """Make panels one below the other, with room for titles and for a bar of colours."""
    gap, bottom, width = 0.28, 0.48, 9.2
    figure = new_figure(width, sum(heights) + gap * len(heights) + bottom)
    panels: list[Axes] = []
    top = gap
    for height in heights:
        low = figure.get_size_inches()[1] - top - height
        shared = panels[0] if panels else None
        panels.append(
            add_panel(figure, left=max(left, 0.62), right=0.85, top=top, bottom=low, sharex=shared)
        )
        top += height + gap
    return panels


def _draw_motion(axes: Axes, motion: Array | None, keep: Array, end: float) -> None:
    """Draw framewise displacement, and the censored volumes as a shade."""
    axes.set_xlim(0, end)
    _shade(axes, keep, end)
    handles: list[Any] = []
    if motion is not None and np.isfinite(motion).any():
        times = (np.arange(len(motion)) + 0.5) * end / len(motion)
        axes.plot(times, motion, color=INK, linewidth=1)
        axes.axhline(MOTION_LINE_MM, color=WARN, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.set_ylim(0, max(1.2 * MOTION_LINE_MM, 1.05 * float(np.nanmax(motion))))
        axes.set_ylabel("mm")
        handles = [
            Line2D([], [], color=INK, lw=1, label="framewise displacement"),
            Line2D([], [], color=WARN, lw=0.8, ls=(0, (4, 3)), label=f"{MOTION_LINE_MM} mm"),
        ]
    else:
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        handles = [Line2D([], [], linestyle="", label="framewise displacement not known")]
    n_censored = int((~keep).sum())
    text = f"censored: {n_censored} of {len(keep)} volumes"
    handles.append(Patch(color=CENSORED, alpha=0.6, linewidth=0, label=text))
    legend_above(axes, handles=handles, ncols=3)
    axes.tick_params(axis="x", labelbottom=False)


def _shade(axes: Axes, keep: Array, end: float) -> None:
    """Shade the runs of censored volumes."""
    edges = np.diff(np.concatenate([[False], ~keep, [False]]).astype(int))
    step = end / max(len(keep), 1)
    spans = zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True)
    for start, stop in spans:
        axes.axvspan(start * step, stop * step, color=CENSORED, alpha=0.6, linewidth=0)


def _in_sd(signals: Array, keep: Array, *, remove_trend: bool) -> Array:
    """Scale signals to their standard deviation over kept volumes; flat ones are zero."""
    kept = signals[keep]
    flat = flat_columns(kept)
    values = np.where(flat, 0.0, signals)
    scaled = np.full(signals.shape, np.nan)
    if not len(kept):
        return scaled
    base = detrended(values[keep]) if remove_trend else values[keep] - values[keep].mean(axis=0)
    spread = base.std(axis=0)
    scaled[keep] = base / np.where(spread > 0, spread, 1.0)
    return scaled


def _band(low: float, high: float) -> str:
    """Name a pass band."""
    return f"pass band {low:g} to {high:g} Hz"
