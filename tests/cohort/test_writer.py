# SPDX-License-Identifier: Apache-2.0
"""One writer of the cohort's tables: whoever runs the graph, rows are merged, never replaced."""

import json
import multiprocessing
import shutil
from pathlib import Path

import pytest

from nipype_mapsmasker import init_cohort_wf, init_run_wf, load_timeseries, run_cohort
from nipype_mapsmasker.errors import EngineError
from nipype_mapsmasker.io.results import locking
from nipype_mapsmasker.io.results.cohort import failed_row, write_cohort
from nipype_mapsmasker.io.results.layout import run_files
from nipype_mapsmasker.io.results.storing import store_failure
from nipype_mapsmasker.io.tables.rows import read_rows
from tests.tiny import set_inputs


@pytest.fixture(autouse=True)
def _quiet(monkeypatch, tmp_path):
    """Workflows run here as somebody's own do; their lines are not of interest."""
    from nipype import logging as nipype_logging

    monkeypatch.chdir(tmp_path)
    for name in ("nipype.workflow", "nipype.interface", "nipype.utils"):
        monkeypatch.setattr(nipype_logging.getLogger(name), "disabled", True)


def states(out):
    return {row["run_id"]: row["status"] for row in read_rows(out / "runs.tsv")}


def run_one(tiny, number, folder, **parameters):
    """Run one run by a workflow of its own."""
    workflow = init_run_wf(out_dir=str(folder / "out"), **parameters)
    workflow.base_dir = str(folder / f"work-{number}")
    inputs = workflow.inputs.inputnode
    inputs.run_id, inputs.in_file = tiny.run_ids[number], tiny.in_files[number]
    inputs.maps_img = tiny.maps_file
    workflow.run()


def run_some(tiny, numbers, folder, **parameters):
    """Run some runs by a cohort workflow."""
    workflow = init_cohort_wf(out_dir=str(folder / "out"), **parameters)
    workflow.base_dir = str(folder / f"work-{numbers[0]}")
    set_inputs(
        workflow,
        tiny,
        run_ids=[tiny.run_ids[number] for number in numbers],
        in_files=[tiny.in_files[number] for number in numbers],
    )
    workflow.run()


def check_whole(tiny, out, atlas="maps"):
    """Look for every run in the table, the page, the atlas table, and the frames."""
    assert states(out) == dict.fromkeys(tiny.run_ids, "done")
    page = (out / "report.html").read_text(encoding="utf-8")
    assert all(run_id in page for run_id in tiny.run_ids)
    frame = load_timeseries(out, atlas)
    assert set(frame.index.get_level_values(0)) == set(tiny.run_ids)
    maps = read_rows(out / f"atlas-{atlas}_maps.tsv")
    assert [row["fits"] for row in maps] == ["2"] * 3  # two grids
    assert (
        json.loads((out / "dataset_description.json").read_text())["DatasetType"] == "derivative"
    )


def test_a_workflow_per_run_leaves_whole_tables(tiny, tmp_path):
    for number in range(3):
        run_one(tiny, number, tmp_path)
    check_whole(tiny, tmp_path / "out")
    assert list(states(tmp_path / "out")) == tiny.run_ids


def test_two_workflows_into_one_folder(tiny, tmp_path):
    run_some(tiny, [1, 2], tmp_path)
    run_some(tiny, [0], tmp_path)
    check_whole(tiny, tmp_path / "out")


def test_builders_and_run_cohort_into_one_folder(tiny, ask, tmp_path):
    run_some(tiny, [0], tmp_path)
    result = run_cohort(ask(input=tiny.in_files[1], reports=True))
    run_one(tiny, 2, tmp_path)
    check_whole(tiny, tmp_path / "out")
    assert [run.run_id for run in result.runs] == tiny.run_ids[1:2]  # of this call alone


def test_the_exit_code_is_of_this_calls_runs(tiny, ask, tmp_path):
    bad = Path(tiny.in_files[1])
    bad.write_bytes(bad.read_bytes()[:5000])
    assert run_cohort(ask(input=str(bad))).exit_code == 2
    assert run_cohort(ask(input=tiny.in_files[0])).exit_code == 0
    assert states(tmp_path / "out") == {tiny.run_ids[1]: "failed", tiny.run_ids[0]: "done"}


@pytest.mark.parametrize("as_table", [True, False])
def test_a_run_that_is_not_in_the_call_keeps_its_state(tiny, ask, tmp_path, as_table):
    bad = Path(tiny.in_files[2])
    bad.write_bytes(bad.read_bytes()[:5000])
    assert run_cohort(ask()).exit_code == 1
    before = read_rows(tmp_path / "out" / "runs.tsv")
    given = tiny.in_files[:1]
    if as_table:
        table = tmp_path / "runs.tsv"
        given = tiny.write_table(
            table,
            run_id=tiny.run_ids[:1],
            in_file=tiny.in_files[:1],
            confounds=["n/a"],
            sample_mask=["n/a"],
        )
    result = run_cohort(ask(input=given))
    assert (result.exit_code, len(result.runs)) == (0, 1)
    assert read_rows(tmp_path / "out" / "runs.tsv") == before
    assert set(load_timeseries(tmp_path / "out", "maps").index.get_level_values(0)) == set(
        tiny.run_ids[:2]
    )


