# SPDX-License-Identifier: Apache-2.0
"""The SLURM and SLURMGraph plugins on a real Slurm, on quiet days and bad ones."""

import os
import re
import signal
import sys
from pathlib import Path

import pytest
from launch import wait_until

GRAPH = "nipype_mapsmasker.plugins.slurmgraph.SLURMGraphPlugin"
ARGS = {"poll_sleep_duration": 0.2, "retry_timeout": 0.1}
WAIT = {**ARGS, "wait": True}
HOST = os.uname().nodename.split(".")[0]
pytestmark = pytest.mark.slurm


def job_of(slurm, name, state="RUNNING"):
    """Number of the job whose name begins so and that is in this state; None if there is none."""
    for line in slurm("squeue", "-h", "-o", "%A %T %j").splitlines():
        number, found, job = line.split()
        if job.startswith(name) and found == state:
            return number
    return None


def start_waiting(driver, slurm, **wish):
    """Start a run whose second element waits in its job; return the driver and the job."""
    process = driver.start(deeds={10: "wait"}, **wish)
    wait_until(lambda: driver.starts(10), "the second element has begun")
    return process, job_of(slurm, "_first1.")


def expect_failure(driver, outcome, *words):
    """The second element failed with these words, and the first was done."""
    assert "_first1" in outcome["error"]
    for word in words:
        assert word in outcome["error"]
    assert len(outcome["crashes"]) == 1
    assert driver.starts(0)
    (driver.folder / "go").touch()
    assert driver.run(deeds={10: "wait"})["values"] == [1, 11]  # a rerun is complete


def test_a_quiet_day_without_logname(driver):
    outcome = driver.run(mapnodes=["first", "second"], callback="list")
    assert outcome["error"] is None
    assert outcome["values"] == [2, 12]
    assert len(outcome["states"]) == 12


def test_a_rerun_submits_nothing(driver, slurm):
    driver.run()
    before = slurm("squeue", "-h", "-t", "all", "-o", "%A")
    assert driver.run()["values"] == [1, 11]
    assert slurm("squeue", "-h", "-t", "all", "-o", "%A") == before


def test_resources_python_and_modules_reach_the_job(driver):
    deeds = {0: "note", 10: "note"}
    args = {**ARGS, "sbatch_args": "--export=NONE"}
    outcome = driver.run(deeds=deeds, plugin_args=args, n_procs=2, mem_gb=0.75)
    for note in outcome["notes"]:
        assert note["environ"]["SLURM_CPUS_PER_TASK"] == "2"
        assert note["environ"]["SLURM_MEM_PER_NODE"] == "768"
        assert note["python"] == sys.executable


def test_the_users_word_on_resources_counts(driver):
    args = {**ARGS, "sbatch_args": "--mem=600 -c 1"}
    outcome = driver.run(deeds={0: "note", 10: "note"}, plugin_args=args, n_procs=2, mem_gb=9)
    for note in outcome["notes"]:
        assert note["environ"]["SLURM_CPUS_PER_TASK"] == "1"
        assert note["environ"]["SLURM_MEM_PER_NODE"] == "600"


def test_a_cancelled_job(driver, slurm):
    process, job = start_waiting(driver, slurm)
    slurm("scancel", job)
    expect_failure(driver, driver.finish(process), "ended as CANCELLED", "cancelled it")


@pytest.mark.slow
def test_a_job_out_of_time(driver, slurm):
    args = {**ARGS, "sbatch_args": "--time=1"}  # Slurm counts in minutes
    process, _ = start_waiting(driver, slurm, plugin_args=args)
    outcome = driver.finish(process)
    expect_failure(driver, outcome, "ended as TIMEOUT", "Give it more time")


def test_a_killed_process(driver, slurm):
    process, _ = start_waiting(driver, slurm)
    os.kill(driver.starts(10)[-1], signal.SIGKILL)
    expect_failure(driver, driver.finish(process), "ended as FAILED", "exit code 137", "mem_gb")


def test_a_job_cancelled_before_it_began(driver, slurm):
    # The node is full: the second element waits in the queue.
    args = {**ARGS, "sbatch_args": "--exclusive"}
    process = driver.start(deeds={0: "wait", 10: "wait"}, plugin_args=args)
    wait_until(lambda: driver.starts(0), "the first element has begun")
    slurm("scancel", job_of(slurm, "_first1.", "PENDING"))
    (driver.folder / "go").touch()
    expect_failure(driver, driver.finish(process), "ended as CANCELLED")


def test_a_failed_node(driver, slurm):
    process, _ = start_waiting(driver, slurm, plugin_args={**ARGS, "sbatch_args": "--no-requeue"})
    wait_until(lambda: not job_of(slurm, "_first0."), "the first element is done")
    slurm("scontrol", "update", f"nodename={HOST}", "state=down", "reason=test")
    outcome = driver.finish(process)
    slurm("scontrol", "update", f"nodename={HOST}", "state=resume", check=False)
    expect_failure(driver, outcome, "ended as NODE_FAIL", "run it again")


def test_a_failed_node_whose_jobs_are_requeued_loses_nothing(driver, slurm):
    process, _ = start_waiting(driver, slurm)
    slurm("scontrol", "update", f"nodename={HOST}", "state=down", "reason=test")
    wait_until(lambda: job_of(slurm, "_first1.", "PENDING"), "the job waits again")
    (driver.folder / "go").touch()
    slurm("scontrol", "update", f"nodename={HOST}", "state=resume", check=False)
    assert driver.finish(process)["values"] == [1, 11]


