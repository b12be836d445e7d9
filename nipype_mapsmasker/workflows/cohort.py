# SPDX-License-Identifier: Apache-2.0
"""The workflow of a cohort: MapNodes over runs, one fit per distinct grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nipype_mapsmasker.workflows.arguments import CohortArguments, takes
from nipype_mapsmasker.workflows.batching import Batch
from nipype_mapsmasker.workflows.connections import first_known, listed, pick, pick_each
from nipype_mapsmasker.workflows.ends import add_steps_and_ends
from nipype_mapsmasker.workflows.steps import LIGHT, Graph, Source, fit_interface

if TYPE_CHECKING:
    from nipype.pipeline.engine import MapNode, Node, Workflow

__all__ = ["COHORT_INPUTS", "COHORT_OUTPUTS", "init_cohort_wf"]

OPTIONAL_INPUTS = (
    "confounds_files",
    "sample_mask_files",
    "t_rs",
    "kept",
    "kept_strategies",
    "keys",
    "extraction_keys",
    "upstream_faults",
    "mask_img",
)
"""Fields that may stay unset."""

COHORT_INPUTS = ("run_ids", "in_files", "maps_img", "labels_files", *OPTIONAL_INPUTS)
"""Fields of the cohort's inputnode."""

COHORT_OUTPUTS = (
    "timeseries_files",
    "summary_files",
    "signals_files",
    "coverage_files",
    "mean_files",
    "operator_files",
    "outliers_files",
    "relmat_files",
    "statmap_files",
    "reconstruction_files",
    "report_files",
    "fault_files",
    "manifest_files",
    "runs_file",
    "cohort_page",
)
"""Fields of the cohort's outputnode."""


@takes(CohortArguments)
def init_cohort_wf(given: CohortArguments) -> Workflow:
    """
    Build the workflow that turns the runs of a cohort into cleaned region time series.

    Signals are the least-squares coefficients of the maps in every volume, extracted after
    optional smoothing, and cleaned of confounds in the order of Lindquist et al. (2019).
    ``fit_maps`` is a MapNode over distinct grids and masks; ``extract``, ``clean`` (one per atlas
    and strategy), ``inverse_transform``, ``report_run`` and ``store`` are MapNodes over runs; with
    ``batch_size`` one MapNode over batches of runs does all of these steps instead, and the
    outputs of single steps stay unset.

    .. workflow::
        :graph2use: orig
        :simple_form: yes

        from nipype_mapsmasker.workflows import init_cohort_wf
        wf = init_cohort_wf(out_dir="results")

    Parameters
    ----------
    {parameters}

    Inputs
    ------
    run_ids
        Names of the runs
    in_files
        4D images, one per run
    maps_img
        Maps image, or a list of them, one per atlas
    labels_files
        Tables of the maps' names, one per atlas or None
    confounds_files
        Confounds tables per run: a path, a list of paths or None; or nothing at all
    sample_mask_files
        Tables of the volumes to keep, per run or None; or nothing at all
    t_rs
        Repetition times in seconds, per run or None, or one for all
    kept
        Outputs of earlier extractions that still hold, per run or None
    kept_strategies
        Strategies whose results in the result folder still hold, per run or None
    keys
        What each run's results depend on, kept in its manifest
    extraction_keys
        What each run's raw signals depend on, kept in its manifest
    upstream_faults
        Fault files of earlier steps, per run or None
    mask_img
        Mask for all runs, or a list of masks per run

    Outputs
    -------
    timeseries_files
        Cleaned signals, one list per run: per atlas and strategy
    summary_files
        What cleaning did, in the same order
    signals_files
        Raw signals, one list per run: per atlas
    coverage_files
        Coverage of the maps, one list per run: per atlas
    mean_files
        Mean images, one per run
    operator_files
        Fitted operators, one list per run: per atlas
    outliers_files
        Tables of kept and censored volumes, one list per run: per strategy that chooses
    relmat_files
        Connectomes, one list per run: per atlas, strategy and measure
    statmap_files
        Maps of dual regressions and their z, one list per run: per atlas and strategy
    reconstruction_files
        Images rebuilt from the cleaned signals, in the order of timeseries_files
    report_files
        Pages, in the order of timeseries_files
    fault_files
        Fault per run, or None; where only some strategies failed it names them
    manifest_files
        Manifest per run in the result folder
    runs_file
        Table of the runs in the result folder
    cohort_page
        Page of all runs in the result folder
    """
    graph = Graph.begin(given, COHORT_INPUTS, OPTIONAL_INPUTS)
    group_runs = _add_grouping(graph, pack=given.batch_size is not None)
    fits = _add_fits(graph, group_runs)
    of_fits = _gather_fits(graph, fits)
    if given.batch_size is None:
        assign = _add_assignment(graph, of_fits, group_runs)
    else:  # the node that cuts runs into batches has the lists of both
        graph.batch = Batch(given.batch_size, group_runs, of_fits)
        assign = group_runs
    graph.fits = {
        "maps_checksum": [(fit, ("maps_checksum", first_known)) for fit in fits],
        **{
            name: [(assign, (f"{name}s", pick_each, n)) for n in range(len(fits))]
            for name in ("coverage_file", "cuts_file")
        },
    }
    graph.sources = {
        name: (group_runs, output)
        for name, output in (
            ("run_id", "run_ids"),
            ("in_file", "in_files"),
            ("confounds_files", "confounds_files"),
            ("sample_mask_file", "sample_mask_files"),
            ("mask_file", "run_mask_files"),
            ("own_mask_file", "own_mask_files"),
            ("t_r", "t_rs"),
            ("source", "sources"),
            ("clean_source", "clean_sources"),
            ("kept", "kept"),
            ("kept_strategies", "kept_strategies"),
            ("key", "keys"),
            ("extraction_key", "extraction_keys"),
        )
    } | {"operator_files": (assign, "operator_files"), "fault": (assign, "fault_files")}
    add_steps_and_ends(
        graph,
        fields=COHORT_OUTPUTS,
        run_ids=(graph.inputnode, "run_ids"),
        fit_coverage=of_fits["coverage_files"],
    )
    return graph.workflow


