# SPDX-License-Identifier: Apache-2.0
"""Every expected case of the real runs, by the workflow and by the command line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nipype_mapsmasker.cli.main import main
from nipype_mapsmasker.io.results.layout import run_files
from nipype_mapsmasker.io.tables.signals import read_signals
from nipype_mapsmasker.workflows import init_cohort_wf

from .conftest import CASES, assert_close

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""


def options(case):
    """Write a case's parameters as the command line has them."""
    words = []
    for group in ("masker", "cleaning"):
        for name, value in CASES[case].get(group, {}).items():
            words.append("--" + name.replace("_", "-"))
            words += [] if value is True else [str(value)]
    return words


@pytest.mark.parametrize("case", CASES)
def test_by_the_workflow(case, real, run_rows, expected, tmp_path):
    settings = CASES[case]
    out = tmp_path / "out"
    workflow = init_cohort_wf(
        out_dir=str(out),
        reports=False,
        strategies={"": settings.get("cleaning", {})},
        **settings.get("masker", {}),
    )
    workflow.base_dir = str(tmp_path / "work")
    inputs = workflow.inputs.inputnode
    inputs.run_ids = [row["run_id"] for row in run_rows]
    inputs.in_files = [row["in_file"] for row in run_rows]
    inputs.maps_img = str(real / "caren5_maps.nii.gz")
    inputs.t_rs = 2.0
    if settings.get("confounds"):
        inputs.confounds_files = [row["confounds"] for row in run_rows]
    if settings.get("sample_mask"):
        inputs.sample_mask_files = [row["sample_mask"] for row in run_rows]
    workflow.run()
    for row in run_rows:
        signals, _ = read_signals(run_files(out, row["run_id"]).timeseries("maps"))
        assert_close(signals, expected(case, row["run_id"]))


@pytest.mark.parametrize("case", CASES)
def test_by_the_command_line(case, real, run_rows, full_table, expected, tmp_path):
    out = tmp_path / "out"
    words = ["run", str(full_table(case)), str(out), "--maps", str(real / "caren5_maps.nii.gz")]
    words += ["--t-r", "2", "--plugin", "Linear", "--no-reports", "--quiet", *options(case)]
    assert main(words) == 0
    for row in run_rows:
        signals, _ = read_signals(run_files(out, row["run_id"]).timeseries("caren5"))
        assert_close(signals, expected(case, row["run_id"]))


def test_as_a_process_under_its_default_plugin(real, run_rows, full_table, expected, tmp_path):
    out = tmp_path / "out"
    words = ["run", str(full_table("clean")), str(out), "--maps"]
    words += [str(real / "caren5_maps.nii.gz"), "--t-r", "2", "--no-reports", *options("clean")]
    answer = subprocess.run(
        [sys.executable, "-m", "nipype_mapsmasker", *words],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout == ""
    for row in run_rows:
        signals, _ = read_signals(run_files(out, row["run_id"]).timeseries("caren5"))
        assert_close(signals, expected("clean", row["run_id"]))
