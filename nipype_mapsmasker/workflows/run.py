# SPDX-License-Identifier: Apache-2.0
"""The workflow of one run: the same steps as a cohort's, with Nodes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nipype_mapsmasker.core.parameters import MaskerParameters
from nipype_mapsmasker.io.results.provenance import provenance_of
from nipype_mapsmasker.workflows.connections import fingerprint_of, pick
from nipype_mapsmasker.workflows.steps import (
    CACHE_CONFIG,
    DEFAULT_EXTRACT_MEM_GB,
    DEFAULT_FIT_MEM_GB,
    LIGHT_MEM_GB,
    Steps,
    add_reports,
    add_run_steps,
    add_store,
    fit_interface,
    node_name,
)

if TYPE_CHECKING:
    from nipype.pipeline.engine import Workflow

__all__ = ["RUN_INPUTS", "RUN_OUTPUTS", "init_run_wf"]

RUN_INPUTS = (
    "run_id",
    "in_file",
    "confounds_files",
    "sample_mask_file",
    "t_r",
    "maps_img",
    "labels_files",
    "mask_img",
)
"""Fields of the run's inputnode."""

RUN_OUTPUTS = (
    "timeseries_files",
    "summary_files",
    "signals_files",
    "coverage_files",
    "mean_file",
    "operator_files",
    "reconstruction_files",
    "report_files",
    "fault_file",
    "manifest_file",
)
"""Fields of the run's outputnode."""


