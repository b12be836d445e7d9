# SPDX-License-Identifier: Apache-2.0
"""Runs that crash their worker or meet a full disk: the others are finished, and it is told."""

import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nipype_mapsmasker.io.tables.rows import read_rows
from tests.bad_days.conftest import PATIENCE_SECS, count, statuses

PATCH = """
import os, signal, sys
from collections import Counter
if os.environ.get("BAD_RUN"):
    import nipype_mapsmasker.steps.extract as extraction
    genuine = extraction.extract_run
    def extract_run(info, *args, **kwargs):
        if os.environ["BAD_RUN"] in info.path.name:
            exec(os.environ["BAD_DEED"])
        return genuine(info, *args, **kwargs)
    extraction.extract_run = extract_run
from nipype_mapsmasker.cli.main import main
sys.exit(main(sys.argv[1:]))
"""
"""Runs the command with a run that does something bad."""


def call_with_bad_run(cohort, out, deed, *more):
    words = [*cohort.words(out, *more)]
    words[1:3] = ["-c", PATCH]
    root = str(Path(__file__).resolve().parents[2])
    environ = dict(os.environ, PYTHONPATH=root, BAD_RUN="sub-03", BAD_DEED=deed)
    return subprocess.run(
        words,
        env=environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECS,
        cwd=cohort.folder,
    )


DEEDS = {
    "kills its worker": ("os.kill(os.getpid(), signal.SIGKILL)", "was killed by SIGKILL"),
    "has no memory": ("raise MemoryError('no memory left')", "no memory left"),
    "meets a full disk": ("raise OSError(28, 'No space left on device')", "No space left"),
}
"""By what happens to one run: the deed, and what is told."""


@pytest.mark.parametrize("name", DEEDS)
def test_one_run_crashes_and_the_others_are_finished(cohort, tmp_path, name):
    deed, match = DEEDS[name]
    out = tmp_path / "out"
    done = call_with_bad_run(cohort, out, deed)
    assert done.returncode == 1, done.stderr
    count("faults")
    good = [run_id for run_id in cohort.data.run_ids if "sub-03" not in run_id]
    bad = next(run_id for run_id in cohort.data.run_ids if "sub-03" in run_id)
    assert statuses(out) == dict.fromkeys(good, "done") | {bad: "failed"}
    cohort.check(out, good)
    reason = next(row["reason"] for row in read_rows(out / "runs.tsv") if row["run_id"] == bad)
    assert match in reason
    assert f"failed: {bad}: " in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in (out / "logs").iterdir()) == [
        "CITATION.md",
        "nipype.log",
        f"{bad}.txt",
    ]
    # The fault was the system's: the next call does the run again, and no other.
    assert cohort.finish(out) == 0
    cohort.check(out)


def test_on_error_raise_stops_at_a_crash(cohort, tmp_path):
    out = tmp_path / "out"
    done = call_with_bad_run(
        cohort, out, "raise MemoryError('no memory left')", "--on-error", "raise"
    )
    assert done.returncode == 2
    count("faults")
    assert done.stderr.splitlines()[-1] == "mapsmasker: no memory left"
    assert list(statuses(out).values()).count("failed") == 1  # others may have been quicker
    assert cohort.finish(out) == 0
    cohort.check(out)


def can_mount(folder):
    """Tell whether a small file system can be mounted."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(folder)]
    return shutil.which("mount") and subprocess.run(command, capture_output=True).returncode == 0


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 300 kB, or a skip."""
    folder = tmp_path / "small"
    if not can_mount(folder):
        pytest.skip("A file system can be mounted by root only.")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize(
    "which", ["results", "work", pytest.param("both", marks=pytest.mark.slow)]
)
def test_a_full_disk(cohort, small_disk, tmp_path, which):
    out = small_disk / "out" if which != "work" else tmp_path / "out"
    work = small_disk / "work" if which != "results" else tmp_path / "work"
    with (tmp_path / "told.txt").open("w+") as told:
        code = cohort.finish(out, "-w", str(work), stderr=told)
        told.seek(0)
        text = told.read()
    assert code in (1, 2)
    count("faults")
    assert "No space left on device" in text
    assert "Traceback" not in text
    done = [name for name, status in _statuses_if_any(out).items() if status == "done"]
    cohort.check(out, done)
    # Room is made, and the same call goes on.
    command = ["mount", "-o", "remount,size=200m", str(small_disk)]
    subprocess.run(command, check=True)
    assert cohort.finish(out, "-w", str(work)) == 0
    cohort.check(out)


def _statuses_if_any(out):
    try:
        return statuses(out)
    except ValueError:
        return {}


def test_a_limit_on_the_size_of_files(cohort, tmp_path):
    """The same without root: no file may grow beyond some kB."""
    out = tmp_path / "out"
    with (tmp_path / "told.txt").open("w+") as told:
        code = cohort.finish(
            out,
            stderr=told,
            preexec_fn=lambda: (
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
                resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
            ),
        )
        told.seek(0)
        text = told.read()
    assert code in (1, 2)
    count("faults")
    assert "File too large" in text
    assert "Traceback" not in text
    assert cohort.finish(out) == 0
    cohort.check(out)


@pytest.mark.skipif(sys.platform != "linux", reason="needs a read-only mount")
def test_a_read_only_result_folder(cohort, small_disk, tmp_path):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with (tmp_path / "told.txt").open("w+") as told:
        assert cohort.finish(small_disk / "out", stderr=told) == 2
        told.seek(0)
        last = told.read().splitlines()[-1]
    assert "Read-only file system" in last
    count("faults")
    assert str(small_disk) in last