def _add_grouping(graph: Graph, *, pack: bool) -> Node:
    """Add what completes the lists of runs and sorts them by the fit that serves them."""
    from nipype_mapsmasker.interfaces.grouping import GroupRuns
    from nipype_mapsmasker.workflows.nodes import FreshNode

    by_grid = graph.given.resampling_target in ("data", None)
    group_runs = FreshNode(
        GroupRuns(
            by_grid=by_grid,
            by_mask=graph.given.demean or graph.given.resampling_target == "mask",
            mask_threshold=graph.given.mask_threshold,
            on_error=graph.given.on_error,
            pack=pack,
        ),
        name="group_runs",
        # Headers and dates are looked at every time; what follows is cached by what they say.
        **LIGHT,
    )
    sources: dict[str, Source] = {
        name: (graph.inputnode, name) for name in ("run_ids", "in_files", *OPTIONAL_INPUTS)
    }
    sources["mask_files"] = sources.pop("mask_img")
    sources["maps_files"] = (graph.inputnode, ("maps_img", listed))
    sources["labels_files"] = (graph.inputnode, "labels_files")
    graph.connect(group_runs, sources)
    return group_runs


def _add_fits(graph: Graph, group_runs: Node) -> list[MapNode]:
    """Add one MapNode over fits per atlas."""
    from nipype.pipeline.engine import MapNode

    per_fit = {
        "reference_file": (group_runs, "reference_files"),
        "mask_file": (group_runs, "mask_files"),
        "upstream_fault": (group_runs, "fit_faults"),
        "source": (group_runs, "fit_sources"),
    }
    fits = []
    for number, atlas in enumerate(graph.given.atlases):
        fit = MapNode(
            fit_interface(graph.given),
            iterfield=list(per_fit),
            name=graph.name("fit_maps", atlas),
            mem_gb=graph.given.fit_mem_gb,
        )
        labels = (graph.inputnode, ("labels_files", pick, number))
        graph.connect(fit, {**per_fit, "maps_file": graph.maps[number], "labels_file": labels})
        fits.append(fit)
    return fits


def _gather_fits(graph: Graph, fits: list[MapNode]) -> dict[str, Source]:
    """List what the fits of all atlases made."""
    return {
        target: graph.gather(name, [(fit, output) for fit in fits])
        for target, name, output in (
            ("operator_files", "atlas_operators", "operator_file"),
            ("coverage_files", "atlas_coverage", "coverage_file"),
            ("cuts_files", "atlas_cuts", "cuts_file"),
            ("fit_faults", "atlas_faults", "fault_file"),
        )
    }


def _add_assignment(graph: Graph, of_fits: dict[str, Source], group_runs: Node) -> Node:
    """Add what gives every run its fits."""
    from nipype.pipeline.engine import Node

    from nipype_mapsmasker.interfaces.grouping import AssignOperators

    assign = Node(AssignOperators(), name="assign_operators", **LIGHT)
    runs = {name: (group_runs, name) for name in ("fit_index", "fault_files")}
    graph.connect(assign, {**of_fits, **runs})
    return assign
