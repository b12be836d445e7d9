# SPDX-License-Identifier: Apache-2.0
"""Damaged and vanishing images, two drivers at once, many bad runs, clocks that moved."""

import gzip
import os
import shutil
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest

from nipype_mapsmasker.io.results.layout import private_folder, run_files
from nipype_mapsmasker.io.tables.rows import read_rows, write_rows
from tests.bad_days.conftest import (
    PATIENCE_SECS,
    count,
    is_alive,
    statuses,
    wait_for,
    workers_of,
)
from tests.tiny import make_tiny, write_run, write_table


def copied(cohort, tmp_path):
    """Copy the cohort's data, for changes."""
    folder = tmp_path / "data"
    shutil.copytree(cohort.data.folder, folder)
    return folder


def image_of(folder, run_id):
    return next(folder.rglob(f"{run_id}*bold.nii.gz"))


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_bits(path):
    content = bytearray(path.read_bytes())
    rng = np.random.default_rng(3)
    for place in rng.integers(200, len(content) - 8, 5):
        content[place] ^= 1 << int(rng.integers(8))
    path.write_bytes(bytes(content))


def flip_checksum(path):
    content = bytearray(path.read_bytes())
    content[-6] ^= 1
    path.write_bytes(bytes(content))


def vanish(path):
    path.unlink()


def become_text(path):
    path.write_text("404 not found")


DAMAGES = [truncate, flip_bits, flip_checksum, vanish, become_text]


def test_damaged_images_cost_their_runs_only(cohort, tmp_path):
    folder, out = copied(cohort, tmp_path), tmp_path / "out"
    bad = cohort.data.run_ids[: len(DAMAGES)]
    for run_id, damage in zip(bad, DAMAGES, strict=True):
        damage(image_of(folder, run_id))
        count("faults")
    assert cohort.finish(out, table=folder / "runs.tsv") == 1
    good = cohort.data.run_ids[len(DAMAGES) :]
    assert statuses(out) == dict.fromkeys(bad, "failed") | dict.fromkeys(good, "done")
    cohort.check(out, good)
    reasons = {row["run_id"]: str(row["reason"]) for row in read_rows(out / "runs.tsv")}
    for run_id in bad:
        assert image_of(cohort.data.folder, run_id).name in reasons[run_id]
    # The images come back from the archive: their runs are done, the others are not touched.
    before = {run_id: run_files(out, run_id).manifest.stat().st_mtime_ns for run_id in good}
    for run_id in bad:
        shutil.copy(image_of(cohort.data.folder, run_id), folder / "back.nii.gz")
        target = image_of(cohort.data.folder, run_id).relative_to(cohort.data.folder)
        (folder / "back.nii.gz").replace(folder / target)
    assert cohort.finish(out, table=folder / "runs.tsv") == 0
    cohort.check(out)
    assert before == {run: run_files(out, run).manifest.stat().st_mtime_ns for run in good}


def test_an_image_that_vanishes_after_the_plan(cohort, tmp_path):
    """It is deleted once the workflow has begun, while other runs are worked on."""
    folder, out = copied(cohort, tmp_path), tmp_path / "out"
    last = cohort.data.run_ids[-1]
    driver = cohort.call(out, "--plugin", "Linear", table=folder / "runs.tsv")
    wait_for(lambda: (private_folder(out) / "work" / "mapsmasker_cohort_wf" / "fit_maps").exists())
    image_of(folder, last).unlink()
    count("faults")
    code = driver.wait(PATIENCE_SECS)
    told = statuses(out)
    assert code == (1 if told[last] == "failed" else 0)
    good = [run_id for run_id, status in told.items() if status == "done"]
    assert set(cohort.data.run_ids) - set(good) <= {last}
    cohort.check(out, good)


def test_two_drivers_at_once(cohort, tmp_path):
    """The second one is refused, or comes after the first; nothing is mixed up."""
    out = tmp_path / "out"
    drivers = [cohort.call(out) for _ in range(2)]
    codes = sorted(driver.wait(PATIENCE_SECS) for driver in drivers)
    assert codes in ([0, 0], [0, 2])
    count("faults")
    cohort.check(out)
    assert set(statuses(out).values()) == {"done"}


def test_the_lock_of_a_killed_driver_means_nothing(cohort, tmp_path):
    out = tmp_path / "out"
    driver = cohort.call(out)
    wait_for(lambda: (private_folder(out) / ".mapsmasker.lock").exists())
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    count("faults")
    assert cohort.finish(out) == 0
    cohort.check(out)


