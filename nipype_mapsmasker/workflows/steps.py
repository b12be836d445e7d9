# SPDX-License-Identifier: Apache-2.0
"""
The steps of a run, as Nodes for one run or as MapNodes over runs, by the same code.

A step is an interface and one mapping of what differs from run to run; the mapping makes both the
edges and the fields that a MapNode iterates over. What comes from outside a run's steps is named
in a table of sources, which is all that the two builders differ by.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nipype_mapsmasker.core.names import node_label
from nipype_mapsmasker.core.parameters import (
    ExtractionParameters,
    FittingParameters,
    HighVarianceParameters,
    values_of,
)
from nipype_mapsmasker.workflows.batching import Batch, StepNode
from nipype_mapsmasker.workflows.connections import holds_each, pick, pick_each
from nipype_mapsmasker.workflows.denoising import add_analyses, add_selections, chosen_tables

if TYPE_CHECKING:
    from nipype.pipeline.engine import MapNode, Node, Workflow

    from nipype_mapsmasker.workflows.arguments import (
        CohortArguments,
        RunArguments,
        WorkflowArguments,
    )

__all__ = [
    "CACHE_CONFIG",
    "LIGHT",
    "PAGE_MEM_GB",
    "Graph",
    "RunSteps",
    "Source",
    "add_run_steps",
    "fit_interface",
]

Source = tuple[Any, Any]
"""A node, and the name of an output, or the name with a function of it and its arguments."""

LIGHT_MEM_GB = 0.3
"""Memory of a step that only handles tables: Python and its libraries."""

PAGE_MEM_GB = 0.5
"""Memory of a page: a figure library on top of that."""

LIGHT = {"mem_gb": LIGHT_MEM_GB, "run_without_submitting": True}
"""Options of nodes that are too small for a worker."""

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
class Graph:
    """
    Add the steps of a run to a workflow.

    Parameters
    ----------
    workflow : Workflow
        Gets the nodes.
    inputnode : Node
        Has what the user gives.
    given : RunArguments or CohortArguments
        The builder's arguments.
    over_runs : bool
        Whether steps are MapNodes over runs.
    sources : dict of str to Source
        Where what differs between runs comes from: ``run_id``, ``source``, ``in_file`` and so on.
    fits : dict of str to list of Source
        Outputs of the fits that serve a run, one per atlas.
    maps : list of Source
        The maps images, one per atlas.
    batch : Batch or None
        Gathers the steps of runs, where they are not to be nodes.
    """

    workflow: Workflow
    inputnode: Node
    given: RunArguments | CohortArguments
    over_runs: bool
    sources: dict[str, Source] = field(default_factory=dict)
    fits: dict[str, list[Source]] = field(default_factory=dict)
    maps: list[Source] = field(default_factory=list)
    batch: Batch | None = None
    _made_by: dict[Any, list[Any]] = field(default_factory=dict)

    @classmethod
    def begin(
        cls, given: RunArguments | CohortArguments, fields: Sequence[str], optional: Sequence[str]
    ) -> Graph:
        """Make the workflow and its inputnode; optional fields are None until they are set."""
        from nipype.interfaces.utility import IdentityInterface
        from nipype.pipeline.engine import Node, Workflow

        workflow = Workflow(name=given.name)
        workflow.config = {key: dict(values) for key, values in CACHE_CONFIG.items()}
        inputnode = Node(IdentityInterface(fields=list(fields)), name="inputnode")
        for name in optional:
            setattr(inputnode.inputs, name, None)
        numbers = range(len(given.atlases))
        inputnode.inputs.labels_files = [None for _ in numbers]
        graph = cls(workflow, inputnode, given, over_runs="run_ids" in fields)
        graph.maps = [(inputnode, ("maps_img", pick, number)) for number in numbers]
        return graph

    def add(
        self,
        interface: Any,
        name: str,
        per_run: Mapping[str, Source],
        shared: Mapping[str, Source] | None = None,
        **options: Any,
    ) -> Node | MapNode | StepNode:
        """Add a step, iterating over what differs from run to run."""
        from nipype.pipeline.engine import Node

        from nipype_mapsmasker.workflows.nodes import RunsMapNode

        options.setdefault("mem_gb", LIGHT_MEM_GB)
        if self.batch is not None:
            return self.batch.add(interface, name, per_run, shared or {}, options["mem_gb"])
        node = (
            RunsMapNode(interface, name=name, iterfield=list(per_run), **options)
            if self.over_runs
            else Node(interface, name=name, **options)
        )
        self.connect(node, {**per_run, **(shared or {})})
        return node

    def connect(self, node: Any, sources: Mapping[str, Source]) -> None:
        """Connect the inputs of a node."""
        self.workflow.add_nodes([node])
        for name, (source, output) in sources.items():
            self.workflow.connect(source, output, node, name)
            for maker in self._made_by.get(source, ()):
                # No data; but a maker's folder may be removed once those behind it are done.
                if not self.workflow._graph.has_edge(maker, node):
                    self.workflow._graph.add_edge(maker, node, connect=[])

    def gather(self, name: str, sources: Iterable[Source], *, each_run: bool = False) -> Source:
        """List some outputs; or, for outputs over runs, make a list for each run."""
        from nipype.pipeline.engine import Node

        from nipype_mapsmasker.interfaces.lists import ListAtlases, ListRuns

        sources = list(sources)
        named = {f"in{number}": source for number, source in enumerate(sources)}
        if self.batch is not None and each_run:
            return self.add(ListAtlases(len(sources)), name, named), "out"
        lists = ListRuns if each_run and self.over_runs else ListAtlases
        node = Node(lists(len(sources)), name=name, **LIGHT)
        self.connect(node, named)
        self._made_by[node] = [source for source, _ in sources]
        return node, "out"

    def element(self, node: Any, output: str, number: int) -> Source:
        """Name one element of an output that is a list for each run."""
        is_list = self.over_runs and not isinstance(node, StepNode)
        return node, (output, pick_each if is_list else pick, number)

    def of_run(self, *names: str, **renamed: str) -> dict[str, Source]:
        """Take some of the sources, under their own or other names."""
        wanted = {name: name for name in ("run_id", "source", *names)} | renamed
        return {name: self.sources[source] for name, source in wanted.items()}

    def name(self, step: str, atlas: str, strategy: str = "") -> str:
        """
        Name the node of a step for one atlas and one strategy, saying no more than needed.

        For instance ``clean``, ``clean_msdl`` or ``clean_msdl_scrubbed``.
        """
        parts = [step]
        if len(self.given.atlases) > 1:
            parts.append(node_label(atlas))
        if strategy:
            parts.append(node_label(strategy))
        return "_".join(parts)


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
    select : dict
        `SelectConfounds` by strategy, where the strategy chooses.
    clean, connect, dual, inverse, report : dict
        `CleanSignals`, `Connectivity`, `DualRegression`, `InverseTransform` and `ReportRun` by
        atlas and strategy.
    last : Node or MapNode
        The step whose ``fault_file`` has every fault of the run: in the end also those that only
        one strategy has.
    ends : dict
        Of several strategies, by name, the last step of each: what fails one of them is no fault
        of the others.
    """

    extract: Any
    high_variance: Any = None
    select: dict[str, Any] = field(default_factory=dict)
    clean: dict[tuple[str, str], Any] = field(default_factory=dict)
    connect: dict[tuple[str, str], Any] = field(default_factory=dict)
    dual: dict[tuple[str, str], Any] = field(default_factory=dict)
    inverse: dict[tuple[str, str], Any] = field(default_factory=dict)
    report: dict[tuple[str, str], Any] = field(default_factory=dict)
    last: Any = None
    ends: dict[str, Any] = field(default_factory=dict)

    def fault(self, strategy: str | None = None) -> dict[str, Source]:
        """Name where a fault so far comes from: of the run, or of a strategy of it."""
        last = self.last if strategy is None else self.ends.get(strategy, self.last)
        return {"upstream_fault": (last, "fault_file")}

    def so_far(self, graph: Graph, strategy: str) -> dict[str, Source]:
        """Name what a strategy's next step has to know: its fault, or that it is done already."""
        known = self.fault(strategy)
        if len(graph.given.cleanings()) > 1 and "kept_strategies" in graph.sources:
            node, output = graph.sources["kept_strategies"]
            known["skip"] = (node, (output, holds_each, strategy))
        return known

    def take(self, strategy: str, node: Any) -> None:
        """Note the latest step of a strategy."""
        self.ends[strategy] = node

    def confounds(self) -> dict[str, Source]:
        """Name where high-variance confounds come from, if there are any."""
        if self.high_variance is None:
            return {}
        return {"high_variance_file": (self.high_variance, "confounds_file")}


