# SPDX-License-Identifier: Apache-2.0
"""The workflow of one run: plain Nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nipype_mapsmasker.workflows.arguments import RunArguments, takes
from nipype_mapsmasker.workflows.connections import fingerprint_of, listed, pick
from nipype_mapsmasker.workflows.ends import add_steps_and_ends
from nipype_mapsmasker.workflows.steps import LIGHT, Graph, fit_interface

if TYPE_CHECKING:
    from nipype.pipeline.engine import Node, Workflow

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
    "operator_files",
)
"""Fields of the run's inputnode."""

RUN_OUTPUTS = (
    "timeseries_files",
    "summary_files",
    "signals_files",
    "coverage_files",
    "mean_file",
    "operator_files",
    "outliers_files",
    "relmat_files",
    "statmap_files",
    "reconstruction_files",
    "report_files",
    "fault_file",
    "manifest_file",
    "runs_file",
    "cohort_page",
)
"""Fields of the run's outputnode."""

OPTIONAL_INPUTS = tuple(field for field in RUN_INPUTS if field not in ("in_file", "labels_files"))
"""Fields that may stay unset."""


@takes(RunArguments)
def init_run_wf(given: RunArguments) -> Workflow:
    """
    Build the workflow that turns one run into cleaned region time series.

    Signals are the least-squares coefficients of the maps in every volume, extracted after
    optional smoothing, and cleaned of confounds in the order of Lindquist et al. (2019).

    .. workflow::
        :graph2use: orig
        :simple_form: yes

        from nipype_mapsmasker.workflows import init_run_wf
        wf = init_run_wf(out_dir="results")

    Parameters
    ----------
    {parameters}

    Inputs
    ------
    run_id
        Name of the run; None takes it from the name of the image
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
    operator_files
        Fits made before, one per atlas, so that runs share them; or None

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
    outliers_files
        Tables of kept and censored volumes, per strategy that chooses
    relmat_files
        Connectomes, per atlas, strategy and measure
    statmap_files
        Maps of dual regressions and their z, per atlas and strategy
    reconstruction_files
        Images rebuilt from the cleaned signals, in the order of timeseries_files
    report_files
        Pages, in the order of timeseries_files
    fault_file
        Fault of the run, or None; where only some strategies failed it names them
    manifest_file
        Manifest in the result folder
    runs_file
        Table of all runs of the result folder
    cohort_page
        Page of all runs of the result folder
    """
    graph = Graph.begin(given, RUN_INPUTS, OPTIONAL_INPUTS)
    check = _add_check(graph)
    graph.maps = [(check, ("maps_img", pick, n)) for n in range(len(given.atlases))]
    fits = _add_fits(graph, check)
    graph.fits = {
        name: [(fit, name) for fit in fits]
        for name in ("coverage_file", "cuts_file", "maps_checksum")
    }
    same = ("run_id", "in_file", "confounds_files", "sample_mask_file", "t_r")
    graph.sources = {name: (check, name) for name in same} | {
        "source": (check, ("in_file", fingerprint_of)),
        "clean_source": (check, ("in_file", fingerprint_of)),
        "mask_file": (check, "mask_img"),
        "operator_files": graph.gather("operators", [(fit, "operator_file") for fit in fits]),
        "fault": (fits[-1], "fault_file"),
    }
    coverage = [(fit, ("coverage_file", listed)) for fit in fits]
    add_steps_and_ends(
        graph,
        fields=RUN_OUTPUTS,
        run_ids=(check, ("run_id", listed)),
        fit_coverage=graph.gather("atlas_coverage", coverage),
    )
    return graph.workflow


def _add_check(graph: Graph) -> Node:
    """Add what names the run and brings its inputs into one form."""
    from nipype.pipeline.engine import Node

    from nipype_mapsmasker.interfaces.checking import CheckRun

    interface = CheckRun(
        atlases=list(graph.given.atlases), is_stored=graph.given.out_dir is not None
    )
    check = Node(interface, name="check_run", **LIGHT)
    graph.connect(check, {field: (graph.inputnode, field) for field in RUN_INPUTS})
    return check


def _add_fits(graph: Graph, check: Node) -> list[Node]:
    """Add a fit per atlas, each handing on the fault of the one before."""
    from nipype.pipeline.engine import Node

    fits: list[Node] = []
    for number, atlas in enumerate(graph.given.atlases):
        fit = Node(
            fit_interface(graph.given),
            name=graph.name("fit_maps", atlas),
            mem_gb=graph.given.fit_mem_gb,
        )
        sources = {
            "maps_file": graph.maps[number],
            "operator_file": (check, ("operator_files", pick, number)),
            "labels_file": (check, ("labels_files", pick, number)),
            "reference_file": (check, "in_file"),
            "mask_file": (check, "mask_img"),
        }
        if fits:
            sources["upstream_fault"] = (fits[-1], "fault_file")
        graph.connect(fit, sources)
        fits.append(fit)
    return fits
