# SPDX-License-Identifier: Apache-2.0
"""Extraction in one pass: routes, missing voxels, coverage, types, blocks."""

import numpy as np
import pytest

from nipype_mapsmasker.core.extraction import (
    Extraction,
    Target,
    extract,
    needs_data_range,
    route,
)
from nipype_mapsmasker.core.fitting import MapsOperator, fit_maps
from nipype_mapsmasker.core.grids import Grid
from nipype_mapsmasker.core.interpolation import resampling_operator
from nipype_mapsmasker.core.maps import collect_maps
from nipype_mapsmasker.core.resampling import data_range
from nipype_mapsmasker.errors import GridError, ParameterError
from tests.conftest import AFFINES, SHAPE, read_only

GRID = Grid(SHAPE, AFFINES["anisotropic"])


def fit(maps: np.ndarray, grid: Grid = GRID, **kwargs: object) -> MapsOperator:
    volumes = [np.ascontiguousarray(maps[..., k].T) for k in range(maps.shape[-1])]
    design = collect_maps(volumes, grid, grid)
    names = [f"m{k}" for k in range(maps.shape[-1])]
    return fit_maps(design, names, **kwargs)  # type: ignore[arg-type]


def blocks(run: np.ndarray, size: int = 4) -> list[np.ndarray]:
    table = run.reshape(-1, run.shape[-1], order="F").T
    return [
        read_only(np.ascontiguousarray(table[start : start + size]))
        for start in range(0, len(table), size)
    ]


def one(run: np.ndarray, operator: MapsOperator, missing: str = "zero") -> Extraction:
    results, _ = extract(blocks(run), [Target(operator)], missing_voxels=missing)  # type: ignore[arg-type]
    return results[0]


def lstsq(maps: np.ndarray, run: np.ndarray, keep: np.ndarray | None = None) -> np.ndarray:
    matrix, table = maps.reshape(-1, maps.shape[-1]), run.reshape(-1, run.shape[-1])
    if keep is not None:
        matrix, table = matrix[keep.reshape(-1)], table[keep.reshape(-1)]
    return np.linalg.lstsq(matrix, table, rcond=None)[0].T


def regions() -> np.ndarray:
    """Make three maps of ones on disjoint thirds of the grid."""
    maps = np.zeros((*SHAPE, 3))
    maps[:2, ..., 0] = maps[2:4, ..., 1] = maps[4:, ..., 2] = 1.0
    return maps


def test_signals_mean_and_fit_are_those_of_least_squares(
    maps: np.ndarray, bold: np.ndarray
) -> None:
    results, mean = extract(blocks(bold), [Target(fit(maps))])
    found, expected = results[0], lstsq(maps, bold)
    assert np.abs(found.signals - expected).max() < 1e-11
    assert np.abs(mean - bold.mean(axis=-1).reshape(-1, order="F")).max() < 1e-12
    residual = bold - np.einsum("xyzk,tk->xyzt", maps, expected)
    share = 1 - (residual**2).sum(axis=(0, 1, 2)) / (bold**2).sum(axis=(0, 1, 2))
    assert np.allclose(found.r_squared, share, atol=1e-12)
    assert found.coverage_data.tolist() == [1.0, 1.0, 1.0]


def test_many_operators_share_one_pass(maps: np.ndarray, bold: np.ndarray) -> None:
    operators = [fit(maps), fit(maps[..., :1]), fit(regions())]
    results, _ = extract(blocks(bold), [Target(operator) for operator in operators])
    for result, operator in zip(results, operators, strict=True):
        assert np.array_equal(result.signals, one(bold, operator).signals)


@pytest.mark.parametrize("size", [1, 2, 11, 50])
def test_the_size_of_blocks_does_not_matter(maps: np.ndarray, bold: np.ndarray, size: int) -> None:
    operator = fit(maps)
    found = extract(blocks(bold, size), [Target(operator)])[0][0]
    assert np.abs(found.signals - one(bold, operator).signals).max() < 1e-11


