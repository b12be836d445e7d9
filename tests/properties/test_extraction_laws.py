# SPDX-License-Identifier: Apache-2.0
"""Laws of extraction, for any grid, maps and data that hypothesis thinks of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nipype_mapsmasker.core.extraction import Target, extract, route
from nipype_mapsmasker.core.fitting import MapsOperator, fit_maps
from nipype_mapsmasker.core.grids import Grid
from nipype_mapsmasker.core.interpolation import resampling_operator
from nipype_mapsmasker.core.inverse import reconstruct
from nipype_mapsmasker.core.maps import MapsMatrix, collect_maps
from nipype_mapsmasker.core.smoothing import smoothing_operator
from nipype_mapsmasker.core.spatial import DirectResampling
from tests.conftest import read_only

few = settings(max_examples=40)


@dataclass(frozen=True, eq=False)
class Case:
    """Maps (X, Y, Z, K) and a run (X, Y, Z, T) on one grid."""

    grid: Grid
    maps: np.ndarray
    run: np.ndarray


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a small grid, maps of full rank and a run; all arrays are read-only."""
    shape = draw(st.tuples(*[st.integers(3, 6)] * 3))
    n_maps, n_volumes = draw(st.integers(1, 4)), draw(st.integers(1, 7))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    linear = np.diag(rng.uniform(1.5, 4.0, 3) * rng.choice([-1.0, 1.0], 3))
    if draw(st.booleans()):
        linear = linear + rng.uniform(-0.4, 0.4, (3, 3))
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = linear, rng.uniform(-10, 10, 3)
    maps = rng.standard_normal((*shape, n_maps))
    if draw(st.booleans()):
        maps[rng.random(maps.shape) < 0.6] = 0.0
    assume(np.linalg.cond(maps.reshape(-1, n_maps)) < 50)
    level = draw(st.sampled_from([0.0, 100.0, -1e4]))
    run = level + rng.standard_normal((*shape, n_volumes))
    return Case(Grid(shape, affine), read_only(maps), read_only(run))


seeds = st.integers(0, 2**32 - 1)
widths = st.one_of(st.none(), st.floats(0.5, 12.0), st.tuples(*[st.floats(0.0, 12.0)] * 3))


def collect(case: Case, target: Grid | None = None) -> MapsMatrix:
    volumes = [np.ascontiguousarray(case.maps[..., k].T) for k in range(case.maps.shape[-1])]
    return collect_maps(volumes, case.grid, target or case.grid)


def fit(case: Case, fwhm: object = None) -> MapsOperator:
    maps = collect(case)
    return fit_maps(maps, [str(k) for k in range(maps.n_maps)], fwhm)  # type: ignore[arg-type]


def table(run: np.ndarray) -> np.ndarray:
    return read_only(np.ascontiguousarray(run.reshape(-1, run.shape[-1], order="F").T))


def signals(operator: MapsOperator, run: np.ndarray, size: int = 100) -> np.ndarray:
    rows = table(run)
    blocks = [rows[left : left + size] for left in range(0, len(rows), size)]
    return extract(blocks, [Target(operator)])[0][0].signals


def close(one: np.ndarray, other: np.ndarray, case: Case) -> bool:
    """Compare in units of the data: 1e-10 of the largest value, whatever the maps' condition."""
    scale = max(float(np.abs(case.run).max()), 1.0)
    assert one.shape == other.shape
    return bool(np.abs(one - other).max(initial=0.0) < 1e-10 * scale)


@few
@given(cases(), widths, seeds)
def test_extraction_is_linear_in_the_data(case: Case, fwhm: object, seed: int) -> None:
    other = np.random.default_rng(seed).standard_normal(case.run.shape)
    operator = fit(case, fwhm)
    both = signals(operator, 3 * case.run - 2 * other)
    assert close(both, 3 * signals(operator, case.run) - 2 * signals(operator, other), case)


@few
@given(cases(), seeds)
def test_inverse_then_extract_is_the_identity(case: Case, seed: int) -> None:
    maps = collect(case)
    truth = np.random.default_rng(seed).standard_normal((5, maps.n_maps))
    volumes = np.concatenate(list(reconstruct(truth, maps)))
    found = extract([volumes], [Target(fit(case))])[0][0]
    assert np.abs(found.signals - truth).max() < 1e-10
    assert np.allclose(found.r_squared, 1.0)


@few
@given(cases())
def test_extract_then_inverse_is_a_projection(case: Case) -> None:
    """What is left over is orthogonal to every map, and has no signal."""
    maps, operator = collect(case), fit(case)
    volumes = np.concatenate(list(reconstruct(signals(operator, case.run), maps)))
    left = table(case.run) - volumes
    scale = max(float(np.abs(case.run).max()), 1.0)
    flat = case.maps.reshape(-1, maps.n_maps, order="F")
    assert np.abs(left @ flat).max() < 1e-9 * scale
    assert np.abs(extract([left], [Target(operator)])[0][0].signals).max() < 1e-10 * scale


@few
@given(cases(), st.floats(1e-6, 1e6), st.booleans())
def test_scaling_a_map_scales_its_signal_inversely(case: Case, factor: float, flip: bool) -> None:
    factor = -factor if flip else factor
    maps = case.maps.copy()
    maps[..., 0] *= factor
    scaled = signals(fit(Case(case.grid, maps, case.run)), case.run)
    scaled[:, 0] *= factor
    assert close(scaled, signals(fit(case), case.run), case)


