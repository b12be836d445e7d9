# SPDX-License-Identifier: Apache-2.0
"""The page of a cohort: finds the odd ones among thousands of runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from nipype_mapsmasker.reports import measures as m
from nipype_mapsmasker.reports import outliers as o
from nipype_mapsmasker.reports import verdict as v
from nipype_mapsmasker.reports.cohort_data import (
    LEVELS,
    CohortNumbers,
    cohort_numbers,
    short_name,
    table_data,
)
from nipype_mapsmasker.reports.html import Html, document, href, join, tag
from nipype_mapsmasker.reports.ordering import clustered_order
from nipype_mapsmasker.reports.page_strategies import strategies_section
from nipype_mapsmasker.reports.palettes import share_palette
from nipype_mapsmasker.reports.parts import (
    bullets,
    figure,
    matrix_picture,
    navigation,
    pairs,
    section,
    sparse_names,
)
from nipype_mapsmasker.reports.png import data_uri, palette_png
from nipype_mapsmasker.reports.results import AtlasSummary, CohortResults, RunRow

__all__ = ["cohort_page"]

SCRIPTS = (
    "format.mjs",
    "data.mjs",
    "dom.mjs",
    "chart.mjs",
    "table.mjs",
    "matrix.mjs",
    "spread.mjs",
    "card.mjs",
    "cohort.mjs",
)
"""Scripts of the page, each before those that use it."""

MAX_OUTLIERS = 100
"""Longest list of outliers in words; all are marked in the table."""

MAX_RUNS_NAMED = 12
"""Runs named for a map that is lost in many."""

SHARE_STEPS = 100
"""Steps of a share from 0 to 1 in the pictures, as many as are shown under the pointer."""


def cohort_page(cohort: CohortResults) -> str:
    """
    Make the page of a cohort.

    Parameters
    ----------
    cohort : CohortResults
        The rows of all runs, failed ones included, and what they have in common.

    Returns
    -------
    str
        One self-contained HTML page; equal results give equal bytes.
    """
    numbers = cohort_numbers(cohort)
    n_runs = len(numbers.run_levels)
    atlases = [
        (f"atlas-{place}", _heading(atlas), _atlas(f"atlas-{place}", atlas, numbers))
        for place, atlas in enumerate(cohort.atlases, start=1)
    ]
    links = [("runs", "Runs")]
    links += [("outliers", "Outliers")] if numbers.outliers else []
    links += [("distributions", "Distributions")] if numbers.shown else []
    compared = strategies_section(cohort.atlases)
    links += [("strategies", "Strategies")] if compared is not None else []
    links += [(name, heading) for name, heading, _ in atlases] + [("how", "How")]
    body = join(
        [
            tag(
                "header",
                tag("h1", cohort.title),
                _tiles(numbers),
                navigation(links, "the-page-of-a-cohort"),
            ),
            _runs(numbers),
            _outliers(numbers),
            _distributions(numbers),
            compared,
            *(html for _, _, html in atlases),
            _how(cohort, numbers),
        ]
    )
    place = {(row.run_id, row.atlas, row.strategy): i for i, row in enumerate(numbers.rows)}
    data = {
        "kind": "cohort",
        "table": table_data(numbers),
        "atlases": [
            {
                "names": list(atlas.names),
                "rows": [place.get((r, atlas.atlas, atlas.strategy), -1) for r in atlas.run_ids],
                "order": _order(atlas),
            }
            for atlas in cohort.atlases
        ],
    }
    noun = "run" if n_runs == 1 else "runs"
    title = f"{cohort.title} · {n_runs} {noun}"
    return document(title, body, scripts=SCRIPTS, data=data)


def _tiles(numbers: CohortNumbers) -> Html:
    """Count runs by their worst level; the script lets the tiles filter."""
    levels = list(numbers.run_levels.values())
    counts = [("", "Runs", len(levels))]
    counts += [(level, words, levels.count(level)) for level, words in LEVELS.items()]
    inner = join(
        tag(
            "button",
            tag("span", words),
            tag("strong", count),
            type="button",
            class_=f"tile {level}".strip(),
            data_level=level,
            aria_pressed="true" if not level else "false",
        )
        for level, words, count in counts
    )
    return tag("div", inner, class_="tiles", role="group", aria_label="Runs by verdict")


def _runs(numbers: CohortNumbers) -> Html:
    """Write the place of the table and of the card."""
    parts: list[Any] = []
    if numbers.rows and all(row.failed for row in numbers.rows):
        text = "Every run failed: there are no signals to show. The reasons are in the table."
        parts.append(tag("p", text, class_="warning", role="note"))
    text = (
        "The table needs the page's own script, which is switched off; runs.tsv and qc.tsv in "
        "the same folder hold the same."
    )
    parts.append(tag("noscript", tag("p", text, class_="warning")))
    table = tag("div", id="runs-place", class_="table-place")
    words = "The run that is looked at"
    card = tag("div", id="card", class_="card", role="group", aria_label=words)
    parts.append(tag("div", table, card, class_="board"))
    return section("runs", "Runs, the worst first", *parts)


def _outliers(numbers: CohortNumbers) -> Html | None:
    """List values far from the cohort's median."""
    if not numbers.outliers:
        return None
    lines = []
    for outlier in numbers.outliers[:MAX_OUTLIERS]:
        row = numbers.rows[outlier.index]
        name = " · ".join(
            part for part in (row.run_id, *(getattr(row, f) for f in numbers.telling)) if part
        )
        named = tag("a", name, href=href(row.link)) if row.link else name
        lines.append(join([named, f": {outlier.text}"]))
    intro = (
        f"Values more than {o.OUTLIER_SD} robust standard deviations from the median of the runs "
        "of the same atlas and cleaning."
    )
    listed = tag("ul", join(tag("li", line) for line in lines), class_="long")
    rest = len(numbers.outliers) - MAX_OUTLIERS
    more = tag("p", f"and {rest} more, marked in the table.") if rest > 0 else None
    folded = tag("details", tag("summary", f"{len(numbers.outliers)} values"), listed, more)
    return section("outliers", "Outliers", tag("p", intro), folded)


