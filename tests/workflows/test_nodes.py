# SPDX-License-Identifier: Apache-2.0
"""Results of a MapNode, put together as Nipype does, but each list once."""

from __future__ import annotations

import pytest
from nipype.interfaces.utility import Function
from nipype.pipeline.engine import MapNode
from nipype.pipeline.engine.nodes import NodeExecutionError

from nipype_mapsmasker.workflows import nodes
from nipype_mapsmasker.workflows.nodes import RunsMapNode


def halves(number):
    if number == 3:
        msg = "three is odd"
        raise ValueError(msg)
    return number // 2, [number] if number else None


def make(kind, folder, numbers, **options):
    interface = Function(input_names=["number"], output_names=["half", "own"], function=halves)
    node = kind(interface, iterfield=["number"], name="halve", base_dir=str(folder), **options)
    node.inputs.number = numbers
    node.config = {"execution": {"create_report": "false"}}
    return node


@pytest.mark.parametrize(
    ("numbers", "options"),
    [([0, 2, 8], {}), ([2], {}), ([[0, 2], [8, 4, 6]], {"nested": True})],
)
def test_outputs_are_those_of_nipype(tmp_path, numbers, options):
    ours, theirs = (
        make(kind, tmp_path / kind.__name__, numbers, **options).run()
        for kind in (RunsMapNode, MapNode)
    )
    assert dict(ours.outputs.items()) == dict(theirs.outputs.items())
    assert len(ours.runtime) == len(theirs.runtime)


def test_every_failed_element_is_told(tmp_path):
    node = make(RunsMapNode, tmp_path, [3, 2, 3])
    with pytest.raises(NodeExecutionError, match=r"(?s)Subnode 0 failed.*three.*Subnode 2 failed"):
        node.run()


def test_work_grows_with_elements_and_not_with_their_square(tmp_path, monkeypatch):
    looked = []
    monkeypatch.setattr(nodes, "isdefined", lambda value: looked.append(value) or True)
    make(RunsMapNode, tmp_path, [2] * 12).run()
    assert len(looked) <= 2 * 12
