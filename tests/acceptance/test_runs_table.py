# SPDX-License-Identifier: Apache-2.0
"""The table of runs as it is given, gaps included: a run without confounds is cleaned without."""

import json
import shutil

import numpy as np
import pytest
from nilearn.signal import clean

from nipype_mapsmasker.cli.main import main
from nipype_mapsmasker.io.results.layout import run_files
from nipype_mapsmasker.io.tables.rows import read_rows, write_rows
from nipype_mapsmasker.io.tables.signals import read_signals

from .conftest import BAND, assert_close

OPTIONS = [
    *("--detrend", "--low-pass", "0.1", "--high-pass", "0.01"),
    *("--standardize", "zscore_sample"),
]


@pytest.fixture
def done(real, tmp_path):
    """The result folder of the table as it is."""
    out = tmp_path / "out"
    words = ["run", str(real / "runs.tsv"), str(out), "--maps", str(real / "caren5_maps.nii.gz")]
    assert main([*words, "--no-reports", "--quiet", "--plugin", "Linear", *OPTIONS]) == 0
    return out


def oracle(raw, confounds):
    """Clean raw signals as nilearn does, without a sample mask."""
    return clean(raw, confounds=confounds, t_r=2.0, **BAND)


def test_gaps(done, real, expected):
    read = {row["run_id"]: row for row in read_rows(real / "runs.tsv")}
    run_ids = list(read)
    signals = {
        run_id: read_signals(run_files(done, run_id).timeseries("caren5"))[0] for run_id in run_ids
    }
    both, neither, only_confounds = run_ids
    assert_close(signals[both], expected("butter_scrub", both))
    assert_close(signals[neither], oracle(expected("raw", neither), None))
    confounds, _ = read_signals(real / read[only_confounds]["confounds"])
    first = np.isnan(confounds[0])
    confounds[0, first] = confounds[1, first]
    assert_close(signals[only_confounds], oracle(expected("raw", only_confounds), confounds))
    assert_close(signals[only_confounds], expected("clean", only_confounds))


def test_what_is_said_of_the_gaps(done, real):
    both, neither, only_confounds = (row["run_id"] for row in read_rows(real / "runs.tsv"))
    sidecars = {
        run_id: json.loads(run_files(done, run_id).sidecar("caren5").read_text())
        for run_id in (both, neither, only_confounds)
    }
    kept = [sidecars[run_id]["VolumesKept"] for run_id in (both, neither, only_confounds)]
    assert kept == [47, 50, 50]
    assert sidecars[neither]["confound_names"] == []
    assert len(sidecars[only_confounds]["confound_names"]) == 2
    # The headers say 1 s, the table says 2 s.
    assert {sidecar["RepetitionTime"] for sidecar in sidecars.values()} == {2.0}
    rows = read_rows(done / "runs.tsv")
    assert all("1 s by its header" in row["warnings"] for row in rows)
    assert [row["kept"] for row in rows] == ["47", "50", "50"]


def test_a_truncated_image_is_left_out_and_reported(real, run_rows, tmp_path, capsys):
    rows = [dict(row) for row in run_rows]
    cut = tmp_path / "cut.nii.gz"
    shutil.copy(rows[1]["in_file"], cut)
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    rows[1]["in_file"] = str(cut)
    table = write_rows(tmp_path / "table.tsv", rows, list(rows[0]))
    words = ["run", str(table), str(tmp_path / "out"), "--maps"]
    words += [str(real / "caren5_maps.nii.gz"), "--no-reports", "--plugin", "Linear"]
    assert main(words) != 0
    assert "Traceback" not in capsys.readouterr().err
    found = read_rows(tmp_path / "out" / "runs.tsv")
    assert [row["status"] for row in found] == ["done", "failed", "done"]
    assert "of the 50 volumes" in found[1]["reason"]

    words[2] = str(tmp_path / "stopped")
    assert main([*words, "--on-error", "raise"]) != 0
    said = capsys.readouterr().err
    assert "of the 50 volumes" in said
    assert "Traceback" not in said
