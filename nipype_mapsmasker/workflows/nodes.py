# SPDX-License-Identifier: Apache-2.0
"""Nodes of Nipype without what takes them long where there are thousands of runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nipype.interfaces.base import isdefined
from nipype.interfaces.base.support import InterfaceResult
from nipype.pipeline.engine import MapNode, Node
from nipype.pipeline.engine.nodes import NodeExecutionError
from nipype.utils.filemanip import ensure_list
from nipype.utils.misc import str2bool, unflatten

__all__ = ["FreshNode", "RunsMapNode"]


class FreshNode(Node):
    """
    Nipype's Node, for what is done every time: there is nothing to compare its inputs with.

    Nipype looks for a file by the name of each text in its inputs, twice, to hash them.
    """

    def __init__(self, interface: Any, name: str, **options: Any) -> None:
        super().__init__(interface, name, overwrite=True, **options)

    def _get_hashval(self) -> tuple[list[Any], str]:
        self._get_inputs()
        self._hashed_inputs: list[Any] = []
        self._hashvalue = "0" * 32
        return self._hashed_inputs, self._hashvalue


class RunsMapNode(MapNode):
    """
    Nipype's MapNode, with the list of each output set once.

    Nipype inserts the value of each element into the list and sets the list anew, and each time
    all that is in it is validated: with 10,000 elements one process is busy for minutes
    (``MapNode._collate_results`` in Nipype 1.11; to be dropped when it sets each list once).
    """

    def _collate_results(self, nodes: Iterable[tuple[int, Any, Any]]) -> InterfaceResult:
        found = sorted(nodes, key=lambda element: element[0])
        told = "\n".join(
            f"Subnode {number} failed\nError: {error}" for number, _, error in found if error
        )
        if told:
            msg = f"Subnodes of node: {self.name} failed:\n{told}"
            raise NodeExecutionError(msg)
        results = [result for _, result, _ in found]
        collated = InterfaceResult(
            interface=[result.interface for result in results],
            runtime=[result.runtime for result in results],
            inputs=[result.inputs for result in results],
            outputs=self.outputs,
            provenance=[result.provenance for result in results],
        )
        elements = [result.outputs.trait_get() for result in results]
        for name in self._wanted_outputs():
            values = [outputs[name] for outputs in elements]
            if not any(isdefined(value) for value in values):
                continue
            if self.nested:
                values = unflatten(values, ensure_list(getattr(self.inputs, self.iterfield[0])))
            setattr(collated.outputs, name, values)
        return collated

    def _wanted_outputs(self) -> list[str]:
        """Name the outputs that are kept."""
        names = [name for name, _ in self.outputs.items()]
        if self.needed_outputs and str2bool(
            self.config["execution"]["remove_unnecessary_outputs"]
        ):
            names = [name for name in names if name in self.needed_outputs]
        return names
