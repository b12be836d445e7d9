# SPDX-License-Identifier: Apache-2.0
"""The fits of a cohort, and the edges from outside to the steps of its runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nipype_mapsmasker.core.parameters import MaskerParameters
from nipype_mapsmasker.workflows.connections import first_known, pick, pick_each
from nipype_mapsmasker.workflows.steps import LIGHT_MEM_GB, RunSteps, fit_interface, node_name

if TYPE_CHECKING:
    from nipype.pipeline.engine import Workflow

__all__ = ["add_fits", "connect_reports", "connect_runs", "merge_fits"]


def add_fits(
    workflow: Workflow, params: MaskerParameters, inputnode: Any, group_runs: Any, mem_gb: float
) -> tuple[dict[str, Any], Any]:
    """Add one MapNode over fits per atlas, and what gives every run its operators."""
    from nipype.pipeline.engine import MapNode, Node

    from nipype_mapsmasker.interfaces.grouping import AssignOperators

    fits: dict[str, Any] = {}
    for number, atlas in enumerate(params.atlases):
        fit = MapNode(
            fit_interface(params),
            iterfield=["reference_file", "mask_file", "source", "upstream_fault"],
            name=node_name("fit_maps", params, atlas),
            mem_gb=mem_gb,
        )
        per_fit = [
            ("reference_files", "reference_file"),
            ("mask_files", "mask_file"),
            ("fit_faults", "upstream_fault"),
            ("fit_sources", "source"),
        ]
        workflow.connect([(group_runs, fit, per_fit)])
        workflow.connect(inputnode, ("maps_img", pick, number), fit, "maps_file")
        workflow.connect(inputnode, ("labels_files", pick, number), fit, "labels_file")
        fits[atlas] = fit
    assign = Node(
        AssignOperators(),
        name="assign_operators",
        mem_gb=LIGHT_MEM_GB,
        run_without_submitting=True,
    )
    operators = merge_fits(workflow, params, fits, "operator_file", "atlas_operators")
    coverage = merge_fits(workflow, params, fits, "coverage_file", "atlas_coverage")
    cuts = merge_fits(workflow, params, fits, "cuts_file", "atlas_cuts")
    faults = merge_fits(workflow, params, fits, "fault_file", "atlas_faults")
    workflow.connect(
        [
            (operators, assign, [("out", "operator_files")]),
            (coverage, assign, [("out", "coverage_files")]),
            (cuts, assign, [("out", "cuts_files")]),
            (faults, assign, [("out", "fit_faults")]),
            (group_runs, assign, [("fit_index", "fit_index"), ("fault_files", "fault_files")]),
        ]
    )
    return fits, assign


def merge_fits(
    workflow: Workflow,
    params: MaskerParameters,
    fits: dict[str, Any],
    field: str,
    name: str,
    *,
    first: bool = False,
) -> Any:
    """Collect one output of every atlas's fits as a list per atlas."""
    from nipype.pipeline.engine import Node

    from nipype_mapsmasker.interfaces.lists import ListAtlases

    node = Node(
        ListAtlases(len(params.atlases)),
        name=name,
        mem_gb=LIGHT_MEM_GB,
        run_without_submitting=True,
    )
    for number, fit in enumerate(fits.values()):
        source = (field, first_known) if first else field
        workflow.connect(fit, source, node, f"in{number}")
    return node


def connect_runs(
    workflow: Workflow,
    params: MaskerParameters,
    inputnode: Any,
    group_runs: Any,
    assign: Any,
    run: RunSteps,
) -> None:
    """Connect what comes from outside to the steps of the runs."""
    identity = [("run_ids", "run_id"), ("sources", "source")]
    workflow.connect(
        [
            (
                group_runs,
                run.extract,
                [*identity, ("in_files", "in_file"), ("t_rs", "t_r"), ("kept", "kept")],
            ),
            (
                assign,
                run.extract,
                [("operator_files", "operator_files"), ("fault_files", "upstream_fault")],
            ),
        ]
    )
    if run.high_variance is not None:
        workflow.connect([(group_runs, run.high_variance, [*identity, ("in_files", "in_file")])])
    for node in run.clean.values():
        files = [
            ("run_ids", "run_id"),
            # Tables, too, may be replaced by others of the same size and date.
            ("clean_sources", "source"),
            ("confounds_files", "confounds_files"),
            ("sample_mask_files", "sample_mask_file"),
        ]
        workflow.connect([(group_runs, node, files)])
    for (atlas, _), node in run.inverse.items():
        number = list(params.atlases).index(atlas)
        workflow.connect([(group_runs, node, [*identity, ("run_mask_files", "mask_file")])])
        if params.resampling_target == "mask":
            workflow.connect(group_runs, "run_mask_files", node, "reference_file")
        workflow.connect(inputnode, ("maps_img", pick, number), node, "maps_file")


def connect_reports(
    workflow: Workflow,
    params: MaskerParameters,
    group_runs: Any,
    assign: Any,
    fits: dict[str, Any],
    run: RunSteps,
) -> None:
    """Connect what the pages need from outside the runs' steps."""
    for (atlas, _), node in run.report.items():
        number = list(params.atlases).index(atlas)
        fields = [
            ("run_ids", "run_id"),
            ("sources", "source"),
            ("in_files", "in_file"),
            ("confounds_files", "confounds_files"),
            ("sample_mask_files", "sample_mask_file"),
        ]
        workflow.connect([(group_runs, node, fields)])
        workflow.connect(assign, ("coverage_files", pick_each, number), node, "fit_coverage_file")
        workflow.connect(assign, ("cuts_files", pick_each, number), node, "cuts_file")
        workflow.connect(fits[atlas], ("maps_checksum", first_known), node, "maps_checksum")