@pytest.mark.parametrize(
    "dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8", "g"]
)
def test_stored_types_give_one_answer(maps: np.ndarray, bold: np.ndarray, dtype: str) -> None:
    run = np.rint(bold)
    operator = fit(maps)
    found = one(run.astype(dtype), operator).signals
    assert found.dtype == np.float64
    assert np.abs(found - one(run, operator).signals).max() < 1e-12


def test_a_single_volume(maps: np.ndarray, bold: np.ndarray) -> None:
    found = one(bold[..., :1], fit(maps)).signals
    assert found.shape == (1, 3)
    assert np.abs(found - lstsq(maps, bold[..., :1])).max() < 1e-11


def test_non_finite_values_count_as_zero(maps: np.ndarray, bold: np.ndarray) -> None:
    run = bold.copy()
    run[1, 2, 3, 4], run[2, 2, 2, 5], run[3, 3, 3, :] = np.nan, np.inf, -np.inf
    zeroed = np.where(np.isfinite(run), run, 0.0)
    found, mean = extract(blocks(run), [Target(fit(maps))])
    assert np.abs(found[0].signals - lstsq(maps, zeroed)).max() < 1e-11
    assert np.allclose(mean, zeroed.mean(axis=-1).reshape(-1, order="F"))


def lose_half(run: np.ndarray, how: str) -> np.ndarray:
    """Take half of the second region's data away."""
    lost = run.copy()
    half = (slice(2, 4), slice(0, 4))
    lost[half] = {"NaN": np.nan, "zero": 0.0}[how] if how in ("NaN", "zero") else 0.0
    if how == "zero or NaN":
        lost[half][..., ::2] = np.nan
    return lost


@pytest.mark.parametrize("how", ["NaN", "zero", "zero or NaN"])
def test_half_of_a_region_without_data(how: str) -> None:
    """The reference reads 50 where the truth is 100."""
    run = np.full((*SHAPE, 5), 100.0) + np.arange(5)
    operator = fit(regions())
    zero, exclude = (one(lose_half(run, how), operator, m) for m in ("zero", "exclude"))
    truth = np.tile(100.0 + np.arange(5)[:, None], 3)
    assert np.allclose(zero.signals[:, 1], truth[:, 1] / 2)
    assert np.abs(exclude.signals - truth).max() < 1e-12
    for result in (zero, exclude):
        assert np.allclose(result.coverage_data, [1.0, 0.5, 1.0])


@pytest.mark.parametrize("kind", ["overlapping", "duplicate", "collinear"])
def test_excluding_is_least_squares_over_the_voxels_with_data(
    maps: np.ndarray, bold: np.ndarray, kind: str
) -> None:
    weights = maps
    if kind == "duplicate":
        weights = maps[..., [0, 1, 2, 1]]
    if kind == "collinear":
        weights = np.concatenate([maps, maps[..., :1] + 1e-5 * maps[..., 1:2] ** 2], axis=-1)
    lost = lose_half(bold, "NaN")
    keep = np.isfinite(lost).any(axis=-1)
    found = one(lost, fit(weights), "exclude").signals
    expected = lstsq(weights, bold, keep)
    assert np.abs(found - expected).max() / expected.std() < 1e-10


def test_a_voxel_with_data_in_one_volume_is_missing_in_the_others(bold: np.ndarray) -> None:
    run = bold.copy()
    run[2:4, :4] = 0.0
    run[2:4, :4, :, 7] = 93.7
    zero, exclude = (one(run, fit(regions()), m) for m in ("zero", "exclude"))
    assert np.array_equal(zero.signals[7], exclude.signals[7])
    others = np.delete(np.arange(11), 7)
    assert np.allclose(2 * zero.signals[others, 1], exclude.signals[others, 1])
    for found in (zero, exclude):
        assert (found.coverage_data == 1).all()
        assert found.missing[others, 1].tolist() == [2 * 4 * SHAPE[2]] * 10
        assert found.missing.sum() == 10 * found.missing[0, 1]


