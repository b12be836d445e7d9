# SPDX-License-Identifier: Apache-2.0
"""What the user reads: the plan before, the summary after."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from nipype_mapsmasker.cohort.plan import Plan, PlannedRun
from nipype_mapsmasker.core.grids import voxel_sizes

__all__ = ["show_plan", "show_summary"]

MAX_LINES = 20
"""Runs or faults that are listed one by one; a dry run lists all."""

_STATES = {
    "todo": "to do",
    "clean": "to clean again",
    "done": "up to date",
    "fault": "at fault",
}


def show_plan(plan: Plan, arguments: argparse.Namespace, to: TextIO) -> None:
    """
    Say what will be done.

    Parameters
    ----------
    plan : Plan
        The plan.
    arguments : argparse.Namespace
        Of the command ``run``.
    to : TextIO
        Where to.
    """
    counts = Counter(one.state for one in plan.runs)
    states = ", ".join(
        f"{counts[state]} {text}" for state, text in _STATES.items() if counts[state]
    )
    _say(to, f"{len(plan.runs)} runs: {states}")
    for atlas in plan.atlases:
        shape = " x ".join(str(size) for size in atlas.maps.grid.shape)
        _say(
            to, f"atlas {atlas.name}: {atlas.maps.n_maps} maps, {shape} voxels, {atlas.maps.path}"
        )
    for text, number in _grids(plan).items():
        _say(to, f"grid {text}: {number} runs")
    estimate = plan.estimate
    if estimate.extract_gb:
        _say(
            to,
            f"memory at most {estimate.extract_gb:.2g} GB per extraction and "
            f"{estimate.fit_gb:.2g} GB per fit; disk about {estimate.out_gb:.2g} GB of results "
            f"and {estimate.work_gb:.2g} GB of work for {estimate.n_fits} fits",
        )
    _say(to, f"engine {arguments.plugin}, results in {plan.out_dir}")
    limit = len(plan.runs) if arguments.dry_run else MAX_LINES
    if arguments.dry_run:
        for one in plan.runs:
            _say(to, _line(one))
    faulty = plan.having("fault")
    for one in faulty[: 0 if arguments.dry_run else limit]:
        _say(to, _line(one))
    if len(faulty) > limit:
        _say(to, f"... and {len(faulty) - limit} more runs at fault")


def show_summary(plan: Plan, rows: Sequence[Mapping[str, Any]], to: TextIO) -> None:
    """
    Say how it went.

    Parameters
    ----------
    plan : Plan
        The plan.
    rows : sequence of mapping
        The rows of ``runs.tsv``.
    to : TextIO
        Where to.
    """
    failed = [row for row in rows if row["status"] == "failed"]
    n_done = sum(row["status"] == "done" for row in rows)
    n_left = len(rows) - n_done - len(failed)
    fresh = n_done - len(plan.having("done"))
    left = f", {n_left} not reached" if n_left else ""
    _say(
        to,
        f"{fresh} runs done, {len(plan.having('done'))} were up to date, {len(failed)} "
        f"failed{left}",
    )
    for row in failed[:MAX_LINES]:
        _say(to, f"failed: {row['run_id']}: {row['reason']}")
    if len(failed) > MAX_LINES:
        _say(to, f"... and {len(failed) - MAX_LINES} more, see {plan.out_dir / 'runs.tsv'}")
    warned = [row for row in rows if row.get("warnings")]
    if warned:
        _say(to, f"{len(warned)} runs have warnings, for instance: {warned[0]['warnings']}")
    _say(to, f"results: {plan.out_dir}; table: {plan.out_dir / 'runs.tsv'}")
    page = plan.out_dir / "report.html"
    if page.exists():
        _say(to, f"pages: {page}")


def _grids(plan: Plan) -> Counter[str]:
    """Count the runs of each shape and voxel size."""
    grids: Counter[str] = Counter()
    for one in plan.runs:
        if one.info is not None:
            shape = " x ".join(str(size) for size in one.info.grid.shape)
            sizes = " x ".join(f"{size:.3g}" for size in voxel_sizes(one.info.grid))
            grids[f"{shape} ({sizes} mm)"] += 1
    return grids


def _line(one: PlannedRun) -> str:
    """Describe one run of the plan."""
    text = f"{one.run.run_id}: {_STATES[one.state]}"
    if one.state == "fault":
        return f"{text}: {one.reason}"
    if one.info is None or one.t_r is None:
        return text
    t_r = "unknown" if one.t_r.seconds is None else f"{one.t_r.seconds:g} s ({one.t_r.origin})"
    shape = " x ".join(str(size) for size in one.info.grid.shape)
    warnings = "".join(f" Warning: {sentence}" for sentence in one.t_r.warnings)
    return f"{text}, {shape} voxels, {one.info.n_volumes} volumes, t_r {t_r}.{warnings}"


def _say(to: TextIO, text: str | Path) -> None:
    """Write one line."""
    print(f"mapsmasker: {text}", file=to, flush=True)
