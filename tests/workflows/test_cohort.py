# SPDX-License-Identifier: Apache-2.0
"""The cohort's workflow on tiny runs: what it makes of lists, gaps, masks and several atlases."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from nipype_mapsmasker.core.cleaning import clean
from nipype_mapsmasker.core.parameters import Cleaning
from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.results.layout import run_files
from nipype_mapsmasker.io.tables.rows import read_rows
from nipype_mapsmasker.io.tables.signals import read_signals
from tests.tiny import GRIDS, N_VOLUMES, least_squares, make_tiny, values_of, write_mask

BAND = {"detrend": True, "low_pass": 0.1, "high_pass": 0.01, "standardize": "zscore_sample"}


def clean_by_hand(raw, confounds=None, keep=None, **parameters):
    """Clean a raw table by the core function alone."""
    values = None
    if confounds is not None:
        values = values_of(confounds)
        values[0, 1] = values[1, 1]
    mask = None
    if keep is not None:
        mask = np.array([row["keep"] == "1" for row in read_rows(keep)])
    strategy = Cleaning(t_r=2.0, **parameters)
    return clean(values_of(raw), strategy, confounds=values, sample_mask=mask)[0]


def test_raw_signals_are_the_least_squares_solution(tiny, run_cohort):
    results = run_cohort()
    for number in (0, 2):
        expected = least_squares(tiny.in_files[number], tiny.maps_file)
        signals = values_of(results["signals_files"][number][0])
        np.testing.assert_allclose(signals, expected, rtol=0, atol=1e-9 * expected.std())
        np.testing.assert_array_equal(values_of(results["timeseries_files"][number][0]), signals)
    assert [len(files) for files in results["timeseries_files"]] == [1, 1, 1]
    assert results["fault_files"] == [None] * 3


def test_full_lists(tiny, run_cohort):
    results = run_cohort(
        "confounds_files", "sample_mask_files", parameters={"strategies": {"": BAND}}
    )
    for number in range(3):
        expected = clean_by_hand(
            results["signals_files"][number][0],
            tiny.confounds_files[number],
            tiny.sample_mask_files[number],
            **BAND,
        )
        signals = values_of(results["timeseries_files"][number][0])
        assert signals.shape == (N_VOLUMES - 3, 3)
        np.testing.assert_array_equal(signals, expected)


def test_a_gap_means_cleaning_without(tiny, run_cohort):
    results = run_cohort(
        parameters={"strategies": {"": BAND}},
        confounds_files=[tiny.confounds_files[0], None, tiny.confounds_files[2]],
        sample_mask_files=[None, None, tiny.sample_mask_files[2]],
    )
    used = [(0, None), (None, None), (2, 2)]
    for number, (confounds, keep) in enumerate(used):
        expected = clean_by_hand(
            results["signals_files"][number][0],
            None if confounds is None else tiny.confounds_files[confounds],
            None if keep is None else tiny.sample_mask_files[keep],
            **BAND,
        )
        np.testing.assert_array_equal(values_of(results["timeseries_files"][number][0]), expected)


def test_several_tables_of_confounds_per_run(tiny, run_cohort, tmp_path):
    (tmp_path / "more").mkdir()
    more = []
    for number in range(3):
        table = tmp_path / "more" / f"{number}.tsv"
        rows = [str(np.cos(number + volume)) for volume in range(N_VOLUMES)]
        table.write_text("\n".join(["cosine", *rows]) + "\n")
        more.append(str(table))
    results = run_cohort(
        confounds_files=[
            [tiny.confounds_files[0], more[0]],
            [more[1]],
            None,
        ],
    )
    names = [
        json.loads(Path(files[0]).read_text())["confound_names"]
        for files in results["summary_files"]
    ]
    assert names == [["csf", "csf_derivative1", "cosine"], ["cosine"], []]


@pytest.mark.parametrize("as_list", [False, True])
def test_one_run_only(tiny, run_cohort, as_list):
    """Nipype likes to turn lists of one into their only element."""
    confounds = tiny.confounds_files[:1]
    results = run_cohort(
        parameters={"strategies": {"": BAND}, "inverse_transform": True},
        run_ids=tiny.run_ids[:1],
        in_files=tiny.in_files[:1],
        confounds_files=[confounds] if as_list else confounds,
        sample_mask_files=tiny.sample_mask_files[:1],
        t_rs=[2.0],
        mask_img=[tiny.mask_file],
    )
    for name, value in results.items():
        assert isinstance(value, list), name
        assert len(value) == 1, name
    expected = clean_by_hand(
        results["signals_files"][0][0], confounds[0], tiny.sample_mask_files[0], **BAND
    )
    np.testing.assert_array_equal(values_of(results["timeseries_files"][0][0]), expected)


def test_shared_mask(tiny, run_cohort):
    results = run_cohort(mask_img=tiny.mask_file)
    inside = np.asarray(nib.load(tiny.mask_file).dataobj).reshape(-1, order="F") > 0
    for number in (0, 2):
        expected = least_squares(tiny.in_files[number], tiny.maps_file, inside)
        signals = values_of(results["signals_files"][number][0])
        np.testing.assert_allclose(signals, expected, rtol=0, atol=1e-9 * expected.std())


def test_masks_per_run_with_a_gap(tiny, run_cohort, tmp_path, rng):
    other = rng.random(GRIDS[0].n_voxels) < 0.6
    mask = write_mask(tmp_path / "other.nii.gz", other)
    results = run_cohort(mask_img=[str(mask), None, tiny.mask_file])
    inside = np.asarray(nib.load(tiny.mask_file).dataobj).reshape(-1, order="F") > 0
    for number, voxels in ((0, other), (2, inside)):
        expected = least_squares(tiny.in_files[number], tiny.maps_file, voxels)
        signals = values_of(results["signals_files"][number][0])
        np.testing.assert_allclose(signals, expected, rtol=0, atol=1e-9 * expected.std())
    assert (
        len({files[0] for files in results["operator_files"]}) == 2
    )  # one without a mask, one within both masks together


def test_two_atlases_open_each_image_once(tiny, run_cohort, opened):
    maps = [tiny.maps_file, str(tiny.folder / "maps.nii.gz")]
    results = run_cohort(
        parameters={"atlases": ["first", "second"]},
        maps_img=maps,
        labels_files=[None, tiny.labels_file],
    )
    runs = [name for name in opened if name.endswith("_bold.nii.gz")]
    # The second run is not on the maps' grid, but with resampling_target='data' the maps are
    # brought to it: no second pass.
    assert sorted(runs) == [Path(path).name for path in tiny.in_files]
    assert [len(files) for files in results["timeseries_files"]] == [2, 2, 2]
    (first, first_names), (second, names) = map(read_signals, results["timeseries_files"][0])
    np.testing.assert_array_equal(first, second)
    assert (first_names, names) == (["map_1", "map_2", "map_3"], ["one", "two", "three"])


def test_strategies_share_one_extraction(tiny, run_cohort, opened):
    strategies = {"plain": {}, "band": BAND, "psc": {"standardize": "psc"}}
    results = run_cohort("confounds_files", parameters={"strategies": strategies})
    assert sorted(name for name in opened if "_bold" in name) == [
        Path(path).name for path in tiny.in_files
    ]
    for number, (name, strategy) in enumerate(strategies.items()):
        expected = clean_by_hand(
            results["signals_files"][0][0], tiny.confounds_files[0], **strategy
        )
        found = values_of(results["timeseries_files"][0][number])
        np.testing.assert_array_equal(found, expected, err_msg=name)


def test_inverse_transform_adds_up_the_maps_inside_the_mask(tiny, run_cohort):
    results = run_cohort(parameters={"inverse_transform": True}, mask_img=tiny.mask_file)
    maps = np.asarray(nib.load(tiny.maps_file).dataobj, dtype=float)
    inside = np.asarray(nib.load(tiny.mask_file).dataobj) > 0
    for number in range(3):
        image = nib.load(results["reconstruction_files"][number][0])
        signals = values_of(results["timeseries_files"][number][0])
        expected = (maps @ signals.T) * inside[..., None]
        np.testing.assert_allclose(np.asarray(image.dataobj), expected, rtol=1e-5, atol=1e-5)
        assert image.header.get_zooms()[3] == 2.0


def test_targets_maps_and_mask_share_one_fit(tiny, run_cohort):
    for target in ("maps", "mask"):
        results = run_cohort(
            parameters={"resampling_target": target, "inverse_transform": True},
            mask_img=tiny.mask_file,
        )
        assert len({files[0] for files in results["operator_files"]}) == 1
        shapes = {nib.load(files[0]).shape[:3] for files in results["reconstruction_files"]}
        assert shapes == {GRIDS[0].shape}


def test_high_variance_confounds_join_the_others(tiny, run_cohort):
    results = run_cohort(
        "confounds_files",
        parameters={"high_variance_confounds": True, "n_confounds": 2, "percentile": 10.0},
    )
    summary = json.loads(Path(results["summary_files"][0][0]).read_text())
    assert summary["confound_names"] == [
        *("high_variance_00", "high_variance_01", "csf", "csf_derivative1")
    ]


def test_final_files_and_their_tables(tiny, run_cohort, tmp_path):
    out = tmp_path / "out"
    results = run_cohort(
        "confounds_files",
        parameters={"out_dir": str(out), "strategies": {"band": BAND}, "atlases": ["tiny"]},
    )
    rows = read_rows(out / "runs.tsv")
    assert results["runs_file"] == str(out / "runs.tsv")
    assert [row["run_id"] for row in rows] == tiny.run_ids
    assert {row["status"] for row in rows} == {"done"}
    for number, run_id in enumerate(tiny.run_ids):
        func = out / run_id.split("_")[0] / "func"
        stored = func / f"{run_id}_atlas-tiny_desc-band_timeseries.tsv"
        made = Path(results["timeseries_files"][number][0])
        assert stored.read_bytes() == made.read_bytes()
        assert results["manifest_files"][number] == str(
            run_files(tmp_path / "out", run_id).manifest
        )
    assert (out / "atlas-tiny_maps.tsv").is_file()
    assert not [path for path in out.rglob("*") if path.name.startswith((".mapsmasker-", "tmp"))]


def test_input_folder_is_never_written_to(run_cohort, tmp_path):
    cohort = make_tiny(tmp_path / "cohort")

    def listing():
        return {path: path.stat().st_mtime_ns for path in cohort.folder.rglob("*")}

    before = listing()
    run_cohort("confounds_files", cohort=cohort, parameters={"inverse_transform": True})
    assert listing() == before


def test_unequal_lists_are_refused_before_anything_is_read(tiny, run_cohort, opened):
    with pytest.raises(RuntimeError) as caught:
        run_cohort(confounds_files=tiny.confounds_files[:2])
    assert "run_ids has 3 entries and confounds_files 2" in str(caught.value)
    assert ParameterError.__name__ in str(caught.value)
    assert opened == []
