# SPDX-License-Identifier: Apache-2.0
"""Cohorts on bad days: the command in a process of its own, that may be killed, and a tally."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from nipype_mapsmasker.io.results.layout import run_files
from nipype_mapsmasker.io.tables.rows import read_rows
from nipype_mapsmasker.testing import make_cohort

PATIENCE_SECS = 120
"""A call that takes longer hangs."""

KINDS = ("raw", "timeseries", "coverage", "fit_quality")
"""Files that are compared byte by byte, besides the mean image."""


TALLY: dict[str, Counter[str]] = {}
"""By bad day: faults that were injected, and files that were compared afterwards."""

TALLY_VARIABLE = "MAPSMASKER_NIGHT_TABLE"
"""Environment variable that names the file to which the tally is written."""

_today: list[str] = []


@pytest.fixture(autouse=True)
def _name_the_day(request):
    """Count under the test's name."""
    _today[:] = [request.function.__name__.removeprefix("test_").replace("_", " ")]


def count(what: str, number: int = 1) -> None:
    """Add to the tally of this bad day."""
    TALLY.setdefault(_today[0] if _today else "", Counter())[what] += number


def pytest_sessionfinish(session, exitstatus) -> None:
    """Write the tally, if that is wished and nothing went wrong."""
    target = os.environ.get(TALLY_VARIABLE)
    if target and exitstatus == 0:
        lines = [
            f"| {day} | {tally['faults']} | {tally['files']} | 0 | 0 | 0 |"
            for day, tally in sorted(TALLY.items())
            if tally["faults"]
        ]
        total = sum((tally for tally in TALLY.values()), Counter())
        lines.append(f"| **all** | {total['faults']} | {total['files']} | 0 | 0 | 0 |")
        Path(target).write_text("\n".join(lines) + "\n")


class Cohort:
    """
    A cohort, its undisturbed results, and calls on it.

    Parameters
    ----------
    folder : Path
        Where all is.
    n_subjects, n_volumes : int
        How large it is.
    """

    def __init__(self, folder: Path, n_subjects: int = 6, n_volumes: int = 100) -> None:
        self.folder = folder
        self.data = make_cohort(
            folder / "data", n_subjects=n_subjects, n_volumes=n_volumes, n_maps=4
        )
        assert self.call(folder / "undisturbed").wait(PATIENCE_SECS) == 0

    def words(self, out: Path, *more: str, table: Path | None = None) -> list[str]:
        """Give the words of a call."""
        return [
            *(sys.executable, "-m", "nipype_mapsmasker", "run", str(table or self.data.runs_file)),
            *(str(out), "--maps", str(self.data.maps_file), "--detrend", "--no-reports"),
            *("--standardize", "zscore_sample", "--n-procs", "2", *more),
        ]

    def call(
        self, out: Path, *more: str, table: Path | None = None, **options
    ) -> subprocess.Popen:
        """Start a call, in a session of its own."""
        root = Path(__file__).resolve().parents[2]
        environ = dict(os.environ, PYTHONPATH=str(root), **options.pop("environ", {}))
        with (self.folder / "told.txt").open("ab") as told:
            return subprocess.Popen(
                self.words(out, *more, table=table),
                env=environ,
                stdout=told,
                stderr=options.pop("stderr", told),
                start_new_session=True,
                cwd=self.folder,
                **options,
            )

    def finish(self, out: Path, *more: str, **options) -> int:
        """Call and wait; a hang is a failure."""
        process = self.call(out, *more, **options)
        try:
            return process.wait(PATIENCE_SECS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            pytest.fail("the call hangs")

    def check(self, out: Path, run_ids: list[str] | None = None) -> None:
        """Compare every run's files with the undisturbed ones."""
        for run_id in self.data.run_ids if run_ids is None else run_ids:
            for kind in (*KINDS, "mean"):
                old, new = (
                    getattr(run_files(place, run_id), kind)
                    for place in (self.folder / "undisturbed", out)
                )
                if kind != "mean":
                    old, new = old("maps"), new("maps")
                is_same = new.read_bytes() == old.read_bytes()  # pytest compares bytes for minutes
                assert is_same, f"{new} differs from {old}"
                count("files")
        leftover = [path for path in out.rglob(".mapsmasker-*") if "work" not in path.parts]
        assert leftover == []


@pytest.fixture(scope="session")
def cohort(tmp_path_factory):
    """Six runs on two grids; the undisturbed results are made once."""
    return Cohort(tmp_path_factory.mktemp("bad-days"))


def statuses(out: Path) -> dict[str, str]:
    """Read how every run stands."""
    return {str(row["run_id"]): str(row["status"]) for row in read_rows(out / "runs.tsv")}


def workers_of(pid: int) -> list[int]:
    """List the children of a process."""
    try:
        return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def wait_for(condition, seconds: float = PATIENCE_SECS) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Tell whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
