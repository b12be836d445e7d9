# SPDX-License-Identifier: Apache-2.0
"""
The one writer of a cohort's tables, whoever makes the results.

The command, `run_cohort`, a builder in somebody's own workflow, several workflows at a time into
one folder, or a workflow per run: each tells of its own runs, and the rows of the others stay.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nipype_mapsmasker.errors import TableError
from nipype_mapsmasker.io.atomic import atomic_path
from nipype_mapsmasker.io.bids.names import format_entities
from nipype_mapsmasker.io.results.dataset import describe_atlas, write_dataset_files
from nipype_mapsmasker.io.results.layout import atlas_entities, private_folder, run_files
from nipype_mapsmasker.io.results.locking import held
from nipype_mapsmasker.io.results.manifests import WITH_RESULTS, read_manifest
from nipype_mapsmasker.io.tables.rows import read_rows, rows_bytes, write_rows

__all__ = [
    "MAPS_COLUMNS",
    "PAGE_LOCK",
    "RUN_COLUMNS",
    "failed_row",
    "logged_reason",
    "write_cohort",
]

LOGGER = logging.getLogger("nipype_mapsmasker.io")

RUN_COLUMNS = {
    "run_id": "The run.",
    "status": "done or failed; not reached where a task of an array was stopped.",
    "reason": "Why it failed, in one sentence.",
    "volumes": "Number of volumes of the image.",
    "kept": "Number of volumes that are not censored, by the first strategy.",
    "t_r": "Repetition time in seconds.",
    "seconds": "Time of extraction.",
    "peak_mb": "Peak memory of the process that extracted, in MB.",
    "warnings": "What is to be known of it, joined; the run's page says it, too.",
}
"""Columns of ``runs.tsv``, and what each holds."""

MAPS_COLUMNS = {
    "index": "Number of the map in the maps image, from 0.",
    "name": "Name of the map.",
    "coverage_min": "Smallest coverage over all fits: share of the map's weight that had data.",
    "coverage_mean": "Mean of that.",
    "variance_inflation_max": "How alike the map is to the others, at most: 1 is not at all.",
    "fits": "Number of distinct fits: runs of one grid and mask share one.",
}
"""Columns of ``atlas-<name>_maps.tsv``, and what each holds."""

TABLES_LOCK = "tables.lock"
"""Held while the tables are read, merged and written; the runs have their own lock."""

PAGE_LOCK = "page.lock"
"""Held while the cohort's page is drawn: the last one drawn has seen the last table."""


def write_cohort(
    out_dir: str | Path,
    rows: Sequence[Mapping[str, Any]],
    atlases: Sequence[str],
    provenance: Mapping[str, Any],
    *,
    coverage_files: Mapping[str, Sequence[str | Path]] | None = None,
    sources: Sequence[str | Path] = (),
    maps_files: Mapping[str, str | Path] | None = None,
    worked: bool = True,
) -> Path:
    """
    Tell of some runs in the cohort's tables, and leave what they say of all others.

    Parameters
    ----------
    out_dir : str or Path
        The result folder.
    rows : sequence of mapping
        One row of ``runs.tsv`` per run of this call.
    atlases : sequence of str
        Atlases of this call, whose tables are made anew from all runs that have them.
    provenance : mapping
        Versions and command of this call.
    coverage_files : mapping of str to sequence of path, optional
        Per atlas, coverage tables of fits, which count besides those of the runs: they tell the
        maps' names where no run came to its end.
    sources : sequence of path
        Images of this call, whose datasets are linked to.
    maps_files : mapping of str to path, optional
        Maps of the atlases.
    worked : bool
        Whether runs may have been done in this call; a run that was done again can have the very
        row that it had.

    Returns
    -------
    Path
        ``runs.tsv``.

    Notes
    -----
    A run that is not in this call keeps its last state. One whose results were taken away since
    is left out. An atlas's table is left as it is where no run has changed.
    """
    out_dir = Path(out_dir)
    out_dir.mkdir(parents=True, exist_ok=True)
    maps_files = maps_files or {}
    with held(private_folder(out_dir) / TABLES_LOCK):
        merged = _merge(out_dir, rows)
        # Those of this call first: they say what the maps are called now.
        done = [str(row["run_id"]) for row in [*rows, *merged] if row["status"] in WITH_RESULTS]
        table = out_dir / "runs.tsv"
        content = rows_bytes(merged, list(RUN_COLUMNS))
        is_news = worked or not table.is_file() or table.read_bytes() != content
        for atlas in atlases:
            names = [] if is_news else _known_names(out_dir, atlas)
            if not names:
                files = [run_files(out_dir, run_id).coverage(atlas) for run_id in done]
                # Other runs may have other atlases.
                tables: list[str | Path] = [file for file in files if file.is_file()]
                tables += (coverage_files or {}).get(atlas, ())
                names = _write_atlas(out_dir, atlas, tables)
            if names:
                describe_atlas(maps_files.get(atlas), atlas, out_dir, names)
        names_of = [run_files(out_dir, row["run_id"]) for row in merged]
        own = [f"/{names.run_id}" for names in names_of if names.entities is None]
        write_dataset_files(out_dir, provenance, [*sources, *maps_files.values()], own)
        if is_news:
            with atomic_path(table) as temporary:
                temporary.write_bytes(content)
        return table


