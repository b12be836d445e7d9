# SPDX-License-Identifier: Apache-2.0
"""Arrays in memory as images: whatever their order, copied only where need be."""

import numpy as np
import pytest

from nipype_mapsmasker.errors import ImageHeaderError, ImageKindError
from nipype_mapsmasker.io.images.memory import image_of_array
from nipype_mapsmasker.io.images.reader import iter_blocks

SHAPE, N_VOLUMES = (7, 8, 9), 11


def array(dtype="f4"):
    values = np.random.default_rng(0).integers(0, 100, (*SHAPE, N_VOLUMES)).astype(dtype)
    values.flags.writeable = False
    return values


FORMS = {
    "C": lambda a: a,
    "F": np.asfortranarray,
    "big-endian": lambda a: a.astype(">f4"),
    "other axes first": lambda a: a.transpose(2, 0, 3, 1).copy().transpose(1, 3, 0, 2),
    "every other volume": lambda a: np.asfortranarray(np.repeat(a, 2, axis=3))[..., ::2],
    "flipped": lambda a: a[::-1].copy()[::-1],
    "further axes": lambda a: a[..., None, None],
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("n_per_block", [1, 4, 100])
def test_blocks_have_the_order_of_a_file(form, n_per_block):
    image = image_of_array(form(array()), np.eye(4), "run")
    assert (image.shape, image.dtype) == ((*SHAPE, N_VOLUMES), np.dtype("f4"))
    blocks = [block.copy() for block in iter_blocks(image, block_bytes=4 * 504 * n_per_block)]
    assert len(blocks) == -(-N_VOLUMES // n_per_block)
    wanted = array().reshape(-1, N_VOLUMES, order="F").T
    np.testing.assert_array_equal(np.concatenate(blocks), wanted)


def test_a_file_s_order_is_not_copied_and_not_to_be_written():
    data = np.asfortranarray(array())
    (block,) = iter_blocks(image_of_array(data, np.eye(4), "run"))
    assert np.shares_memory(block, data)
    assert not block.flags.writeable
    assert data.flags.writeable


def test_one_volume():
    image = image_of_array(array()[..., 0], np.eye(4), "run")
    assert (image.shape, image.ndim, image.n_volumes) == (SHAPE, 3, 1)
    (block,) = iter_blocks(image)
    np.testing.assert_array_equal(block[0], array()[..., 0].ravel(order="F"))


@pytest.mark.parametrize(("given", "held"), [("bool", "u1"), ("f2", "f4"), ("g", "f8")])
def test_types_that_files_have_not(given, held):
    image = image_of_array(array(given), np.eye(4), "run")
    (block,) = iter_blocks(image)
    assert block.dtype == image.dtype == np.dtype(held)
    np.testing.assert_array_equal(block, array(given).reshape(-1, N_VOLUMES, order="F").T)


@pytest.mark.parametrize(
    ("data", "error", "match"),
    [
        (np.zeros((3, 4)), ImageKindError, "3 or 4 dimensions"),
        (np.zeros((3, 4, 5, 2, 2)), ImageKindError, "3 or 4 dimensions"),
        (np.zeros((3, 0, 5)), ImageHeaderError, "empty"),
        (np.zeros((3, 4, 5), complex), ImageKindError, "real numbers"),
    ],
)
def test_what_is_no_image(data, error, match):
    with pytest.raises(error, match=match):
        image_of_array(data, np.eye(4), "run")
