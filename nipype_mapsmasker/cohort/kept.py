# SPDX-License-Identifier: Apache-2.0
"""What earlier calls made of a run and this one need not make again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nipype_mapsmasker.cohort.plan import Plan, PlannedRun
from nipype_mapsmasker.io.decoding import read_object
from nipype_mapsmasker.io.results.layout import run_files
from nipype_mapsmasker.io.results.manifests import shared_strategies
from nipype_mapsmasker.io.results.storing import EXTRACTION_WARNINGS
from nipype_mapsmasker.io.timing import T_R_WARNING, RepetitionTime

__all__ = ["kept_extraction", "kept_strategies"]


def kept_extraction(planned: PlannedRun, plan: Plan) -> dict[str, Any] | None:
    """
    Name the raw signals of an earlier extraction that still hold.

    Parameters
    ----------
    planned : PlannedRun
        The run.
    plan : Plan
        The plan.

    Returns
    -------
    dict or None
        Outputs of `ExtractSignals`; None unless the run only has to be cleaned.
    """
    if planned.state != "clean" or planned.manifest is None or planned.t_r is None:
        return None
    names = run_files(plan.out_dir.absolute(), planned.run.run_id)
    row = planned.manifest.row
    atlas = plan.params.atlases[0]
    return {
        "signals_files": [str(names.raw(atlas)) for atlas in plan.params.atlases],
        "coverage_files": [str(names.coverage(atlas)) for atlas in plan.params.atlases],
        "fit_quality_files": [str(names.fit_quality(atlas)) for atlas in plan.params.atlases],
        "mean_file": str(names.mean),
        "t_r": planned.t_r.seconds,
        "t_r_origin": planned.t_r.origin,
        "n_volumes": planned.n_volumes,
        "messages": _earlier_messages(names.raw_sidecar(atlas), planned.t_r),
        "seconds": float(row.get("seconds") or 0.0),
        "peak_mb": float(row.get("peak_mb") or 0.0),
    }


def kept_strategies(planned: PlannedRun, plan: Plan) -> tuple[str, ...]:
    """
    Name the strategies of a run that need not be tried again: others failed, or are new.

    Parameters
    ----------
    planned : PlannedRun
        The run.
    plan : Plan
        The plan.

    Returns
    -------
    tuple of str
        None of them unless all of their files are as they were written.
    """
    manifest = planned.manifest
    if planned.state != "clean" or manifest is None or len(plan.params.cleanings()) == 1:
        return ()
    shared = set(shared_strategies(planned.key, manifest.key)).difference(manifest.failed)
    if not shared or not manifest.is_whole():
        return ()
    return tuple(name for name in plan.params.cleanings() if name in shared)


def _earlier_messages(sidecar: Path, t_r: RepetitionTime) -> list[str]:
    """Give the warnings that an earlier extraction left beside its signals."""
    found = read_object(sidecar).get(EXTRACTION_WARNINGS)
    earlier = [str(text) for text in found] if isinstance(found, list) else []
    return [*t_r.warnings, *(text for text in earlier if not text.startswith(T_R_WARNING))]