def test_the_second_driver_is_told_of_the_first(cohort, tmp_path):
    out = tmp_path / "out"
    private_folder(out).mkdir(parents=True)
    holder = subprocess.Popen(
        [
            "python3", "-c",
            "import fcntl, sys, time; f = open(sys.argv[1], 'a+'); fcntl.lockf(f, fcntl.LOCK_EX);"
            "f.write('process 1 on elsewhere'); f.flush(); print('held', flush=True);"
            "time.sleep(60)",
            str(private_folder(out) / ".mapsmasker.lock"),
        ],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        holder.stdout.readline()
        with (tmp_path / "told.txt").open("w+") as told:
            assert cohort.finish(out, stderr=told) == 2
            told.seek(0)
            assert "is in use by process 1 on elsewhere" in told.read()
        count("faults")
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()


@pytest.mark.slow
def test_300_runs_of_which_30_are_bad(tmp_path):
    tiny = make_tiny(tmp_path / "data", grids=(0,))
    rng = np.random.default_rng(1)
    run_ids, in_files, bad = [], [], []
    good_bytes = gzip.decompress(Path(tiny.in_files[0]).read_bytes())
    for number in range(300):
        run_id = f"sub-{number:03d}_task-rest"
        path = tmp_path / "data" / f"{run_id}_bold.nii"
        path.write_bytes(good_bytes)
        if number % 10 == 3:
            bad.append(run_id)
            count("faults")
            if rng.random() < 0.5:
                truncate(path)
            else:
                path = write_run(path, rng, n_volumes=3)
        run_ids.append(run_id)
        in_files.append(path)
    confounds = [tiny.confounds_files[0]] * 300
    table = write_table(
        tmp_path / "runs.tsv", run_id=run_ids, in_file=in_files, confounds=confounds
    )
    from nipype_mapsmasker.cli.main import main

    words = [
        *("run", table, tmp_path / "out", "--maps", tiny.maps_file, "--no-reports", "-q"),
        *("--n-procs", 2, "--low-pass", 0.1),
    ]
    assert main([str(word) for word in words]) == 1
    found = statuses(tmp_path / "out")
    assert {name for name, status in found.items() if status == "failed"} == set(bad)
    assert sum(status == "done" for status in found.values()) == 270
    logs = {path.stem for path in (tmp_path / "out" / "logs").glob("*.txt")}
    assert logs == set(bad)
    first = run_files(tmp_path / "out", run_ids[0]).timeseries("maps").read_bytes()
    same = [
        run_files(tmp_path / "out", run_id).timeseries("maps").read_bytes() == first
        for run_id in run_ids
        if run_id not in bad
    ]
    assert all(same)
    count("files", len(same))


@pytest.mark.parametrize("seconds", [4 * 10**9, pytest.param(10**6, marks=pytest.mark.slow)])
def test_a_clock_that_moved(cohort, tmp_path, seconds):
    """All that a call left is dated into the future, or the past; a changed file still shows."""
    folder, out = copied(cohort, tmp_path), tmp_path / "out"
    assert cohort.finish(out, table=folder / "runs.tsv") == 0
    for place in (out, folder):
        for path in place.rglob("*"):
            os.utime(path, (seconds, seconds))
    count("faults")
    changed = cohort.data.run_ids[1]
    rows = read_rows(folder / "runs.tsv")
    rows[1] = rows[1] | {"in_file": str(image_of(folder, cohort.data.run_ids[1]))}
    result = run_files(out, changed).timeseries("maps")
    result.write_bytes(result.read_bytes().replace(b"1", b"2"))
    os.utime(result, (seconds, seconds))
    write_rows(folder / "runs.tsv", rows, list(rows[0]))
    assert cohort.finish(out, table=folder / "runs.tsv") == 0
    cohort.check(out)


def test_ctrl_c(cohort, tmp_path):
    """What is finished stays, every run has a row, and no worker is left."""
    out = tmp_path / "out"
    with (tmp_path / "told.txt").open("w+") as told:
        driver = cohort.call(out, stderr=told)
        work = private_folder(out) / "work" / "mapsmasker_cohort_wf"
        wait_for((work / "run_batches").exists)
        workers = workers_of(driver.pid)
        driver.send_signal(signal.SIGINT)
        code = driver.wait(PATIENCE_SECS)
        told.seek(0)
        text = told.read()
    assert code == 130
    count("faults")
    assert "what is finished is kept" in text.splitlines()[-1]
    assert "Traceback" not in text
    assert set(statuses(out)) == set(cohort.data.run_ids)
    assert set(statuses(out).values()) <= {"done", "not reached"}
    assert not any(map(is_alive, workers))
    assert cohort.finish(out) == 0
    cohort.check(out)
