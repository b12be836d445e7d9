# SPDX-License-Identifier: Apache-2.0
"""The page of a cohort: finds the odd ones among a thousand runs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

from nipype_mapsmasker.reports import measures as m
from nipype_mapsmasker.reports import outliers as o
from nipype_mapsmasker.reports import verdict as v
from nipype_mapsmasker.reports.figures_cohort import figure_coverage_heat, figure_measures
from nipype_mapsmasker.reports.figures_numbers import figure_correlation, figure_spread
from nipype_mapsmasker.reports.render import Cell, Column, Picture, href, number, picture, render
from nipype_mapsmasker.reports.results import AtlasSummary, CohortResults, RunRow

__all__ = ["cohort_page"]

MAX_OUTLIERS = 100
"""Longest list of outliers in words; all are marked in the table."""

MAX_RUNS_NAMED = 12
"""Runs named for a map that is lost in many."""

LEVELS = {**v.LEVEL_WORDS, "failed": "Failed"}
"""Levels of a row, from best to worst, with their words."""


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
    rows = list(cohort.rows)
    outliers = _outliers(rows)
    odd: dict[int, dict[str, str]] = defaultdict(dict)
    for outlier in outliers:
        odd[outlier.index][outlier.measure] = outlier.text
    telling = _telling(rows)
    shown = [name for name in m.MEASURES if any(name in row.measures for row in rows)]
    counts = _counts(rows)
    return render(
        "cohort.html",
        {
            "title": cohort.title,
            "n_runs": f"{len(rows)} runs",
            "counts": [("", "Runs", len(rows)), *counts],
            "levels": counts,
            "all_failed": bool(rows) and all(row.failed for row in rows),
            "columns": _columns(telling, shown),
            "rows": [
                _table_row(row, telling, shown, odd[index]) for index, row in enumerate(rows)
            ],
            "outlier_sd": o.OUTLIER_SD,
            "outliers": [
                {
                    "run_id": _name(rows[outlier.index], telling),
                    "href": href(rows[outlier.index].link),
                    "text": outlier.text,
                }
                for outlier in outliers[:MAX_OUTLIERS]
            ],
            "n_more_outliers": max(0, len(outliers) - MAX_OUTLIERS),
            "distributions": _distributions(rows, outliers),
            "atlases": [_atlas(atlas, rows) for atlas in cohort.atlases],
            "thresholds": v.thresholds(),
            "meanings": [(m.MEASURES[name].label, m.MEASURES[name].meaning) for name in shown],
            "command": cohort.command,
            "versions": list(cohort.versions.items()),
        },
    )


def _outliers(rows: list[RunRow]) -> list[o.Outlier]:
    """Find outliers among runs that were treated alike."""
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        if not row.failed:
            groups[row.atlas, row.strategy].append(index)
    found = [
        replace(outlier, index=members[outlier.index])
        for members in groups.values()
        for outlier in o.find_outliers([rows[index].measures for index in members])
    ]
    return sorted(found, key=lambda outlier: (-outlier.distance, outlier.index, outlier.measure))


def _counts(rows: list[RunRow]) -> list[tuple[str, str, int]]:
    """Count the rows of each level."""
    levels = [_level(row) for row in rows]
    return [(level, words, levels.count(level)) for level, words in LEVELS.items()]


def _level(row: RunRow) -> str:
    """Give the level of a row."""
    return "failed" if row.failed else row.level or "good"


def _telling(rows: list[RunRow]) -> list[str]:
    """Name the fields beside the run that tell rows apart, failed runs aside."""
    return [
        field
        for field in ("atlas", "strategy")
        if len({getattr(row, field) for row in rows if not row.failed}) > 1
    ]


def _name(row: RunRow, telling: list[str]) -> str:
    """Name a row."""
    return " · ".join(part for part in (row.run_id, *(getattr(row, f) for f in telling)) if part)


def _columns(telling: list[str], shown: list[str]) -> list[Column]:
    """Make the heads of the table."""
    columns = [Column("Run", "text"), Column("Verdict"), Column("Reasons", "text")]
    columns += [Column(field.capitalize(), "text") for field in telling]
    columns += [Column(m.MEASURES[name].label, title=m.MEASURES[name].meaning) for name in shown]
    return columns


def _table_row(row: RunRow, telling: list[str], shown: list[str], odd: dict[str, str]) -> Any:
    """Make one row of the table; ``odd`` says why a measure stands out."""
    level = _level(row)
    cells = [Cell(getattr(row, field)) for field in telling]
    for name in shown:
        value = row.measures.get(name)
        cells.append(Cell(number(value, m.MEASURES[name].digits), value, odd.get(name, "")))
    reasons = [*row.reasons, *(odd[name] for name in shown if name in odd)]
    keywords = [*row.keywords, *(_lower(m.MEASURES[name].label) for name in odd)]
    return {
        "run_id": row.run_id,
        "href": href(row.link),
        "level": level,
        "rank": list(LEVELS).index(level),
        "words": LEVELS[level],
        "cells": cells,
        "keywords": ", ".join(dict.fromkeys(keywords)),
        "reasons": " ".join(text if text.endswith(".") else f"{text}." for text in reasons),
    }


def _lower(label: str) -> str:
    """Write a label within a sentence: words in lower case, abbreviations as they are."""
    return (
        label if label[1:2].isupper() or not label[1:2].isalpha() else label[0].lower() + label[1:]
    )


def _distributions(rows: list[RunRow], outliers: list[o.Outlier]) -> list[Picture]:
    """Draw the spread of every measure."""
    by_measure: dict[str, list[int]] = defaultdict(list)
    for outlier in outliers:
        by_measure[outlier.measure].append(outlier.index)
    figure = figure_measures(
        [row.measures for row in rows], [row.run_id for row in rows], by_measure
    )
    caption = (
        "How each measure spreads over the runs; the dashed line is the median, red crosses are "
        "outliers, the farthest named."
    )
    return [picture(figure, caption, f"Histograms; {len(outliers)} outlying values.")]


def _atlas(atlas: AtlasSummary, rows: list[RunRow]) -> dict[str, Any]:
    """Make the part of one set of maps."""
    name = " · ".join(part for part in (atlas.atlas, atlas.strategy) if part)
    heading = f"Atlas {name}" if name else "Atlas"
    wide, matrices = [], []
    if atlas.coverage is not None and atlas.coverage.size:
        wide.append(
            picture(
                figure_coverage_heat(atlas.coverage, atlas.run_ids, atlas.names),
                "Coverage: share of each map's weight (columns) that had data in each run (rows).",
                f"Heat map of coverage, {len(atlas.run_ids)} runs by {len(atlas.names)} maps.",
            )
        )
    order = None
    if atlas.mean_correlation is not None:
        order = m.clustered_order(atlas.mean_correlation)
        figure = figure_correlation(
            atlas.mean_correlation, atlas.names, order=order, title="Mean over runs"
        )
        caption = "Mean correlation of the cleaned signals over runs (by Fisher's z), clustered."
        matrices.append(picture(figure, caption, "Matrix of mean correlations from -1 to 1."))
    if atlas.sd_correlation is not None:
        figure = figure_spread(atlas.sd_correlation, atlas.names, order=order, title="Spread")
        caption = (
            "Standard deviation over runs of each correlation, in the same order; the diagonal, "
            "always 1, is left out."
        )
        matrices.append(picture(figure, caption, "Matrix of standard deviations."))
    return {
        "heading": heading,
        "wide": wide,
        "matrices": matrices,
        "lost": _lost(atlas, rows),
    }


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
        (str(name), _runs(lost[name]), _runs(cut[name]))
        for name in atlas.names
        if lost[name] or cut[name]
    ]


def _runs(run_ids: list[str]) -> str:
    """Count runs and name the first ones."""
    if not run_ids:
        return "–"
    rest = len(run_ids) - MAX_RUNS_NAMED
    more = f" and {rest} more" if rest > 0 else ""
    noun = "run" if len(run_ids) == 1 else "runs"
    return f"{len(run_ids)} {noun}: " + ", ".join(run_ids[:MAX_RUNS_NAMED]) + more
