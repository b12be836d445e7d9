# SPDX-License-Identifier: Apache-2.0
"""The workflow of a cohort: MapNodes over runs, one fit per distinct grid and mask."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nipype_mapsmasker.core.parameters import MaskerParameters
from nipype_mapsmasker.io.results.provenance import provenance_of
from nipype_mapsmasker.workflows.connections import listed
from nipype_mapsmasker.workflows.steps import (
    CACHE_CONFIG,
    DEFAULT_EXTRACT_MEM_GB,
    DEFAULT_FIT_MEM_GB,
    LIGHT_MEM_GB,
    REPORT_MEM_GB,
    RunSteps,
    Steps,
    add_reports,
    add_run_steps,
    add_store,
)
from nipype_mapsmasker.workflows.wiring import (
    add_fits,
    connect_reports,
    connect_runs,
    merge_fits,
)

if TYPE_CHECKING:
    from nipype.pipeline.engine import Workflow

__all__ = ["COHORT_INPUTS", "COHORT_OUTPUTS", "init_cohort_wf"]

COHORT_INPUTS = (
    "run_ids",
    "in_files",
    "confounds_files",
    "sample_mask_files",
    "t_rs",
    "kept",
    "keys",
    "extraction_keys",
    "upstream_faults",
    "maps_img",
    "labels_files",
    "mask_img",
)
"""Fields of the cohort's inputnode."""

COHORT_OUTPUTS = (
    "timeseries_files",
    "summary_files",
    "signals_files",
    "coverage_files",
    "mean_files",
    "operator_files",
    "reconstruction_files",
    "report_files",
    "fault_files",
    "manifest_files",
    "runs_file",
    "cohort_page",
)
"""Fields of the cohort's outputnode."""

OPTIONAL_INPUTS = (
    "confounds_files",
    "sample_mask_files",
    "t_rs",
    "kept",
    "keys",
    "extraction_keys",
    "upstream_faults",
    "mask_img",
)
"""Fields that may stay unset."""


