# SPDX-License-Identifier: Apache-2.0
"""The figures of a run's page: carpet, spectra, confounds, correlations, fit, coverage."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.reports import measures as m
from nipype_mapsmasker.reports import verdict as v
from nipype_mapsmasker.reports.charts import Chart, spans
from nipype_mapsmasker.reports.html import Html, join, number, tag
from nipype_mapsmasker.reports.palettes import grey_palette
from nipype_mapsmasker.reports.parts import (
    bullets,
    figure,
    matrix_picture,
    section,
    sparse_names,
)
from nipype_mapsmasker.reports.png import data_uri, palette_png
from nipype_mapsmasker.reports.results import RunResults
from nipype_mapsmasker.reports.run_data import SPECTRUM_DECADES, RunNumbers, pass_band

__all__ = ["fit_section", "matrix_section", "signal_section"]

CARPET_LIMIT_SD = 2.5
"""The carpet's grey scale ends at this many standard deviations."""

N_GREYS = 64
"""Greys of the carpet; the values themselves are under the pointer."""

MOTION_LINE_MM = 0.5
"""Where the framewise displacement has a line to judge by."""

FIT_MEASURES = ("fluctuation_r_squared", "r_squared")
"""Measures of how much the maps describe. A curve of R² over time would be flat: the mean image,
which every volume holds, is nearly all of its energy."""

MAX_CONFOUNDS = 30
"""Rows in the figure of the confounds; those that correlate most before cleaning are shown."""

SAME_COVERAGE = 0.005
"""Coverages that differ by less are written alike."""

Array = NDArray[Any]


def signal_section(run: RunResults, numbers: RunNumbers) -> Html:
    """
    Draw carpet, spectra and confounds.

    Parameters
    ----------
    run : RunResults
        The run.
    numbers : RunNumbers
        Its numbers.

    Returns
    -------
    Html
        A part of the page.
    """
    return section("signals", "Signals", _carpets(run), _spectra(run, numbers), _confounds(run))


def matrix_section(run: RunResults, numbers: RunNumbers) -> Html:
    """
    Draw the correlations between the signals.

    Parameters
    ----------
    run : RunResults
        The run.
    numbers : RunNumbers
        Its numbers.

    Returns
    -------
    Html
        A part of the page.
    """
    if not np.isfinite(m.upper_triangle(numbers.after)).any():
        text = "No correlations: fewer than two signals vary."
        return section("correlations", "Correlations", tag("p", text))
    what = "Correlation of the signals" + (" after cleaning" if run.cleaned is not None else "")
    names = [str(name) for name in run.names]
    alt = f"{what}: matrix of {len(names)} by {len(names)} maps from -1 to 1"
    scale = join(
        [
            tag("span", class_="ramp", aria_hidden="true"),
            "\u00a0-1\u00a0to\u00a01; grey: not known.",
        ]
    )
    atlas = figure(
        matrix_picture(numbers.after, "matrix", names, f"{alt}, in the atlas's order"),
        caption=join([f"{what}, in the order of the atlas. ", scale]),
    )
    clustered = figure(
        tag("div", id="clustered", class_="named", data_label=f"{alt}, ordered by clustering"),
        caption=join([f"{what}, like signals side by side (average linkage). ", scale]),
        kind="scripted",
    )
    pair = tag("div", atlas, clustered, class_="pair")
    return section("correlations", "Correlations", pair, _distribution(run, numbers))


def fit_section(run: RunResults, numbers: RunNumbers) -> Html:
    """
    Draw how well the maps fit, and how much of each had data.

    Parameters
    ----------
    run : RunResults
        The run.
    numbers : RunNumbers
        Its numbers.

    Returns
    -------
    Html
        A part of the page.
    """
    parts = [_fit(run, numbers), _coverage(run), tag("h3", "All maps in numbers")]
    parts.append(tag("div", id="coverage", class_="table-place", data_label="All maps in numbers"))
    return section("fit", "Fit and coverage", *parts)


