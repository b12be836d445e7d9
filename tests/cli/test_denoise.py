# SPDX-License-Identifier: Apache-2.0
"""Strategies by the command: a run with too little left fails, a refused matrix is told."""

import json
import re
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from nipype_mapsmasker import load_connectivity, load_timeseries
from nipype_mapsmasker.cli.main import main
from nipype_mapsmasker.interfaces import cleaning, connectivity, denoising, extraction
from nipype_mapsmasker.io.results.layout import run_files
from nipype_mapsmasker.io.results.manifests import read_manifest
from nipype_mapsmasker.io.tables.rows import read_rows, write_rows
from nipype_mapsmasker.reports.folder import write_qc
from nipype_mapsmasker.testing import make_maps_file
from tests.confounds_tables import write_run

N_VOLUMES, RESTLESS = 140, "sub-02_task-rest"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four runs with tables of fMRIPrep, of which one moves so much that little is left."""
    folder = tmp_path_factory.mktemp("cohort")
    maps = nib.load(make_maps_file(folder / "maps.nii.gz", n_maps=4))
    rng = np.random.default_rng(0)
    rows = []
    for number in range(1, 5):
        run_id = f"sub-{number:02d}_task-rest"
        signals = rng.normal(size=(4, N_VOLUMES)) * 20
        data = 1000 + maps.get_fdata() @ signals + rng.normal(size=(*maps.shape[:3], N_VOLUMES))
        image = folder / f"{run_id}_bold.nii.gz"
        nib.save(nib.Nifti1Image(data.astype(np.float32), maps.affine), image)
        # 23 volumes for 37 directions.
        moved = {}
        if run_id == RESTLESS:
            calm = np.isin(np.arange(N_VOLUMES), np.r_[10:18, 50:58, 90:97])
            moved["framewise_displacement"] = np.where(calm, 0.1, 2.0)
            moved["std_dvars"] = np.ones(N_VOLUMES)
        table = write_run(folder / run_id, seed=number, **moved)
        rows.append({"run_id": run_id, "in_file": image, "confounds": table, "t_r": 2.0})
    for table, some in (("runs.tsv", rows), ("two.tsv", rows[:2])):
        write_rows(folder / table, some, ["run_id", "in_file", "confounds", "t_r"])
    return folder


def call(folder, out, *words, table="runs.tsv"):
    given = ["run", folder / table, folder / out, "--maps", folder / "maps.nii.gz"]
    given += ["--plugin", "Linear", "--no-reports", "-q", *words]
    return main([str(word) for word in given])


def test_a_run_of_which_too_little_is_left_fails_with_the_numbers(folder):
    words = ("--denoise", "scrubbing", "--connectivity", "pearson", "--output-type", "nan")
    assert call(folder, "scrubbed", *words) == 1
    rows = {row["run_id"]: row for row in read_rows(folder / "scrubbed" / "runs.tsv")}
    assert rows[RESTLESS]["status"] == "failed"
    assert re.search(r"23 of 140 volumes|of 140 volumes 23", rows[RESTLESS]["reason"])
    assert {row["status"] for name, row in rows.items() if name != RESTLESS} == {"done"}
    # Censored volumes keep their rows, and count for nothing.
    frame = load_timeseries(folder / "scrubbed", "maps", strategy="scrubbing")
    one = frame.loc["sub-01_task-rest"]
    assert len(one) == N_VOLUMES
    matrix = load_connectivity(folder / "scrubbed", "maps", strategy="scrubbing")
    np.testing.assert_allclose(matrix.loc["sub-01_task-rest"], one.dropna().corr(), atol=1e-12)


def test_what_fails_one_strategy_is_no_fault_of_the_others(folder, monkeypatch, capsys):
    words = ("--denoise", "none", "scrubbing", "24P", "--connectivity", "pearson")
    out = folder / "several"
    assert call(folder, "several", *words, table="two.tsv") == 1
    assert f"failed in part: {RESTLESS}: Strategy scrubbing: " in capsys.readouterr().err
    rows = {row["run_id"]: row for row in read_rows(out / "runs.tsv")}
    assert {name: row["status"] for name, row in rows.items()} == {
        name: "incomplete" if name == RESTLESS else "done" for name in rows
    }
    reason = rows[RESTLESS]["reason"]
    assert re.match(r"Strategy scrubbing: .*of 140 volumes", reason)
    names = run_files(out, RESTLESS)
    assert reason in names.log.read_text()
    manifest = read_manifest(names.manifest)
    assert list(manifest.failed) == ["scrubbing"]
    assert manifest.is_whole()
    for label in ("none", "24P"):
        matrix = pd.read_csv(names.relmat("pearson", "maps", label), sep="\t", index_col="Node")
        cleaned = pd.read_csv(names.timeseries("maps", label), sep="\t")
        np.testing.assert_allclose(matrix, cleaned.corr(), atol=1e-12)
    assert not list(names.folder.glob("*scrubbing*"))
    assert set(load_timeseries(out, "maps", strategy="24P").index.levels[0]) == set(rows)
    assert RESTLESS not in load_timeseries(out, "maps", strategy="scrubbing").index.levels[0]
    write_qc(out)
    table = {(row["run_id"], row["strategy"]): row for row in read_rows(out / "qc.tsv")}
    assert len(table) == 6
    assert table[RESTLESS, "scrubbing"]["verdict"] == "failed"
    assert reason.endswith(table[RESTLESS, "scrubbing"]["reasons"])
    assert table[RESTLESS, "24P"]["verdict"] != "failed"
    # Again: only what failed is tried, from signals that are there.
    before = {path: path.read_bytes() for path in names.folder.iterdir()}
    tried = []
    for module, name in (
        (extraction, "extract_signals"),
        (denoising, "select_run"),
        (cleaning, "clean_run"),
        (connectivity, "connect_run"),
    ):
        genuine = getattr(module, name)
        monkeypatch.setattr(module, name, counted(tried, name, genuine))
    assert call(folder, "several", "--clean-work-dir", *words, table="two.tsv") == 1
    assert tried == ["select_run", "clean_run"]  # of one strategy
    assert {path: path.read_bytes() for path in names.folder.iterdir()} == before
    now = read_manifest(names.manifest).files
    assert {name: entry[:2] for name, entry in now.items()} == {
        name: entry[:2] for name, entry in manifest.files.items()
    }
    # A strategy that holds for the run makes it whole.
    words = ("--denoise", "none", "24P", "--connectivity", "pearson")
    assert call(folder, "several", *words, table="two.tsv") == 0
    assert read_manifest(names.manifest).failed == {}
    assert not names.log.exists()


def test_results_are_verified_without_the_work_folder(folder, capsys):
    words = ("--denoise", "none", "24P", "--clean-work-dir")
    assert call(folder, "verified", *words, table="two.tsv") == 0
    capsys.readouterr()
    assert main(["verify", str(folder / "verified")]) == 0
    assert capsys.readouterr().out.count("same") >= 4
    about = json.loads(run_files(folder / "verified", RESTLESS).sidecar("maps", "24P").read_text())
    assert all(Path(path).is_file() for path in about["inputs"].values())


def counted(calls, name, genuine):
    """Note each call of a function."""

    def call_it(*args, **kwargs):
        calls.append(name)
        return genuine(*args, **kwargs)

    return call_it


def test_thresholds_hold_for_every_strategy(folder):
    words = ("--denoise", "none", "24P", "--fd-thresh", "0.2", "--max-censored", "0.5")
    assert call(folder, "limited", *words) == 1
    rows = {row["run_id"]: row for row in read_rows(folder / "limited" / "runs.tsv")}
    assert "max_censored=0.5 allows 50 %" in rows[RESTLESS]["reason"]
    names = run_files(folder / "limited", "sub-01_task-rest")
    kept = [pd.read_csv(names.outliers(label), sep="\t")["keep"] for label in ("none", "24P")]
    assert kept[0].tolist() == kept[1].tolist()
    assert kept[0].sum() < N_VOLUMES - 2


def test_group_by_the_words_of_a_bids_app(folder, capsys):
    assert main(["nowhere", str(folder / "scrubbed"), "group"]) == 0
    told = capsys.readouterr()
    assert "3 subjects, 3 runs" in told.err
    assert "group_qcfc.svg" in told.out
    rows = read_rows(folder / "scrubbed" / "group_qcfc.tsv")
    assert [row["strategy"] for row in rows] == ["scrubbing"]
    frame = pd.read_parquet(folder / "scrubbed" / "group_relmat.parquet")
    assert set(frame["measure"]) == {"pearson", "tangent"}


def test_group_of_a_folder_without_results(tmp_path, capsys):
    assert main(["group", str(tmp_path)]) == 2
    assert "holds no runs.tsv" in capsys.readouterr().err


def test_a_whole_table_of_fmriprep_is_refused(folder):
    assert call(folder, "whole") == 2
    rows = read_rows(folder / "whole" / "runs.tsv")
    assert all("is a table of fMRIPrep" in row["reason"] for row in rows)
