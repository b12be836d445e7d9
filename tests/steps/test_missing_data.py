# SPDX-License-Identifier: Apache-2.0
"""Data that are not there, from files to tables: what is refused, left out, counted and said."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from nipype_mapsmasker.core.fitting import MapsOperator, fit_maps
from nipype_mapsmasker.core.grids import Grid
from nipype_mapsmasker.core.missing import map_rows
from nipype_mapsmasker.core.parameters import Cleaning
from nipype_mapsmasker.errors import SignalError
from nipype_mapsmasker.io.fitted import save_operator
from nipype_mapsmasker.io.images.reader import read_info
from nipype_mapsmasker.io.maps import load_maps, open_maps
from nipype_mapsmasker.io.tables.coverage import write_fit_coverage
from nipype_mapsmasker.io.tables.rows import read_rows
from nipype_mapsmasker.io.tables.signals import read_signals
from nipype_mapsmasker.steps.clean import CleaningInputs, clean_run
from nipype_mapsmasker.steps.extract import RunSignals, extract_run, write_extraction

SHAPE = (8, 10, 6)
AFFINE = np.diag([3.0, 3.0, 4.0, 1.0])
T = 30


def save(path: Path, data: np.ndarray, affine: np.ndarray = AFFINE, dtype: Any = None) -> Path:
    image = nib.Nifti1Image(data, affine)
    if dtype is not None:
        image.set_data_dtype(dtype)
    image.to_filename(path)
    return path


def regions() -> np.ndarray:
    """Make maps of ones on the left and the right half."""
    maps = np.zeros((*SHAPE, 2), dtype=np.float32)
    maps[:4, ..., 0] = maps[4:, ..., 1] = 1.0
    return maps


def brain(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Make a run of two independent regions, and their signals (T, 2)."""
    rng = np.random.default_rng(seed)
    truth = 1000 + 10 * rng.standard_normal((T, 2))
    return regions() @ truth.T, truth


def fit(folder: Path, maps: np.ndarray, target: Grid | None = None, dtype: Any = None) -> Any:
    path = save(folder / "maps.nii", maps, dtype=dtype)
    image = open_maps(path)
    operator = fit_maps(load_maps(image, target or image.grid), image.names())
    return operator, save_operator(folder / "operator.npz", operator)


def run_of(folder: Path, data: np.ndarray, dtype: Any = np.float32, **options: Any) -> RunSignals:
    image = save(folder / "bold.nii.gz", data, dtype=dtype)
    _, operator = fit(folder, regions())
    return extract_run(read_info(image), [operator], **options)


@pytest.mark.parametrize("dtype", [np.float32, np.int16])
@pytest.mark.parametrize("kind", ["zero", "NaN", "constant", "elsewhere", "one volume of zeros"])
def test_nothing_under_the_maps_is_a_fault_of_the_run(
    tmp_path: Path, kind: str, dtype: Any
) -> None:
    """Weights that no binary fraction holds: their sums must not hide that nothing is left."""
    rng = np.random.default_rng(3)
    maps = rng.random((*SHAPE, 3)) * (np.arange(SHAPE[0]) < 4)[:, None, None, None]
    _, operator = fit(tmp_path, maps)
    data = np.zeros((*SHAPE, 1 if kind == "one volume of zeros" else T))
    data[...] = {"NaN": np.nan if dtype is np.float32 else 0.0, "constant": 0.007}.get(kind, 0.0)
    if kind == "elsewhere":
        data[6:] = 900 + rng.standard_normal((2, *SHAPE[1:], T))
    image = save(tmp_path / "bold.nii.gz", data, dtype=dtype)
    with pytest.raises(SignalError, match="has no data under the maps"):
        extract_run(read_info(image), [operator])


def test_a_background_of_scaled_integers_has_no_data(tmp_path: Path) -> None:
    data, truth = brain()
    data[:2] = 0.0
    # Zero lies between two integers, of which the nearer one reads 0.007.
    slope, shift = 0.03, 0.007
    image = save(tmp_path / "bold.nii", np.rint((data - shift) / slope).astype(np.int32))
    with image.open("r+b") as stream:
        stream.seek(112)
        stream.write(struct.pack("<2f", slope, shift))
    assert np.asarray(nib.load(image).dataobj)[0, 0, 0, 0] == pytest.approx(0.007)
    _, operator = fit(tmp_path, regions())
    for missing, factor in (("zero", 0.5), ("exclude", 1.0)):
        found = extract_run(read_info(image), [operator], missing_voxels=missing).extractions[0]
        assert found.coverage_data.tolist() == [0.5, 1.0]
        assert np.allclose(found.signals[:, 0], factor * truth[:, 0], atol=0.03)


