# SPDX-License-Identifier: Apache-2.0
"""What both builders end with: the cohort's tables and page, and the outputnode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nipype_mapsmasker.core.parameters import PageParameters, values_of
from nipype_mapsmasker.workflows.connections import listed
from nipype_mapsmasker.workflows.description import describe
from nipype_mapsmasker.workflows.steps import (
    LIGHT,
    PAGE_MEM_GB,
    Graph,
    RunSteps,
    Source,
    add_run_steps,
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
    # Pipelines that write a methods section collect this of every workflow.
    graph.workflow.__desc__ = describe(given)
    provenance = provenance_of(given, given.command)
    run = add_run_steps(graph)
    if given.reports:
        _add_pages(graph, run, provenance)
    run.last = _add_faults(graph, run)
    found = _run_outputs(graph, run) if graph.batch is None else {}
    if given.out_dir is not None:
        store = _add_store(graph, run, provenance)
        ends = {name: (store, name) for name in ("manifest_file", "fault_file")}
        if graph.batch is not None:
            join = graph.batch.close(graph)
            ends = {name: (join, f"{name}s") for name in ends}
            found = dict(ends)
        found["manifest_file"] = ends["manifest_file"]
        if given.cohort_tables:
            found |= _add_cohort(graph, ends, run_ids, fit_coverage, provenance)
    outputnode = Node(IdentityInterface(fields=list(fields)), name="outputnode")
    sources = _gathered(graph, found) if graph.over_runs else _handed_over(graph, found)
    graph.connect(
        outputnode,
        {name if name in fields else f"{name}s": source for name, source in sources.items()},
    )


def _gathered(graph: Graph, found: Mapping[str, Source | list[Source]]) -> dict[str, Source]:
    """List the results of each run."""
    return {
        name: graph.gather(f"list_{name}", one, each_run=True) if isinstance(one, list) else one
        for name, one in found.items()
    }


def _handed_over(graph: Graph, found: Mapping[str, Source | list[Source]]) -> dict[str, Source]:
    """Give the results of a run to the graph around, without what there is not."""
    from nipype.pipeline.engine import Node

    from nipype_mapsmasker.interfaces.lists import HandOver

    counts = {name: len(one) if isinstance(one, list) else None for name, one in found.items()}
    sources: dict[str, Source] = {}
    for name, one in found.items():
        if isinstance(one, list):
            sources |= {f"{name}_{number}": source for number, source in enumerate(one)}
        else:
            sources[name] = one
    node = Node(HandOver(counts), name="hand_over", **LIGHT)
    graph.connect(node, sources)
    return {name: (node, name) for name in found}


def _run_outputs(graph: Graph, run: RunSteps) -> dict[str, Source | list[Source]]:
    """Name what the steps of the runs made, by what it is."""
    found: dict[str, Source | list[Source]] = {
        "operator_files": graph.sources["operator_files"],
        "fault_file": (run.last, "fault_file"),
    }
    for name in ("signals_files", "coverage_files", "mean_file"):
        found[name] = (run.extract, name)
    measures = [f"{name}_file" for name in graph.given.connectivity]
    for name, outputs, nodes in (
        ("timeseries_files", ["out_file"], run.clean),
        ("summary_files", ["summary_file"], run.clean),
        ("outliers_files", ["outliers_file"], run.select),
        ("relmat_files", measures, run.connect),
        ("statmap_files", ["effect_file", "z_file"], run.dual),
        ("reconstruction_files", ["out_file"], run.inverse),
        ("report_files", ["out_file"], run.report),
    ):
        if nodes:
            found[name] = [(node, output) for node in nodes.values() for output in outputs]
    return found


def _add_cohort(
    graph: Graph,
    ends: Mapping[str, Source],
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
        **{f"{name}s": (node, (output, listed)) for name, (node, output) in ends.items()},
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


def _add_pages(graph: Graph, run: RunSteps, provenance: Mapping[str, Any]) -> None:
    """Add the pages of runs, one per atlas and strategy."""
    from nipype_mapsmasker.interfaces.reports import ReportRun
    from nipype_mapsmasker.reports.palettes import background_palette

    given = graph.given
    values = values_of(given, PageParameters)
    del values["reports"]
    # Looked up here, so that no worker has to import what knows all colour maps.
    values["palette"] = list(background_palette(given.cmap))
    for (atlas, strategy), cleaned in run.clean.items():
        number = list(given.atlases).index(atlas)
        interface = ReportRun(
            **values,
            atlas=atlas,
            strategy=strategy,
            out_dir=given.folder(),
            provenance=dict(provenance),
            on_error=given.on_error,
        )
        per_run = {
            **graph.of_run("in_file", "confounds_files", "sample_mask_file"),
            **run.so_far(graph, strategy),
            **run.confounds(),
            **{
                f"{name}_file": graph.element(run.extract, f"{name}_files", number)
                for name in ("signals", "coverage", "fit_quality")
            },
            "mean_file": (run.extract, "mean_file"),
            "t_r": (run.extract, "t_r"),
            "timeseries_file": (cleaned, "out_file"),
            "summary_file": (cleaned, "summary_file"),
            "fit_coverage_file": graph.fits["coverage_file"][number],
            "cuts_file": graph.fits["cuts_file"][number],
        }
        shared = {"maps_checksum": graph.fits["maps_checksum"][number]}
        name = graph.name("report_run", atlas, strategy)
        node = graph.add(interface, name, per_run, shared, mem_gb=PAGE_MEM_GB)
        run.report[atlas, strategy] = node
        run.take(strategy, node)


def _add_faults(graph: Graph, run: RunSteps) -> Any:
    """Give the step that knows all faults of a run, those of single strategies included."""
    from nipype_mapsmasker.interfaces.faults import JoinFaults

    if len(run.ends) == 1:
        return next(iter(run.ends.values()))
    each = [(node, "fault_file") for node in run.ends.values()]
    faults = graph.gather("strategy_faults", each, each_run=True)
    per_run = {"run_id": graph.sources["run_id"], "fault_files": faults}
    interface = JoinFaults(names=list(run.ends))
    return graph.add(interface, "join_faults", per_run, run_without_submitting=True)


def _add_store(graph: Graph, run: RunSteps, provenance: Mapping[str, Any]) -> Any:
    """Add the sink that writes a run's results under their final names."""
    from nipype_mapsmasker.interfaces.storing import StoreRun

    given = graph.given
    places = list(run.clean)
    per_run = graph.of_run("in_file") | run.fault()
    per_run |= {
        name: graph.sources[name]
        for name in ("key", "extraction_key", "kept_strategies")
        if name in graph.sources
    }
    extracted = ("signals_files", "coverage_files", "fit_quality_files", "mean_file")
    for name in (*extracted, "t_r", "messages", "seconds", "peak_mb"):
        per_run[name] = (run.extract, name)
    made = (
        *(
            (kind, output, {place: run.select.get(place[1]) for place in places})
            for kind, output in (
                ("outliers", "outliers_file"),
                ("regressors", "confounds_file"),
            )
        ),
        *((name, f"{name}_file", run.connect) for name in given.connectivity),
        ("refused", "refused_file", run.connect),
        ("effect", "effect_file", run.dual),
        ("z", "z_file", run.dual),
        ("timeseries", "out_file", run.clean),
        ("summary", "summary_file", run.clean),
        ("reconstruction", "out_file", run.inverse),
        ("report", "out_file", run.report),
        ("reportdata", "data_file", run.report),
    )
    for kind, output, nodes in made:
        for number, place in enumerate(places):
            if nodes.get(place) is not None:
                per_run[f"{kind}_{number}"] = (nodes[place], output)
    interface = StoreRun(
        n_results=len(places),
        out_dir=given.folder(),
        atlases=list(given.atlases),
        strategies=list(given.cleanings()),
        provenance=dict(provenance),
    )
    shared = {"checksums": graph.gather("atlas_checksums", graph.fits["maps_checksum"])}
    # The result folder can change behind Nipype's back; copying small files costs little.
    return graph.add(interface, "store", per_run, shared, overwrite=True)