def fit_interface(given: WorkflowArguments) -> Any:
    """
    Make the interface of a fit.

    Parameters
    ----------
    given : WorkflowArguments
        The builder's arguments.

    Returns
    -------
    FitMaps
        With every shared parameter set.
    """
    from nipype_mapsmasker.interfaces.fitting import FitMaps

    parameters = values_of(given, FittingParameters) | {"smoothing_fwhm": given.fwhm}
    return FitMaps(**parameters, save_cuts=given.reports, on_error=given.on_error)


def add_run_steps(graph: Graph) -> RunSteps:
    """
    Add extraction, high-variance confounds, cleaning, analyses and inverse transform.

    Parameters
    ----------
    graph : Graph
        With its tables of sources filled.

    Returns
    -------
    RunSteps
        The nodes.
    """
    run = RunSteps(_add_extraction(graph))
    run.last = run.extract
    if graph.given.high_variance_confounds:
        run.high_variance = run.last = _add_high_variance(graph, run)
    add_selections(graph, run)
    strategies = graph.given.cleanings()
    for number, atlas in enumerate(graph.given.atlases):
        for strategy, values in strategies.items():
            name = graph.name("clean", atlas, strategy)
            tables = chosen_tables(graph, run, strategy)
            node = _add_cleaning(graph, run, name, (number, strategy), values, tables)
            run.clean[atlas, strategy] = node
            run.take(strategy, node)
    add_analyses(graph, run)
    return run