def test_zeros_among_small_whole_numbers_are_data(bold: np.ndarray) -> None:
    """So is the noise outside the head, counts of 0, 1, 2 ..."""
    run = bold.copy()
    run[2:4, :4] = np.random.default_rng(0).integers(0, 6, run[2:4, :4].shape)
    zero, exclude = (one(run, fit(regions()), m) for m in ("zero", "exclude"))
    assert np.array_equal(zero.signals, exclude.signals)
    assert not zero.missing.any()


@pytest.mark.parametrize("kind", ["plain", "duplicate"])
def test_excluding_nothing_changes_no_bit(maps: np.ndarray, bold: np.ndarray, kind: str) -> None:
    operator = fit(maps if kind == "plain" else maps[..., [0, 1, 2, 0]])
    zero, exclude = (one(bold, operator, m) for m in ("zero", "exclude"))
    assert np.array_equal(zero.signals, exclude.signals)
    assert np.array_equal(zero.coverage_data, exclude.coverage_data)


def test_a_region_without_any_data_reads_zero_and_says_so(bold: np.ndarray) -> None:
    run = bold.copy()
    run[2:4] = np.nan
    found = one(run, fit(regions()), "exclude")
    assert not found.signals[:, 1].any()
    assert np.allclose(found.signals[:, [0, 2]], lstsq(regions(), np.nan_to_num(run))[:, [0, 2]])
    assert found.coverage_data.tolist() == [1.0, 0.0, 1.0]


def test_coverage_counts_absolute_weights() -> None:
    maps = np.zeros((*SHAPE, 1))
    maps[0, 0, :4, 0] = [1.0, -2.0, 3.0, -4.0]
    run = np.full((*SHAPE, 3), [9.0, 8.0, 7.0])
    run[0, 0, 1] = 0.0
    assert one(run, fit(maps)).coverage_data == pytest.approx([0.8])


def test_excluding_is_refused_with_smoothing(maps: np.ndarray, bold: np.ndarray) -> None:
    operator = fit(maps, smoothing_fwhm=5.0)
    with pytest.raises(ParameterError, match=r"'exclude' cannot be combined with smoothing_fwhm"):
        one(bold, operator, "exclude")
    with pytest.raises(ParameterError, match=r"missing_voxels must be 'zero' or 'exclude'; got"):
        one(bold, fit(maps), "omit")


def test_fit_quality_is_not_given_where_smoothing_is_folded(
    maps: np.ndarray, bold: np.ndarray
) -> None:
    assert np.isnan(one(bold, fit(maps, smoothing_fwhm=5.0)).r_squared).all()


def other_grid() -> Grid:
    affine = np.diag([1.9, 2.6, 3.7, 1.0])
    affine[:3, 3] = [-6.3, -10.1, -18.7]
    return Grid((7, 9, 8), affine)


def test_clipping_needs_the_range_only_where_cubic_resampling_happens(maps: np.ndarray) -> None:
    here = fit(maps)
    assert not needs_data_range([here], GRID, "continuous", clip=True)
    assert needs_data_range([here], other_grid(), "continuous", clip=True)
    assert not needs_data_range([here], other_grid(), "continuous", clip=False)
    assert not needs_data_range([here], other_grid(), "linear", clip=True)


def test_routes(maps: np.ndarray) -> None:
    operator = fit(maps)
    source = other_grid()
    assert route([operator], GRID)[0].resampler is None
    assert route([operator], source, interpolation="linear")[0].operator.folded
    first, second = route([operator, operator], source, limits=(0.0, 1.0))
    assert first.resampler is second.resampler is not None
    excluding = route([operator], source, interpolation="linear", missing_voxels="exclude")
    assert excluding[0].resampler is not None
    far = np.eye(4)
    far[0, 3] = 1e4
    with pytest.raises(GridError, match="The run and the maps do not overlap anywhere in space"):
        route([operator], Grid(SHAPE, far))


