# SPDX-License-Identifier: Apache-2.0
"""Voxels that are picked out of volumes are those that were asked for, however they lie."""

import numpy as np
import pytest

from nipype_mapsmasker.core.cubes import CUBE, QUAD, cube_order, whole_quads
from nipype_mapsmasker.core.gathering import Gathering
from nipype_mapsmasker.core.tiles import tile_rows

SHAPE = (35, 19, 9)  # an odd number of voxels: the last quad is not whole
N_VOXELS = int(np.prod(SHAPE))


def in_order(voxels: np.ndarray) -> np.ndarray:
    return voxels[cube_order(voxels, SHAPE)[0]]


def brain(rng: np.random.Generator, share: float) -> np.ndarray:
    return in_order(np.flatnonzero(rng.random(N_VOXELS) < share))


def gathered(gathering: Gathering, volume: np.ndarray) -> np.ndarray:
    out = gathering.allocate(2, volume.dtype)
    gathering(volume, out[1])
    return out[1]


@pytest.mark.parametrize("dtype", ["u1", "i2", "f4", "f8", "i8", "g"])
@pytest.mark.parametrize("share", [0.05, 0.9, 1.0])
def test_each_operator_finds_its_voxels(
    rng: np.random.Generator, dtype: str, share: float
) -> None:
    volume = rng.integers(0, 200, N_VOXELS).astype(dtype)
    voxels = [brain(rng, share), brain(rng, share), brain(rng, 0.3)]
    for wanted in (voxels[:1], voxels):
        gathering = Gathering(wanted, SHAPE)
        found = gathered(gathering, volume)
        assert np.array_equal(found, volume[gathering.voxels])
        assert np.unique(gathering.voxels).size == gathering.voxels.size
        for one, places in zip(wanted, gathering.positions, strict=True):
            assert np.array_equal(gathering.voxels[places], one)


def test_volumes_that_are_not_aligned_and_bits_that_are_no_number(
    rng: np.random.Generator,
) -> None:
    memory = np.zeros(N_VOXELS * 4 + 2, np.uint8)
    volume = memory[2:].view(np.float32)
    volume[:] = rng.standard_normal(N_VOXELS)
    volume[::7] = np.nan
    voxels = brain(rng, 0.9)
    gathering = Gathering([voxels], SHAPE)
    assert not volume.flags.aligned
    np.testing.assert_array_equal(gathered(gathering, volume), volume[gathering.voxels])


def test_volumes_of_which_every_other_value_is_theirs(rng: np.random.Generator) -> None:
    volume = rng.standard_normal(2 * N_VOXELS)[::2]
    gathering = Gathering([brain(rng, 0.9)], SHAPE)
    assert np.array_equal(gathered(gathering, volume), volume[gathering.voxels])


def test_voxels_in_another_order_are_found_one_by_one(rng: np.random.Generator) -> None:
    volume = rng.standard_normal(N_VOXELS)
    voxels = rng.permutation(N_VOXELS)[:500]
    gathering = Gathering([np.append(voxels, voxels[:0])], SHAPE)
    assert np.array_equal(gathered(gathering, volume)[gathering.positions[0]], volume[voxels])


def test_runs_put_the_columns_of_each_cube_together(rng: np.random.Generator) -> None:
    maps = [brain(rng, 0.8), brain(rng, 0.5)]
    tiled = [tile_rows([(np.sort(one), np.ones(one.size))], SHAPE) for one in maps]
    gathering = Gathering([voxels for _, voxels in tiled], SHAPE)
    for number, (rows, voxels) in enumerate(tiled):
        for tile, runs in zip(rows.tiles(), gathering.runs(number, rows.starts), strict=True):
            here = np.full(tile.block.shape[1], -1)
            for columns, places in runs:
                assert (here[columns] == -1).all()
                here[columns] = gathering.voxels[places]
            assert np.array_equal(here, voxels[tile.columns])


def test_one_operator_has_two_runs_a_cube_at_most(rng: np.random.Generator) -> None:
    voxels = brain(rng, 0.9)
    rows, voxels = tile_rows([(np.sort(voxels), np.ones(voxels.size))], SHAPE)
    runs = Gathering([voxels], SHAPE).runs(0, rows.starts)
    assert max(len(one) for one in runs) == 2
    assert len(runs) == np.prod([-(-n // edge) for n, edge in zip(SHAPE, CUBE, strict=True)])


def test_quads_are_whole_where_all_four_voxels_are_used() -> None:
    voxels = np.array([9, 4, 5, 6, 7, 8, 11])
    assert whole_quads(voxels).tolist() == [False, True, True, True, True, False, False]
    assert whole_quads(np.arange(0)).size == 0


def test_what_is_left_of_a_mask_is_in_order_again(rng: np.random.Generator) -> None:
    voxels = brain(rng, 1.0)
    weights = rng.standard_normal(voxels.size)
    order = np.argsort(voxels)
    rows, voxels = tile_rows([(voxels[order], weights[order])], SHAPE)
    kept = rng.random(voxels.size) < 0.9
    part, places = rows.keep(kept, voxels)
    assert set(places) == set(voxels[kept])
    dense = np.zeros(N_VOXELS)
    dense[voxels] = rows.toarray()[0]
    assert np.array_equal(part.toarray()[0], dense[places])
    assert max(len(one) for one in Gathering([places], SHAPE).runs(0, part.starts)) == 2
    assert QUAD * Gathering([places], SHAPE)._quads.size == whole_quads(places).sum()
