# SPDX-License-Identifier: Apache-2.0
"""How the runs of a call stand, read from what is in the result folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nipype_mapsmasker.cohort.plan import Plan, PlannedRun
from nipype_mapsmasker.io.results.cohort import failed_row, logged_reason
from nipype_mapsmasker.io.results.layout import run_files
from nipype_mapsmasker.io.results.manifests import read_manifest

__all__ = ["NOT_REACHED", "rows_of"]

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
    return [_row(plan, planned, faults) for planned in plan.runs]


def _row(plan: Plan, planned: PlannedRun, faults: Mapping[str, str]) -> dict[str, Any]:
    """Give a run's row."""
    run_id = planned.run.run_id
    names = run_files(plan.out_dir, run_id)
    manifest = read_manifest(names.manifest, planned.key, known=planned.manifest)
    if run_id not in faults and manifest is not None and manifest.key == planned.key:
        return manifest.row
    reason = faults.get(run_id) or logged_reason(plan.out_dir, run_id)
    if reason:
        return failed_row(run_id, reason)
    reason = "The call ended before this run was done; run it again to go on."
    return failed_row(run_id, reason) | {"status": NOT_REACHED}