def init_cohort_wf(
    *,
    out_dir: str | None = None,
    command: str = "",
    extract_mem_gb: float = DEFAULT_EXTRACT_MEM_GB,
    fit_mem_gb: float = DEFAULT_FIT_MEM_GB,
    cohort_page: bool = True,
    name: str = "mapsmasker_cohort_wf",
    **parameters: Any,
) -> Workflow:
    """
    Build the workflow that turns the runs of a cohort into cleaned region time series.

    Signals are the least-squares coefficients of the maps in every volume, extracted after
    optional smoothing, and cleaned of confounds in the order of Lindquist et al. (2019).

    The graph::

        inputnode -> group_runs -> fit_maps -> assign_operators -> extract -> clean
                  -> report_run -> store -> summarise -> report_cohort -> outputnode

    ``fit_maps`` is a MapNode over distinct grids and masks; ``extract``, ``clean`` (one per atlas
    and strategy), ``inverse_transform``, ``report_run`` and ``store`` are MapNodes over runs.

    Parameters
    ----------
    out_dir : str, optional
        Result folder for the final files; None leaves all results in the working directory.
    command : str
        The command that runs this, for the record.
    extract_mem_gb, fit_mem_gb : float
        Memory of an extraction and of a fit, GB, for Nipype's schedulers.
    cohort_page : bool
        Whether to end with the page of the cohort, where there are pages and a result folder.
    name : str
        Name of the workflow.
    **parameters
        The fields of `nipype_mapsmasker.workflows.MaskerParameters`.

    Inputs
    ------
    run_ids
        Names of the runs
    in_files
        4D images, one per run
    confounds_files
        Confounds tables per run: a path, a list of paths or None; or nothing at all
    sample_mask_files
        Tables of the volumes to keep, per run or None; or nothing at all
    t_rs
        Repetition times in seconds, per run or None, or one for all
    kept
        Outputs of earlier extractions that still hold, per run or None
    keys
        What each run's results depend on, kept in its manifest
    extraction_keys
        What each run's raw signals depend on, kept in its manifest
    upstream_faults
        Fault files of earlier steps, per run or None
    maps_img
        Maps image, or a list of them, one per atlas
    labels_files
        Tables of the maps' names, one per atlas or None
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
    reconstruction_files
        Images rebuilt from the cleaned signals, in the order of timeseries_files
    report_files
        Pages, in the order of timeseries_files
    fault_files
        Fault per run, or None
    manifest_files
        Manifest per run in the result folder
    runs_file
        Table of the runs in the result folder
    cohort_page
        Page of all runs in the result folder

    Returns
    -------
    Workflow
        With a public face of ``inputnode`` and ``outputnode``.

    Raises
    ------
    ParameterError
        Parameters that cannot be meant, alone or together.
    """
    from nipype.interfaces.utility import IdentityInterface
    from nipype.pipeline.engine import Node, Workflow

    from nipype_mapsmasker.interfaces.grouping import GroupRuns
    from nipype_mapsmasker.interfaces.reports import ReportCohort
    from nipype_mapsmasker.interfaces.storing import SummariseRuns

    params = MaskerParameters(**parameters)
    if out_dir is not None:
        out_dir = str(Path(out_dir).absolute())
    workflow = Workflow(name=name)
    workflow.config = {key: dict(values) for key, values in CACHE_CONFIG.items()}
    inputnode = Node(IdentityInterface(fields=list(COHORT_INPUTS)), name="inputnode")
    for field in OPTIONAL_INPUTS:
        setattr(inputnode.inputs, field, None)
    inputnode.inputs.labels_files = [None] * len(params.atlases)
    group_runs = Node(
        GroupRuns(by_grid=params.resampling_target in ("data", None), on_error=params.on_error),
        name="group_runs",
        mem_gb=LIGHT_MEM_GB,
        run_without_submitting=True,
        # Headers and dates are looked at every time; what follows is cached by what they say.
        overwrite=True,
    )
    for field in ("run_ids", "in_files", *OPTIONAL_INPUTS):
        target = "mask_files" if field == "mask_img" else field
        workflow.connect(inputnode, field, group_runs, target)
    workflow.connect(inputnode, ("maps_img", listed), group_runs, "maps_files")
    workflow.connect(inputnode, "labels_files", group_runs, "labels_files")
    fits, assign = add_fits(workflow, params, inputnode, group_runs, fit_mem_gb)

    steps = Steps(workflow, over_runs=True)
    run = add_run_steps(steps, params, extract_mem_gb=extract_mem_gb)
    connect_runs(workflow, params, inputnode, group_runs, assign, run)
    provenance = provenance_of(params, command)
    if params.reports:
        add_reports(steps, params, run, str(out_dir or ""), provenance)
        connect_reports(workflow, params, group_runs, assign, fits, run)
    outputnode = _add_outputs(workflow, run, assign)
    if out_dir is not None:
        store = add_store(steps, params, run, str(out_dir), provenance)
        summarise = Node(
            SummariseRuns(
                out_dir=str(out_dir), atlases=list(params.atlases), provenance=provenance
            ),
            name="summarise",
            mem_gb=LIGHT_MEM_GB,
            run_without_submitting=True,
            overwrite=True,
        )
        for field, source in (
            ("run_id", "run_ids"),
            ("in_file", "in_files"),
            ("source", "sources"),
            ("key", "keys"),
            ("extraction_key", "extraction_keys"),
        ):
            workflow.connect(group_runs, source, store, field)
        checksums = merge_fits(
            workflow, params, fits, "maps_checksum", "atlas_checksums", first=True
        )
        workflow.connect(checksums, "out", store, "checksums")
        coverage = workflow.get_node("atlas_coverage")
        workflow.connect(
            [
                (inputnode, summarise, [("run_ids", "run_ids")]),
                (coverage, summarise, [("out", "coverage_files")]),
                (
                    store,
                    summarise,
                    [("manifest_file", "manifest_files"), ("fault_file", "fault_files")],
                ),
                (store, outputnode, [("manifest_file", "manifest_files")]),
                (summarise, outputnode, [("out_file", "runs_file")]),
            ]
        )
        if params.reports and cohort_page:
            page = Node(
                ReportCohort(out_dir=str(out_dir)),
                name="report_cohort",
                mem_gb=REPORT_MEM_GB,
                overwrite=True,
            )
            workflow.connect(summarise, "out_file", page, "runs_file")
            workflow.connect(page, "out_file", outputnode, "cohort_page")
    return workflow


def _add_outputs(workflow: Workflow, run: RunSteps, assign: Any) -> Any:
    """Add the outputnode."""
    from nipype.interfaces.utility import IdentityInterface
    from nipype.pipeline.engine import Node

    from nipype_mapsmasker.interfaces.lists import ListRuns

    outputnode = Node(IdentityInterface(fields=list(COHORT_OUTPUTS)), name="outputnode")
    for field, source, nodes in (
        ("timeseries_files", "out_file", run.clean),
        ("summary_files", "summary_file", run.clean),
        ("reconstruction_files", "out_file", run.inverse),
        ("report_files", "out_file", run.report),
    ):
        if not nodes:
            continue
        gather = Node(
            ListRuns(len(nodes)), name=f"list_{field}", mem_gb=LIGHT_MEM_GB,
            run_without_submitting=True,
        )  # fmt: skip
        for number, node in enumerate(nodes.values()):
            workflow.connect(node, source, gather, f"in{number}")
        workflow.connect(gather, "out", outputnode, field)
    workflow.connect(
        [
            (
                run.extract,
                outputnode,
                [
                    ("signals_files", "signals_files"),
                    ("coverage_files", "coverage_files"),
                    ("mean_file", "mean_files"),
                ],
            ),
            (assign, outputnode, [("operator_files", "operator_files")]),
            (run.last, outputnode, [("fault_file", "fault_files")]),
        ]
    )
    return outputnode