def failed_row(run_id: str, reason: str) -> dict[str, Any]:
    """
    Give the row of a run that failed.

    Parameters
    ----------
    run_id : str
        The run.
    reason : str
        One sentence.

    Returns
    -------
    dict
        A row of ``runs.tsv``.
    """
    return {"run_id": run_id, "status": "failed", "reason": reason}


def logged_reason(out_dir: str | Path, run_id: str) -> str:
    """
    Read why a run failed from its log.

    Parameters
    ----------
    out_dir : str or Path
        The result folder.
    run_id : str
        The run.

    Returns
    -------
    str
        One sentence; '' where there is no log.
    """
    try:
        lines = run_files(out_dir, run_id).log.read_text(encoding="utf-8").splitlines()
        return lines[1].partition(": ")[2]
    except (OSError, IndexError):
        return ""


def _merge(out_dir: Path, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Put rows in the place of the first of them that the table has, or at its end."""
    now = {row["run_id"] for row in rows}
    earlier = _earlier_rows(out_dir)
    place = next((n for n, row in enumerate(earlier) if row["run_id"] in now), len(earlier))
    before, after = (
        [fresh for row in part if row["run_id"] not in now and (fresh := _renew(out_dir, row))]
        for part in (earlier[:place], earlier[place:])
    )
    return [*before, *rows, *after]


def _earlier_rows(out_dir: Path) -> list[dict[str, str | None]]:
    """Read the table as it is; one that nobody can read has nothing to keep."""
    table = out_dir / "runs.tsv"
    if not table.is_file():
        return []
    try:
        rows = read_rows(table)
    except TableError as error:
        LOGGER.warning("%s The table is made anew, of the runs of this call.", error)
        return []
    return [row for row in rows if row.get("run_id") and row.get("status")]


def _renew(out_dir: Path, row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Compare the row of another call's run with what is there."""
    if row["status"] not in WITH_RESULTS:
        return row
    manifest = read_manifest(run_files(out_dir, row["run_id"]).manifest)
    if manifest is not None and manifest.is_there():
        return manifest.row
    reason = logged_reason(out_dir, row["run_id"])
    return failed_row(row["run_id"], reason) if reason else None


def _write_atlas(
    out_dir: Path, atlas: str, coverage_files: Sequence[str | Path]
) -> list[str | None]:
    """Write ``atlas-<name>_maps.tsv``: names in order, and their coverage over all fits."""
    fits: dict[tuple[tuple[float, float], ...], list[dict[str, str | None]]] = {}
    names: list[str | None] = []
    for path in dict.fromkeys(coverage_files):
        try:
            table = read_rows(path)
        except TableError:  # gone since; the run's own manifest tells of it
            continue
        names = names or [_name(row) for row in table]
        if [_name(row) for row in table] != names:
            continue  # other maps, to which an earlier call gave the same name
        # Equal tables count once: they are of the same fit.
        fits[tuple((_coverage(row), _number(row["variance_inflation"])) for row in table)] = table
    if not fits:
        return []
    rows = [
        {
            "index": row["index"],
            "name": _name(row),
            "coverage_min": min(fit[number][0] for fit in fits),
            "coverage_mean": round(sum(fit[number][0] for fit in fits) / len(fits), 6),
            "variance_inflation_max": max(fit[number][1] for fit in fits),
            "fits": len(fits),
        }
        for number, row in enumerate(next(iter(fits.values())))
    ]
    write_rows(_maps_table(out_dir, atlas), rows, list(MAPS_COLUMNS))
    return names


def _known_names(out_dir: Path, atlas: str) -> list[str | None]:
    """Read the maps' names from the table of an atlas; none where there is no such table."""
    try:
        return [row["name"] for row in read_rows(_maps_table(out_dir, atlas))]
    except (TableError, KeyError):
        return []


def _maps_table(out_dir: Path, atlas: str) -> Path:
    """Name the table of an atlas's maps."""
    return out_dir / f"{format_entities(atlas_entities(atlas))}_maps.tsv"


def _coverage(row: Mapping[str, str | None]) -> float:
    """Read a map's coverage by its fit, from the table of a fit or of a run."""
    return _number(row["coverage_fit"] if "coverage_fit" in row else row["coverage"])


def _name(row: Mapping[str, str | None]) -> str | None:
    """Read a map's name, from the table of a fit or of a run."""
    return row["Node"] if "Node" in row else row["name"]


def _number(cell: str | None) -> float:
    """Read a number; NaN where there is none, and equal to itself as a key."""
    return math.nan if cell is None else float(cell)
