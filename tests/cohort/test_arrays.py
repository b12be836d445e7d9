# SPDX-License-Identifier: Apache-2.0
"""Scripts of arrays, run by a shell with the variables that each cluster sets."""

import os
import subprocess

import pytest

from nipype_mapsmasker.cohort import CohortRequest, slices
from nipype_mapsmasker.cohort.plan import Plan
from nipype_mapsmasker.cohort.plan import PlannedRun as Planned
from nipype_mapsmasker.cohort.request import RunSpec
from nipype_mapsmasker.errors import ParameterError

TASKS = {
    "slurm": {"SLURM_ARRAY_TASK_ID": "{task}", "SLURM_ARRAY_JOB_ID": "77"},
    "sge": {"SGE_TASK_ID": "{task}", "JOB_ID": "77"},
    "pbs": {"PBS_ARRAY_INDEX": "{task}", "PBS_JOBID": "77[{task}].host"},
    "lsf": {"LSB_JOBINDEX": "{task}", "LSB_JOBID": "77"},
}
"""What a task of each cluster finds in its environment."""

WAITS = {
    "slurm": "--dependency=afterany:77",
    "sge": "-hold_jid 77",
    "pbs": "-W depend=afterany:77[].host",
    "lsf": "-w ended(77)",
}
"""How the last job waits for all tasks."""

HEADS = {
    "slurm": ["#SBATCH --array=1-3", "#SBATCH --cpus-per-task=2", "#SBATCH --mem=1024M"],
    "sge": ["#$ -t 1-3", "#$ -pe smp 2", "#$ -l mem_free=512M", "#$ -q short -l h_rt=9:00:00"],
    "pbs": ["#PBS -J 1-3", "#PBS -l select=1:ncpus=2:mem=1024mb", "#PBS -q short -l h_rt=9:00:00"],
    "lsf": ['#BSUB -J "mapsmasker[1-3]"', '#BSUB -R "span[hosts=1] rusage[mem=1024MB]"'],
}
"""Lines with cores and memory, and with what the user asks for besides."""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write the script of five runs; the program and the cluster's commands only note down."""
    for name in ("python", "sbatch", "qsub", "bsub"):
        stub = tmp_path / "bin" / name
        stub.parent.mkdir(exist_ok=True)
        stub.write_text(
            f"#!/bin/bash\ncd {tmp_path}\n[ -t 0 ] || cat >> stdin\necho {name} $* >> calls\n"
        )
        stub.chmod(0o755)
    monkeypatch.setattr(slices.sys, "executable", str(tmp_path / "bin" / "python"))

    def made(cluster, n_runs=5, **more):
        script = tmp_path / "a folder" / "cohort.sh"
        request = CohortRequest(
            input="runs.tsv", out_dir=tmp_path / "out", maps=["m.nii"], batch_size=2,
            **{f"write_{cluster}_array": script}, **more,
        )  # fmt: skip
        runs = [
            Planned(run=RunSpec(run_id=f"r{n}", in_file="i.nii"), state="todo")
            for n in range(n_runs)
        ]
        plan = Plan(out_dir=tmp_path / "out", params=request.masker(), atlases=[], runs=runs)
        return slices.write_array_script(request, plan)

    return made


def run(tmp_path, script, *words, **environ):
    """Run a script as a task would; give what was called."""
    (tmp_path / "calls").write_text("")
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    bare = {"PATH": path, "HOME": os.environ.get("HOME", "/")}
    done = subprocess.run(
        ["bash", str(script), *words], env=bare | environ, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip
    return done, (tmp_path / "calls").read_text().splitlines()


@pytest.mark.parametrize("cluster", TASKS)
def test_each_task_does_its_slice_and_the_first_submits_the_tables(tmp_path, write, cluster):
    args = {"sge": "qsub_args", "pbs": "qsub_args"}.get(cluster)
    more = {"plugin_args": {args: "-q short -l h_rt=9:00:00"}} if args else {}
    array = write(cluster, **more)
    assert (array.n_tasks, array.batch_size) == (3, 2)
    lines = array.path.read_text().splitlines()
    assert [line for line in HEADS[cluster] if line not in lines] == []
    for task in "123":
        environ = {name: value.format(task=task) for name, value in TASKS[cluster].items()}
        done, calls = run(tmp_path, array.path, **environ)
        assert done.returncode == 0, done.stderr
        assert f"--slice {task}/3" in calls[-1]
        assert f"work/slice-{task}" in calls[-1]
        assert len(calls) == (2 if task == "1" else 1)
        if task == "1":
            assert WAITS[cluster] in calls[0]
    _, calls = run(tmp_path, array.path, "tables")
    assert calls == [line for line in calls if line.endswith("--plugin Linear --only-tables")]


@pytest.mark.parametrize("cluster", ["sge", "pbs", "lsf"])
def test_the_last_job_names_the_script_whatever_its_folder(tmp_path, write, cluster):
    array = write(cluster)
    environ = {name: value.format(task="1") for name, value in TASKS[cluster].items()}
    _, calls = run(tmp_path, array.path, **environ)
    stdin = tmp_path / "stdin"
    said = stdin.read_text() if stdin.exists() else ""
    assert r"a\ folder/cohort.sh tables" in said + calls[0]


@pytest.mark.parametrize(
    ("cluster", "environ"),
    [
        ("slurm", {}),
        ("sge", {"SGE_TASK_ID": "undefined", "JOB_ID": "7"}),
        ("pbs", {}),
        ("lsf", {"LSB_JOBINDEX": "0", "LSB_JOBID": "7"}),
    ],
)
def test_outside_of_an_array_it_says_how_it_is_submitted(tmp_path, write, cluster, environ):
    array = write(cluster)
    done, calls = run(tmp_path, array.path, **environ)
    log = next((tmp_path / "out" / "logs").glob("*.out"), None)
    told = done.stderr + (log.read_text() if log else "")
    assert done.returncode == 2
    assert "Give this script to" in told
    assert calls == []


def test_torque_has_another_variable_and_another_dependency(tmp_path, write):
    array = write("pbs")
    _, calls = run(tmp_path, array.path, PBS_ARRAYID="1", PBS_JOBID="77[1].host")
    assert "depend=afteranyarray:77[].host" in calls[0]
    assert "--slice 1/3" in calls[1]


def test_pbs_takes_no_array_of_one_task(tmp_path, write):
    array = write("pbs", n_runs=1)
    assert "-J" not in array.path.read_text().split("set -u")[0]
    _, calls = run(tmp_path, array.path, PBS_JOBID="77.host")
    assert "depend=afterany:77.host" in calls[0]
    assert "--slice 1/1" in calls[1]


def test_two_clusters_at_once_are_refused(tmp_path):
    with pytest.raises(ParameterError, match="write_sge_array and write_lsf_array are given"):
        CohortRequest(
            input="r.tsv", out_dir="o", maps=["m.nii"], write_sge_array="a", write_lsf_array="b"
        )


def test_a_line_break_in_the_users_options_is_refused(write):
    with pytest.raises(ParameterError, match="qsub_args has a line break"):
        write("sge", plugin_args={"qsub_args": "-q a\n#$ -q b"})