def _carpets(run: RunResults) -> Html:
    """Draw all signals over time."""
    n_volumes, n_maps = run.raw.shape
    panels = [("before", "Before cleaning (mean and line removed)", run.raw)]
    if run.cleaned is not None:
        full = np.full(run.raw.shape, np.nan)
        full[run.kept] = run.cleaned
        panels.append(("after", "After cleaning", full))
    height = f"{min(34, max(5, 0.85 * n_maps)):.1f}rem"
    names = sparse_names([str(name) for name in run.names])
    parts = [_motion(run)]
    n_censored = int((~run.kept).sum())
    for kind, title, signals in panels:
        codes = _carpet_codes(signals, run.kept, line=kind == "before")
        picture = tag(
            "img",
            src=data_uri(palette_png(codes.T, grey_palette(N_GREYS))),
            alt=f"{title}: {n_maps} signals over {n_volumes} volumes, {n_censored} censored",
            class_="carpet",
            data_carpet=kind,
            style=f"height: {height}",
        )
        parts.append(tag("h3", title, class_="minor"))
        parts.append(tag("div", names, tag("div", picture, class_="plot"), class_="named"))
    step = run.t_r or 1.0
    axis = Chart(
        (0.0, n_volumes * step), (0.0, 1.0), y_ticks=0,
        x_label="time (s)" if run.t_r else "volume",
    )  # fmt: skip
    parts.append(axis.html("", kind="beside ruler", height="1px"))
    caption = (
        "All signals over time, one row per map, grey from "
        f"-{CARPET_LIMIT_SD} to {CARPET_LIMIT_SD} standard deviations of the signal. Vertical "
        "bands in all rows are global; purple volumes were censored. Point at a signal for its "
        "value; click to see its map."
    )
    return figure(*parts, caption=caption, kind="carpets")


def _carpet_codes(signals: Array, keep: Array, *, line: bool) -> Array:
    """Turn signals to greys in units of their standard deviation; flat ones are grey."""
    codes = np.full(signals.shape, N_GREYS, dtype=np.uint8)
    kept = signals[keep]
    if not len(kept):
        return codes
    flat = m.flat_columns(kept)
    known = np.where(flat, 0.0, kept)
    base = m.detrended(known) if line else known - known.mean(axis=0)
    spread = base.std(axis=0)
    base /= np.where(spread > 0, spread, 1.0)
    share = np.clip(base / (2 * CARPET_LIMIT_SD) + 0.5, 0.0, 1.0)
    codes[keep] = np.rint(share * (N_GREYS - 1)).astype(np.uint8)
    return codes


def _motion(run: RunResults) -> Html:
    """Draw framewise displacement, and how much was censored."""
    n_volumes, n_censored = len(run.kept), int((~run.kept).sum())
    words = f"censored: {n_censored} of {n_volumes} volumes"
    if run.motion is None or not np.isfinite(run.motion).any():
        return tag("p", f"Framewise displacement is not known; {words}.", class_="aside")
    step = run.t_r or 1.0
    top = max(1.2 * MOTION_LINE_MM, 1.05 * float(np.nanmax(run.motion)))
    chart = Chart((0.0, n_volumes * step), (0.0, top), y_label="mm", x_ticks=0, y_ticks=2)
    chart.level(MOTION_LINE_MM, "warn")
    chart.line((np.arange(n_volumes) + 0.5) * step, run.motion, "ink")
    for start, stop in spans(run.kept):
        chart.span(start * step, stop * step, "censored")
    words = f"Framewise displacement (line at {MOTION_LINE_MM} mm; {words})"
    title = tag("h3", words, class_="minor")
    drawn = chart.html("Framewise displacement over time", kind="beside", height="4.5rem",
                       series="motion")  # fmt: skip
    return join([title, drawn])


