# SPDX-License-Identifier: Apache-2.0
"""The real runs, what nilearn makes of them, and two ways to have them done here."""

import numpy as np
import pytest
from nipype import logging as nipype_logging

from nipype_mapsmasker.io.tables.rows import read_rows, write_rows
from nipype_mapsmasker.io.tables.signals import read_signals

BAND = {
    "detrend": True,
    "low_pass": 0.1,
    "high_pass": 0.01,
    "standardize": "zscore_sample",
}

CASES = {
    "raw": {},
    "smooth8": {"masker": {"smoothing_fwhm": 8.0}},
    "targetmaps": {"masker": {"resampling_target": "maps"}},
    "clean": {"cleaning": BAND, "confounds": True},
    "cosine_scrub_time": {
        "cleaning": {
            "detrend": True,
            "filter": "cosine",
            "high_pass": 0.02,
            "standardize": "zscore_sample",
        },
        "confounds": True,
        "sample_mask": True,
    },
    "butter_scrub": {"cleaning": BAND, "confounds": True, "sample_mask": True},
    "highvar": {
        "masker": {"high_variance_confounds": True},
        "cleaning": {"detrend": True, "standardize": "zscore_sample"},
    },
    "psc": {"cleaning": {"detrend": True, "standardize": "psc"}, "confounds": True},
}
"""The folders of expected/, and the parameters that they were made with."""

TOLERANCE = 1e-6
"""Largest difference that is accepted, in standard deviations of the signal in question."""


@pytest.fixture(scope="session")
def real(shared_data):
    """The folder of the real runs."""
    return shared_data / "real"


@pytest.fixture(scope="session")
def run_rows(real):
    """The rows of the table of runs, confounds and sample masks of all three completed."""
    rows = read_rows(real / "runs.tsv")
    for row in rows:
        subject = row["run_id"].split("_")[0]
        row["in_file"] = str(real / row["in_file"])
        for column, word in (("confounds", "confounds"), ("sample_mask", "samplemask")):
            row[column] = str(real / "confounds" / f"{subject}_desc-{word}_timeseries.tsv")
    return rows


@pytest.fixture
def full_table(run_rows, tmp_path):
    """A function that writes a table of runs with the columns that a case uses."""

    def write(case):
        rows = [dict(row) for row in run_rows]
        for row in rows:
            for column in ("confounds", "sample_mask"):
                if not CASES[case].get(column):
                    row[column] = None
        return write_rows(tmp_path / "table.tsv", rows, list(rows[0]))

    return write


@pytest.fixture
def expected(real):
    """A function that reads what nilearn gives for a case and a run."""

    def read(case, run_id):
        return read_signals(real / "expected" / case / f"{run_id.split('_')[0]}_timeseries.tsv")[0]

    return read


@pytest.fixture(autouse=True)
def _quiet(tmp_path, monkeypatch):
    """Keep what is written to the current folder apart, and let Nipype speak of errors only."""
    monkeypatch.chdir(tmp_path)
    names = ("nipype.workflow", "nipype.utils", "nipype.interface")
    loggers = [nipype_logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel("ERROR")
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def assert_close(signals, reference):
    """Compare signals in units of each one's standard deviation."""
    assert signals.shape == reference.shape
    difference = np.abs(signals - reference) / reference.std(axis=0)
    assert difference.max() < TOLERANCE, f"off by {difference.max():.1e} standard deviations"
