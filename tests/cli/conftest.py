# SPDX-License-Identifier: Apache-2.0
"""The command line on tiny cohorts, inside this process, with counted work."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass

import pytest

from nipype_mapsmasker.cli.main import main
from nipype_mapsmasker.interfaces import cleaning
from nipype_mapsmasker.io.images import reader as images
from nipype_mapsmasker.io.tables.rows import read_rows
from nipype_mapsmasker.steps import fit as fitting
from tests.tiny import make_tiny

LOGGERS = ("nipype.workflow", "nipype.interface", "nipype.utils", "nipype_mapsmasker")
"""Loggers that a call turns to its result folder."""


@dataclass(frozen=True)
class Called:
    """
    Hold how a call of the command went.

    Parameters
    ----------
    code : int
        Exit code.
    out, err : str
        What it wrote to stdout and stderr.
    """

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """Three runs on two grids; tests only read it."""
    return make_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def own_tiny(tmp_path):
    """Three runs that the test may change."""
    return make_tiny(tmp_path / "data")


@pytest.fixture(autouse=True)
def _restored(tmp_path, monkeypatch):
    """Work in an empty folder, and leave loggers and Nipype's settings as they were."""
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    from nipype import config

    crash_dir = config.get("execution", "crashdump_dir")
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [(log.handlers[:], log.level, log.propagate) for log in loggers]
    yield
    for log, (handlers, level, propagate) in zip(loggers, before, strict=True):
        for handler in set(log.handlers) - set(handlers):
            handler.close()
        log.handlers, log.propagate = handlers, propagate
        log.setLevel(level)
    config.set("execution", "crashdump_dir", crash_dir)


@pytest.fixture
def call(capsys):
    """Call the command, in this process and without workers unless the words say otherwise."""

    def call_main(*words, engine=("--plugin", "Linear", "--no-reports")):
        words = [str(word) for word in words]
        if words[0] == "run":
            words += engine
        try:
            code = main(words)
        except SystemExit as stop:  # argparse
            code = stop.code
        told = capsys.readouterr()
        return Called(code, told.out, told.err)

    return call_main


@pytest.fixture
def work(monkeypatch):
    """Count what is done: images opened for their voxels, fits, cleanings."""
    counts: Counter[str] = Counter()

    def count(module, name, key):
        genuine = getattr(module, name)

        def counted(*args, **kwargs):
            counts[key(*args)] += 1
            return genuine(*args, **kwargs)

        monkeypatch.setattr(module, name, counted)

    count(images, "open_stream", lambda info: "images" if "bold" in info.path.name else "others")
    count(fitting, "solve_on_grid", lambda *args: "fits")
    count(cleaning, "clean_run", lambda *args: "cleanings")
    return counts


def statuses(out_dir):
    """Read the status of every run from the cohort's table."""
    return {row["run_id"]: row["status"] for row in read_rows(out_dir / "runs.tsv")}
