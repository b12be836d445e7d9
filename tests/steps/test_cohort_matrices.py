# SPDX-License-Identifier: Apache-2.0
"""A cohort put together from its own files: tidy tables, means, QC-FC of planted artefacts."""

import json

import numpy as np
import pandas as pd
import pytest

from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.results.layout import run_files
from nipype_mapsmasker.io.tables.relmat import read_relmat, write_relmat
from nipype_mapsmasker.io.tables.rows import read_rows, write_rows
from nipype_mapsmasker.io.tables.signals import write_signals
from nipype_mapsmasker.steps.cohort_matrices import GroupOptions, group_results

N_SUBJECTS, N_VOLUMES, N_REGIONS = 24, 120, 10
NAMES = [f"r{at}" for at in range(N_REGIONS)]
LEFT = {"none": 1.0, "24P": 0.5, "36P": 0.2, "perfect": 0.0}
"""Share of the motion artefact that each strategy leaves, from worst to best."""


def store(folder, run_id, strategy, signals, motion, **about):
    names = run_files(folder, run_id)
    names.folder.mkdir(parents=True, exist_ok=True)
    write_signals(names.timeseries("toy", strategy), signals, about.pop("names", NAMES))
    said = {
        "Atlas": {"Name": "toy"},
        "Strategy": strategy or None,
        "names": NAMES,
        "n_volumes": len(signals),
        "n_kept": len(signals),
        "censored": [],
        "degrees_of_freedom": len(signals) - 10,
        "selection": {"mean_framewise_displacement": motion},
    }
    names.sidecar("toy", strategy).write_text(json.dumps(said | about))
    return names