@pytest.mark.parametrize("value", [np.nan, 0.0, 437.0])
@pytest.mark.parametrize("interpolation", ["continuous", "linear", "nearest"])
@pytest.mark.parametrize("size", [3.0, 2.2])
def test_holes_of_data_that_are_resampled(
    tmp_path: Path, value: float, interpolation: Any, size: float
) -> None:
    """A quarter of the volume, half of the first region, has none: ringing must not fill it."""
    level = 100 + np.random.default_rng(1).standard_normal(T)
    data = np.broadcast_to(level, (*SHAPE, T)).astype(np.float32)
    data[:4, :5] = value
    image = save(tmp_path / "bold.nii.gz", data)
    affine = np.diag([size, size, size, 1.0])
    grid = Grid((9, 12, 9), affine)
    operator, path = fit(tmp_path, regions(), grid)
    found = extract_run(
        read_info(image), [path], interpolation=interpolation, missing_voxels="exclude"
    ).extractions[0]
    inside = found.coverage_data > 0
    assert inside.any()
    assert np.abs(found.signals[:, inside] - level[:, None]).max() < 1e-4
    zero = extract_run(read_info(image), [path], interpolation=interpolation).extractions[0]
    share = half_known(operator, size)
    for result in (found, zero):
        assert np.abs(result.coverage_data - share).max() < 0.08


def half_known(operator: MapsOperator, size: float) -> np.ndarray:
    """Share of each map's weight where the resampled run has data, by the voxels' places."""
    x, y, z = np.meshgrid(*[np.arange(n) * size for n in operator.grid.shape], indexing="ij")
    inside = (x <= 21) & (y <= 27) & (z <= 20) & ~((x < 10.5) & (y < 13.5))
    weight = np.abs(map_rows(operator, slice(None)))
    return weight @ inside.reshape(-1, order="F")[operator.voxels] / weight.sum(axis=1)


def test_slices_missing_in_some_volumes_are_counted_and_left_out(tmp_path: Path) -> None:
    data, truth = brain()
    data[..., 1:4, [5, 6, 7, 20]] = 0.0
    zero, exclude = (run_of(tmp_path, data, missing_voxels=m) for m in ("zero", "exclude"))
    plain, right = zero.extractions[0], exclude.extractions[0]
    assert np.corrcoef(plain.signals.T)[0, 1] > 0.99  # regions that have nothing in common
    assert np.abs(right.signals - truth).max() < 1e-3
    assert (plain.coverage_data == 1).all()
    counts = np.zeros((T, 2), dtype=int)
    counts[[5, 6, 7, 20]] = 4 * 10 * 3
    for result in (plain, right):
        assert np.array_equal(result.missing, counts)
    assert zero.warnings == [
        "In 4 of 30 volumes (numbers from 0: 5-7, 20) some voxels of 2 maps have no data, at most "
        "120 of 240 of the map 'map_1' in volume 5; they count as 0 there, and "
        "missing_voxels='exclude' would leave them out."
    ]
    assert exclude.warnings[0].endswith("in volume 5; they were left out there.")
    files = write_extraction(tmp_path, exclude)
    rows = read_rows(files["coverage_files"][0])
    assert [(row["volumes_with_gaps"], row["largest_gap"]) for row in rows] == [("4", "120")] * 2
    quality, columns = read_signals(files["fit_quality_files"][0])
    assert columns == ["r_squared", "missing_voxels", "no_data", "fluctuation_r_squared"]
    assert np.array_equal(quality[:, 1], counts.sum(axis=1))