def _distributions(numbers: CohortNumbers) -> Html | None:
    """Write the places of the histograms and of the picture of all measures."""
    if not numbers.shown:
        return None
    choice = tag("div", id="groups", class_="tools")
    histograms = figure(
        tag("div", id="histograms", class_="small"),
        caption="How each measure spreads over the runs; red bars hold outliers. Point at a bar "
        "for its runs.",
    )
    heat = figure(
        tag("div", id="heat"),
        caption=join(
            [
                "All measures of all runs, worst runs on top: distance from the median in robust "
                "standard deviations. ",
                tag("span", class_="ramp", aria_hidden="true"),
                "\u00a0-6\u00a0to\u00a06; grey: not known. "
                "Point at a cell for its value; click for its card.",
            ]
        ),
    )
    return section("distributions", "Distributions", choice, histograms, heat)


def _heading(atlas: AtlasSummary) -> str:
    """Name a set of maps and a way of cleaning."""
    name = " · ".join(part for part in (atlas.atlas, atlas.strategy) if part)
    return f"Atlas {name}" if name else "Atlas"


def _order(atlas: AtlasSummary) -> list[int]:
    """Order maps so that those with like signals stand together."""
    if atlas.mean_correlation is None:
        return list(range(len(atlas.names)))
    return clustered_order(atlas.mean_correlation)


def _atlas(name: str, atlas: AtlasSummary, numbers: CohortNumbers) -> Html:
    """Make the part of one set of maps."""
    parts: list[Any] = []
    if atlas.coverage is not None and atlas.coverage.size:
        parts.append(_coverage(name, atlas, numbers.common))
    order = _order(atlas)
    names = [str(atlas.names[index]) for index in order]
    matrices = []
    known = (
        atlas.mean_correlation is not None
        and np.isfinite(m.upper_triangle(atlas.mean_correlation)).any()
    )
    if not known:
        matrices.append(tag("p", "No correlations: fewer than two signals vary.", class_="aside"))
    elif atlas.mean_correlation is not None:
        shown = atlas.mean_correlation[np.ix_(order, order)]
        picture = matrix_picture(shown, f"{name}-mean", names, "Mean correlations, clustered")
        scale = tag("span", class_="ramp", aria_hidden="true")
        words = "Mean correlation of the cleaned signals over runs (by Fisher's z), clustered. "
        matrices.append(figure(picture, caption=join([words, scale, "\u00a0-1\u00a0to\u00a01"])))
    if known and atlas.sd_correlation is not None:
        matrices.append(_spread(name, atlas.sd_correlation[np.ix_(order, order)], names))
    parts.append(tag("div", join(matrices), class_="pair"))
    parts.append(tag("h3", "Maps lost or cut"))
    lost = _lost(atlas, numbers.rows)
    head = ["Map", "No signal in", "Less than half of the weight on data in"]
    parts.append(pairs(lost, head) if lost else tag("p", "No map is lost or cut in any run."))
    return section(name, _heading(atlas), *parts)