def test_atlas_tables_are_over_all_runs_that_have_them(tiny, ask, tmp_path):
    out = tmp_path / "out"
    run_cohort(ask(input=tiny.in_files[1], atlas_names=["b"]))
    run_cohort(ask(input=tiny.in_files[0], atlas_names=["a"]))
    run_cohort(ask(input=tiny.in_files[2], atlas_names=["b"]))
    fits = {atlas: read_rows(out / f"atlas-{atlas}_maps.tsv")[0]["fits"] for atlas in ("a", "b")}
    assert fits == {"a": "1", "b": "2"}


def test_names_follow_runs_that_are_done_again_in_the_same_time(tiny, tmp_path):
    # Their rows, which tell seconds and memory, are then what they were.
    out = tmp_path / "out"
    run_some(tiny, [0], tmp_path)
    rows = read_rows(out / "runs.tsv")
    write_cohort(out, rows, ["maps"], {})
    before = (out / "runs.tsv").read_bytes()
    table = out / "atlas-maps_maps.tsv"
    known = table.read_text()
    name = read_rows(table)[0]["name"]
    table.write_text(known.replace(name, "stale"))
    write_cohort(out, rows, ["maps"], {}, worked=False)
    assert "stale" in table.read_text()
    write_cohort(out, rows, ["maps"], {})
    assert table.read_text() == known
    assert (out / "runs.tsv").read_bytes() == before


def test_other_maps_of_the_same_name_do_not_mix(tiny, ask, tmp_path):
    run_cohort(ask(input=tiny.in_files[0]))
    run_cohort(ask(input=tiny.in_files[1], labels=[tiny.labels_file]))
    rows = read_rows(tmp_path / "out" / "atlas-maps_maps.tsv")
    assert [row["name"] for row in rows] == ["one", "two", "three"]
    assert [row["fits"] for row in rows] == ["1"] * 3


def test_a_done_run_whose_results_were_taken_away_is_left_out(tiny, ask, tmp_path):
    out = tmp_path / "out"
    run_cohort(ask())
    shutil.rmtree(run_files(out, tiny.run_ids[0]).folder)
    store_failure(out, tiny.run_ids[1], {"step": "S", "reason": "It broke."})
    run_cohort(ask(input=tiny.in_files[2]))
    assert states(out) == {tiny.run_ids[1]: "failed", tiny.run_ids[2]: "done"}
    assert read_rows(out / "runs.tsv")[0]["reason"] == "It broke."


def test_rows_stay_where_they_are(tmp_path):
    def write(*names):
        write_cohort(tmp_path, [failed_row(name, "") for name in names], [], {})
        return list(states(tmp_path))

    assert write("a", "b", "c") == ["a", "b", "c"]
    assert write("b") == ["a", "b", "c"]
    assert write("d") == ["a", "b", "c", "d"]
    assert write("c", "a") == ["c", "a", "b", "d"]
    assert write("x", "d", "c", "b", "a") == ["x", "d", "c", "b", "a"]


def test_a_table_that_nobody_can_read_is_made_anew(tmp_path, caplog):
    (tmp_path / "runs.tsv").write_text("run_id\tstatus\nA\n")
    write_cohort(tmp_path, [failed_row("b", "Why.")], [], {})
    assert states(tmp_path) == {"b": "failed"}
    assert any("made anew" in text for text in caplog.messages)


N_WRITERS = 12
"""Processes that write at a time."""


def write_row(folder, number, barrier):
    barrier.wait(60)
    write_cohort(folder, [failed_row(f"run-{number}", "Why.")], [], {})


def test_writers_at_the_same_time_lose_no_row(tmp_path):
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(N_WRITERS)
    processes = [
        context.Process(target=write_row, args=(tmp_path, number, barrier))
        for number in range(N_WRITERS)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert set(states(tmp_path)) == {f"run-{number}" for number in range(N_WRITERS)}


def hold(path, ready, leave):
    with locking.held(path):
        ready.set()
        leave.wait(60)


def test_a_writer_that_never_ends_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(locking, "PATIENCE_SECS", 0.2)
    context = multiprocessing.get_context("fork")
    ready, leave = context.Event(), context.Event()
    process = context.Process(target=hold, args=(tmp_path / "lock", ready, leave))
    process.start()
    try:
        assert ready.wait(60)
        with (
            pytest.raises(EngineError, match=f"held for 0.2 s by process {process.pid} on"),
            locking.held(tmp_path / "lock"),
        ):
            pass
    finally:
        leave.set()
        process.join()