def _add_extraction(graph: Graph) -> Any:
    """Add the extraction of all atlases."""
    from nipype_mapsmasker.interfaces.extraction import ExtractSignals

    given = graph.given
    interface = ExtractSignals(
        **values_of(given, ExtractionParameters),
        resample=given.resampling_target is not None,
        mask_threshold=given.mask_threshold,
        min_volumes=given.volumes_needed(),
        save_mean_squares=given.high_variance_confounds,
        on_error=given.on_error,
    )
    per_run = graph.of_run("in_file", "operator_files", "t_r", upstream_fault="fault")
    if "kept" in graph.sources:
        per_run |= {"kept": graph.sources["kept"]}
    if "own_mask_file" in graph.sources:
        per_run |= {"mask_file": graph.sources["own_mask_file"]}
    return graph.add(interface, "extract", per_run, mem_gb=given.extract_mem_gb)


def _add_high_variance(graph: Graph, run: RunSteps) -> Any:
    """Add the search for high-variance confounds."""
    from nipype_mapsmasker.interfaces.extraction import HighVarianceConfounds

    given = graph.given
    values = values_of(given, HighVarianceParameters)
    del values["high_variance_confounds"]
    per_run = graph.of_run("in_file") | run.fault()
    per_run |= {"mean_squares_file": (run.extract, "mean_squares_file")}
    return graph.add(
        HighVarianceConfounds(**values, on_error=given.on_error),
        "high_variance",
        per_run,
        mem_gb=given.extract_mem_gb,
    )


def _add_cleaning(
    graph: Graph,
    run: RunSteps,
    name: str,
    place: tuple[int, str],
    values: Mapping[str, Any],
    tables: Mapping[str, Source],
) -> Any:
    """Add the cleaning of one atlas by one strategy."""
    from nipype_mapsmasker.interfaces.cleaning import CleanSignals

    given = graph.given
    number, strategy = place
    if "selection_file" in tables:
        values = {**values, "confounds_columns": None}  # chosen before
    interface = CleanSignals(
        **values,
        dtype=given.dtype,
        output_format=given.output_format,
        output_type=given.output_type,
        on_error=given.on_error,
    )
    per_run = {
        # Tables, too, may be replaced by others of the same size and date.
        **tables,
        **run.so_far(graph, strategy),
        **run.confounds(),
        "signals_file": graph.element(run.extract, "signals_files", number),
        "fit_quality_file": graph.element(run.extract, "fit_quality_files", number),
        "t_r": (run.extract, "t_r"),
    }
    return graph.add(interface, name, per_run)
