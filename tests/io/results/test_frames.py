# SPDX-License-Identifier: Apache-2.0
"""Results as pandas frames."""

import json

import numpy as np
import pytest

from nipype_mapsmasker.errors import ParameterError, TableError
from nipype_mapsmasker.io.results.cohort import failed_row, write_cohort
from nipype_mapsmasker.io.results.frames import load_runs, load_timeseries
from nipype_mapsmasker.io.results.layout import run_files
from nipype_mapsmasker.io.tables.signals import write_signals


@pytest.fixture
def results(tmp_path):
    """Hold two runs that are done, one of them censored, and one that failed."""
    rows = []
    for number, censored in enumerate([[], [1, 3]]):
        run_id = f"sub-{number}_task-rest"
        names = run_files(tmp_path, run_id)
        names.folder.mkdir(parents=True)
        signals = np.arange((5 - len(censored)) * 2.0).reshape(-1, 2) + 100 * number
        write_signals(names.timeseries("x"), signals, ["left", "right"])
        about = {"n_volumes": 5, "censored": censored, "names": ["left", "right"]}
        names.sidecar("x").write_text(json.dumps(about))
        rows.append({"run_id": run_id, "status": "done", "volumes": 5, "t_r": 2.0})
    rows.append(failed_row("sub-2_task-rest", "The image is gone."))
    write_cohort(tmp_path, rows, [], {})
    return tmp_path


def test_signals_of_a_cohort_as_one_frame(results):
    frame = load_timeseries(results, "x")
    assert list(frame.columns) == ["left", "right"]
    assert frame.index.names == ["run_id", "volume"]
    assert frame.shape == (8, 2)
    assert frame.loc[("sub-1_task-rest", 4), "right"] == 105.0
    assert list(frame.loc["sub-1_task-rest"].index) == [0, 2, 4]


def test_chosen_runs_only(results):
    frame = load_timeseries(results, "x", run_ids=["sub-0_task-rest"])
    assert frame["left"].tolist() == [0.0, 2.0, 4.0, 6.0, 8.0]


def test_table_of_runs(results):
    runs = load_runs(results)
    assert runs["status"].tolist() == ["done", "done", "failed"]
    assert runs.loc["sub-0_task-rest", "t_r"] == 2.0
    assert np.isnan(runs.loc["sub-2_task-rest", "volumes"])


def test_refusals(results, tmp_path):
    with pytest.raises(TableError, match="no results for atlas 'other'"):
        load_timeseries(results, "other")
    with pytest.raises(ParameterError, match=r"holds no runs\.tsv"):
        load_runs(tmp_path / "nowhere")
    with pytest.raises(ParameterError, match="no run that is done"):
        load_timeseries(results, "x", run_ids=[])
