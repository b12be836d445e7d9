# SPDX-License-Identifier: Apache-2.0
"""Files that a step finds by itself are part of what Nipype compares."""

import os

import pytest
from nipype.pipeline.engine import MapNode, Node

from nipype_mapsmasker.interfaces import ExtractSignals, SelectConfounds
from tests.confounds_tables import write_run

SETTINGS = {"hash_method": "timestamp", "remove_unnecessary_outputs": "false"}


def hashes(nodes):
    for node in nodes:
        node._hashvalue = node._hashed_inputs = None  # Nipype keeps them
        node.config = {"execution": SETTINGS}  # as a workflow gives
    return [node._get_hashval()[1] for node in nodes]


def one_and_each(interface, field, value):
    """Put an interface into a node of each kind."""
    nodes = [
        Node(interface(), name="one"),
        MapNode(interface(), name="each", iterfield=field),
    ]
    setattr(nodes[0].inputs, field, value)
    setattr(nodes[1].inputs, field, [value, value])
    return nodes


def make_image(folder):
    image = folder / "sub-01_task-rest_bold.nii"
    image.write_bytes(b"an image")
    image.with_suffix(".json").write_text('{"RepetitionTime": 2.0}')
    return ExtractSignals, "in_file", str(image), image.with_suffix(".json")


def make_table(folder):
    table = write_run(folder)
    return SelectConfounds, "confounds_files", [str(table)], table.with_suffix(".json")


@pytest.mark.parametrize("make", [make_image, make_table])
def test_a_changed_json_is_another_input(tmp_path, make):
    interface, field, value, beside = make(tmp_path)
    nodes = one_and_each(interface, field, value)
    first = hashes(nodes)
    assert hashes(nodes) == first
    os.utime(beside, ns=(1, 1))
    second = hashes(nodes)
    assert all(new != old for new, old in zip(second, first, strict=True))
    beside.unlink()
    assert all(new != old for new, old in zip(hashes(nodes), second, strict=True))


def test_what_the_graph_knows_of_an_image_is_not_looked_for_again(tmp_path):
    interface, field, value, beside = make_image(tmp_path)
    nodes = one_and_each(interface, field, value)
    nodes[0].inputs.source = "known"
    first = hashes(nodes[:1])
    os.utime(beside, ns=(1, 1))
    assert hashes(nodes[:1]) == first
