# SPDX-License-Identifier: Apache-2.0
"""`CleanSignals`: tables in, a table and a summary out."""

import json
from pathlib import Path

import numpy as np
import pytest

from nipype_mapsmasker.core.cleaning import clean
from nipype_mapsmasker.core.parameters import Cleaning
from nipype_mapsmasker.interfaces import CleanSignals
from nipype_mapsmasker.io.tables.signals import read_signals
from tests.tiny import N_VOLUMES, values_of

BAND = {"detrend": True, "low_pass": 0.1, "high_pass": 0.01, "standardize": "zscore_sample"}


@pytest.fixture
def step(tiny, extracted):
    """A cleaning of the first run, without parameters."""
    return CleanSignals(signals_file=extracted.signals_files[0], run_id=tiny.run_ids[0])


def summary_of(outputs):
    return json.loads(Path(outputs.summary_file).read_text())


def test_does_nothing_unless_asked(step, extracted, tmp_path):
    outputs = step.run(cwd=tmp_path).outputs
    assert Path(outputs.out_file).read_bytes() == Path(extracted.signals_files[0]).read_bytes()
    assert summary_of(outputs)["n_kept"] == N_VOLUMES


def test_is_the_core_function_on_the_files(step, tiny, extracted, tmp_path):
    step.inputs.trait_set(
        confounds_files=tiny.confounds_files[0],
        sample_mask_file=tiny.sample_mask_files[0],
        t_r=2.0,
        **BAND,
    )
    outputs = step.run(cwd=tmp_path).outputs
    confounds = values_of(tiny.confounds_files[0])
    confounds[0, 1] = confounds[1, 1]
    keep = np.ones(N_VOLUMES, dtype=bool)
    keep[[4, 5, 20]] = False
    expected, _ = clean(
        values_of(extracted.signals_files[0]),
        Cleaning(t_r=2.0, **BAND),
        confounds=confounds,
        sample_mask=keep,
    )
    np.testing.assert_array_equal(values_of(outputs.out_file), expected)
    summary = summary_of(outputs)
    assert summary["n_volumes"] == N_VOLUMES
    assert summary["n_kept"] == N_VOLUMES - 3
    assert summary["censored"] == [4, 5, 20]
    assert summary["confound_names"] == ["csf", "csf_derivative1"]
    assert summary["confound_rank"] == 2
    assert (summary["low_pass"], summary["high_pass"]) == (0.1, 0.01)


@pytest.mark.parametrize("as_list", [False, True])
def test_one_table_or_a_list_of_one_are_the_same(step, tiny, tmp_path, as_list):
    table = tiny.confounds_files[0]
    step.inputs.confounds_files = [table] if as_list else table
    outputs = step.run(cwd=tmp_path).outputs
    assert summary_of(outputs)["confound_names"] == ["csf", "csf_derivative1"]


def test_columns_are_chosen_by_pattern(step, tiny, tmp_path):
    step.inputs.trait_set(confounds_files=tiny.confounds_files[0], confounds_columns=["*_der*"])
    assert summary_of(step.run(cwd=tmp_path).outputs)["confound_names"] == ["csf_derivative1"]


def test_high_variance_confounds_come_first(step, tiny, tmp_path):
    step.inputs.trait_set(
        confounds_files=tiny.confounds_files[0],
        high_variance_file=tiny.confounds_files[1],
        confounds_columns=["csf"],
    )
    names = summary_of(step.run(cwd=tmp_path).outputs)["confound_names"]
    assert names == ["csf", "csf_derivative1", "csf"]


def test_hands_earlier_warnings_on(step, tmp_path):
    step.inputs.messages = ["The header lies."]
    assert "The header lies." in summary_of(step.run(cwd=tmp_path).outputs)["warnings"]


@pytest.mark.parametrize(
    ("dtype", "digits"), [(None, 17), ("float64", 17), ("auto", 9), ("float32", 9)]
)
def test_writes_the_type_that_is_asked_for(step, tmp_path, dtype, digits):
    step.inputs.dtype = dtype
    cell = Path(step.run(cwd=tmp_path).outputs.out_file).read_text().split("\n")[1].split("\t")[0]
    assert len(cell.strip("-").replace(".", "").lstrip("0")) <= digits


@pytest.mark.parametrize("suffix", ["tsv", "npy", "parquet"])
def test_writes_the_format_that_is_asked_for(step, extracted, tmp_path, suffix):
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
    step.inputs.output_format = suffix
    out_file = step.run(cwd=tmp_path).outputs.out_file
    assert out_file.endswith(f"cleaned.{suffix}")
    np.testing.assert_array_equal(read_signals(out_file)[0], values_of(extracted.signals_files[0]))


def test_never_changes_its_inputs(step, tiny, tmp_path):
    step.inputs.trait_set(confounds_files=tiny.confounds_files[0], t_r=2.0, **BAND)
    before = step.inputs.get()
    step.run(cwd=tmp_path)
    assert step.inputs.get() == before
