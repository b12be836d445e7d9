# SPDX-License-Identifier: Apache-2.0
"""Faults planted in images, tables and repetition times are named in the table of measures."""

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nipype import logging as nipype_logging

from nipype_mapsmasker.cli.main import main
from nipype_mapsmasker.reports.folder import write_qc
from nipype_mapsmasker.testing import make_cohort

SCALED = {
    "sub-01_task-rest": {0: 1.10, 1: 1.04},
    "sub-02_task-rest": {70: 1.08, 71: 0.93, 150: 1.10},
    "sub-03_task-rest": {0: 1.15},
}
"""Volumes, and what their intensities are multiplied by: the first is settling magnetisation."""


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    cohort = make_cohort(folder / "data", n_subjects=7, grids=1, seed=4, dtype=np.float32)
    runs = pd.read_csv(cohort.runs_file, sep="\t").set_index("run_id", drop=False)
    for run_id, volumes in SCALED.items():
        path = folder / "data" / runs.loc[run_id, "in_file"]
        image = nib.load(path)
        data = image.get_fdata()
        for volume, factor in volumes.items():
            data[..., volume] *= factor
        nib.save(nib.Nifti1Image(data.astype(np.float32), image.affine, image.header), path)
    # The argument of the table decides over the sidecar; here both are wrong.
    (folder / "data" / "sub-04" / "func" / "sub-04_task-rest_bold.json").unlink()
    runs.loc["sub-04_task-rest", "t_r"] = 1.0
    runs.loc["sub-05_task-rest", "confounds"] = np.nan
    runs_file = folder / "data" / "some_wrong.tsv"
    runs.to_csv(runs_file, sep="\t", index=False, na_rep="n/a")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in ("nipype.workflow", "nipype.utils", "nipype.interface"):
            patch.setattr(nipype_logging.getLogger(name), "disabled", True)
        words = ["run", str(runs_file), str(folder / "out"), "--quiet", "--no-reports"]
        words += ["--maps", str(cohort.maps_file), "--atlas-names", "demo", "--detrend"]
        words += ["--standardize", "zscore_sample", "--plugin", "Linear"]
        words += ["--confounds-columns", "trans_*", "rot_*", "csf"]
        words += ["--missing-confounds", "skip"]
        assert main(words) == 0
    return pd.read_csv(
        write_qc(folder / "out"), sep="\t", index_col="run_id", dtype={"spike_volume_numbers": str}
    )


@pytest.mark.parametrize(
    ("run_id", "column", "volumes"),
    [
        ("sub-01_task-rest", "startup_volume_numbers", "0, 1"),
        ("sub-02_task-rest", "spike_volume_numbers", "70, 71, 150"),
        ("sub-03_task-rest", "startup_volume_numbers", "0"),
    ],
)
def test_spoilt_volumes_are_named_by_number(table, run_id, column, volumes):
    assert table.loc[run_id, column] == volumes
    others = {"startup_volume_numbers", "spike_volume_numbers"} - {column}
    assert table.loc[run_id, list(others)].isna().all()
    assert table.loc[run_id, "verdict"] == "look closer"


def test_a_wrong_repetition_time_is_named(table):
    row = table.loc["sub-04_task-rest"]
    assert row["keywords"] == "repetition time"
    assert row["own_verdict"] == "usable"
    assert "2 s, as in most runs" in row["reasons"]


def test_a_run_without_confounds_among_cleaned_ones_is_named(table):
    row = table.loc["sub-05_task-rest"]
    assert row["keywords"] == "not cleaned"
    assert row["verdict"] == "do not use"


def test_sound_runs_are_usable(table):
    sound = table.loc[["sub-06_task-rest", "sub-07_task-rest"]]
    assert (sound["verdict"] == "usable").all(), sound["reasons"].tolist()
