# SPDX-License-Identifier: Apache-2.0
"""Lists of one stay lists, and survive pickling."""

import pickle

import pytest

from nipype_mapsmasker.interfaces.lists import ListAtlases, ListRuns


@pytest.mark.parametrize(
    ("cls", "inputs", "expected"),
    [
        (ListAtlases, [["a1"]], [["a1"]]),
        (ListAtlases, [["a1", "a2"], ["b1", "b2"]], [["a1", "a2"], ["b1", "b2"]]),
        (ListAtlases, [[None]], [[None]]),
        (ListRuns, [["a1"]], [["a1"]]),
        (ListRuns, [["a1", None], ["b1", "b2"]], [["a1", "b1"], [None, "b2"]]),
    ],
)
def test_lists(cls, inputs, expected, tmp_path):
    step = cls(len(inputs), **{f"in{n}": value for n, value in enumerate(inputs)})
    assert step.run(cwd=tmp_path).outputs.out == expected
    assert pickle.loads(pickle.dumps(step)).run(cwd=tmp_path).outputs.out == expected
