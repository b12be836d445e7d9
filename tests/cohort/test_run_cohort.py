# SPDX-License-Identifier: Apache-2.0
"""All that the command has, from Python: plan, dry run, progress, reruns, faults, slices."""

import logging
from pathlib import Path

import numpy as np
import pytest
from nipype.pipeline.engine import Workflow

from nipype_mapsmasker import load_timeseries
from nipype_mapsmasker.cohort import CohortRequest, RunSpec, plan_cohort, run_cohort
from nipype_mapsmasker.cohort.engine import make_plugin
from nipype_mapsmasker.cohort.lock import LOCK_NAME
from nipype_mapsmasker.errors import EngineError, ParameterError
from nipype_mapsmasker.io.results import locking
from nipype_mapsmasker.io.results.layout import run_files
from nipype_mapsmasker.io.tables.rows import read_rows
from nipype_mapsmasker.io.tables.signals import read_signals
from tests.tiny import least_squares


def states(result):
    return {run.run_id: run.status for run in result.runs}


def spoil(tiny, number):
    """Cut an image in half."""
    path = Path(tiny.in_files[number])
    path.write_bytes(path.read_bytes()[:5000])


def test_runs_a_cohort_and_says_how_each_run_stands(tiny, ask, tmp_path, capfd):
    result = run_cohort(ask(labels=[tiny.labels_file]))
    assert states(result) == dict.fromkeys(tiny.run_ids, "done")
    assert (result.exit_code, result.out_dir) == (0, tmp_path / "out")
    assert result.runs_file == tmp_path / "out" / "runs.tsv"
    assert result.cohort_page is None
    names = run_files(result.out_dir, tiny.run_ids[0])
    assert names.timeseries("maps") in result.runs[0].files
    assert all(file.is_file() for run in result.runs for file in run.files)
    raw, labels = read_signals(names.raw("maps"))
    expected = least_squares(tiny.in_files[0], tiny.maps_file)
    np.testing.assert_allclose(raw, expected, rtol=0, atol=1e-9 * expected.std())
    assert labels == ["one", "two", "three"]
    assert capfd.readouterr() == ("", "")  # to print is the caller's
    assert "nipype" in (tmp_path / "out" / "logs" / "nipype.log").read_text()


def test_a_list_of_runs_in_its_own_order(tiny, ask, tmp_path):
    runs = [
        RunSpec(
            run_id=name,
            in_file=tiny.in_files[number],
            confounds=tiny.confounds_files[number],
            sample_mask=tiny.sample_mask_files[number],
        )
        for name, number in (("z", 2), ("a", 0))
    ]
    result = run_cohort(ask(input=runs))
    assert [run.run_id for run in result.runs] == ["z", "a"]
    assert [row["kept"] for row in read_rows(result.runs_file)] == ["37", "37"]


def test_a_list_may_mix_runs_and_patterns(tiny, ask):
    run = RunSpec(run_id="first", in_file=tiny.in_files[0], t_r=1.5)
    plan = plan_cohort(ask(input=[run, str(tiny.folder / "sub-0[23]*_bold.nii.gz")], t_r=3.0))
    assert [one.run.run_id for one in plan.runs] == ["first", *tiny.run_ids[1:]]
    assert [one.run.t_r for one in plan.runs] == [1.5, 3.0, 3.0]


def test_tables_of_one_image_are_refused_for_several(tiny, ask):
    run = RunSpec(run_id="a", in_file=tiny.in_files[0])
    for given in (tiny.in_files, [run], tiny.write_table(tiny.folder / "runs.tsv")):
        with pytest.raises(ParameterError, match="are for a single image"):
            plan_cohort(ask(input=given, confounds=tiny.confounds_files[0]))


def test_progress_ends_with_every_run(tiny, ask):
    spoil(tiny, 1)
    events = []
    result = run_cohort(ask(), progress=events.append)
    assert (events[-1].what, events[-1].done, events[-1].failed) == ("runs", 2, 1)
    assert events[-1].reached == events[-1].total == 3
    assert [event.reached for event in events] == sorted(event.reached for event in events)
    assert result.exit_code == 1
    assert "header promises" in result.having("failed")[0].reason


def test_nothing_is_done_twice(tiny, ask):
    run_cohort(ask())
    events = []
    result = run_cohort(ask(), progress=events.append)
    assert events == []
    assert [run.state for run in result.plan.runs] == ["done"] * 3
    result = run_cohort(ask(detrend=True), progress=events.append)
    assert [run.state for run in result.plan.runs] == ["clean"] * 3
    assert events[-1].done == 3


