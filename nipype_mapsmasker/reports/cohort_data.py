# SPDX-License-Identifier: Apache-2.0
"""The rows of a cohort's page: worst first, what stands out, and what its script reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nipype_mapsmasker.reports import measures as m
from nipype_mapsmasker.reports import outliers as o
from nipype_mapsmasker.reports import verdict as v
from nipype_mapsmasker.reports.html import href
from nipype_mapsmasker.reports.limits import MIN_COHORT
from nipype_mapsmasker.reports.results import CohortResults, RunRow

__all__ = [
    "LEVELS",
    "CohortNumbers",
    "cohort_numbers",
    "common_parts",
    "level_of",
    "short_name",
    "table_data",
]

MAX_NAME = 24
"""Letters of a run's name for which there is room beside pictures and in the table."""

LEVELS = {**v.LEVEL_WORDS, "failed": "Failed"}
"""Levels of a row, from best to worst, with their words."""


@dataclass(frozen=True, eq=False)
class CohortNumbers:
    """
    Hold what several parts of the page need.

    Parameters
    ----------
    rows : list of RunRow
        Worst first.
    outliers : list of Outlier
        By distance; their indices are those of the rows above.
    odd : list of dict
        For each row why measures stand out.
    shown : list of str
        Names of the measures that any row has.
    telling : list of str
        The fields beside the run that tell rows apart.
    run_levels : dict of str to str
        Each run's worst level.
    common : list of str
        From `common_parts`.
    """

    rows: list[RunRow]
    outliers: list[o.Outlier]
    odd: list[dict[str, str]]
    shown: list[str]
    telling: list[str]
    run_levels: dict[str, str]
    common: list[str]


def cohort_numbers(cohort: CohortResults) -> CohortNumbers:
    """
    Put rows in order and find what stands out.

    Parameters
    ----------
    cohort : CohortResults
        The rows of all runs, failed ones included.

    Returns
    -------
    CohortNumbers
        The numbers.
    """
    given = list(cohort.rows)
    found = _outliers(given)
    far: dict[int, float] = defaultdict(float)
    for outlier in found:
        far[outlier.index] = max(far[outlier.index], min(outlier.distance, 1e6))
    ranks = list(LEVELS)
    order = sorted(
        range(len(given)),
        key=lambda index: (-ranks.index(level_of(given[index])), -far[index], index),
    )
    place = {old: new for new, old in enumerate(order)}
    rows = [given[index] for index in order]
    outliers = [replace(outlier, index=place[outlier.index]) for outlier in found]
    odd: list[dict[str, str]] = [{} for _ in rows]
    for outlier in outliers:
        odd[outlier.index][outlier.measure] = outlier.text
    run_levels: dict[str, str] = {}
    for row in reversed(rows):  # the worst is first, and stays
        run_levels[row.run_id] = level_of(row)
    return CohortNumbers(
        rows=rows,
        outliers=outliers,
        odd=odd,
        shown=[name for name in m.MEASURES if any(name in row.measures for row in rows)],
        telling=[
            field
            for field in ("atlas", "strategy")
            if len({getattr(row, field) for row in rows if not row.failed}) > 1
        ],
        run_levels=run_levels,
        common=common_parts(list(run_levels)),
    )


def common_parts(run_ids: Sequence[str]) -> list[str]:
    """
    Find what runs' names have in common and can do without where there is little room.

    Parameters
    ----------
    run_ids : sequence of str
        Different names.

    Returns
    -------
    list of str
        Parts between underscores, as few as make room: the last ones first. None where names
        are short, or would no longer differ.

    Examples
    --------
    >>> common_parts([f"sub-{n}_ses-1_task-rest_space-A_res-2" for n in range(3)])
    ['res-2', 'space-A']
    """
    names = [run_id.split("_") for run_id in run_ids]
    if len(names) < 2:
        return []
    shared = set(names[0]).intersection(*names[1:])
    found: list[str] = []
    for part in [part for part in reversed(names[0]) if part in shared]:
        if max(len(short_name(run_id, found)) for run_id in run_ids) <= MAX_NAME:
            break
        shorter = {short_name(run_id, [*found, part]) for run_id in run_ids}
        if len(shorter) == len(run_ids) and "" not in shorter:
            found.append(part)
    return found


