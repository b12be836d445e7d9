# SPDX-License-Identifier: Apache-2.0
"""Letter B: calls beside each other, screens that go away, and what is whose fault."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nipype_mapsmasker.cli import main as main_module
from nipype_mapsmasker.cli.main import main
from nipype_mapsmasker.cohort import plan as plan_module
from nipype_mapsmasker.cohort.engine import QUEUE_LOGGER, logged
from nipype_mapsmasker.cohort.lock import free_folder, locked
from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.results.layout import run_files
from nipype_mapsmasker.io.results.manifests import read_manifests
from nipype_mapsmasker.io.tables.rows import read_rows
from tests.bad_days.conftest import PATIENCE_SECS, count, statuses
from tests.tiny import make_tiny, write_table

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A cohort with its table, in the current folder."""
    monkeypatch.chdir(tmp_path)
    cohort = make_tiny(tmp_path / "data")
    cohort.write_table(tmp_path / "table.tsv")
    return cohort


def words(table="table.tsv", out="out", *more, maps="data/maps.nii.gz"):
    return ["run", str(table), str(out), "--maps", maps, "--no-reports", *more]


def quickly(*given, **options):
    """Run the command here, without worker processes."""
    return main([*words(*given, **options), "--plugin", "Linear"])


def start(*given, **options):
    """Start the command as a process."""
    return subprocess.Popen(
        [sys.executable, "-m", "nipype_mapsmasker", *words(*given)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        **options,
    )


# Calls beside each other


def test_one_call_per_participant_at_once(tiny, tmp_path):
    for run_id, in_file in zip(tiny.run_ids, tiny.in_files, strict=True):
        write_table(tmp_path / f"{run_id}.tsv", run_id=[run_id], in_file=[in_file])
    told = (tmp_path / "told.txt").open("w")
    calls = [start(tmp_path / f"{name}.tsv", "out", stderr=told) for name in tiny.run_ids]
    assert [one.wait(PATIENCE_SECS) for one in calls] == [0, 0, 0]
    told.close()
    assert statuses(tmp_path / "out") == dict.fromkeys(tiny.run_ids, "done")
    alone = tmp_path / "alone"
    assert quickly("table.tsv", alone) == 0
    for run_id in tiny.run_ids:
        old, new = (run_files(out, run_id).raw("maps") for out in (alone, tmp_path / "out"))
        assert old.read_bytes() == new.read_bytes()
        count("files")
    count("faults", 3)


def test_a_run_that_is_being_worked_on_is_refused_and_another_is_not(tmp_path):
    with locked(tmp_path / "lock", ["a"]):
        code = (
            "import sys; from pathlib import Path; "
            "from nipype_mapsmasker.cohort.lock import locked\n"
            "with locked(Path(sys.argv[1]), [sys.argv[2]]): pass"
        )
        done = {
            name: subprocess.run(
                [sys.executable, "-c", code, tmp_path / "lock", name],
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                capture_output=True,
                text=True,
                check=False,
            )
            for name in ("a", "b")
        }
    assert done["b"].returncode == 0
    assert "a run of this call in" in done["a"].stderr
    assert f"in use by process {os.getpid()}" in done["a"].stderr


def test_leftovers_are_removed_only_where_nobody_is_at_work(tmp_path):
    called = []
    with locked(tmp_path / "lock", ["a"], when_alone=lambda: called.append(1)):
        assert called == [1]


def test_work_folders_of_calls_at_once_are_apart(tmp_path):
    code = (
        "import sys; from pathlib import Path; from nipype_mapsmasker.cohort.lock import "
        "free_folder\nwith free_folder(Path(sys.argv[1])) as folder: print(folder)"
    )
    with free_folder(tmp_path / "work") as first:
        answer = subprocess.run(
            [sys.executable, "-c", code, tmp_path / "work"],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
    assert first == tmp_path / "work"
    assert answer.stdout.strip() == str(tmp_path / "work" / "call-1")
    with free_folder(tmp_path / "work") as again:
        assert again == first  # and so the next call finds its work


def test_atlases_in_turn_are_both_kept(tiny, tmp_path, capsys):
    other = tmp_path / "other.nii.gz"
    other.write_bytes(Path(tiny.maps_file).read_bytes())
    for maps in ("data/maps.nii.gz", "other.nii.gz"):
        assert quickly(maps=maps) == 0
    capsys.readouterr()
    for maps in ("data/maps.nii.gz", "other.nii.gz"):
        assert quickly(maps=maps) == 0
        assert "3 runs: 3 up to date" in capsys.readouterr().err
    records = read_manifests(run_files(tmp_path / "out", tiny.run_ids[0]).manifest)
    assert len(records) == 2
    # What is taken away is done again, and the other atlas is not.
    run_files(tmp_path / "out", tiny.run_ids[0]).raw("maps").unlink()
    assert quickly(maps="data/maps.nii.gz") == 0
    assert "1 run done, 2 were up to date" in capsys.readouterr().err
    assert quickly(maps="other.nii.gz") == 0
    assert "3 runs: 3 up to date" in capsys.readouterr().err


# Whose fault


UNFORESEEN = [ValueError("embedded\nnull"), KeyError("x"), RecursionError(), ZeroDivisionError()]


@pytest.mark.parametrize("error", UNFORESEEN, ids=lambda error: type(error).__name__)
def test_whatever_goes_wrong_in_planning_one_run_is_its_own_fault(
    tiny, tmp_path, monkeypatch, error
):
    genuine = plan_module.read_info

    def read_info(path):
        if path == tiny.in_files[1]:
            raise error
        return genuine(path)

    monkeypatch.setattr(plan_module, "read_info", read_info)
    assert quickly() == 1
    assert list(statuses(tmp_path / "out").values()) == ["done", "failed", "done"]
    reason = read_rows(tmp_path / "out" / "runs.tsv")[1]["reason"]
    assert f"cannot be used ({type(error).__name__}: " in reason
    count("faults")


@pytest.mark.parametrize("error", UNFORESEEN, ids=lambda error: type(error).__name__)
def test_whatever_goes_wrong_in_processing_one_run_is_its_own_fault(
    tiny, tmp_path, monkeypatch, error
):
    from nipype_mapsmasker.interfaces import extraction

    genuine = extraction.extract_signals

    def extract_signals(*args, **values):
        if values["in_file"] == tiny.in_files[1]:
            raise error
        return genuine(*args, **values)

    monkeypatch.setattr(extraction, "extract_signals", extract_signals)
    assert quickly() == 1
    assert list(statuses(tmp_path / "out").values()) == ["done", "failed", "done"]
    assert type(error).__name__ in read_rows(tmp_path / "out" / "runs.tsv")[1]["reason"]
    count("faults")


BAD_ROWS = {
    "nobody's home": "~nouser/y.nii",
    "a NUL": "x\0y.nii",
    "5,000 characters": "a/" * 2500 + "b.nii",
    "no UTF-8": b"\xff_bold.nii.gz".decode("utf-8", "surrogateescape"),
    "a name of 300 characters": "b" * 300 + ".nii",
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_path_that_nobody_can_open_costs_its_run(tiny, tmp_path, name):
    lines = ["run_id\tin_file", f"bad\t{BAD_ROWS[name]}", f"ok\t{tiny.in_files[0]}"]
    text = "\n".join(lines) + "\n"
    (tmp_path / "t.tsv").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert quickly("t.tsv") == 1
    assert statuses(tmp_path / "out") == {"bad": "failed", "ok": "done"}
    count("faults")


def test_a_fault_of_the_program_has_a_code_of_its_own(monkeypatch, capsys):
    def fail(_):
        msg = "no such luck"
        raise KeyError(msg)

    monkeypatch.setattr(main_module, "_dispatch", fail)
    assert main(words()) == 3
    told = capsys.readouterr().err
    assert "Traceback" in told
    assert "fault of the program, not of your data" in told.splitlines()[-1]


NO_MEMORY = [
    MemoryError(),
    OSError(12, "Cannot allocate memory"),
    ImportError("_ckdtree.so: failed to map segment from shared object"),
    RuntimeError("can't start new thread"),
]
"""What a limit of memory makes Python say."""


@pytest.mark.parametrize("error", NO_MEMORY, ids=lambda error: type(error).__name__)
def test_no_memory_is_one_sentence(tiny, tmp_path, monkeypatch, capsys, error):
    from nipype_mapsmasker.interfaces import extraction

    def fail(*_, **__):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(main_module, "_dispatch", fail)
        assert main(words()) == 2
    told = capsys.readouterr().err
    assert len(told.splitlines()) == 1
    assert "there is not enough memory" in told
    # In a step it is no fault of the run's data, which would stay until the data change.
    monkeypatch.setattr(extraction, "extract_signals", fail)
    step = extraction.ExtractSignals(on_error="record", in_file=tiny.in_files[0])
    step.inputs.operator_files = [tiny.in_files[0]]
    with pytest.raises(type(error)) as caught:
        step.run(cwd=tmp_path)
    assert caught.value is error


# Screens


@pytest.mark.parametrize("screen", ["2>&-", "2>/dev/full", "2>&1 | head -1 >/dev/null"])
def test_a_screen_that_goes_away_stops_nothing(tiny, tmp_path, screen):
    call = " ".join([sys.executable, "-m", "nipype_mapsmasker", *words()])
    script = f"({call}; echo $? > code) {screen}"
    subprocess.run(
        ["bash", "-c", script],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
        timeout=PATIENCE_SECS,
    )
    assert (tmp_path / "code").read_text() == "0\n"
    assert statuses(tmp_path / "out") == dict.fromkeys(tiny.run_ids, "done")
    count("faults")


def test_a_reader_that_goes_away_is_no_error(tiny):
    call = " ".join([sys.executable, "-m", "nipype_mapsmasker", *words(), "--dry-run"])
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {call} | head -1"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECS,
    )
    assert done.returncode == 0
    assert done.stderr == ""


def test_quiet_tells_of_failed_runs_and_of_nothing_else(tiny, tmp_path, capsys):
    write_table(tmp_path / "t.tsv", run_id=["ok", "bad"], in_file=[tiny.in_files[0], "gone.nii"])
    assert quickly("t.tsv", "out", "-q") == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].endswith("1 run done, 0 were up to date, 1 failed")
    assert lines[1].startswith("mapsmasker: failed: bad: ")
    assert len(lines) == 2
    write_table(tmp_path / "t.tsv", run_id=["ok"], in_file=[tiny.in_files[0]])
    assert quickly("t.tsv", "out", "-q") == 0
    assert capsys.readouterr().err == ""


def test_what_keeps_a_clusters_jobs_is_shown(tmp_path, capsys):
    from nipype_mapsmasker.cli.screen import set_logs

    set_logs(verbose=False, quiet=False)
    with logged(tmp_path, "nipype.log"):
        logging.getLogger(QUEUE_LOGGER).warning("Slurm jobs 7 wait")
    assert capsys.readouterr().err == "mapsmasker: Slurm jobs 7 wait\n"
    assert "Slurm jobs 7 wait" in (tmp_path / "logs" / "nipype.log").read_text()


def test_the_name_of_a_table_is_no_name_of_a_run(tiny, tmp_path, capsys):
    write_table(tmp_path / "t.tsv", run_id=["atlas-maps_maps.tsv"], in_file=[tiny.in_files[0]])
    assert quickly("t.tsv") == 2
    assert "the result folder uses that name" in capsys.readouterr().err


def test_several_links_are_no_lock(tmp_path):
    (tmp_path / "lock").mkdir()
    (tmp_path / "lock" / ".mapsmasker.lock").symlink_to(tmp_path / "precious")
    with pytest.raises(ParameterError, match="is a link"), locked(tmp_path / "lock"):
        pass
    assert not (tmp_path / "precious").exists()
