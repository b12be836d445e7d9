# SPDX-License-Identifier: Apache-2.0
"""Selection from files to files."""

import json

import numpy as np
import pytest

from nipype_mapsmasker.core.denoise.limits import Limits
from nipype_mapsmasker.core.denoise.presets import preset
from nipype_mapsmasker.core.denoise.vocabulary import strategy_from
from nipype_mapsmasker.core.denoise.volumes import censoring_of
from nipype_mapsmasker.errors import SignalError, TableError
from nipype_mapsmasker.io.tables.rows import read_rows
from nipype_mapsmasker.io.tables.samples import read_sample_mask
from nipype_mapsmasker.io.tables.signals import read_signals, write_signals
from nipype_mapsmasker.steps.select import SelectionInputs, select_run
from tests.confounds_tables import write_run, write_table


def run(folder, table, strategy, limits=None, rules=None, **files):
    out = folder / "out"
    out.mkdir(exist_ok=True)
    tables = None if table is None else str(table)
    inputs = SelectionInputs(run_id="r", confounds_files=tables, **files)
    return select_run(out, inputs, strategy, censoring_of(strategy, **(rules or {})), limits)


def test_outliers_keep_the_clock(tmp_path):
    table = write_run(tmp_path)
    selected = run(tmp_path, table, preset("scrubbing"))
    rows = read_rows(selected.outliers_file)
    assert [int(row["volume"]) for row in rows] == list(range(140))
    keep = read_sample_mask(selected.outliers_file, 140)
    assert [row["reason"] is None for row in rows] == keep.tolist()
    assert rows[0]["framewise_displacement"] is None
    assert rows[0]["reason"].startswith("dummy_scan")
    over = [float(row["framewise_displacement"]) > 0.5 for row in rows[1:]]
    told = ["framewise_displacement" in (row["reason"] or "") for row in rows[1:]]
    assert over == told
    summary = json.loads(selected.summary_file.read_text())
    assert summary["n_kept"] == keep.sum()
    assert summary["n_regressors"] == 36
    assert summary["rank"] == 37


def test_none_censors_dummy_scans_and_regresses_nothing(tmp_path):
    selected = run(tmp_path, write_run(tmp_path), preset("none"))
    assert selected.confounds_file is None
    assert read_sample_mask(selected.outliers_file, 140).tolist() == [False] * 2 + [True] * 138


def test_mean_displacement_leaves_dummy_scans_out(tmp_path):
    motion = np.r_[np.nan, 9.0, np.full(138, 0.25)]
    selected = run(tmp_path, write_run(tmp_path, framewise_displacement=motion), preset("none"))
    assert json.loads(selected.summary_file.read_text())["mean_framewise_displacement"] == 0.25


def test_without_confounds_there_are_only_volumes(tmp_path, rng):
    signals = rng.normal(size=(30, 3))
    signals[4] = 0
    signals[5] = np.nan
    signals[6, :2] = 0
    file = str(write_signals(tmp_path / "raw.tsv", signals, ["a", "b", "c"]))
    selected = run(tmp_path, None, preset("none"), signals_file=file)
    keep = read_sample_mask(selected.outliers_file, 30)
    assert np.flatnonzero(~keep).tolist() == [4, 5]
    with pytest.raises(TableError, match="no table of confounds, which the strategy 'simple'"):
        run(tmp_path, None, preset("simple"), signals_file=file)


def test_volumes_without_data_as_the_extraction_found_them(tmp_path):
    table = write_run(tmp_path)
    flags = np.zeros((140, 2))
    flags[[7, 8], 1] = 1
    fit = write_signals(tmp_path / "fit.tsv", flags, ["r_squared", "no_data"])
    selected = run(tmp_path, table, preset("none"), fit_quality_file=str(fit))
    reasons = [row["reason"] for row in read_rows(selected.outliers_file)]
    assert reasons[6:10] == [None, "no_data", "no_data", None]


def test_a_run_without_table_goes_on_where_that_is_asked_for(tmp_path, rng):
    file = write_signals(tmp_path / "raw.tsv", rng.normal(size=(30, 2)), ["a", "b"])
    strategy = preset("scrubbing")
    inputs = SelectionInputs(signals_file=str(file))
    selected = select_run(
        tmp_path, inputs, strategy, censoring_of(strategy), missing_confounds="skip"
    )
    assert selected.confounds_file is None
    assert read_sample_mask(selected.outliers_file, 30).all()
    summary = json.loads(selected.summary_file.read_text())
    assert "nothing was regressed" in summary["warnings"][0]


def test_a_table_of_another_run_is_refused(tmp_path, rng):
    file = write_signals(tmp_path / "raw.tsv", rng.normal(size=(139, 2)), ["a", "b"])
    with pytest.raises(TableError, match="has 140 rows, where the run has 139 volumes"):
        run(tmp_path, write_run(tmp_path), preset("simple"), signals_file=str(file))


def test_a_column_without_any_value_is_named(tmp_path):
    table = write_run(tmp_path, a_comp_cor_03=np.full(140, np.nan))
    with pytest.raises(TableError, match="a column 'a_comp_cor_03' without any value"):
        run(tmp_path, table, preset("compcor"))
    run(tmp_path, table, preset("simple"))


def test_two_tables(tmp_path, rng):
    table = write_run(tmp_path)
    more = write_table(
        tmp_path / "aroma.tsv",
        {f"aroma_orth_motion_0{at}": rng.normal(size=140) for at in range(3)},
    )
    inputs = SelectionInputs(confounds_files=[str(table), str(more)])
    strategy = preset("aroma_gsr")
    selected = select_run(tmp_path, inputs, strategy, censoring_of(strategy))
    assert len(read_signals(selected.confounds_file)[1]) == 6


def test_an_image_that_aroma_has_not_seen(tmp_path):
    table = write_run(tmp_path)
    run(tmp_path, table, preset("ica_aroma"), image="a_desc-smoothAROMAnonaggr_bold.nii.gz")
    with pytest.raises(TableError, match="for images that ICA-AROMA has denoised"):
        run(tmp_path, table, preset("ica_aroma"), image="a_desc-preproc_bold.nii.gz")


def test_limits_fail_the_run(tmp_path):
    table = write_run(tmp_path)
    with pytest.raises(SignalError, match="of 140 volumes are kept"):
        run(tmp_path, table, preset("scrubbing"), Limits(min_minutes=5), t_r=2.0)
    run(tmp_path, table, preset("scrubbing"), Limits(min_minutes=1), t_r=2.0)


def test_means_are_those_of_kept_volumes(tmp_path):
    table = write_run(tmp_path)
    selected = run(tmp_path, table, preset("scrubbing"))
    keep = read_sample_mask(selected.outliers_file, 140)
    values, _ = read_signals(selected.confounds_file)
    assert np.abs(values[keep].mean(axis=0) / values.std(axis=0)).max() < 1e-10
    left = strategy_from({"columns": ["csf"], "demean": False}, "mine")
    values, _ = read_signals(run(tmp_path, table, left).confounds_file)
    assert values.mean() > 9000


def test_metadata_that_is_no_json(tmp_path):
    table = write_run(tmp_path)
    table.with_suffix(".json").write_text("{")
    with pytest.raises(TableError, match=r"timeseries\.json is not JSON"):
        run(tmp_path, table, preset("compcor"))
