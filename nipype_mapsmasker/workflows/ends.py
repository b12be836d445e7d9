# SPDX-License-Identifier: Apache-2.0
"""What both builders end with: the cohort's tables and page, and the outputnode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nipype_mapsmasker.workflows.connections import listed
from nipype_mapsmasker.workflows.steps import (
    LIGHT,
    PAGE_MEM_GB,
    Graph,
    RunSteps,
    Source,
    add_pages,
    add_run_steps,
    add_store,
)

__all__ = ["add_steps_and_ends"]


def add_steps_and_ends(
    graph: Graph, *, fields: Sequence[str], run_ids: Source, fit_coverage: Source
) -> None:
    """
    Add all steps of the runs, what is stored, and the outputnode.

    Parameters
    ----------
    graph : Graph
        With its tables of sources filled.
    fields : sequence of str
        Fields of the outputnode; ``mean_files`` takes what is a ``mean_file`` of each run.
    run_ids : Source
        The names of all runs, as a list.
    fit_coverage : Source
        Per atlas, the coverage table of every fit.
    """
    from nipype.interfaces.utility import IdentityInterface
    from nipype.pipeline.engine import Node

    from nipype_mapsmasker.io.results.provenance import provenance_of

    given = graph.given
    provenance = provenance_of(given, given.command)
    run = add_run_steps(graph)
    if given.reports:
        add_pages(graph, run, provenance)
    found = _run_outputs(graph, run)
    if given.out_dir is not None:
        store = add_store(graph, run, provenance)
        found["manifest_file"] = (store, "manifest_file")
        if given.cohort_tables:
            found |= _add_cohort(graph, store, run_ids, fit_coverage, provenance)
    outputnode = Node(IdentityInterface(fields=list(fields)), name="outputnode")
    graph.connect(
        outputnode,
        {name if name in fields else f"{name}s": source for name, source in found.items()},
    )


def _run_outputs(graph: Graph, run: RunSteps) -> dict[str, Source]:
    """Name what the steps of the runs made, by what it is."""
    found: dict[str, Source] = {
        "operator_files": graph.sources["operator_files"],
        "fault_file": (run.last, "fault_file"),
    }
    for name in ("signals_files", "coverage_files", "mean_file"):
        found[name] = (run.extract, name)
    for name, output, nodes in (
        ("timeseries_files", "out_file", run.clean),
        ("summary_files", "summary_file", run.clean),
        ("reconstruction_files", "out_file", run.inverse),
        ("report_files", "out_file", run.report),
    ):
        if nodes:
            sources = [(node, output) for node in nodes.values()]
            found[name] = graph.gather(f"list_{name}", sources, each_run=True)
    return found


def _add_cohort(
    graph: Graph,
    store: Any,
    run_ids: Source,
    fit_coverage: Source,
    provenance: Mapping[str, Any],
) -> dict[str, Source]:
    """Add the tables and the page of all runs of the result folder."""
    from nipype.pipeline.engine import Node

    from nipype_mapsmasker.interfaces.reports import ReportCohort
    from nipype_mapsmasker.interfaces.storing import SummariseRuns

    given = graph.given
    interface = SummariseRuns(
        out_dir=given.folder(), atlases=list(given.atlases), provenance=dict(provenance)
    )
    summarise = Node(interface, name="summarise", overwrite=True, **LIGHT)
    sources = {
        "run_ids": run_ids,
        "coverage_files": fit_coverage,
        "manifest_files": (store, ("manifest_file", listed)),
        "fault_files": (store, ("fault_file", listed)),
    }
    graph.connect(summarise, sources)
    found = {"runs_file": (summarise, "out_file")}
    if given.reports:
        page = Node(
            ReportCohort(out_dir=given.folder()),
            name="report_cohort",
            mem_gb=PAGE_MEM_GB,
            overwrite=True,
        )
        graph.connect(page, {"runs_file": (summarise, "out_file")})
        found["cohort_page"] = (page, "out_file")
    return found
