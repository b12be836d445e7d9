# SPDX-License-Identifier: Apache-2.0
"""Cleaning from files to files: what the summary tells."""

import gzip
import json

import numpy as np
import pytest

from nipype_mapsmasker.core.parameters import Cleaning, ConfoundParameters
from nipype_mapsmasker.errors import TableError
from nipype_mapsmasker.io.atomic import write_json
from nipype_mapsmasker.io.tables import text
from nipype_mapsmasker.io.tables.confounds import read_confounds
from nipype_mapsmasker.io.tables.signals import write_signals
from nipype_mapsmasker.steps.clean import CleaningInputs, clean_run


@pytest.fixture
def files(tmp_path, rng):
    """Write signals and confounds of 20 volumes."""
    signals = write_signals(tmp_path / "raw.tsv", rng.normal(size=(20, 2)), ["a", "b"])
    confounds = write_signals(tmp_path / "c.tsv", rng.normal(size=(20, 2)), ["csf", "rot_x"])
    return str(signals), str(confounds)


def test_a_pattern_without_columns_is_told_not_refused(tmp_path, files):
    inputs = CleaningInputs(
        run_id="r",
        signals_file=files[0],
        confounds_files=files[1],
        choice=ConfoundParameters(confounds_columns=["csf", "motion_outlier*"]),
    )
    _, summary = clean_run(tmp_path, inputs, Cleaning(detrend=True))
    told = json.loads(summary.read_text())
    assert told["confound_names"] == ["csf"]
    assert (
        "No column of the confounds matches 'motion_outlier*', so it added none."
        in (told["warnings"])
    )


def test_patterns_that_all_match_nothing_are_refused(files):
    with pytest.raises(TableError, match="no column of confounds is chosen"):
        read_confounds(files[1], 20, columns=["motion_outlier*"])


def test_what_is_not_finite_becomes_null(tmp_path):
    path = write_json(tmp_path / "x.json", {"a": [np.float64("nan"), float("inf"), 1.5], "b": 2})
    assert json.loads(path.read_text()) == {"a": [None, None, 1.5], "b": 2}


def test_a_table_that_inflates_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "MAX_TABLE_BYTES", 1 << 20)
    path = tmp_path / "bomb.tsv.gz"
    path.write_bytes(gzip.compress(b"a\n" + b"1\n" * (1 << 20)))
    with pytest.raises(TableError, match="holds more than 1 MiB of text"):
        text.read_bytes(path)