def init_run_wf(
    *,
    out_dir: str | None = None,
    command: str = "",
    extract_mem_gb: float = DEFAULT_EXTRACT_MEM_GB,
    fit_mem_gb: float = DEFAULT_FIT_MEM_GB,
    name: str = "mapsmasker_run_wf",
    **parameters: Any,
) -> Workflow:
    """
    Build the workflow that turns one run into cleaned region time series.

    Signals are the least-squares coefficients of the maps in every volume, extracted after
    optional smoothing, and cleaned of confounds in the order of Lindquist et al. (2019).

    The graph::

        inputnode -> fit_maps -> extract -> clean -> report_run -> store -> outputnode

    Parameters
    ----------
    out_dir : str, optional
        Result folder for the final files; None leaves all results in the working directory.
    command : str
        The command that runs this, for the record.
    extract_mem_gb, fit_mem_gb : float
        Memory of an extraction and of a fit, GB, for Nipype's schedulers.
    name : str
        Name of the workflow.
    **parameters
        The fields of `nipype_mapsmasker.workflows.MaskerParameters`.

    Inputs
    ------
    run_id
        Name of the run
    in_file
        4D image
    confounds_files
        Confounds table, list of tables, or None
    sample_mask_file
        Table of the volumes to keep, or None
    t_r
        Repetition time in seconds, or None
    maps_img
        Maps image, or a list of them, one per atlas
    labels_files
        Tables of the maps' names, one per atlas or None
    mask_img
        Mask, or None

    Outputs
    -------
    timeseries_files
        Cleaned signals, per atlas and strategy
    summary_files
        What cleaning did, in the same order
    signals_files
        Raw signals, per atlas
    coverage_files
        Coverage of the maps, per atlas
    mean_file
        Mean image
    operator_files
        Fitted operators, per atlas
    reconstruction_files
        Images rebuilt from the cleaned signals, in the order of timeseries_files
    report_files
        Pages, in the order of timeseries_files
    fault_file
        Fault of the run, or None
    manifest_file
        Manifest in the result folder

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

    from nipype_mapsmasker.interfaces.lists import ListAtlases

    params = MaskerParameters(**parameters)
    if out_dir is not None:
        out_dir = str(Path(out_dir).absolute())
    workflow = Workflow(name=name)
    workflow.config = {key: dict(values) for key, values in CACHE_CONFIG.items()}
    inputnode = Node(IdentityInterface(fields=list(RUN_INPUTS)), name="inputnode")
    for field in ("confounds_files", "sample_mask_file", "t_r", "mask_img"):
        setattr(inputnode.inputs, field, None)
    inputnode.inputs.run_id = "run"
    inputnode.inputs.labels_files = [None] * len(params.atlases)
    outputnode = Node(IdentityInterface(fields=list(RUN_OUTPUTS)), name="outputnode")

    def gather(name: str, nodes: list[Any], field: str) -> Any:
        node = Node(
            ListAtlases(len(nodes)), name=name, mem_gb=LIGHT_MEM_GB, run_without_submitting=True
        )
        for number, source in enumerate(nodes):
            workflow.connect(source, field, node, f"in{number}")
        return node

    fits: list[Any] = []
    for number, atlas in enumerate(params.atlases):
        fit = Node(
            fit_interface(params), name=node_name("fit_maps", params, atlas), mem_gb=fit_mem_gb
        )
        workflow.connect(inputnode, ("maps_img", pick, number), fit, "maps_file")
        workflow.connect(inputnode, ("labels_files", pick, number), fit, "labels_file")
        workflow.connect(
            [(inputnode, fit, [("in_file", "reference_file"), ("mask_img", "mask_file")])]
        )
        if fits:
            workflow.connect(fits[-1], "fault_file", fit, "upstream_fault")
        fits.append(fit)
    operators = gather("operators", fits, "operator_file")

    steps = Steps(workflow, over_runs=False)
    run = add_run_steps(steps, params, extract_mem_gb=extract_mem_gb)
    identity = [("run_id", "run_id"), (("in_file", fingerprint_of), "source")]
    workflow.connect(
        [
            (operators, run.extract, [("out", "operator_files")]),
            (operators, outputnode, [("out", "operator_files")]),
            (fits[-1], run.extract, [("fault_file", "upstream_fault")]),
            (inputnode, run.extract, [*identity, ("in_file", "in_file"), ("t_r", "t_r")]),
        ]
    )
    if run.high_variance is not None:
        workflow.connect([(inputnode, run.high_variance, [*identity, ("in_file", "in_file")])])
    for node in run.clean.values():
        files = [("confounds_files", "confounds_files"), ("sample_mask_file", "sample_mask_file")]
        workflow.connect([(inputnode, node, [*identity, *files])])
    for (atlas, _), node in run.inverse.items():
        number = list(params.atlases).index(atlas)
        workflow.connect([(inputnode, node, [*identity, ("mask_img", "mask_file")])])
        if params.resampling_target == "mask":
            workflow.connect(inputnode, "mask_img", node, "reference_file")
        workflow.connect(inputnode, ("maps_img", pick, number), node, "maps_file")

    provenance = provenance_of(params, command)
    if params.reports:
        add_reports(steps, params, run, str(out_dir or ""), provenance)
        for (atlas, _), node in run.report.items():
            number = list(params.atlases).index(atlas)
            files = [
                ("in_file", "in_file"),
                ("confounds_files", "confounds_files"),
                ("sample_mask_file", "sample_mask_file"),
            ]
            fitted = [
                ("coverage_file", "fit_coverage_file"),
                ("cuts_file", "cuts_file"),
                ("maps_checksum", "maps_checksum"),
            ]
            workflow.connect(
                [(inputnode, node, [*identity, *files]), (fits[number], node, fitted)]
            )

    for field, nodes, source in (
        ("timeseries_files", run.clean, "out_file"),
        ("summary_files", run.clean, "summary_file"),
        ("reconstruction_files", run.inverse, "out_file"),
        ("report_files", run.report, "out_file"),
    ):
        if nodes:
            workflow.connect(
                gather(f"list_{field}", list(nodes.values()), source), "out", outputnode, field
            )
    extracted = ("signals_files", "coverage_files", "mean_file")
    workflow.connect([(run.extract, outputnode, [(field, field) for field in extracted])])
    workflow.connect(run.last, "fault_file", outputnode, "fault_file")
    if out_dir is not None:
        store = add_store(steps, params, run, str(out_dir), provenance)
        workflow.connect([(inputnode, store, [*identity, ("in_file", "in_file")])])
        checksums = gather("atlas_checksums", fits, "maps_checksum")
        workflow.connect(checksums, "out", store, "checksums")
        workflow.connect(store, "manifest_file", outputnode, "manifest_file")
    return workflow