def short_name(run_id: str, common: Sequence[str]) -> str:
    """
    Leave out of a run's name what all runs have in common.

    Parameters
    ----------
    run_id : str
        The name.
    common : sequence of str
        From `common_parts`.

    Returns
    -------
    str
        The other parts.
    """
    return "_".join(part for part in run_id.split("_") if part not in common)


def level_of(row: RunRow) -> str:
    """
    Give the level of a row.

    Parameters
    ----------
    row : RunRow
        The row.

    Returns
    -------
    str
        One of `LEVELS`.
    """
    return "failed" if row.failed else row.level or "good"


def table_data(numbers: CohortNumbers) -> dict[str, Any]:
    """
    Collect what the page's script reads of the rows.

    Parameters
    ----------
    numbers : CohortNumbers
        From `cohort_numbers`.

    Returns
    -------
    dict
        Plain values for JSON, column by column.
    """
    rows = numbers.rows
    ranks = list(LEVELS)
    return {
        "levels": [{"level": level, "words": words} for level, words in LEVELS.items()],
        "telling": numbers.telling,
        "common": numbers.common,
        "compared": MIN_COHORT,
        "run": [row.run_id for row in rows],
        "atlas": [row.atlas for row in rows],
        "strategy": [row.strategy for row in rows],
        "level": [ranks.index(level_of(row)) for row in rows],
        "runLevel": [ranks.index(numbers.run_levels[row.run_id]) for row in rows],
        "link": [href(row.link) for row in rows],
        # What the verdict rests on; where nothing does, what stands out most.
        "about": [
            ", ".join(dict.fromkeys(row.keywords)) or _keywords(row, odd).partition(", ")[0]
            for row, odd in zip(rows, numbers.odd, strict=True)
        ],
        "keywords": [_keywords(row, odd) for row, odd in zip(rows, numbers.odd, strict=True)],
        "reasons": [_reasons(row, odd) for row, odd in zip(rows, numbers.odd, strict=True)],
        "measures": [_measure(name, numbers) for name in numbers.shown],
    }


def _measure(name: str, numbers: CohortNumbers) -> dict[str, Any]:
    """Collect one measure of all rows."""
    known = m.MEASURES[name]
    values = [row.measures.get(name) for row in numbers.rows]
    return {
        "name": name,
        "label": known.label,
        "digits": known.digits,
        "least": known.least,
        "log": known.log,
        "meaning": known.meaning,
        "values": [_short(value) for value in values],
        "odd": {str(i): odd[name] for i, odd in enumerate(numbers.odd) if name in odd},
    }


def _short(value: float | None) -> float | None:
    """Keep more digits than are shown, and no more."""
    return None if value is None or not np.isfinite(value) else float(f"{value:.7g}")


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


def _keywords(row: RunRow, odd: dict[str, str]) -> str:
    """Say in a word each why a row stands out."""
    words = [*row.keywords, *(_lower(m.MEASURES[name].label) for name in odd)]
    return ", ".join(dict.fromkeys(words))


def _reasons(row: RunRow, odd: dict[str, str]) -> list[str]:
    """Say in a sentence each why a row stands out."""
    texts = [*row.reasons, *odd.values()]
    return [text if text.endswith(".") else f"{text}." for text in texts]


def _lower(label: str) -> str:
    """Write a label within a sentence: words in lower case, abbreviations as they are."""
    return (
        label if label[1:2].isupper() or not label[1:2].isalpha() else label[0].lower() + label[1:]
    )