def _spectra(run: RunResults, numbers: RunNumbers) -> Html:
    """Draw the spectra of all signals with the pass band."""
    if numbers.power_before is None or not run.t_r:
        text = "No spectra: " + (
            "too few volumes." if run.t_r else "the repetition time is not known."
        )
        return figure(tag("p", text, class_="aside"))
    tables = [("before", numbers.power_before), ("after", numbers.power_after)]
    known = [
        (kind, table[:, np.isfinite(table).all(axis=0)])
        for kind, table in tables
        if table is not None
    ]
    known = [(kind, table) for kind, table in known if table.size]
    if not known:
        return figure(tag("p", "No spectra: no signal varies.", class_="aside"))
    curves = []
    for kind, table in known:
        logs = np.log10(np.maximum(table, 1e-12))
        curves.append((kind, *np.quantile(logs, [0.1, 0.5, 0.9], axis=1)))
    top = max(float(high.max()) for _, _, _, high in curves) + 0.2
    nyquist = 0.5 / run.t_r
    floor = top - SPECTRUM_DECADES
    chart = Chart(
        (0.0, nyquist), (floor, top), log=True,
        x_label="frequency (Hz)", y_label="share of variance",
    )  # fmt: skip
    for kind, low, middle, high in curves:
        chart.band(numbers.frequencies, low, high, f"{kind} fill")
        chart.line(numbers.frequencies, np.where(middle > floor, middle, np.nan), kind)
    high_pass, low_pass = pass_band(run)
    if high_pass or low_pass:
        chart.span(high_pass or 0.0, min(low_pass or nyquist, nyquist), "pass")
    caption = (
        "Spectra: median over maps (line) and middle 80 % of the maps (band). Gaps from censoring "
        "are filled by what the signals' own spectrum predicts, then tapered, so that power does "
        "not leak out of the pass band."
    )
    description = "Spectra of the signals before and after cleaning with the pass band"
    return figure(chart.html(description, height="13rem"), numbers.key, caption=caption)


def _confounds(run: RunResults) -> Html | None:
    """Draw how strongly signals and confounds correlate."""
    if run.confounds is None or not run.confounds.shape[1]:
        return None
    used = run.confounds[run.kept]
    before = np.abs(m.confound_correlations(m.detrended(run.raw[run.kept]), used))
    after = None if run.cleaned is None else np.abs(m.confound_correlations(run.cleaned, used))
    if not any(np.isfinite(values).any() for values in (before, after) if values is not None):
        text = "No correlations with the confounds: too few volumes, or nothing varies."
        return figure(tag("p", text, class_="aside"))
    strength = np.nan_to_num(before).mean(axis=1)
    order = np.argsort(-strength, kind="stable")[:MAX_CONFOUNDS]
    rows = len(order)
    chart = Chart(
        (-0.012, 1.0), (0.0, float(rows)), y_ticks=0,
        x_label="|correlation|: mean over maps (dot) to largest (end of line)",
    )  # fmt: skip
    place = rows - 0.5 - np.arange(rows)
    for kind, values, shift in (("before", before, 0.18), ("after", after, -0.18)):
        if values is not None:
            shown = np.asarray(values)[order]
            there = np.isfinite(shown).any(axis=1)
            filled = np.where(there[:, np.newaxis], shown, 0.0)
            mean = np.where(there, np.nanmean(filled, axis=1), np.nan)
            largest = np.where(there, np.nanmax(filled, axis=1), np.nan)
            chart.lollipops(place + shift, mean, largest, kind)
    chart.name_rows([str(run.confound_names[index]) for index in order])
    total = run.confounds.shape[1]
    caption = "Correlation of the signals with the confounds."
    if total > MAX_CONFOUNDS:
        caption += f" The {MAX_CONFOUNDS} strongest of {total} are shown."
    finite = np.zeros(0) if after is None else np.asarray(after).ravel()
    finite = finite[np.isfinite(finite)]
    left = f"; mean after cleaning {float(finite.mean()):.3f}" if finite.size else ""
    drawn = chart.html(
        f"Mean |r| of the signals with each confound{left}", kind="beside worded",
        height=f"{1.5 * rows:.1f}rem",
    )  # fmt: skip
    return figure(drawn, _two_keys(run), caption=caption)