@pytest.mark.parametrize("missing", ["zero", "exclude"])
@pytest.mark.parametrize("value", [np.nan, 0.0])
def test_volumes_without_any_data_are_named_and_censored(
    tmp_path: Path, value: float, missing: Any
) -> None:
    data, truth = brain()
    lost = [0, 17, *range(24, 30)]
    data[..., lost] = value
    run = run_of(tmp_path, data, missing_voxels=missing)
    assert run.warnings == [
        "8 of 30 volumes have no data under the maps (numbers from 0: 0, 17, 24-29); they are "
        f"censored, and their raw signals are {'n/a' if missing == 'exclude' else '0'}."
    ]
    files = write_extraction(tmp_path, run)
    raw, _ = read_signals(files["signals_files"][0])
    assert np.isnan(raw[lost]).all() if missing == "exclude" else not raw[lost].any()
    kept = np.delete(np.arange(T), lost)
    mask = tmp_path / "mask.npy"
    np.save(mask, np.arange(T) != 9)
    out_file, summary = clean_run(
        tmp_path,
        CleaningInputs(
            run_id="a",
            signals_file=files["signals_files"][0],
            sample_mask_file=str(mask),
            fit_quality_file=files["fit_quality_files"][0],
        ),
        Cleaning(standardize="zscore"),
    )
    kept = kept[kept != 9]
    expected = (truth[kept] - truth[kept].mean(axis=0)) / truth[kept].std(axis=0)
    assert np.abs(read_signals(out_file)[0] - expected).max() < 1e-4
    told = json.loads(summary.read_text())
    assert told["volumes_without_data"] == lost
    assert told["censored"] == sorted([*lost, 9])
    assert told["n_kept"] == kept.size


def test_a_region_without_data_in_one_volume_is_not_available_there(tmp_path: Path) -> None:
    data, truth = brain()
    data[:4, ..., 11] = 0.0
    found = run_of(tmp_path, data, missing_voxels="exclude").extractions[0]
    assert np.isnan(found.signals[11, 0])
    assert np.argwhere(np.isnan(found.signals)).tolist() == [[11, 0]]
    assert np.abs(found.signals[11, 1] - truth[11, 1]) < 1e-3
    assert not found.empty.any()


def test_a_map_that_vanishes_on_the_grid_has_no_coverage(tmp_path: Path) -> None:
    maps = regions()
    maps = np.concatenate([maps, np.zeros((*SHAPE, 1), dtype=np.float32)], axis=-1)
    maps[3, 3, 2, 2] = 1.0  # between the voxels of a coarser grid
    coarse = Grid((4, 5, 3), np.diag([6.0, 6.0, 8.0, 1.0]))
    operator, _ = fit(tmp_path, maps, coarse)
    assert operator.n_voxels[2] == 0
    assert operator.coverage[2] == 0.0
    assert (operator.coverage[:2] > 0.5).all()


@pytest.mark.parametrize("dtype", [np.float32, np.int16])
def test_a_sum_of_two_others_in_a_narrow_file_is_merged_and_said(
    tmp_path: Path, dtype: Any
) -> None:
    """To the file's rounding it is no map of its own: nothing but noise tells them apart."""
    rng = np.random.default_rng(2)
    maps = rng.random((*SHAPE, 4))
    maps[..., 3] = maps[..., 0] + maps[..., 1]
    data = 1000 + rng.standard_normal((*SHAPE, T))
    image = save(tmp_path / "bold.nii.gz", data)
    operator, path = fit(tmp_path, maps, dtype=dtype)
    assert operator.rank == 3
    assert np.isinf(operator.variance_inflation).tolist() == [True, True, False, True]
    run = extract_run(read_info(image), [path])
    expected = np.linalg.lstsq(maps.reshape(-1, 4), data.reshape(-1, T))[0].T
    difference = np.abs(run.extractions[0].signals - expected) / expected.std(axis=0)
    assert difference.max() < (0.05 if dtype is np.int16 else 1e-3)
    assert run.warnings == [
        "The maps 'map_1', 'map_2', 'map_4' are linear combinations of each other, to the "
        "rounding of their file: their signals cannot be told apart and are those of minimum norm."
    ]
    rows = read_rows(write_fit_coverage(tmp_path / "fit.tsv", operator))
    assert [row["merged_with"] for row in rows] == [
        "map_2 map_4", "map_1 map_4", None, "map_1 map_2",
    ]  # fmt: skip


def test_everything_below_min_coverage_is_a_fault(tmp_path: Path) -> None:
    data, _ = brain()
    data[:, :6] = 0.0
    run = run_of(tmp_path, data)
    with pytest.raises(SignalError, match=r"zero or n/a in every volume.*min_coverage=0\.9"):
        write_extraction(tmp_path, run, min_coverage=0.9)