def test_a_drained_node_keeps_jobs_waiting_and_says_so(driver, slurm):
    slurm("scontrol", "update", f"nodename={HOST}", "state=drain", "reason=test")
    process = driver.start()
    wait_until(lambda: job_of(slurm, "_first1.", "PENDING"), "the job waits")
    wait_until(lambda: "DRAINED" in slurm("squeue", "-h", "-o", "%r"), "it waits for the node")
    slurm("scontrol", "update", f"nodename={HOST}", "state=resume")
    outcome = driver.finish(process)
    assert outcome["values"] == [1, 11]


def test_squeue_failing_for_a_while(driver, wrap):
    left = wrap("squeue", 3, "slurm_load_jobs error: Unable to contact slurm controller")
    outcome = driver.run()
    assert outcome["values"] == [1, 11]
    assert left() == 0
    assert "squeue answers again" in outcome["log"]


def test_sbatch_refusing_twice(driver, wrap):
    left = wrap("sbatch", 2, "sbatch: error: Socket timed out on send/recv operation")
    outcome = driver.run()
    assert outcome["values"] == [1, 11]
    assert left() == 0
    assert "Socket timed out" in outcome["log"]


def test_an_old_result_is_not_taken_for_success(driver, slurm):
    assert driver.run(deeds={99: "die"})["values"] == [1, 11]
    args = {**ARGS, "sbatch_args": "--hold"}
    process = driver.start(plugin_args=args)  # other inputs, so not cached
    wait_until(lambda: job_of(slurm, "_first1.", "PENDING"), "the job waits")
    for name in ("_first0.", "_first1."):
        slurm("scancel", job_of(slurm, name, "PENDING"))
    outcome = driver.finish(process)
    assert "2 raised" in outcome["error"]
    assert "ended as CANCELLED" in outcome["cause"]


def test_jobs_of_a_killed_driver_are_cancelled_before_their_nodes_run_again(driver, slurm):
    process, job = start_waiting(driver, slurm)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert job_of(slurm, "_first1.") == job  # it goes on, for nobody
    again = driver.start(deeds={10: "wait"})
    wait_until(lambda: len(driver.starts(10)) == 2, "the element has begun again")
    (driver.folder / "go").touch()
    assert driver.finish(again)["values"] == [1, 11]
    assert "JobState=CANCELLED" in slurm("scontrol", "show", "job", job)


def test_an_interrupted_driver_cancels_its_jobs(driver, slurm):
    process, _ = start_waiting(driver, slurm)
    process.send_signal(signal.SIGINT)
    process.wait()
    wait_until(lambda: not job_of(slurm, "_first1."), "the job is gone")


def test_graph(driver):
    args = {**WAIT, "sbatch_args": "--comment=test"}
    outcome = driver.run(plugin=GRAPH, plugin_args=args, mapnodes=["first", "größe", "-c"])
    assert outcome["values"] == [3, 13]


def test_graph_passes_resources_and_dependencies(driver, slurm):
    outcome = driver.run(
        plugin=GRAPH, plugin_args=WAIT, mapnodes=["first", "second"], n_procs=2, mem_gb=0.75
    )
    assert outcome["values"] == [2, 12]
    jobs = slurm("squeue", "-h", "-t", "all", "-o", "%A %j %C %m", "-S", "-i").splitlines()
    (first,) = [line for line in jobs[:2] if " first.wf" in line]
    (second,) = [line for line in jobs[:2] if " second.wf" in line]
    assert first.endswith(" 2 768M")
    assert re.search(r"Dependency=\(null\)", slurm("scontrol", "show", "job", second.split()[0]))


def test_graph_with_a_failing_job_tells_which(driver):
    outcome = driver.run(
        plugin=GRAPH, plugin_args=WAIT, mapnodes=["first", "second"], deeds={10: "raise"}
    )
    assert "2 of 2 jobs failed" in outcome["error"]
    assert "Node wf.first in " in outcome["error"]
    assert "value 10 is bad, as the test wishes" in outcome["error"]
    assert "A job that it depends on failed" in outcome["error"]


def test_graph_does_not_repeat_what_is_done(driver, slurm):
    args = {**WAIT, "dont_resubmit_completed_jobs": True}
    driver.run(plugin=GRAPH, plugin_args=args)
    before = slurm("squeue", "-h", "-t", "all", "-o", "%A")
    assert driver.run(plugin=GRAPH, plugin_args=args)["values"] == [1, 11]
    assert slurm("squeue", "-h", "-t", "all", "-o", "%A") == before


def test_graph_with_sbatch_refusing_twice_and_squeue_failing(driver, wrap):
    wrap("sbatch", 2, "sbatch: error: Socket timed out on send/recv operation")
    wrap("squeue", 4, "slurm_load_jobs error: Unable to contact slurm controller")
    outcome = driver.run(plugin=GRAPH, plugin_args=WAIT)
    assert outcome["values"] == [1, 11]


def test_nothing_is_written_beside_the_work_folder(driver, tmp_path, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    assert driver.run()["values"] == [1, 11]
    assert not list(Path(here).iterdir())
