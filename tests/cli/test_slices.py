# SPDX-License-Identifier: Apache-2.0
"""Slices of a cohort and the script of a Slurm array, without Slurm."""

import shlex
import subprocess
from pathlib import Path

import pytest

from nipype_mapsmasker.cohort.lock import locked
from nipype_mapsmasker.cohort.slices import task_arguments
from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.results.layout import run_files
from tests.cli.conftest import statuses
from tests.tiny import make_tiny


@pytest.fixture
def five(tmp_path):
    """Five runs on two grids, and their table."""
    tiny = make_tiny(tmp_path / "data", grids=(0, 1, 0, 0, 1))
    return tiny, tiny.write_table(tmp_path / "runs.tsv")


def test_slices_and_tables_make_what_one_call_makes(five, tmp_path, call):
    tiny, table = five
    words = ("run", table, tmp_path / "out", "--maps", tiny.maps_file)
    for number in (2, 1, 3):
        work = tmp_path / "work" / f"slice-{number}"
        told = call(*words, "--slice", f"{number}/3", "-w", work)
        assert told.code == 0
        assert not (tmp_path / "out" / "runs.tsv").exists()
    assert call(*words, "--only-tables").code == 0
    assert call("run", table, tmp_path / "one", "--maps", tiny.maps_file).code == 0
    assert list(statuses(tmp_path / "out")) == tiny.run_ids
    for name in ("runs.tsv", "atlas-maps_maps.tsv"):
        tables = [(tmp_path / out / name).read_text().splitlines() for out in ("out", "one")]
        columns = 5 if name == "runs.tsv" else None
        assert [line.split("\t")[:columns] for line in tables[0]] == [
            line.split("\t")[:columns] for line in tables[1]
        ]
    for run_id in tiny.run_ids:
        results = [run_files(tmp_path / out, run_id).timeseries("maps") for out in ("out", "one")]
        assert results[0].read_bytes() == results[1].read_bytes()


def test_tables_tell_apart_what_was_not_reached(five, tmp_path, call):
    tiny, table = five
    Path(tiny.in_files[2]).write_text("no image")
    words = ("run", table, tmp_path / "out", "--maps", tiny.maps_file)
    assert call(*words, "--slice", "1/2").code == 1
    told = call(*words, "--only-tables")
    assert told.code == 1
    assert "1 failed, 2 not reached" in told.err
    assert list(statuses(tmp_path / "out").values()) == [
        "done", "not reached", "failed", "not reached", "done",
    ]  # fmt: skip


def test_a_slice_beyond_the_table_is_empty(five, tmp_path, call):
    tiny, table = five
    told = call("run", table, tmp_path / "out", "--maps", tiny.maps_file, "--slice", "7/7")
    assert told.code == 0


def test_locks_let_slices_work_side_by_side(tmp_path):
    """Asked from another process: POSIX locks never stand against their own."""
    ask = (
        "import sys; from pathlib import Path; from nipype_mapsmasker.cohort.lock import locked\n"
        "ids = sys.argv[2:] or None\n"
        "try:\n"
        "    with locked(Path(sys.argv[1]), ids): print('held')\n"
        "except ValueError as error: print(error)\n"
    )

    def held(*run_ids):
        root = str(Path(__file__).resolve().parents[2])
        import sys

        done = subprocess.run(
            [sys.executable, "-c", ask, str(tmp_path), *run_ids],
            env={"PYTHONPATH": root},
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    with locked(tmp_path, ["a", "b"]):
        assert held("c", "d") == "held"
        assert "is in use by process" in held("b", "c")
        assert "is in use by process" in held()
    assert held() == "held"
    with locked(tmp_path):
        assert "is in use by process" in held("a")


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ("run a b --plugin SLURM --maps m", "run a b --maps m"),
        ("run a b --plugin=SLURM --maps m n -w d --detrend", "run a b --maps m n --detrend"),
        ("run a b --maps m --write-slurm-array s.sh --batch-size 3", "run a b --maps m"),
        ("run a b --maps m --clean-work-dir --dry-run", "run a b --maps m"),
    ],
)
def test_what_the_tasks_are_given(given, left):
    assert task_arguments(given.split()) == left.split()


def test_the_script(five, tmp_path, call):
    tiny, table = five
    folder = tmp_path / "it's here & 100%"
    script = folder / "cohort.sh"
    told = call(
        *("run", table, folder / "out", "--maps", tiny.maps_file, "--write-slurm-array", script),
        *("--batch-size", "2", "--n-procs", "2", "--detrend"),
    )
    assert told.code == 0
    assert told.out.splitlines()[-1] == f"  sbatch {shlex.quote(str(script))}"
    text = script.read_text()
    assert "#SBATCH --array=1-3\n" in text
    assert "#SBATCH --cpus-per-task=2\n" in text
    # sbatch takes no such name; the shell does.
    assert "#SBATCH --output=/dev/null\n" in text
    assert f"exec > {shlex.quote(str(folder / 'out' / 'logs'))}/slurm-" in text
    assert "--detrend" in text
    assert "--write-slurm-array" not in text
    assert subprocess.run(["bash", "-n", script]).returncode == 0
    assert (folder / "out" / "logs").is_dir()
    assert subprocess.run(["bash", script], capture_output=True).returncode == 2


def test_the_output_of_a_plain_folder_is_sbatchs_own(five, tmp_path, call):
    tiny, table = five
    script = tmp_path / "100%" / "cohort.sh"
    words = ("--maps", tiny.maps_file, "--write-slurm-array", script)
    assert call("run", table, tmp_path / "100%" / "out", *words).code == 0
    assert f"{tmp_path}/100%%/out/logs/slurm-%A_%a.out\n" in script.read_text()


def test_the_same_run_in_two_arrays_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="is in use"):
        _refuse(tmp_path)


def _refuse(folder):
    import multiprocessing

    context = multiprocessing.get_context("fork")
    ready, leave = context.Event(), context.Event()

    def hold():
        with locked(folder, ["x"]):
            ready.set()
            leave.wait(30)

    process = context.Process(target=hold)
    process.start()
    try:
        assert ready.wait(30)
        with locked(folder, ["y", "x"]):
            pass
    finally:
        leave.set()
        process.join()
