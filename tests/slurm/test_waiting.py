# SPDX-License-Identifier: Apache-2.0
"""Jobs that a real Slurm keeps waiting, and a controller that goes and comes: told, then gone on.

Nothing here waits for a certain time: each test waits until the driver has told what it should,
lifts what keeps the job, and asks for the result.
"""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from launch import is_alive, wait_until

from tests.slurm.test_slurm import ARGS, GRAPH, WAIT, start_waiting

pytestmark = pytest.mark.slurm


def expect_told(driver, process, *words):
    """Wait until a running driver has told all this in one line."""

    def is_told():
        assert process.poll() is None, driver.told(process)
        lines = driver.told(process).splitlines()
        return any(all(word in line for word in words) for line in lines)

    wait_until(is_told, f"it tells {words}")


def ancestors_of(pid):
    """A job's process, its batch script and the daemon that watches over that."""
    pids = [pid]
    for _ in range(2):
        pids.append(int(Path(f"/proc/{pids[-1]}/stat").read_text().rpartition(")")[2].split()[1]))
    return pids


def go_on(slurm, job, ancestors):
    """Let a job that was put back into the queue begin without its pause of two minutes.

    The pause is there for the cluster to clear away what is left of the job, which is waited for,
    and for its credentials, whose times are in whole seconds: hence two of them.
    """
    wait_until(lambda: not any(is_alive(pid) for pid in ancestors), "the old processes ended")
    slurm("scontrol", "update", f"jobid={job}", "StartTime=now+2")


def release_until(process, slurm):
    """Release whatever is held until the driver ends: what follows is submitted as held, too."""

    def is_over():
        held = slurm("squeue", "-h", "-t", "PENDING", "-o", "%A").split()
        if held:
            slurm("scontrol", "release", ",".join(held), check=False)
        return process.poll() is not None

    wait_until(is_over, "the driver has ended")


@pytest.mark.parametrize("plugin", [None, GRAPH])
def test_held_jobs(driver, slurm, plugin):
    wish = {"plugin": plugin} if plugin else {}
    process = driver.start(plugin_args={**WAIT, "sbatch_args": "--hold"}, **wish)
    expect_told(driver, process, "JobHeldUser", "scontrol release")
    release_until(process, slurm)
    assert driver.finish(process)["values"] == [1, 11]


def test_a_requeued_job(driver, slurm):
    process, job = start_waiting(driver, slurm)
    old = ancestors_of(driver.starts(10)[-1])
    slurm("scontrol", "requeue", job)
    expect_told(driver, process, job, "BeginTime", "by themselves")
    (driver.folder / "go").touch()
    go_on(slurm, job, old)
    assert driver.finish(process)["values"] == [1, 11]
    assert len(driver.starts(10)) == 2


def test_a_job_that_is_requeued_and_held(driver, slurm):
    process, job = start_waiting(driver, slurm)
    old = ancestors_of(driver.starts(10)[-1])
    slurm("scontrol", "requeuehold", job)
    expect_told(driver, process, job, "scontrol release")
    (driver.folder / "go").touch()
    slurm("scontrol", "release", job)
    go_on(slurm, job, old)
    assert driver.finish(process)["values"] == [1, 11]


def test_a_suspended_job(driver, slurm):
    process, job = start_waiting(driver, slurm)
    slurm("scontrol", "suspend", job)
    expect_told(driver, process, job, "SUSPENDED", "scontrol resume")
    (driver.folder / "go").touch()
    slurm("scontrol", "resume", job)
    assert driver.finish(process)["values"] == [1, 11]


@pytest.fixture
def controller(cluster, slurm):
    """Stop and start the cluster's controller."""
    folder = Path(cluster["MAPSMASKER_SLURM_DIR"])
    environ = dict(os.environ, **cluster, PATH=f"{os.environ['PATH']}:/usr/sbin:/sbin")

    def is_up():
        return bool(slurm("sinfo", "-h", check=False))

    def stop():
        os.kill(int((folder / "run/slurmctld.pid").read_text()), signal.SIGTERM)
        wait_until(lambda: not is_up(), "the controller is gone")

    def start(*options):
        subprocess.run(["slurmctld", *options], env=environ, check=True, timeout=60)
        wait_until(is_up, "the controller answers")

    yield stop, start
    if not is_up():
        start()


@pytest.mark.parametrize("n_waiting", [1, 2])
def test_a_controller_that_is_restarted(driver, slurm, controller, n_waiting):
    stop, start = controller
    process, _ = start_waiting(driver, slurm, mapnodes=["first", "second"][:n_waiting])
    stop()
    expect_told(driver, process, "squeue fails (", "count as running")
    (driver.folder / "go").touch()
    start()
    assert driver.finish(process)["values"] == [n_waiting, 10 + n_waiting]
    assert "squeue answers again" in driver.told(process)


def test_a_controller_that_is_away_when_jobs_are_submitted(driver, slurm, controller):
    stop, start = controller
    stop()
    args = {**ARGS, "max_tries": 1}  # a controller that is away is no refusal
    process = driver.start(plugin_args=args)
    expect_told(driver, process, "sbatch failed", "controller")
    start()
    assert driver.finish(process)["values"] == [1, 11]


def test_a_controller_that_lost_its_memory(driver, slurm, controller):
    stop, start = controller
    process, job = start_waiting(driver, slurm, config={"job_finished_timeout": 1})
    stop()
    expect_told(driver, process, "squeue fails (")
    start("-c")
    outcome = driver.finish(process)
    assert f"Slurm job {job} ended" in outcome["error"]
    assert "left no result" in outcome["error"]
    (driver.folder / "go").touch()
    assert driver.run(deeds={10: "wait"})["values"] == [1, 11]