@few
@given(cases(), st.randoms(use_true_random=False))
def test_order_of_maps_is_order_of_signals(case: Case, random: object) -> None:
    order = np.arange(case.maps.shape[-1])
    random.shuffle(order)  # type: ignore[attr-defined]
    found = signals(fit(Case(case.grid, case.maps[..., order], case.run)), case.run)
    assert close(found, signals(fit(case), case.run)[:, order], case)


@few
@given(cases(), widths, st.tuples(*[st.booleans()] * 3), st.permutations([0, 1, 2]))
def test_flips_and_permutations_of_the_voxel_axes_change_nothing(
    case: Case, fwhm: object, flips: tuple[bool, ...], axes: list[int]
) -> None:
    """The same data in another order of storage, with the affine that says so."""
    turn, shape = np.eye(4), np.array(case.grid.shape)
    for axis, flip in enumerate(flips):
        if flip:
            turn[axis, axis], turn[axis, 3] = -1.0, shape[axis] - 1
    move = np.eye(4)
    move[:3, :3] = np.eye(3)[:, axes]

    def stored(data: np.ndarray) -> np.ndarray:
        turned = np.flip(data, [axis for axis, flip in enumerate(flips) if flip])
        return turned.transpose(*axes, 3)

    grid = Grid(tuple(int(shape[axis]) for axis in axes), case.grid.affine @ turn @ move)  # type: ignore[arg-type]
    width = tuple(fwhm[axis] for axis in axes) if isinstance(fwhm, tuple) else fwhm
    other = Case(grid, stored(case.maps), stored(case.run))
    found = signals(fit(other, width), other.run)
    assert close(found, signals(fit(case, fwhm), case.run), case)


@few
@given(cases(), widths, st.integers(1, 8))
def test_block_size_changes_nothing(case: Case, fwhm: object, size: int) -> None:
    operator = fit(case, fwhm)
    assert close(signals(operator, case.run, size), signals(operator, case.run), case)


@few
@given(cases(), st.sampled_from(["i2", "i4", "u2", "f4", "f8", ">i2", ">f4"]))
def test_storage_type_changes_nothing(case: Case, dtype: str) -> None:
    run = np.rint(np.abs(case.run))
    operator = fit(case)
    assert close(signals(operator, run.astype(dtype)), signals(operator, run), case)


@few
@given(cases(), widths)
def test_folded_smoothing_is_smoothing(case: Case, fwhm: object) -> None:
    smoothing = None if fwhm is None else smoothing_operator(case.grid, fwhm)  # type: ignore[arg-type]
    smooth = case.run
    if smoothing is not None:
        parts = [
            smoothing.apply(np.ascontiguousarray(volume.T)).T
            for volume in case.run.T.swapaxes(1, 3)
        ]
        smooth = np.stack(parts, axis=-1)
    assert close(signals(fit(case, fwhm), case.run), signals(fit(case), smooth), case)


@few
@given(cases(), st.sampled_from(["linear", "nearest", "continuous"]), seeds)
def test_folded_resampling_is_resampling(case: Case, kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    affine = case.grid.affine.copy()
    affine[:3, :3] = np.diag(rng.uniform(1.5, 3.0, 3)) + rng.uniform(-0.3, 0.3, (3, 3))
    source = Grid((5, 6, 7), affine)
    run = rng.standard_normal((5, 6, 7, 4))
    operator = fit(case)
    try:
        targets = route([operator], source, interpolation=kind)  # type: ignore[arg-type]
    except ValueError:
        assume(False)
    found = extract([table(run)], targets)[0][0].signals
    resampling = resampling_operator(source, case.grid, kind)  # type: ignore[arg-type]
    assert targets[0].operator.folded == (not isinstance(resampling, DirectResampling))
    moved = np.stack([resampling.apply(run[..., t].T.copy()).T for t in range(4)], axis=-1)
    assert close(found, signals(operator, moved), case)


@few
@given(cases(), seeds)
def test_voxels_left_out_are_as_if_outside_the_mask(case: Case, seed: int) -> None:
    """'exclude' equals a fit with a mask of what is there, and 'zero' where all is there."""
    there = np.random.default_rng(seed).random(case.grid.shape) < 0.8
    assume(np.linalg.cond(case.maps[there]) < 50)
    run = np.where(there[..., None], case.run, np.nan)
    operator = fit(case)
    full, plain = (
        extract([table(case.run)], [Target(operator)], missing_voxels=m)[0][0].signals  # type: ignore[arg-type]
        for m in ("exclude", "zero")
    )
    assert np.array_equal(full, plain)
    found = extract([table(run)], [Target(operator)], missing_voxels="exclude")[0][0]
    masked = Case(case.grid, np.where(there[..., None], case.maps, 0.0), case.run)
    assert close(found.signals, signals(fit(masked), case.run), case)
    weight = np.abs(case.maps)
    share = weight[there].sum(axis=0) / weight.sum(axis=(0, 1, 2))
    assert np.allclose(found.coverage_data, share)
