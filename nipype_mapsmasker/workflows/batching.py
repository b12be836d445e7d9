# SPDX-License-Identifier: Apache-2.0
"""Steps that are gathered for batches of runs, where they are not to be nodes of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nipype.pipeline.engine import Node

    from nipype_mapsmasker.workflows.steps import Graph, Source

__all__ = ["BATCH_NODE", "Batch", "StepNode"]

BATCH_NODE = "run_batches"
"""Name of the node that does the steps of all runs."""


@dataclass(frozen=True, eq=False)
class StepNode:
    """
    Stand for the node of a step that a batch does.

    Parameters
    ----------
    name : str
        The step.
    """

    name: str


@dataclass
class Batch:
    """
    Gather the steps of a run, and make one MapNode over batches of them.

    Parameters
    ----------
    size : int
        Runs of a batch.
    group_runs : Node
        `GroupRuns`, which has all that differs between runs, packed.
    of_fits : dict of str to Source
        What the fits made, per atlas, for `CutRuns`, which gives each run its own.
    """

    size: int
    group_runs: Any
    of_fits: Mapping[str, Source]
    _steps: list[Any] = field(default_factory=list)
    _per_run: dict[str, Source] = field(default_factory=dict)
    _shared: dict[str, Source] = field(default_factory=dict)
    _mem_gb: float = 0.0

    def add(
        self,
        interface: Any,
        name: str,
        per_run: Mapping[str, Source],
        shared: Mapping[str, Source],
        mem_gb: float,
    ) -> StepNode:
        """Add a step."""
        from nipype_mapsmasker.interfaces.batches import BatchStep

        sources: dict[str, tuple[str, Any]] = {}
        for wanted, (node, output) in per_run.items():
            if isinstance(node, StepNode):
                sources[wanted] = node.name, output
            else:
                sources[wanted] = "run", _name(self._per_run, wanted, (node, output))
        for wanted, source in shared.items():
            sources[wanted] = "shared", _name(self._shared, f"shared_{wanted}", source)
        self._steps.append(BatchStep(name, interface, sources))
        self._mem_gb = max(self._mem_gb, mem_gb)
        return StepNode(name)

    def close(self, graph: Graph) -> Node:
        """Add the nodes that do all steps; give the one with ``manifest_files``."""
        from nipype_mapsmasker.interfaces.batches import CutRuns, JoinRuns, RunBatch
        from nipype_mapsmasker.workflows.nodes import FreshNode, RunsMapNode
        from nipype_mapsmasker.workflows.steps import LIGHT

        columns = {name: output for name, (_, output) in self._per_run.items()}
        cut = FreshNode(CutRuns(columns, batch_size=self.size), name="cut_runs", **LIGHT)
        graph.connect(cut, {"lists": (self.group_runs, "lists"), **self.of_fits})
        interface = RunBatch(
            self._steps,
            list(self._shared),
            recipe=_recipe(self._steps),
            out_dir=graph.given.folder(),
            on_error=graph.given.on_error,
        )
        runs = RunsMapNode(
            interface,
            iterfield=["runs"],
            name=BATCH_NODE,
            mem_gb=self._mem_gb,
            # Each run is compared with what is in the result folder, which Nipype does not know.
            overwrite=True,
        )
        graph.connect(runs, {"runs": (cut, "batches"), **self._shared})
        join = FreshNode(JoinRuns(), name="join_runs", **LIGHT)
        graph.connect(join, {name: (runs, name) for name in ("manifest_files", "fault_files")})
        return join


def _name(table: dict[str, Source], wanted: str, source: Source) -> str:
    """Give a source's name in a table, and put it there first if need be."""
    node, output = source
    for name, (known, known_output) in table.items():
        if known is node and known_output == output:
            return name
    name = wanted
    while name in table:
        name += "_"
    table[name] = source
    return name


def _recipe(steps: list[Any]) -> str:
    """Write all steps and their parameters in one line."""
    return repr(
        [
            (
                step.name,
                type(step.interface).__name__,
                sorted((k, v) for k, v in step.interface.inputs.get_traitsfree().items()),
            )
            for step in steps
        ]
    )
