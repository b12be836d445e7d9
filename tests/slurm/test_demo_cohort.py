# SPDX-License-Identifier: Apache-2.0
"""The demo's cohort on a real Slurm, by its plugins and by an array: the bytes of Linear."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nipype_mapsmasker.io.results.layout import run_files
from nipype_mapsmasker.io.tables.rows import read_rows
from nipype_mapsmasker.testing import make_cohort

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

PATIENCE_SECS = 180
"""An engine that takes longer hangs."""

KINDS = ("raw", "timeseries", "coverage", "fit_quality")
"""Files that are compared byte by byte."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The cohort of the demo, and its results by Linear."""
    folder = tmp_path_factory.mktemp("demo")
    data = make_cohort(folder / "data", n_subjects=4, grids=2)
    done = run_command(folder, data, "linear", "--plugin", "Linear")
    assert done.returncode == 0, done.stderr
    return folder, data


def run_command(folder, data, out, *more, environ=None):
    root = str(Path(__file__).resolve().parents[2])
    words = [
        *(sys.executable, "-m", "nipype_mapsmasker", "run", str(data.runs_file), out),
        *("--maps", str(data.maps_file), "--atlas-names", "demo", "--detrend", "--no-reports"),
        *("--high-pass", "0.01", "--low-pass", "0.1", *more),
    ]
    return subprocess.run(
        words,
        cwd=folder,
        env=dict(os.environ, PYTHONPATH=root, **(environ or {})),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECS,
    )


def assert_equal_to_linear(folder, data, out):
    assert {row["status"] for row in read_rows(folder / out / "runs.tsv")} == {"done"}
    for run_id in data.run_ids:
        for kind in KINDS:
            files = [
                getattr(run_files(folder / name, run_id), kind)("demo") for name in ("linear", out)
            ]
            assert files[0].read_bytes() == files[1].read_bytes(), (run_id, kind)


@pytest.mark.parametrize("plugin", ["SLURM", "SLURMGraph"])
def test_by_plugin(demo, cluster, tmp_path, plugin):
    folder, data = demo
    (folder / "args.json").write_text(
        '{"poll_sleep_duration": 0.2, "sbatch_args": "--time=00:05:00"}'
    )
    words = ["--plugin", plugin, "--plugin-args", "args.json"]
    done = run_command(folder, data, plugin, *words, environ=cluster)
    assert done.returncode == 0, done.stderr
    assert_equal_to_linear(folder, data, plugin)
    again = run_command(folder, data, plugin, *words, environ=cluster)
    assert again.returncode == 0
    assert "4 were up to date" in again.stderr


def test_by_array(demo, cluster, slurm):
    folder, data = demo
    (folder / "args.json").write_text('{"sbatch_args": "--time=00:05:00 --nice=1"}')
    done = run_command(
        *(folder, data, "array", "--write-slurm-array", "cohort.sh", "--batch-size", "2"),
        *("--n-procs", "1", "--plugin-args", "args.json"),
        environ=cluster,
    )
    assert done.returncode == 0, done.stderr
    assert "2 tasks of up to 2 runs" in done.stdout
    assert not (folder / "array" / "runs.tsv").exists()
    submit(folder, cluster)
    wait_for_tables(folder / "array", slurm)
    assert_equal_to_linear(folder, data, "array")
    # A result is lost, and the same script goes on: one run is cleaned, and the tables are made.
    run_files(folder / "array", data.run_ids[2]).timeseries("demo").unlink()
    (folder / "array" / "runs.tsv").unlink()
    submit(folder, cluster)
    wait_for_tables(folder / "array", slurm)
    assert_equal_to_linear(folder, data, "array")


def test_by_the_recipe(demo, cluster):
    folder, data = demo
    root = Path(__file__).resolve().parents[2]
    words = [root / "workflows" / "cohort_slurm.py", data.runs_file, data.maps_file, "recipe"]
    done = subprocess.run(
        [sys.executable, *map(str, words), "--poll", "0.2", "--sbatch-args=--time=00:05:00"],
        cwd=folder,
        env=dict(os.environ, PYTHONPATH=str(root), **cluster),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECS,
    )
    assert done.returncode == 0, done.stderr
    for run_id in data.run_ids:
        raw = [
            run_files(folder / out, run_id).raw(atlas).read_bytes()
            for out, atlas in (("linear", "demo"), ("recipe", "maps"))
        ]
        assert raw[0] == raw[1]


def submit(folder, cluster):
    done = subprocess.run(
        ["sbatch", "cohort.sh"],
        cwd=folder,
        env=dict(os.environ, **cluster),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert re.search(r"Submitted batch job \d+", done.stdout), done.stderr


def wait_for_tables(out, slurm):
    deadline = time.monotonic() + PATIENCE_SECS
    while not (out / "runs.tsv").exists() or slurm("squeue", "--noheader").strip():
        told = "\n".join(path.read_text() for path in (out / "logs").glob("slurm-*.out"))
        assert time.monotonic() < deadline, slurm("squeue") + told
        time.sleep(0.5)