def test_a_dry_run_writes_nothing(tiny, ask, tmp_path):
    spoil(tiny, 2)
    Path(tiny.in_files[1]).unlink()
    result = run_cohort(ask(input=[*tiny.in_files[:1], *tiny.in_files[2:]], dry_run=True))
    assert [run.status for run in result.runs] == ["todo", "todo"]
    assert result.exit_code == 0
    assert not (tmp_path / "out").exists()
    gone = RunSpec(run_id="gone", in_file=tiny.in_files[1])
    result = run_cohort(ask(input=[gone], dry_run=True))
    assert (result.runs[0].status, result.exit_code) == ("fault", 1)
    assert "does not exist" in result.runs[0].reason


def test_a_plan_can_be_looked_at_first(ask):
    request = ask()
    plan = plan_cohort(request)
    assert [one.state for one in plan.runs] == ["todo"] * 3
    assert plan.estimate.extract_gb > 0
    assert run_cohort(request, plan=plan).exit_code == 0


def test_a_plan_of_another_request_is_refused(ask, tmp_path):
    plan = plan_cohort(ask())
    for other in ({"detrend": True}, {"out_dir": tmp_path / "other"}):
        with pytest.raises(ParameterError, match="is of another request"):
            run_cohort(ask(**other), plan=plan)


def test_the_engine_gets_what_is_asked_for(ask):
    request = ask(plugin="MultiProc", n_procs=3, mem_gb=2.5, plugin_args={"maxtasksperchild": 7})
    given = make_plugin(request, print, Workflow("empty")).plugin_args
    assert (given["n_procs"], given["memory_gb"], given["maxtasksperchild"]) == (3, 2.5, 7)
    slurm = make_plugin(ask(plugin="SLURM"), print, Workflow("empty"))
    assert type(slurm).__name__ == "SLURMPlugin"


def test_all_failed_is_exit_code_2_and_raise_raises(tiny, ask):
    for number in range(3):
        spoil(tiny, number)
    assert run_cohort(ask()).exit_code == 2
    with pytest.raises(EngineError, match="header promises"):
        run_cohort(ask(on_error="raise"))


def test_slices_and_then_the_tables(tiny, ask, tmp_path):
    parts = [run_cohort(ask(slice=f"{k}/2", work_dir=tmp_path / f"work-{k}")).runs for k in (1, 2)]
    assert [[run.run_id for run in part] for part in parts] == [
        tiny.run_ids[::2],
        tiny.run_ids[1::2],
    ]
    assert not (tmp_path / "out" / "runs.tsv").exists()
    result = run_cohort(ask(only_tables=True))
    assert (result.exit_code, len(read_rows(result.runs_file))) == (0, 3)


def test_an_array_script_of_a_request_made_in_python(tiny, ask, tmp_path):
    script = tmp_path / "job.sh"
    result = run_cohort(ask(write_slurm_array=script, batch_size=2, detrend=True))
    assert (result.array.path, result.array.n_tasks, result.array.batch_size) == (script, 2, 2)
    text = script.read_text()
    assert "--detrend" in text
    assert f"run {script}.runs.tsv {tmp_path / 'out'} --maps" in text
    rows = read_rows(tmp_path / "job.sh.runs.tsv")
    assert [row["in_file"] for row in rows] == tiny.in_files


def test_an_empty_slice_is_no_error(ask):
    assert run_cohort(ask(slice="7/7")).exit_code == 0


def test_loggers_are_as_before(ask):
    own = logging.getLogger("nipype_mapsmasker")
    theirs = logging.getLogger("nipype.workflow")
    before = [(log.level, log.handlers[:], log.propagate) for log in (own, theirs)]
    run_cohort(ask())
    assert [(log.level, log.handlers, log.propagate) for log in (own, theirs)] == before


def test_the_page_is_made_and_told_of(ask):
    result = run_cohort(ask(reports=True))
    assert result.cohort_page == result.out_dir / "report.html"
    assert result.cohort_page.is_file()
    assert any(file.name.endswith("_report.html") for file in result.runs[0].files)


def test_results_are_frames(tiny, ask):
    result = run_cohort(ask())
    frame = load_timeseries(result.out_dir, "maps")
    assert frame.index.get_level_values(0).unique().tolist() == tiny.run_ids


def test_a_file_system_without_locks_is_warned_of(ask, monkeypatch, caplog):
    def unable(*args):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(locking.fcntl, "lockf", unable)
    assert run_cohort(ask()).exit_code == 0
    assert any(f"{LOCK_NAME} cannot be locked (No locks" in text for text in caplog.messages)


def test_the_request_is_the_only_argument_with_a_place():
    with pytest.raises(TypeError):
        run_cohort(CohortRequest(input="a.tsv", out_dir="b", maps=["c"]), None)