def plant(folder, seed):
    """Store subjects whose head motion binds near regions together, by some strategies more."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(-50, 50, size=(N_REGIONS, 3))
    near = np.exp(-np.linalg.norm(centres[:, None] - centres, axis=-1) / 30)
    root = np.linalg.cholesky(near)
    rows = []
    for subject in range(N_SUBJECTS):
        run_id = f"sub-{subject:02d}_task-rest"
        motion = float(rng.uniform(0.05, 0.6))
        truth = rng.normal(size=(N_VOLUMES, N_REGIONS))
        artefact = rng.normal(size=(N_VOLUMES, N_REGIONS)) @ root.T
        for strategy, left in LEFT.items():
            names = store(folder, run_id, strategy, truth + 2 * motion * left * artefact, motion)
        write_rows(
            names.coverage("toy"),
            [
                dict(zip(["Node", *"xyz"], [n, *c], strict=True))
                for n, c in zip(NAMES, centres, strict=True)
            ],
            ["Node", *"xyz"],
        )
        rows.append({"run_id": run_id, "status": "done"})
    write_rows(folder / "runs.tsv", rows, ["run_id", "status"])
    return group_results(folder)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """A planted cohort, and what its runs say together."""
    folder = tmp_path_factory.mktemp("out")
    return folder, *plant(folder, 5)


@pytest.mark.parametrize("seed", [1, 2])
def test_other_cohorts_are_ranked_as_planted_too(tmp_path, seed):
    groups, _ = plant(tmp_path, seed)
    left = {group.strategy: group.row["qcfc_median_absolute"] for group in groups}
    assert sorted(left, key=left.__getitem__, reverse=True) == list(LEFT)
    shares = {group.strategy: group.row["qcfc_share_significant"] for group in groups}
    assert shares["none"] > shares["24P"] > shares["perfect"]


def test_strategies_are_ranked_as_they_were_planted(cohort):
    folder, _, _ = cohort
    rows = {row["strategy"]: row for row in read_rows(folder / "group_qcfc.tsv")}
    by_share = sorted(LEFT, key=lambda name: -float(rows[name]["qcfc_share_significant"]))
    by_median = sorted(LEFT, key=lambda name: -float(rows[name]["qcfc_median_absolute"]))
    assert by_median == list(LEFT)
    assert by_share[0] == "none"
    assert float(rows["perfect"]["qcfc_share_significant"]) < 0.2
    assert float(rows["none"]["qcfc_share_significant"]) > 0.2
    # Motion binds near regions more than far ones.
    assert float(rows["none"]["qcfc_distance"]) < -0.3
    assert {row["subjects"] for row in rows.values()} == {str(N_SUBJECTS)}
    assert float(rows["none"]["degrees_of_freedom_lost"]) == pytest.approx(10 / N_VOLUMES)
    said = json.loads((folder / "group_qcfc.json").read_text())
    assert set(rows["none"]) <= set(said)


def test_tidy_signals(cohort):
    folder, _, files = cohort
    assert all(path.is_file() for path in files)
    frame = pd.read_parquet(folder / "group_timeseries.parquet")
    assert len(frame) == N_SUBJECTS * len(LEFT) * N_VOLUMES * N_REGIONS
    part = frame[(frame["subject"] == "03") & (frame["strategy"] == "24P")]
    wide = part.pivot(index="volume", columns="region", values="value")
    path = run_files(folder, "sub-03_task-rest").timeseries("toy", "24P")
    np.testing.assert_array_equal(wide[NAMES], np.loadtxt(path, delimiter="\t", skiprows=1))


def test_row_groups_are_single_results(cohort):
    parquet = pytest.importorskip("pyarrow.parquet")
    file = parquet.ParquetFile(cohort[0] / "group_timeseries.parquet")
    assert file.num_row_groups == N_SUBJECTS * len(LEFT)
    assert file.metadata.row_group(0).num_rows == N_VOLUMES * N_REGIONS


def test_mean_and_tangent_matrices(cohort):
    folder, _, _ = cohort
    mean, names = read_relmat(folder / "group" / "atlas-toy_stat-meanpearson_desc-none_relmat.tsv")
    assert names == NAMES
    runs = [
        np.corrcoef(pd.read_csv(path, sep="\t").T)
        for path in sorted(folder.glob("sub-*/func/*desc-none_timeseries.tsv"))
    ]
    np.testing.assert_allclose(mean, np.mean(runs, axis=0), atol=1e-12)
    frame = pd.read_parquet(folder / "group_relmat.parquet")
    tangent = frame[(frame["measure"] == "tangent") & (frame["strategy"] == "none")]
    assert len(tangent) == N_SUBJECTS * N_REGIONS * (N_REGIONS + 1) // 2
    means = tangent.groupby(["region_1", "region_2"], observed=True)["value"].mean()
    assert means.abs().max() < 1e-4


def test_stored_connectomes_are_gathered(tmp_path, rng):
    names = store(tmp_path, "sub-1_ses-a_run-2_bold", "", rng.normal(size=(30, N_REGIONS)), 0.1)
    matrix = np.corrcoef(rng.normal(size=(N_REGIONS, 30)))
    matrix[3] = matrix[:, 3] = np.nan
    write_relmat(names.relmat("pearson", "toy"), matrix, NAMES)
    write_rows(tmp_path / "runs.tsv", [{"run_id": names.run_id, "status": "done"}],
               ["run_id", "status"])  # fmt: skip
    group_results(tmp_path)
    frame = pd.read_parquet(tmp_path / "group_relmat.parquet")
    frame = frame[frame["measure"] == "pearson"]
    assert len(frame) == 55
    assert frame["value"].isna().sum() == N_REGIONS
    first = frame.iloc[1]
    assert (first["session"], first["run"]) == ("a", "2")
    assert pd.isna(first["strategy"])
    assert first["value"] == matrix[0, 1]


@pytest.mark.parametrize("combine", [False, True])
def test_runs_of_one_subject_make_one_matrix(tmp_path, rng, combine):
    rows = []
    for subject in ("1", "2"):
        for run, scale in (("1", 1.0), ("2", 100.0)):
            run_id = f"sub-{subject}_run-{run}_bold"
            store(tmp_path, run_id, "", scale * rng.normal(size=(40, N_REGIONS)), 0.2)
            rows.append({"run_id": run_id, "status": "done"})
    write_rows(tmp_path / "runs.tsv", rows, ["run_id", "status"])
    groups, _ = group_results(tmp_path, GroupOptions(combine_runs=combine))
    assert (groups[0].row["subjects"], groups[0].row["runs"]) == (2, 4)
    mean, _ = read_relmat(tmp_path / "group" / "atlas-toy_stat-meanpearson_relmat.tsv")
    assert np.isfinite(mean).all()
    assert (np.diag(mean) == 1).all()


def test_a_region_that_one_subject_lacks(tmp_path, rng):
    rows = []
    for subject in range(5):
        signals = rng.normal(size=(60, N_REGIONS))
        if subject == 2:
            signals[:, 4] = np.nan
        store(tmp_path, f"sub-{subject}_bold", "", signals, 0.1 * subject)
        rows.append({"run_id": f"sub-{subject}_bold", "status": "done"})
    write_rows(tmp_path / "runs.tsv", rows, ["run_id", "status"])
    group_results(tmp_path, GroupOptions(min_share=0.9))
    mean, _ = read_relmat(tmp_path / "group" / "atlas-toy_stat-meanpearson_relmat.tsv")
    assert np.isnan(mean[4]).all()
    assert np.isfinite(np.delete(np.delete(mean, 4, 0), 4, 1)).all()
    group_results(tmp_path, GroupOptions(min_share=0.8))
    mean, _ = read_relmat(tmp_path / "group" / "atlas-toy_stat-meanpearson_relmat.tsv")
    assert np.isfinite(mean).all()


def test_folders_without_results(tmp_path):
    with pytest.raises(ParameterError, match=r"holds no runs\.tsv"):
        group_results(tmp_path)
    write_rows(tmp_path / "runs.tsv", [{"run_id": "a", "status": "failed"}], ["run_id", "status"])
    with pytest.raises(ParameterError, match="no run that is done"):
        group_results(tmp_path)
    assert not list(tmp_path.glob("*.parquet"))
    with pytest.raises(ParameterError, match="min_share"):
        group_results(tmp_path, GroupOptions(min_share=3))
