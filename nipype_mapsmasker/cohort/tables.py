# SPDX-License-Identifier: Apache-2.0
"""The cohort's tables and page, made of what is in the result folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nipype_mapsmasker.cohort.plan import Plan, PlannedRun
from nipype_mapsmasker.io.results.layout import run_files
from nipype_mapsmasker.io.results.manifests import read_manifest
from nipype_mapsmasker.io.results.provenance import provenance_of
from nipype_mapsmasker.io.results.storing import (
    failed_row,
    write_atlas_tables,
    write_cohort_tables,
)
from nipype_mapsmasker.io.tables.rows import read_rows

__all__ = ["NOT_REACHED", "earlier_rows", "rows_of", "write_page", "write_tables"]

NOT_REACHED = "not reached"
"""Status of a run that is neither done nor at fault: the call ended before."""


def rows_of(plan: Plan, faults: Mapping[str, str]) -> list[dict[str, Any]]:
    """
    Say of every run how it stands, from what is in the result folder.

    Parameters
    ----------
    plan : Plan
        The plan.
    faults : mapping of str to str
        Reasons of the runs that are known to be at fault.

    Returns
    -------
    list of dict
        Rows of ``runs.tsv``, in the user's order.
    """
    return [_row(plan, one, faults) for one in plan.runs]


def earlier_rows(plan: Plan) -> list[dict[str, Any]]:
    """
    Give the rows of runs of earlier calls, whose results are still in the result folder.

    Parameters
    ----------
    plan : Plan
        The plan of this call.

    Returns
    -------
    list of dict
        Rows of ``runs.tsv``: a cohort may be done image by image, as BIDS apps are called.
    """
    table = plan.out_dir / "runs.tsv"
    if not table.is_file():
        return []
    now = {one.run.run_id for one in plan.runs}
    rows = []
    for row in read_rows(table):
        run_id = row.get("run_id")
        if run_id is None or run_id in now or row.get("status") != "done":
            continue
        manifest = read_manifest(run_files(plan.out_dir, run_id).manifest)
        if manifest is not None:
            rows.append(manifest.row)
    return rows


def write_tables(plan: Plan, rows: Sequence[Mapping[str, Any]], command: str) -> None:
    """
    Write ``runs.tsv``, ``dataset_description.json``, and what the runs say of each atlas.

    Parameters
    ----------
    plan : Plan
        The plan.
    rows : sequence of mapping
        The rows of ``runs.tsv``.
    command : str
        The command that made the results.
    """
    write_cohort_tables(plan.out_dir, rows, provenance_of(plan.params, command))
    done = [str(row["run_id"]) for row in rows if row["status"] == "done"]
    for atlas in plan.params.atlases:
        files = [run_files(plan.out_dir, run_id).coverage(atlas) for run_id in done]
        # Runs of earlier calls may have other atlases.
        write_atlas_tables(plan.out_dir, atlas, [file for file in files if file.is_file()])


def write_page(out_dir: Path) -> None:
    """
    Draw the page of all runs; matplotlib is loaded here and not before.

    Parameters
    ----------
    out_dir : Path
        The result folder.
    """
    from nipype_mapsmasker.reports.folder import write_cohort_page

    write_cohort_page(out_dir)


def _row(plan: Plan, one: PlannedRun, faults: Mapping[str, str]) -> dict[str, Any]:
    """Give a run's row."""
    run_id = one.run.run_id
    names = run_files(plan.out_dir, run_id)
    manifest = read_manifest(names.manifest)
    if run_id not in faults and manifest is not None and manifest.key == one.key:
        return manifest.row
    reason = faults.get(run_id) or _logged_reason(names.log)
    if reason:
        return failed_row(run_id, reason)
    reason = "The call ended before this run was done; run it again to go on."
    return failed_row(run_id, reason) | {"status": NOT_REACHED}


def _logged_reason(log: Path) -> str:
    """Read a failed run's reason from its log."""
    try:
        return log.read_text(encoding="utf-8").splitlines()[1].partition(": ")[2]
    except (OSError, IndexError):
        return ""
