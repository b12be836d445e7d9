# SPDX-License-Identifier: Apache-2.0
"""Strategies as a node: what its result depends on."""

import os

from nipype.pipeline.engine import MapNode, Node

from nipype_mapsmasker.interfaces import SelectConfounds
from tests.confounds_tables import write_run


def test_a_changed_json_beside_the_table_is_another_input(tmp_path):
    # No input names it, so Nipype would take the components that it told of before.
    table = write_run(tmp_path)
    beside = table.with_suffix(".json")
    nodes = [
        Node(SelectConfounds(strategy="compcor"), name="one"),
        MapNode(SelectConfounds(strategy="compcor"), name="each", iterfield="confounds_files"),
    ]
    nodes[0].inputs.confounds_files = [str(table)]
    nodes[1].inputs.confounds_files = [[str(table)], [str(table)]]

    settings = {"hash_method": "timestamp", "remove_unnecessary_outputs": "false"}

    def hashes():
        for node in nodes:
            node.config = {"execution": settings}  # as a workflow gives
            node._hashvalue = node._hashed_inputs = None  # Nipype keeps them
        return [node._get_hashval()[1] for node in nodes]

    first = hashes()
    assert hashes() == first
    os.utime(beside, ns=(1, 1))
    second = hashes()
    assert all(new != old for new, old in zip(second, first, strict=True))
    beside.unlink()
    assert all(new != old for new, old in zip(hashes(), second, strict=True))