def _two_keys(run: RunResults) -> Html:
    """Explain orange and blue."""
    words = [("before", "before cleaning")]
    words += [("after", "after cleaning")] if run.cleaned is not None else []
    inner = join(
        tag("span", tag("i", class_=f"key {kind}"), f" {text}", class_="entry")
        for kind, text in words
    )
    return tag("p", inner, class_="legend")


def _distribution(run: RunResults, numbers: RunNumbers) -> Html:
    """Draw the distribution of the correlations."""
    edges = np.linspace(-1, 1, 41)
    sets = [("before", numbers.before)]
    sets += [("after", numbers.after)] if run.cleaned is not None else []
    found = []
    for kind, matrix in sets:
        pairs = m.upper_triangle(matrix)
        pairs = pairs[np.isfinite(pairs)]
        share = np.histogram(pairs, edges)[0] / max(1, pairs.size)
        if pairs.size:
            found.append((kind, share, float(pairs.mean())))
    top = max((float(share.max()) for _, share, _ in found), default=1.0)
    chart = Chart(
        (-1.0, 1.0), (0.0, 1.05 * top), x_label="correlation between two signals",
        y_label="share of pairs",
    )  # fmt: skip
    chart.at(0.0, "axis")
    for kind, share, mean in found:
        chart.steps(edges, share, f"{kind} outline")
        chart.at(mean, f"{kind} dashed")
    means = [f"{kind} cleaning {round(mean, 2) + 0.0:.2f}" for kind, _, mean in found]
    caption = f"Correlations between all pairs of signals; mean {', '.join(means)} (dashed)."
    description = "Histogram of the correlations before and after cleaning"
    return figure(chart.html(description, height="10rem"), _two_keys(run), caption=caption)


def _fit(run: RunResults, numbers: RunNumbers) -> Html | None:
    """Say how much of the image the maps describe."""
    if run.r_squared is None and run.fluctuation_r_squared is None:
        return None
    shown = [name for name in FIT_MEASURES if name in numbers.values]
    if not shown:
        text = "R² is not known: smoothing or resampling is folded into the extraction."
        return tag("p", text, class_="aside")
    lines = [
        join([tag("strong", number(numbers.values[name], known.digits)), f" {known.label}: ",
              known.meaning])
        for name in shown for known in [m.MEASURES[name]]
    ]  # fmt: skip
    return bullets(lines)


def _coverage(run: RunResults) -> Html | None:
    """Draw the coverage of the maps."""
    if run.coverage is None:
        return None
    values = np.nan_to_num(np.asarray(run.coverage, dtype=np.float64))
    low = values < v.CUT_COVERAGE
    place = np.arange(len(values), dtype=np.float64)
    chart = Chart(
        (-0.6, len(values) - 0.4), (0.0, 1.05), x_label="map number", y_label="coverage",
        x_ticks=min(5, len(values)),
    )  # fmt: skip
    thick = "bar thick" if len(values) <= 60 else "bar"
    chart.bars(place[~low], values[~low], f"after {thick}")
    chart.bars(place[low], np.maximum(values[low], 0.02), f"warn {thick}")
    # Over the bars, which may stand side by side.
    chart.level(v.CUT_COVERAGE, "warn over", "cut")
    chart.level(m.LOST_COVERAGE, "ink over", "lost")
    least = np.argsort(values, kind="stable")[:5]
    least = least[values[least] < values.max(initial=0.0) - SAME_COVERAGE]
    said = "All have about the same."
    if least.size:
        said = "Least: " + ", ".join(str(run.names[index]) for index in least.tolist()) + "."
    n_low = int(low.sum())
    caption = (
        f"Share of each map's weight that had data. {said} Point at a bar for its map; click to "
        "see it."
    )
    description = f"Coverage of {len(values)} maps; {n_low} are below {v.CUT_COVERAGE:.0%}"
    return figure(
        chart.html(description, kind="levels", height="8rem", series="coverage"), caption=caption
    )
