# SPDX-License-Identifier: Apache-2.0
"""Inverse transform: signals times maps."""

import numpy as np
import pytest
from scipy import sparse

from nipype_mapsmasker.core.fitting import fit_maps
from nipype_mapsmasker.core.grids import Grid
from nipype_mapsmasker.core.inverse import reconstruct
from nipype_mapsmasker.core.maps import MapsMatrix
from nipype_mapsmasker.errors import SignalError
from tests.conftest import AFFINES, SHAPE

GRID = Grid(SHAPE, AFFINES["anisotropic"])


@pytest.fixture
def design(maps: np.ndarray) -> MapsMatrix:
    voxels = np.arange(3, GRID.n_voxels, 2)
    return MapsMatrix(GRID, voxels, maps.reshape(-1, 3, order="F")[voxels], np.ones(3))


def test_volumes_are_sums_of_weighted_maps(design: MapsMatrix, signals: np.ndarray) -> None:
    volumes = np.concatenate(list(reconstruct(signals, design)))
    assert np.allclose(volumes[:, design.voxels], signals @ design.matrix.T, atol=1e-14)
    assert not np.delete(volumes, design.voxels, axis=1).any()


def test_sparse_maps_give_the_same(design: MapsMatrix, signals: np.ndarray) -> None:
    other = MapsMatrix(GRID, design.voxels, sparse.csc_array(design.matrix), design.coverage)
    one, two = (np.concatenate(list(reconstruct(signals, maps))) for maps in (design, other))
    assert np.abs(one - two).max() < 1e-13


@pytest.mark.parametrize("block_size", [1, 4, 11, 100])
def test_blocks_follow_each_other(
    design: MapsMatrix, signals: np.ndarray, block_size: int
) -> None:
    blocks = list(reconstruct(signals, design, block_size=block_size))
    assert max(len(block) for block in blocks) == min(block_size, len(signals))
    whole = np.concatenate(list(reconstruct(signals, design)))
    assert np.abs(np.concatenate(blocks) - whole).max() < 1e-13


def test_a_vector_is_one_volume(design: MapsMatrix, signals: np.ndarray) -> None:
    (block,) = reconstruct(signals[2], design)
    assert block.shape == (1, GRID.n_voxels)
    assert np.allclose(block[0, design.voxels], design.matrix @ signals[2])


def test_inverse_then_extract_is_the_identity(design: MapsMatrix, signals: np.ndarray) -> None:
    operator = fit_maps(design, list("abc"))
    volumes = np.concatenate(list(reconstruct(signals, design)))
    back = (operator.mixing @ (operator.basis @ volumes[:, operator.voxels].T)).T
    assert np.abs(back - signals).max() < 1e-13


def test_a_lost_map_adds_nothing(design: MapsMatrix, signals: np.ndarray) -> None:
    lost, zero = signals.copy(), signals.copy()
    lost[:, 1], zero[:, 1] = np.nan, 0.0
    one, two = (np.concatenate(list(reconstruct(s, design))) for s in (lost, zero))
    assert np.array_equal(one, two)


def test_signals_that_do_not_fit_are_refused(design: MapsMatrix, signals: np.ndarray) -> None:
    for wrong in (signals[:, :2], np.ones(4), np.ones((2, 3, 3))):
        with pytest.raises(SignalError, match="but there are 3 maps; pass one column per map"):
            next(reconstruct(wrong, design))
    holed = signals.copy()
    holed[4, 0] = np.nan
    with pytest.raises(SignalError, match=r"hold NaN or infinite values; clean them first"):
        next(reconstruct(holed, design))