@pytest.mark.parametrize("kind", ["continuous", "linear", "nearest"])
@pytest.mark.parametrize("clip", [True, False])
def test_folded_and_volume_by_volume_agree(
    maps: np.ndarray, rng: np.random.Generator, kind: str, clip: bool
) -> None:
    source = other_grid()
    run = 100 + rng.standard_normal((*source.shape, 6))
    limits = data_range(blocks(run)) if clip and kind == "continuous" else None
    targets = route([fit(maps)], source, interpolation=kind, limits=limits)  # type: ignore[arg-type]
    found = extract(blocks(run), targets)[0][0].signals
    operator = resampling_operator(source, GRID, kind)  # type: ignore[arg-type]
    moved = np.stack([operator.apply(run[..., t].T.copy()).T for t in range(6)], axis=-1)
    if limits is not None:
        moved = moved.clip(min(run.min(), 0), max(run.max(), 0))
    assert np.abs(found - lstsq(maps, moved)).max() < 1e-10


@pytest.mark.parametrize("kind", ["continuous", "linear", "nearest"])
def test_half_of_a_region_outside_the_field_of_view_of_a_resampled_run(kind: str) -> None:
    """Target 'maps': the run ends in the middle of the second region."""
    affine = GRID.affine.copy()
    affine[1, 3] += 12.0  # four voxels of 3 mm
    source = Grid((7, 4, 9), affine)
    truth = 100.0 + np.arange(4)[:, None]
    run = np.full((*source.shape, 4), truth[:, 0])
    limits = (0.0, 103.0) if kind == "continuous" else None
    results = {}
    for missing in ("zero", "exclude"):
        targets = route(
            [fit(regions())], source, interpolation=kind, limits=limits,  # type: ignore[arg-type]
            missing_voxels=missing,  # type: ignore[arg-type]
        )  # fmt: skip
        results[missing] = extract(blocks(run), targets, missing_voxels=missing)[0][0]  # type: ignore[arg-type]
    assert np.allclose(results["zero"].signals, truth / 2)
    assert np.abs(results["exclude"].signals - truth).max() < 1e-11
    assert np.allclose(results["exclude"].coverage_data, 0.5)


@pytest.mark.parametrize("n_maps", [1, 2])
def test_zeros_that_no_map_reads_are_not_missing_from_a_resampled_run(
    rng: np.random.Generator, n_maps: int
) -> None:
    """Target 'maps': beside the maps noise falls to zero now and then, each time elsewhere."""
    source = other_grid()
    run = (500 + 20 * rng.standard_normal((*source.shape, 9))).astype(np.float32)
    operators = [fit(regions()[..., :1]), fit(regions()[..., 2:])][:n_maps]
    limits = data_range(blocks(run))
    targets = route(operators, source, limits=limits)
    reached = np.zeros(source.n_voxels, np.bool_)
    for target in targets:
        assert target.resampler is not None
        reached |= target.resampler.reach(target.operator.voxels)
    inside = reached.reshape(source.shape, order="F")
    assert 0.1 < inside.mean() < 0.9
    run[tuple(np.argwhere(inside)[::40].T)] = 0.0
    run[:, :5, :, 4] = 0.0
    noisy = run.copy()
    noisy[~inside] *= rng.random(noisy[~inside].shape) < 0.7
    quiet, loud = (extract(blocks(one), targets)[0] for one in (run, noisy))
    assert sum(one.missing.sum() for one in quiet) > 0
    for expected, found in zip(quiet, loud, strict=True):
        np.testing.assert_array_equal(found.missing, expected.missing)
        np.testing.assert_array_equal(found.coverage_data, expected.coverage_data)
        assert not found.empty.any()
