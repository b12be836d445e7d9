# SPDX-License-Identifier: Apache-2.0
"""One fit for many masks, beside least squares on data that are smoothed and masked explicitly."""

import numpy as np
import pytest
from scipy import ndimage

from nipype_mapsmasker.core.extraction import Target, extract
from nipype_mapsmasker.core.fitting import MapsOperator, fit_maps
from nipype_mapsmasker.core.grids import Grid
from nipype_mapsmasker.core.interpolation import resampling_operator
from nipype_mapsmasker.core.maps import MapsMatrix, collect_maps
from nipype_mapsmasker.core.masking import mask_operator
from nipype_mapsmasker.core.smoothing import sigma_voxels
from nipype_mapsmasker.errors import MapsError
from nipype_mapsmasker.io.fitted import load_operator, save_operator

SHAPE = (19, 11, 10)
"""More than one cube along every axis."""

TOLERANCE_SD = 1e-9

GRID = Grid(SHAPE, np.diag([2.0, 2.5, 3.0, 1.0]))


def make_maps(rng: np.random.Generator, grid: Grid, n_maps: int, kind: str) -> np.ndarray:
    """Make maps (K, Z, Y, X): bumps that overlap, small regions, or weights everywhere."""
    maps = rng.standard_normal((n_maps, *grid.shape[::-1]))
    if kind == "everywhere":
        return maps
    if kind == "regions":
        return np.where(rng.random(maps.shape) < 0.06, np.abs(maps) + 0.5, 0.0)
    smooth = np.stack([ndimage.gaussian_filter(one, 2.0) for one in maps])
    smooth /= np.abs(smooth).max(axis=(1, 2, 3), keepdims=True)
    bumps = np.where(np.abs(smooth) > 0.35, smooth, 0.0)
    if kind == "near":  # condition beyond what a Gram matrix serves
        bumps[-1] = bumps[0] + 0.03 * bumps[-1]
    return bumps


def make_mask(rng: np.random.Generator, within: np.ndarray) -> np.ndarray:
    """Take some of a mask's surface away, and a hole."""
    edge = within & ~ndimage.binary_erosion(within)
    mask = within & ~(edge & (rng.random(within.shape) < rng.uniform(0.05, 0.9)))
    corner = [int(rng.integers(0, size - 2)) for size in within.shape]
    mask[tuple(slice(at, at + 2) for at in corner)] = False
    return mask


def gather(maps: np.ndarray, source: Grid, inside: np.ndarray) -> MapsMatrix:
    return collect_maps(maps, source, GRID, inside.reshape(-1))


def fit(design: MapsMatrix, fwhm: float | None) -> MapsOperator:
    return fit_maps(design, [f"m{k}" for k in range(design.n_maps)], fwhm)


def signals(run: np.ndarray, operator: MapsOperator, missing: str = "zero") -> np.ndarray:
    table = run.reshape(len(run), -1)
    results, _ = extract([table], [Target(operator)], missing_voxels=missing)  # type: ignore[arg-type]
    return results[0].signals


def explicit(
    maps: np.ndarray, source: Grid, run: np.ndarray, used: np.ndarray, fwhm: float | None
) -> np.ndarray:
    """Resample every map, smooth every volume, mask both, and solve."""
    if source is not GRID:
        linear = resampling_operator(source, GRID, "linear")
        maps = np.stack([linear.apply(one) for one in maps])
    if fwhm is not None:
        sigma = sigma_voxels(GRID, fwhm)[::-1]
        run = np.stack([ndimage.gaussian_filter(volume, sigma) for volume in run])
    return np.linalg.lstsq(maps[:, used].T, run[:, used].T, rcond=None)[0].T


@pytest.mark.parametrize("seed", range(200))
def test_signals_are_those_of_explicit_least_squares(seed: int) -> None:
    rng = np.random.default_rng((14, seed))
    kind = ("bumps", "regions", "everywhere", "near")[seed % 4]
    fwhm = (None, 5.0, None)[seed % 3]
    source = GRID if seed % 5 else Grid((14, 12, 11), np.diag([3.0, 2.4, 2.9, 1.0]))
    maps = make_maps(rng, source, int(rng.integers(2, 6)), kind)
    run = 100 + rng.standard_normal((6, *SHAPE[::-1]))
    head = np.zeros(SHAPE[::-1], bool)
    head[1:-1, 1:-1, 1:-1] = True
    mask = make_mask(rng, head)
    used = mask
    if fwhm is None and seed % 2:  # and holes in the data besides
        hole = make_mask(rng, head)
        run[:, ~hole] = 0.0
        used = mask & hole
    shared = fit(gather(maps, source, head), fwhm)
    operator = mask_operator(shared, mask.reshape(-1))
    found = signals(run, operator, "zero" if fwhm is not None else "exclude")
    expected = explicit(maps, source, run, used, fwhm)
    spread = np.where(expected.std(axis=0) > 0, expected.std(axis=0), 1.0)  # 0 of a lost map
    assert (np.abs(found - expected).max(axis=0) / spread).max() < TOLERANCE_SD
    # All else that a fit says is that of a fit with this mask.
    own = fit(gather(maps, source, mask), fwhm)
    assert np.array_equal(operator.n_voxels, own.n_voxels)
    assert (operator.rank, operator.merged.shape) == (own.rank, own.merged.shape)
    for name in ("coverage", "centres", "variance_inflation"):
        np.testing.assert_allclose(getattr(operator, name), getattr(own, name), rtol=1e-8)
    difference = np.abs(signals(run, operator) - signals(run, own)) / spread
    assert difference.max() < TOLERANCE_SD


def test_what_a_mask_leaves_out_is_forgotten(rng: np.random.Generator, tmp_path) -> None:
    maps = make_maps(rng, GRID, 3, "bumps")
    maps[2] = 0.0
    maps[2, 4:6, 4:6, 3:5] = 1.0
    mask = np.ones(SHAPE[::-1], bool)
    mask[3:7, 3:7, 2:6] = False
    for fwhm in (None, 5.0):
        shared = fit(gather(maps, GRID, np.ones(SHAPE[::-1], bool)), fwhm)
        loaded = load_operator(save_operator(tmp_path / f"{fwhm}.npz", shared))
        assert mask_operator(loaded, np.ones(mask.size, bool)) is loaded
        operator = mask_operator(loaded, mask.reshape(-1))
        assert operator.lost.tolist() == [False, False, True]
        assert operator.coverage[2] == 0.0
        assert operator.rank == 2
        assert not operator.basis.toarray()[2].any()
        with pytest.raises(MapsError, match="No map has any weight left inside the mask; check"):
            mask_operator(loaded, np.zeros(mask.size, bool))
