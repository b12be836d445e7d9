# SPDX-License-Identifier: Apache-2.0
"""The steps of one run, made as Nodes or as MapNodes over runs by the same code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nipype_mapsmasker.core.names import node_label
from nipype_mapsmasker.core.parameters import MaskerParameters
from nipype_mapsmasker.workflows.connections import pick, pick_each

if TYPE_CHECKING:
    from nipype.pipeline.engine import MapNode, Node, Workflow

__all__ = [
    "CACHE_CONFIG",
    "DEFAULT_EXTRACT_MEM_GB",
    "DEFAULT_FIT_MEM_GB",
    "LIGHT_MEM_GB",
    "RunSteps",
    "Steps",
    "add_reports",
    "add_run_steps",
    "add_store",
    "fit_interface",
    "node_name",
]

DEFAULT_EXTRACT_MEM_GB = 0.8
"""Memory of an extraction where the caller has not looked at the headers."""

DEFAULT_FIT_MEM_GB = 1.5
"""Memory of a fit where the caller has not looked at the headers."""

LIGHT_MEM_GB = 0.3
"""Memory of a step that only handles tables: Python and its libraries."""

REPORT_MEM_GB = 0.5
"""Memory of a page: matplotlib on top of that."""

CACHE_CONFIG = {
    "execution": {
        # Unconnected outputs are results too, and connecting one more must not redo all.
        "remove_unnecessary_outputs": False,
        "create_report": False,  # it would store the whole environment
        "crashfile_format": "txt",
        "job_finished_timeout": 60,
        "poll_sleep_duration": 0.1,
        "check_version": False,
    }
}
"""Settings of Nipype that a masker workflow needs, wherever it is put."""


@dataclass
class Steps:
    """Make nodes of one kind: for one run, or for all runs of a cohort."""

    workflow: Workflow
    over_runs: bool

    def make(
        self, interface: Any, name: str, iterfield: Sequence[str], **options: Any
    ) -> Node | MapNode:
        """Make a Node, or a MapNode over the fields that differ between runs."""
        from nipype.pipeline.engine import MapNode, Node

        options.setdefault("mem_gb", LIGHT_MEM_GB)
        node = (
            MapNode(interface, name=name, iterfield=list(iterfield), **options)
            if self.over_runs
            else Node(interface, name=name, **options)
        )
        self.workflow.add_nodes([node])
        return node

    def pick(self, field: str, index: int) -> tuple[Any, ...]:
        """Name one element of an output that is a list per run."""
        return (field, pick_each if self.over_runs else pick, index)


@dataclass
class RunSteps:
    """
    Name the nodes of a run's steps.

    Parameters
    ----------
    extract : Node or MapNode
        `ExtractSignals`.
    high_variance : Node, MapNode or None
        `HighVarianceConfounds`.
    clean : dict
        `CleanSignals` by atlas and strategy.
    inverse : dict
        `InverseTransform` by atlas and strategy.
    report : dict
        `ReportRun` by atlas and strategy.
    last : Node or MapNode
        The step whose ``fault_file`` has every fault of the run.
    """

    extract: Any
    high_variance: Any
    clean: dict[tuple[str, str], Any]
    inverse: dict[tuple[str, str], Any]
    report: dict[tuple[str, str], Any]
    last: Any


def node_name(step: str, params: MaskerParameters, atlas: str, strategy: str = "") -> str:
    """
    Name the node of a step for one atlas and one strategy, saying no more than needed.

    Parameters
    ----------
    step : str
        The step.
    params : MaskerParameters
        The workflow's parameters.
    atlas, strategy : str
        Which ones.

    Returns
    -------
    str
        For instance ``clean``, ``clean_msdl`` or ``clean_msdl_scrubbed``.
    """
    parts = [step]
    if len(params.atlases) > 1:
        parts.append(node_label(atlas))
    if strategy:
        parts.append(node_label(strategy))
    return "_".join(parts)


def fit_interface(params: MaskerParameters) -> Any:
    """
    Make the interface of a fit.

    Parameters
    ----------
    params : MaskerParameters
        The workflow's parameters.

    Returns
    -------
    FitMaps
        With every shared parameter set.
    """
    from nipype_mapsmasker.interfaces.fitting import FitMaps

    return FitMaps(
        resampling_target=params.resampling_target,
        smoothing_fwhm=params.fwhm,
        allow_overlap=params.allow_overlap,
        mask_threshold=params.mask_threshold,
        save_cuts=params.reports,
        on_error=params.on_error,
    )


def add_run_steps(steps: Steps, params: MaskerParameters, *, extract_mem_gb: float) -> RunSteps:
    """
    Add extraction, high-variance confounds, cleaning and inverse transform of runs.

    Parameters
    ----------
    steps : Steps
        Makes the nodes.
    params : MaskerParameters
        The workflow's parameters.
    extract_mem_gb : float
        Memory of an extraction, GB.

    Returns
    -------
    RunSteps
        The nodes, connected among each other; the caller connects what comes from outside.
    """
    from nipype_mapsmasker.interfaces.cleaning import CleanSignals
    from nipype_mapsmasker.interfaces.extraction import ExtractSignals, HighVarianceConfounds
    from nipype_mapsmasker.interfaces.inverse import InverseTransform

    workflow = steps.workflow
    extract = steps.make(
        ExtractSignals(
            resample=params.resampling_target is not None,
            interpolation=params.interpolation,
            clip=params.clip,
            missing_voxels=params.missing_voxels,
            min_coverage=params.min_coverage,
            keep_masked_maps=params.keep_masked_maps,
            min_volumes=params.min_volumes(),
            save_mean_squares=params.high_variance_confounds,
            on_error=params.on_error,
        ),
        "extract",
        [
            *("in_file", "operator_files", "run_id", "source", "t_r", "upstream_fault"),
            *(["kept"] if steps.over_runs else []),
        ],
        mem_gb=extract_mem_gb,
    )
    last, high_variance = extract, None
    if params.high_variance_confounds:
        high_variance = steps.make(
            HighVarianceConfounds(
                n_confounds=params.n_confounds,
                percentile=params.percentile,
                on_error=params.on_error,
            ),
            "high_variance",
            ["in_file", "run_id", "source", "mean_squares_file", "upstream_fault"],
            mem_gb=extract_mem_gb,
        )
        workflow.connect(extract, "mean_squares_file", high_variance, "mean_squares_file")
        workflow.connect(extract, "fault_file", high_variance, "upstream_fault")
        last = high_variance
    clean: dict[tuple[str, str], Any] = {}
    inverse: dict[tuple[str, str], Any] = {}
    for number, atlas in enumerate(params.atlases):
        for strategy, values in params.cleanings().items():
            node = steps.make(
                CleanSignals(
                    dtype=params.dtype,
                    output_format=params.output_format,
                    on_error=params.on_error,
                    **dict(values),
                ),
                node_name("clean", params, atlas, strategy),
                [
                    "signals_file",
                    "confounds_files",
                    "sample_mask_file",
                    "run_id",
                    "source",
                    "t_r",
                    "messages",
                    "upstream_fault",
                    *(["high_variance_file"] if high_variance is not None else []),
                ],
            )
            workflow.connect(extract, steps.pick("signals_files", number), node, "signals_file")
            workflow.connect(extract, "t_r", node, "t_r")
            workflow.connect(extract, "messages", node, "messages")
            workflow.connect(last, "fault_file", node, "upstream_fault")
            if high_variance is not None:
                workflow.connect(high_variance, "confounds_file", node, "high_variance_file")
            clean[atlas, strategy] = last = node
    if params.inverse_transform:
        for (atlas, strategy), cleaned in clean.items():
            node = steps.make(
                InverseTransform(
                    mask_threshold=params.mask_threshold,
                    dtype="float64" if params.dtype == "float64" else "float32",
                    on_error=params.on_error,
                ),
                node_name("inverse_transform", params, atlas, strategy),
                [
                    *("signals_file", "mask_file", "run_id", "source", "t_r", "upstream_fault"),
                    *(["reference_file"] if params.resampling_target == "mask" else []),
                ],
                mem_gb=extract_mem_gb,
            )
            workflow.connect(cleaned, "out_file", node, "signals_file")
            workflow.connect(extract, "t_r", node, "t_r")
            workflow.connect(last, "fault_file", node, "upstream_fault")
            inverse[atlas, strategy] = last = node
    return RunSteps(extract, high_variance, clean, inverse, {}, last)


def add_reports(
    steps: Steps, params: MaskerParameters, run: RunSteps, out_dir: str, provenance: dict[str, Any]
) -> None:
    """
    Add the pages of runs, one per atlas and strategy.

    Parameters
    ----------
    steps : Steps
        Makes the nodes.
    params : MaskerParameters
        The workflow's parameters.
    run : RunSteps
        The steps that are reported; gets the pages.
    out_dir : str
        The result folder, or '' for none.
    provenance : dict
        Versions, parameters and command.
    """
    from nipype_mapsmasker.interfaces.reports import ReportRun

    connect = steps.workflow.connect
    for (atlas, strategy), cleaned in run.clean.items():
        number = list(params.atlases).index(atlas)
        node = steps.make(
            ReportRun(
                atlas=atlas,
                strategy=strategy,
                out_dir=out_dir,
                provenance=provenance,
                displayed_maps=params.displayed_maps,
                cmap=params.cmap,
                on_error=params.on_error,
            ),
            node_name("report_run", params, atlas, strategy),
            [
                *("signals_file", "timeseries_file", "summary_file", "coverage_file"),
                *("fit_quality_file", "mean_file", "t_r", "upstream_fault"),
                *("run_id", "source", "in_file", "confounds_files", "sample_mask_file"),
                *("fit_coverage_file", "cuts_file"),
                *(["high_variance_file"] if run.high_variance is not None else []),
            ],
            mem_gb=REPORT_MEM_GB,
        )
        connect(run.extract, steps.pick("signals_files", number), node, "signals_file")
        connect(run.extract, steps.pick("coverage_files", number), node, "coverage_file")
        connect(run.extract, steps.pick("fit_quality_files", number), node, "fit_quality_file")
        connect(run.extract, "mean_file", node, "mean_file")
        connect(run.extract, "t_r", node, "t_r")
        connect(cleaned, "out_file", node, "timeseries_file")
        connect(cleaned, "summary_file", node, "summary_file")
        connect(run.last, "fault_file", node, "upstream_fault")
        if run.high_variance is not None:
            connect(run.high_variance, "confounds_file", node, "high_variance_file")
        run.report[atlas, strategy] = run.last = node


def add_store(
    steps: Steps, params: MaskerParameters, run: RunSteps, out_dir: str, provenance: dict[str, Any]
) -> Any:
    """
    Add the sink that writes a run's results under their final names.

    Parameters
    ----------
    steps : Steps
        Makes the node.
    params : MaskerParameters
        The workflow's parameters.
    run : RunSteps
        The steps whose results are stored.
    out_dir : str
        The result folder.
    provenance : dict
        Versions, parameters and command, for the sidecars.

    Returns
    -------
    Node or MapNode
        `StoreRun`; the caller connects run_id, in_file, source, key and checksums.
    """
    from nipype_mapsmasker.interfaces.storing import StoreRun

    connected = ["timeseries", "summary"]
    connected += ["reconstruction"] if run.inverse else []
    connected += ["report", "reportdata"] if run.report else []
    places = list(run.clean)
    store = steps.make(
        StoreRun(
            n_results=len(places),
            out_dir=out_dir,
            atlases=list(params.atlases),
            strategies=list(params.cleanings()),
            provenance=provenance,
        ),
        "store",
        [
            *("run_id", "in_file", "source", "key", "extraction_key"),
            *("t_r", "seconds", "peak_mb"),
            *("signals_files", "coverage_files", "fit_quality_files", "mean_file"),
            "upstream_fault",
            *[f"{kind}_{n}" for n in range(len(places)) for kind in connected],
        ],
        # The result folder can change behind Nipype's back; copying small files costs little.
        overwrite=True,
    )
    connect = steps.workflow.connect
    for name in ("signals_files", "coverage_files", "fit_quality_files", "mean_file"):
        connect(run.extract, name, store, name)
    for name in ("t_r", "seconds", "peak_mb"):
        connect(run.extract, name, store, name)
    for n, place in enumerate(places):
        connect(run.clean[place], "out_file", store, f"timeseries_{n}")
        connect(run.clean[place], "summary_file", store, f"summary_{n}")
        if run.inverse:
            connect(run.inverse[place], "out_file", store, f"reconstruction_{n}")
        if run.report:
            connect(run.report[place], "out_file", store, f"report_{n}")
            connect(run.report[place], "data_file", store, f"reportdata_{n}")
    connect(run.last, "fault_file", store, "upstream_fault")
    return store
