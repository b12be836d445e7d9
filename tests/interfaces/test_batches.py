# SPDX-License-Identifier: Apache-2.0
"""Lists over runs become batches, in which each run has what its fit made."""

from nipype_mapsmasker.interfaces.batches import CutRuns
from nipype_mapsmasker.interfaces.packed import Packed

LISTS = {
    "run_ids": ["a", "b", "c"],
    "fit_index": [1, 0, -1],
    "fault_files": [None, None, "c.json"],
}


def batches(columns, **inputs):
    outputs = CutRuns(columns, lists=Packed(LISTS), **inputs).run().outputs
    return [batch.content for batch in outputs.batches]


def test_each_run_gets_what_its_fit_made():
    cut = batches(
        {"run_id": "run_ids", "operators": "operator_files", "fault": "fault_files"},
        operator_files=[["m0", "m1"], ["n0", "n1"]],
        fit_faults=[[None, None], [None, "n1.json"]],
        batch_size=2,
    )
    assert cut == [
        [
            {"run_id": "a", "operators": ["m1", "n1"], "fault": "n1.json"},
            {"run_id": "b", "operators": ["m0", "n0"], "fault": None},
        ],
        [{"run_id": "c", "operators": [None, None], "fault": "c.json"}],
    ]


def test_a_function_chooses_of_a_list():
    def first(lists, index):
        return [values[index] for values in lists]

    cut = batches(
        {"coverage": ("coverage_files", first, 0)}, coverage_files=[["x", "y"]], batch_size=3
    )
    assert [run["coverage"] for run in cut[0]] == ["y", "x", None]
