# SPDX-License-Identifier: Apache-2.0
"""One's own step in the place of one of the package's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nipype_mapsmasker.errors import ParameterError

if TYPE_CHECKING:
    from nipype.pipeline.engine import Node, Workflow

__all__ = ["replace_step"]


def replace_step(
    workflow: Workflow,
    name: str,
    node: Node,
    *,
    inputs: Mapping[str, str],
    outputs: Mapping[str, str],
) -> None:
    """
    Put a node in the place of a step, for instance a cleaning of one's own.

    What the new node does not take is not connected any more, and what follows does without what
    it does not make: pages and result folder say less then, and nothing wrong. Faults of a run are
    handed on past the new node; with ``on_error="record"`` it gets None where a run failed before.

    Parameters
    ----------
    workflow : Workflow
        Of `init_run_wf` or `init_cohort_wf`; is changed.
    name : str
        The step's node, for instance ``"clean"``.
    node : Node or MapNode
        The new one; a MapNode over the same fields in a cohort's workflow. Its name must be new.
    inputs : mapping of str to str
        Inputs of the step, and what the new node calls them: ``{"signals_file": "in_file"}``.
    outputs : mapping of str to str
        Outputs of the step, and what the new node calls them: ``{"out_file": "out_file"}``.

    Raises
    ------
    ParameterError
        The workflow has no such step, or the step no such field.
    """
    old = workflow.get_node(name)
    if old is None:
        known = ", ".join(sorted(other.name for other in workflow._graph.nodes()))
        msg = f"The workflow has no step called {name!r}; it has {known}."
        raise ParameterError(msg)
    arriving = [
        (source, output, field)
        for source, _, edge in workflow._graph.in_edges(old, data=True)
        for output, field in edge["connect"]
    ]
    leaving = [
        (output, target, field)
        for _, target, edge in workflow._graph.out_edges(old, data=True)
        for output, field in edge["connect"]
    ]
    for given, has in ((inputs, old.inputs), (outputs, old.outputs)):
        for field in given:
            if not hasattr(has, field):
                msg = f"The step {name!r} has no field {field!r} that could be replaced."
                raise ParameterError(msg)
    workflow.remove_nodes([old])
    workflow.add_nodes([node])
    for source, output, field in arriving:
        if field in inputs:
            workflow.connect(source, output, node, inputs[field])
    faults = [edge[:2] for edge in arriving if edge[2] == "upstream_fault"]
    for output, target, field in leaving:
        # An output with a function on its edge is a tuple that begins with its name.
        plain = output[0] if isinstance(output, tuple) else output
        if plain in outputs:
            renamed = (
                (outputs[plain], *output[1:]) if isinstance(output, tuple) else outputs[plain]
            )
            workflow.connect(node, renamed, target, field)
        elif plain == "fault_file" and faults:
            workflow.connect(*faults[0], target, field)
        elif field in (getattr(target, "iterfield", None) or ()):
            target.iterfield.remove(field)
