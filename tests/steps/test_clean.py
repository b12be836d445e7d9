# SPDX-License-Identifier: Apache-2.0
"""Cleaning from files to files: what the summary tells."""

import gzip
import json

import numpy as np
import pytest

from nipype_mapsmasker.core.parameters import Cleaning, ConfoundParameters
from nipype_mapsmasker.errors import SignalError, TableError
from nipype_mapsmasker.io.atomic import write_json
from nipype_mapsmasker.io.tables import text
from nipype_mapsmasker.io.tables.confounds import read_confounds
from nipype_mapsmasker.io.tables.signals import read_signals, write_signals
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


@pytest.mark.parametrize(
    "words",
    [
        {"filter": "cosine", "high_pass": 1.0, "t_r": 2.0},
        {"high_pass": 5.0, "t_r": 2.0, "butterworth_order": 1},
        {"filter": "cosine", "high_pass": 0.25, "t_r": 2.0, "detrend": True},
        {"low_pass": 1e-3, "high_pass": 9e-4, "t_r": 2.0, "butterworth_order": 1},
    ],
)
def test_a_filter_that_leaves_nothing_is_a_fault(tmp_path, files, words):
    inputs = CleaningInputs(run_id="r", signals_file=files[0])
    with pytest.raises(SignalError, match="Cleaning leaves nothing of the signals"):
        clean_run(tmp_path, inputs, Cleaning(**words))
    assert not (tmp_path / "timeseries.tsv").exists()


@pytest.mark.parametrize("n_confounds", [18, 30])
def test_confounds_that_explain_everything_are_a_fault(tmp_path, rng, files, n_confounds):
    names = [f"c{k}" for k in range(n_confounds)]
    confounds = write_signals(tmp_path / "many.tsv", rng.normal(size=(20, n_confounds)), names)
    inputs = CleaningInputs(run_id="r", signals_file=files[0], confounds_files=str(confounds))
    with pytest.raises(SignalError, match="18 confound directions"):
        clean_run(tmp_path, inputs, Cleaning(detrend=True))


@pytest.mark.parametrize("value", [np.nan, 0.0, 5.0])
def test_signals_of_zeros_or_nothing_are_a_fault(tmp_path, value):
    raw = write_signals(tmp_path / "raw.tsv", np.full((20, 2), value), ["a", "b"])
    inputs = CleaningInputs(run_id="r", signals_file=str(raw))
    with pytest.raises(SignalError, match="Every cleaned signal is zero or n/a in every volume"):
        clean_run(tmp_path, inputs, Cleaning(standardize="zscore"))


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e154, 1e200])
def test_a_confound_of_any_size_is_regressed(tmp_path, rng, scale):
    signals, motion = rng.normal(size=(20, 2)) * 5 + 100, rng.normal(size=(20, 1))
    raw = write_signals(tmp_path / "raw.tsv", signals, ["a", "b"])
    confounds = write_signals(tmp_path / "huge.tsv", motion * scale, ["m"])
    inputs = CleaningInputs(run_id="r", signals_file=str(raw), confounds_files=str(confounds))
    out_file, summary = clean_run(tmp_path, inputs, Cleaning())
    centred = motion - motion.mean()
    expected = signals - centred @ np.linalg.lstsq(centred, signals, rcond=None)[0]
    assert np.abs(read_signals(out_file)[0] - expected).max() < 1e-9
    assert json.loads(summary.read_text())["warnings"] == []
