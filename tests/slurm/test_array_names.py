# SPDX-License-Identifier: Apache-2.0
"""Array scripts with whatever a user's folders are called, on a real Slurm."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from launch import wait_until

from nipype_mapsmasker.io.tables.rows import read_rows
from tests.tiny import make_tiny

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slurm

NAMES = ["my out", 'it\'s "quoted"', "$(touch executed)", "100%j", "a\nb", "ü #hash"]
"""Folders for results, each of which is trouble for a shell or for sbatch."""


@pytest.mark.parametrize("name", NAMES)
def test_an_array_works_in_any_folder(cluster, slurm, tmp_path, name):
    # Nipype cannot even be imported in a folder with a line break in its name.
    place = tmp_path if "\n" in name else tmp_path / name
    place.mkdir(exist_ok=True)
    tiny = make_tiny(place / "data")
    tiny.write_table(place / "runs.tsv")
    environ = os.environ | cluster | {"PYTHONPATH": str(ROOT)}
    words = ["run", "runs.tsv", name, "--maps", "data/maps.nii.gz", "--no-reports"]
    words += ["--write-slurm-array", f"{name}.sh", "--batch-size", "2"]
    subprocess.run(
        [sys.executable, "-m", "nipype_mapsmasker", *words],
        env=environ, cwd=place, check=True, capture_output=True,
    )  # fmt: skip
    submitted = subprocess.run(
        ["sbatch", "--time=5", f"{name}.sh"],
        env=environ, cwd=place, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert submitted.returncode == 0, submitted.stderr
    table = place / name / "runs.tsv"
    wait_until(lambda: table.exists() and not slurm("squeue", "-h"), "the tables are made")
    assert [row["status"] for row in read_rows(table)] == ["done"] * 3
    assert len(list((place / name / "logs").glob("slurm-*.out"))) == 3
    assert not list(tmp_path.rglob("executed"))
