# SPDX-License-Identifier: Apache-2.0
"""R squared of a run's fluctuation: sums of one pass beside residuals written out."""

import numpy as np
import pytest

from nipype_mapsmasker.core.extraction import Target, extract, route
from nipype_mapsmasker.core.resampling import data_range
from tests.conftest import SHAPE
from tests.core.test_extraction import blocks, fit, lstsq, other_grid, regions


def written_out(maps: np.ndarray, run: np.ndarray, keep: np.ndarray | None = None) -> float:
    """Fit every volume, and compare residuals with fluctuation, voxel by voxel."""
    used = np.ones(SHAPE, bool) if keep is None else keep
    used = used & maps.any(axis=-1)
    matrix, table = maps[used], run[used]
    residual = table - matrix @ lstsq(maps, run, used).T
    left, varied = (values - values.mean(axis=1, keepdims=True) for values in (residual, table))
    return float(1 - (left**2).sum() / (varied**2).sum())


def found(run: np.ndarray, maps: np.ndarray, missing: str = "zero", **kwargs: object) -> float:
    results, _ = extract(
        blocks(run), [Target(fit(maps, **kwargs))], missing_voxels=missing  # type: ignore[arg-type]
    )  # fmt: skip
    return results[0].fluctuation_r_squared


@pytest.mark.parametrize("missing", ["zero", "exclude"])
@pytest.mark.parametrize("mean", [0.0, 80.0])
def test_is_that_of_residuals_about_the_mean_image(
    maps: np.ndarray, bold: np.ndarray, mean: float, missing: str
) -> None:
    run = bold + mean * np.abs(bold[..., :1])
    assert found(run, maps, missing) == pytest.approx(written_out(maps, run), abs=1e-7)


def test_is_one_where_maps_explain_all_that_changes(maps: np.ndarray, bold: np.ndarray) -> None:
    signals = np.random.default_rng(4).standard_normal((5, 3))
    run = 10 * np.abs(bold[..., :1]) + np.einsum("xyzk,tk->xyzt", maps, signals)
    assert found(run, maps) == pytest.approx(1.0, abs=1e-9)
    # Today's R squared of each volume is that of the mean image, which maps explain badly.
    assert extract(blocks(run), [Target(fit(maps))])[0][0].r_squared.max() < 0.9


def test_leaves_out_voxels_without_data_and_volumes_without_any(bold: np.ndarray) -> None:
    maps = regions()
    maps[..., 1] += 0.5 * maps[..., 0]
    run, keep = bold.copy(), np.ones(SHAPE, bool)
    run[1:3, :4], run[5, 5] = np.nan, 30.0
    keep[1:3, :4] = keep[5, 5] = False
    expected = written_out(maps, run, keep)
    assert found(run, maps, "exclude") == pytest.approx(expected, abs=1e-9)
    counted = written_out(maps, np.nan_to_num(run))
    assert found(run, maps) == pytest.approx(counted, abs=1e-9)
    assert abs(expected - counted) > 1e-3
    gaps = np.insert(run, [0, 3, 3], 0.0, axis=-1)
    assert found(gaps, maps, "exclude") == pytest.approx(expected, abs=1e-9)
    assert found(gaps, maps) == pytest.approx(counted, abs=1e-9)


def test_of_maps_that_are_factorised_anew(bold: np.ndarray) -> None:
    maps = regions()[..., :2]
    maps[2:4, ..., 0] = 1.0
    maps[4, 0, 0, 0] = 1e-3  # all that sets the two apart once the first third is lost
    run, keep = bold.copy(), np.ones(SHAPE, bool)
    run[:2], keep[:2] = 0.0, False
    assert found(run, maps, "exclude") == pytest.approx(written_out(maps, run, keep), abs=1e-8)


def test_of_a_resampled_run_is_about_its_resampled_mean(
    maps: np.ndarray, rng: np.random.Generator
) -> None:
    source = other_grid()
    run = 100 + rng.standard_normal((*source.shape, 6))
    target = route([fit(maps)], source, limits=data_range(blocks(run)))[0]
    assert target.resampler is not None
    moved = [target.resampler(block) for block in blocks(run)]
    expected = found(np.concatenate(moved).T.reshape(*SHAPE, 6, order="F"), maps)
    result = extract(blocks(run), [target])[0][0].fluctuation_r_squared
    assert result == pytest.approx(expected, abs=1e-12)
    assert 0 < expected < 1


def test_there_is_none_without_fluctuation_or_with_folding(
    maps: np.ndarray, bold: np.ndarray
) -> None:
    assert np.isnan(found(bold[..., :1], maps))
    assert np.isnan(found(np.repeat(bold[..., :1], 4, axis=-1), maps))
    assert np.isnan(found(np.zeros((*SHAPE, 4)), maps))
    assert np.isnan(found(bold, maps, smoothing_fwhm=5.0))
    lost = bold.copy()
    lost[0, ..., 2] = np.nan
    assert np.isnan(found(lost, maps, "exclude"))
    assert np.isfinite(found(lost, maps))
