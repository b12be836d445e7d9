# SPDX-License-Identifier: Apache-2.0
"""What is packed comes out as it went in, however it travelled, and is hashed by its content."""

import copy
import pickle

from nipype_mapsmasker.interfaces.packed import Packed

CONTENT = {"paths": ["/a/\udcff.nii", None], "times": [2.0, (1, 2)]}


def test_comes_out_as_it_went_in():
    content = copy.deepcopy(CONTENT)
    packed = Packed(content)
    content["paths"].clear()
    for one in (packed, copy.deepcopy(packed), pickle.loads(pickle.dumps(packed))):
        assert one.content == CONTENT
        assert repr(one) == repr(packed)
    packed.content["times"].clear()
    assert packed.content == CONTENT


def test_other_content_looks_different():
    assert repr(Packed([1, 2])) == repr(Packed([1, 2])) != repr(Packed([2, 1]))
