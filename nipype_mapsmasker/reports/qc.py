# SPDX-License-Identifier: Apache-2.0
"""The numbers and verdicts of the pages as one table: ``qc.tsv``, described in ``qc.json``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nipype_mapsmasker.io.atomic import write_json
from nipype_mapsmasker.io.tables.rows import write_rows
from nipype_mapsmasker.reports.limits import thresholds
from nipype_mapsmasker.reports.measures import MEASURES
from nipype_mapsmasker.reports.outliers import OUTLIER_SD, cohort_outliers
from nipype_mapsmasker.reports.results import CohortResults, RunRow

__all__ = ["QC_COLUMNS", "VERDICTS", "qc_description", "qc_rows", "verdict_line", "write_qc_table"]

VERDICTS = {
    "good": "usable",
    "check": "look closer",
    "bad": "do not use",
    "failed": "failed",
}
"""Levels of a row, from best to worst, and the words for them in the table."""

_BEFORE: dict[str, str] = {
    "run_id": "The run.",
    "atlas": "The maps; n/a for a run that failed as a whole.",
    "strategy": "The way of cleaning; n/a where there is but one, or the whole run failed.",
    "verdict": "Can the run be used? As on the page of all runs.",
    "own_verdict": "The same without comparison with other runs, as on the run's own page.",
    "keywords": "What the verdict is about, a word for each reason, in the order of the reasons.",
    "reasons": "Why, in sentences; for a failed run the fault.",
    "t_r": "Repetition time.",
}

_AFTER: dict[str, str] = {
    "startup_volume_numbers": "Kept volumes, counted from 0, that are not in steady state.",
    "spike_volume_numbers": "Kept volumes, counted from 0, in which most signals jump.",
    "lost_maps": "Maps without a usable signal, by name.",
    "cut_maps": "Maps with less than half of their weight on data, by name.",
    "stands_out": (
        f"Measures, by their columns, that lie more than {OUTLIER_SD} robust standard deviations "
        "from the median of the runs of the same maps and strategy, on the side that is "
        "suspicious, and by an amount that matters. They do not weigh on the verdict."
    ),
}

_NAMES = {
    "run_id": "Run", "atlas": "Atlas", "strategy": "Strategy", "verdict": "Verdict",
    "own_verdict": "Verdict of the run alone", "keywords": "Keywords", "reasons": "Reasons",
    "t_r": "Repetition time", "startup_volume_numbers": "Start-up volumes by number",
    "spike_volume_numbers": "Spikes by number", "lost_maps": "Lost maps", "cut_maps": "Cut maps",
    "stands_out": "Stands out",
}  # fmt: skip

QC_COLUMNS = (*_BEFORE, *MEASURES, *_AFTER)
"""Columns of ``qc.tsv``, in order; the same for every cohort."""


def write_qc_table(out_dir: str | Path, cohort: CohortResults) -> Path:
    """
    Write ``qc.tsv`` and ``qc.json``: one row per run, set of maps and strategy.

    Parameters
    ----------
    out_dir : str or Path
        The result folder.
    cohort : CohortResults
        What the page of all runs shows.

    Returns
    -------
    Path
        ``qc.tsv`` in the folder.
    """
    write_json(Path(out_dir) / "qc.json", qc_description())
    return write_rows(Path(out_dir) / "qc.tsv", qc_rows(cohort), QC_COLUMNS)


def qc_rows(cohort: CohortResults) -> list[dict[str, Any]]:
    """
    Make the rows of ``qc.tsv``.

    Parameters
    ----------
    cohort : CohortResults
        What the page of all runs shows.

    Returns
    -------
    list of dict
        In the order of the cohort's rows, by the names of `QC_COLUMNS`; what is not known is
        None, numbers are not rounded.
    """
    odd: dict[int, list[str]] = {}
    for outlier in cohort_outliers(cohort.rows):
        odd.setdefault(outlier.index, []).append(outlier.measure)
    return [_row(row, odd.get(place, [])) for place, row in enumerate(cohort.rows)]


def qc_description() -> dict[str, Any]:
    """
    Describe each column of ``qc.tsv``, as BIDS asks for.

    Returns
    -------
    dict
        By column: its name in words, its meaning, its unit, its levels.
    """
    described: dict[str, dict[str, Any]] = {}
    for name in QC_COLUMNS:
        if name in MEASURES:
            measure = MEASURES[name]
            described[name] = {"LongName": measure.label, "Description": measure.meaning}
            if measure.unit:
                described[name]["Units"] = measure.unit
        else:
            meaning = {**_BEFORE, **_AFTER}[name]
            described[name] = {"LongName": _NAMES[name], "Description": meaning}
    described["t_r"]["Units"] = "s"
    levels = {
        "usable": "No finding.",
        "look closer": "At least one finding that asks for a look.",
        "do not use": "At least one finding that makes the signals useless as they are.",
        "failed": "There are no signals.",
    }
    for name in ("verdict", "own_verdict"):
        described[name]["Levels"] = levels
    described["verdict"]["Thresholds"] = thresholds()
    for name in ("startup_volume_numbers", "spike_volume_numbers", "lost_maps", "cut_maps"):
        described[name]["Delimiter"] = ", "
    return described


def verdict_line(rows: Iterable[Mapping[str, Any]]) -> str:
    """
    Say in one line what the verdicts come to.

    Parameters
    ----------
    rows : iterable of mapping
        Rows of ``qc.tsv``: ``run_id`` and ``verdict`` of each.

    Returns
    -------
    str
        For instance "56 usable, 1 look closer, 3 do not use". Runs are counted, each by the worst
        verdict of its sets of maps and strategies; failed ones are added where there are any.

    Examples
    --------
    >>> rows = [
    ...     {"run_id": "sub-01", "verdict": "usable"},
    ...     {"run_id": "sub-01", "verdict": "look closer"},
    ...     {"run_id": "sub-02", "verdict": "failed"},
    ... ]
    >>> verdict_line(rows)
    '0 usable, 1 look closer, 0 do not use, 1 failed'
    """
    order = list(VERDICTS.values())
    worst: dict[str, int] = {}
    for row in rows:
        run_id = str(row["run_id"])
        worst[run_id] = max(worst.get(run_id, 0), order.index(str(row["verdict"])))
    counts = Counter(worst.values())
    shown = [place for place in range(len(order)) if order[place] != "failed" or counts[place]]
    return ", ".join(f"{counts[place]} {order[place]}" for place in shown)


def _row(row: RunRow, odd: list[str]) -> dict[str, Any]:
    """Make one row of the table."""
    level = "failed" if row.failed else row.level or "good"
    own = "failed" if row.failed else row.own_level or level
    return {
        "run_id": row.run_id,
        "atlas": row.atlas or None,
        "strategy": row.strategy or None,
        "verdict": VERDICTS[level],
        "own_verdict": VERDICTS[own],
        "keywords": _joined(row.keywords),
        "reasons": " ".join(row.reasons) or None,
        "t_r": row.t_r,
        **{name: _number(row.measures.get(name)) for name in MEASURES},
        "startup_volume_numbers": _joined(row.startup_volumes),
        "spike_volume_numbers": _joined(row.spike_volumes),
        "lost_maps": _joined(row.lost_maps),
        "cut_maps": _joined(row.cut_maps),
        "stands_out": _joined(odd),
    }


def _number(value: float | None) -> float | int | None:
    """Write counts without a decimal point."""
    return int(value) if value is not None and value == int(value) and abs(value) > 1 else value


def _joined(values: Iterable[object]) -> str | None:
    """Put values into one cell."""
    return ", ".join(str(value) for value in values) or None