def _coverage(name: str, atlas: AtlasSummary, common: Sequence[str]) -> Html:
    """Draw the coverage of every map in every run."""
    assert atlas.coverage is not None
    codes = _share_codes(atlas.coverage)
    n_runs, n_maps = codes.shape
    height = f"{min(30, max(3, 0.8 * n_runs)):.1f}rem"
    picture = tag(
        "img",
        src=data_uri(palette_png(codes, share_palette(SHARE_STEPS + 1))),
        alt=f"Coverage of {n_maps} maps in {n_runs} runs",
        class_="heat",
        id=f"{name}-coverage",
        style=f"height: {height}",
    )
    names = sparse_names([short_name(str(run), common) for run in atlas.run_ids])
    words = "Coverage: share of each map's weight (columns) that had data in each run (rows). "
    scale = tag("span", class_="ramp share", aria_hidden="true")
    drawn = tag("div", names, tag("div", picture, class_="plot"), class_="named")
    return figure(drawn, caption=join([words, scale, "\u00a00\u00a0to\u00a01"]))


def _spread(name: str, spread: m.Array, names: list[str]) -> Html:
    """Draw the standard deviation over runs of each correlation."""
    spread = spread.astype(np.float64)
    # That a signal always correlates fully with itself says nothing.
    np.fill_diagonal(spread, np.nan)
    finite = spread[np.isfinite(spread)]
    n_steps = max(5, int(np.ceil(SHARE_STEPS * float(finite.max(initial=0.05)))) + 1)
    codes = np.where(np.isfinite(spread), np.rint(np.nan_to_num(spread) * SHARE_STEPS), n_steps)
    palette = share_palette(n_steps).copy()
    palette[:-1] = palette[-2::-1]  # dark for much
    picture = tag(
        "img",
        src=data_uri(palette_png(codes.astype(np.uint8), palette)),
        alt="Standard deviations of the correlations, in the same order",
        class_="matrix",
        id=f"{name}-spread",
    )
    words = (
        "Standard deviation over runs of each correlation, in the same order; the diagonal, "
        "always 1, is left out. "
    )
    scale = tag("span", class_="ramp spread", aria_hidden="true")
    drawn = tag("div", sparse_names(names), tag("div", picture, class_="plot"), class_="named")
    return figure(
        drawn,
        caption=join([words, scale, f"\u00a00\u00a0to\u00a0{(n_steps - 1) / SHARE_STEPS:g}"]),
    )


def _share_codes(shares: m.Array) -> m.Array:
    """Turn shares into pixels; what is not known is the code after the last."""
    known = np.isfinite(shares)
    scaled = np.rint(np.where(known, np.clip(shares, 0, 1), 0.0) * SHARE_STEPS)
    return np.where(known, scaled, SHARE_STEPS + 1).astype(np.uint8)


def _lost(atlas: AtlasSummary, rows: list[RunRow]) -> list[tuple[str, str, str]]:
    """List maps that are lost or cut, and in which runs."""
    lost: dict[str, list[str]] = defaultdict(list)
    cut: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.failed or (row.atlas, row.strategy) != (atlas.atlas, atlas.strategy):
            continue
        for name in row.lost_maps:
            lost[name].append(row.run_id)
        for name in row.cut_maps:
            cut[name].append(row.run_id)
    return [
        (str(name), _named_runs(lost[name]), _named_runs(cut[name]))
        for name in atlas.names
        if lost[name] or cut[name]
    ]


def _named_runs(run_ids: list[str]) -> str:
    """Count runs and name the first ones."""
    if not run_ids:
        return "–"
    rest = len(run_ids) - MAX_RUNS_NAMED
    more = f" and {rest} more" if rest > 0 else ""
    noun = "run" if len(run_ids) == 1 else "runs"
    return f"{len(run_ids)} {noun}: " + ", ".join(run_ids[:MAX_RUNS_NAMED]) + more


def _how(cohort: CohortResults, numbers: CohortNumbers) -> Html:
    """Write how verdicts were found, and by what."""
    meanings = [(m.MEASURES[name].label, m.MEASURES[name].meaning) for name in numbers.shown]
    parts: list[Any] = [
        tag("h3", "Thresholds of the verdicts"),
        bullets(v.thresholds()),
        tag("h3", "Columns"),
        pairs(meanings, ["Column", "Meaning"]),
    ]
    if cohort.command:
        parts += [tag("h3", "Command"), tag("pre", cohort.command, class_="card")]
    if cohort.versions:
        parts += [tag("h3", "Versions"), pairs(cohort.versions.items(), ["Software", "Version"])]
    return section("how", "How", *parts)
