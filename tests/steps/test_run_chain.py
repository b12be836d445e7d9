# SPDX-License-Identifier: Apache-2.0
"""From a run's image to tables of raw and cleaned signals: what is kept, left out and refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from nipype_mapsmasker.core.fitting import fit_maps
from nipype_mapsmasker.core.maps import collect_maps
from nipype_mapsmasker.core.parameters import Cleaning, ConfoundParameters
from nipype_mapsmasker.errors import (
    DataFault,
    GridError,
    ParameterError,
    SignalError,
    TableError,
)
from nipype_mapsmasker.io.fitted import save_operator
from nipype_mapsmasker.io.images.reader import read_info
from nipype_mapsmasker.io.tables.rows import read_rows
from nipype_mapsmasker.io.tables.signals import read_signals, write_signals
from nipype_mapsmasker.steps.clean import CleaningInputs, clean_run
from nipype_mapsmasker.steps.extract import check_run, extract_run, write_extraction
from tests.conftest import AFFINES, SHAPE

AFFINE = AFFINES["anisotropic"]


def save(path: Path, data: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
    nib.Nifti1Image(data, affine).to_filename(path)
    return path


def thirds() -> np.ndarray:
    maps = np.zeros((*SHAPE, 3))
    maps[:2, ..., 0] = maps[2:4, ..., 1] = maps[4:, ..., 2] = 1.0
    return maps


@pytest.fixture
def operator(tmp_path: Path) -> Path:
    return fitted(tmp_path, thirds())


def fitted(folder: Path, maps: np.ndarray, fwhm: float | None = None, mask: Any = None) -> Path:
    grid = read_info(save(folder / "grid.nii", np.ones(SHAPE))).grid
    volumes = [np.ascontiguousarray(maps[..., k].T) for k in range(maps.shape[-1])]
    design = collect_maps(volumes, grid, grid, mask)
    names = [f"r{k}" for k in range(maps.shape[-1])]
    return save_operator(folder / "operator.npz", fit_maps(design, names, fwhm))


@pytest.mark.parametrize("kind", ["3D", "one volume", "5D"])
def test_images_of_three_and_five_dimensions(
    tmp_path: Path, operator: Path, bold: np.ndarray, kind: str
) -> None:
    data = {"3D": bold[..., 0], "one volume": bold[..., :1], "5D": bold[..., None]}[kind]
    run = extract_run(read_info(save(tmp_path / "run.nii", data)), [operator])
    expected = extract_run(read_info(save(tmp_path / "all.nii", bold)), [operator])
    n_volumes = 11 if kind == "5D" else 1
    assert run.extractions[0].signals.shape == (n_volumes, 3)
    whole = expected.extractions[0].signals[:n_volumes]
    assert np.abs(run.extractions[0].signals - whole).max() < 1e-12


def test_a_run_too_short_for_the_filter_is_refused_unread(tmp_path: Path) -> None:
    info = read_info(save(tmp_path / "run.nii", np.ones((*SHAPE, 9))))
    check_run(info, 9)
    with pytest.raises(
        SignalError,
        match=r"run\.nii has 9 volumes, and the filter with its padding needs at least 34; use a "
        "lower butterworth_order or butterworth_padlen, or no filter",
    ):
        check_run(info, 34)


def test_another_grid_is_refused_where_resampling_is(
    tmp_path: Path, operator: Path, bold: np.ndarray
) -> None:
    info = read_info(save(tmp_path / "run.nii", bold, AFFINES["oblique"]))
    with pytest.raises(
        GridError,
        match=r"run\.nii has shape .* but the maps were fitted on .*; resample one of them, or "
        "choose another resampling_target",
    ):
        extract_run(info, [operator], resample=False)
    assert extract_run(info, [operator]).extractions[0].signals.shape == (11, 3)
    far = AFFINE.copy()
    far[2, 3] += 1e4
    info = read_info(save(tmp_path / "far.nii", bold, far))
    with pytest.raises(GridError, match=r"far\.nii: The run and the maps do not overlap anywhere"):
        extract_run(info, [operator])


def test_a_run_without_data_under_the_maps_is_refused(tmp_path: Path, operator: Path) -> None:
    info = read_info(save(tmp_path / "run.nii", np.zeros((*SHAPE, 4))))
    with pytest.raises(DataFault, match=r"run\.nii has no data under the maps"):
        extract_run(info, [operator])


def test_maps_and_data_that_hardly_overlap_are_warned_of(
    tmp_path: Path, operator: Path, bold: np.ndarray
) -> None:
    data = bold.copy()
    data[:, 2:] = 0.0
    run = extract_run(read_info(save(tmp_path / "run.nii", data)), [operator])
    assert len(run.warnings) == 1
    assert "Maps and data hardly overlap in run.nii: half of the maps have less" in run.warnings[0]
    assert extract_run(read_info(save(tmp_path / "full.nii", bold)), [operator]).warnings == []


def test_excluding_missing_voxels_is_refused_with_smoothing(
    tmp_path: Path, bold: np.ndarray
) -> None:
    smooth = fitted(tmp_path, thirds(), fwhm=6.0)
    info = read_info(save(tmp_path / "run.nii", bold))
    with pytest.raises(ParameterError, match="'exclude' cannot be combined with smoothing_fwhm"):
        extract_run(info, [smooth], missing_voxels="exclude")


def test_poorly_covered_maps_are_not_available(
    tmp_path: Path, operator: Path, bold: np.ndarray
) -> None:
    data = bold.copy()
    data[2:4, :6] = np.nan  # three quarters of the second region
    run = extract_run(read_info(save(tmp_path / "run.nii", data)), [operator])
    for minimum, missing in ((None, 0), (0.2, 0), (0.3, 11)):
        files = write_extraction(tmp_path, run, min_coverage=minimum)
        signals, names = read_signals(files["signals_files"][0])
        assert names == ["r0", "r1", "r2"]
        assert np.isnan(signals).sum(axis=0).tolist() == [0, missing, 0]
        shares = [row["coverage"] for row in read_rows(files["coverage_files"][0])]
        assert [float(share or "nan") for share in shares] == [1.0, 0.25, 1.0]


def test_lost_maps_are_columns_of_zeros_or_dropped(tmp_path: Path, bold: np.ndarray) -> None:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[:4] = True
    operator = fitted(tmp_path, thirds(), mask=mask.reshape(-1, order="F"))
    run = extract_run(read_info(save(tmp_path / "run.nii", bold)), [operator])
    kept, names = read_signals(write_extraction(tmp_path, run)["signals_files"][0])
    assert names == ["r0", "r1", "r2"]
    assert not kept[:, 2].any()
    files = write_extraction(tmp_path, run, keep_masked_maps=False)
    assert read_signals(files["signals_files"][0])[1] == ["r0", "r1"]
    files = write_extraction(tmp_path, run, min_coverage=0.0)
    assert not np.isnan(read_signals(files["signals_files"][0])[0]).any()


@pytest.fixture
def signals_file(tmp_path: Path, signals: np.ndarray) -> str:
    return str(write_signals(tmp_path / "raw.tsv", signals, list("abc")))


@pytest.mark.parametrize(
    ("output_format", "dtype", "expected"),
    [
        ("tsv", None, "f8"),
        ("npy", "auto", "f4"),
        ("npy", "float64", "f8"),
        ("tsv", "float32", "f4"),
    ],
)
def test_formats_and_types(
    tmp_path: Path, signals_file: str, signals: np.ndarray, output_format: str, dtype: str,
    expected: str,
) -> None:  # fmt: skip
    out, _ = clean_run(
        tmp_path, CleaningInputs(run_id="r", signals_file=signals_file), Cleaning(), dtype=dtype,
        output_format=output_format,
    )  # fmt: skip
    assert out.name == f"cleaned.{output_format}"
    assert np.array_equal(read_signals(out)[0].astype(expected), signals.astype(expected))


def test_columns_gaps_and_summary(tmp_path: Path, signals_file: str) -> None:
    table = tmp_path / "confounds.tsv"
    rows = "\n".join(f"{t * t}\t{'n/a' if t == 0 else t % 3}\tx" for t in range(11))
    table.write_text(f"trans_x\ttrans_x_derivative1\tnote\n{rows}\n")
    files = CleaningInputs(
        run_id="r", signals_file=signals_file, confounds_files=str(table),
        choice=ConfoundParameters(confounds_columns=["trans_*"], confounds_na="zero"),
    )  # fmt: skip
    _, summary = clean_run(tmp_path, files, Cleaning(detrend=True), messages=["earlier"])
    fields = json.loads(summary.read_text())
    assert fields["confound_names"] == ["trans_x", "trans_x_derivative1"]
    assert fields["confound_rank"] == 2
    assert fields["warnings"][0] == "earlier"
    assert fields["parameters"]["confounds_na"] == "zero"
    every = CleaningInputs(run_id="r", signals_file=signals_file, confounds_files=str(table))
    with pytest.raises(TableError, match="note"):
        clean_run(tmp_path, every, Cleaning())


def test_a_bad_strategy_is_refused(tmp_path: Path, signals_file: str) -> None:
    files = CleaningInputs(run_id="r", signals_file=signals_file)
    with pytest.raises(ParameterError, match="high_pass"):
        clean_run(tmp_path, files, Cleaning(filter="cosine", t_r=2.0))


def test_a_filter_without_a_time_is_the_runs_fault(tmp_path: Path, signals_file: str) -> None:
    files = CleaningInputs(run_id="r", signals_file=signals_file)
    with pytest.raises(SignalError, match=r"'r' has no repetition time.*VolumeTiming.*give t_r"):
        clean_run(tmp_path, files, Cleaning(low_pass=0.1))
    clean_run(tmp_path, files, Cleaning())


def test_a_choice_without_a_table_is_the_runs_fault(tmp_path: Path, signals_file: str) -> None:
    choice = ConfoundParameters(confounds_columns=["csf"])
    files = CleaningInputs(run_id="r", signals_file=signals_file, choice=choice)
    with pytest.raises(TableError, match=r"'r' has no table of confounds.*\(csf\).*skip"):
        clean_run(tmp_path, files, Cleaning())
    skip = replace(files, choice=replace(choice, missing_confounds="skip"))
    out_file, _ = clean_run(tmp_path, skip, Cleaning())
    raw = read_signals(signals_file)[0]
    np.testing.assert_array_equal(read_signals(out_file)[0], raw)
