# SPDX-License-Identifier: Apache-2.0
"""MultiProc on bad days; for each trap, Nipype's own plugin is shown falling into it.

When one of the tests named `test_nipype_*` fails, Nipype has mended that trap.
"""

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from launch import is_alive, wait_until

OURS = "nipype_mapsmasker.plugins.multiproc.MultiProcPlugin"
NIPYPES = "nipype.pipeline.plugins.multiproc.MultiProcPlugin"
HANG_SECS = 12  # ours needs about two
TWO = {"n_procs": 2, "memory_gb": 4}
RESULT = [2, 12, 22, 32]
pytestmark = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="reads Linux's /proc")


def nipype_hangs(driver, **wish):
    """Whether the run neither ends well nor with an error."""
    return driver.run(plugin=NIPYPES, plugin_args=TWO, timeout=HANG_SECS, **wish) == "hang"


def test_a_quiet_day(driver):
    outcome = driver.run(plugin_args=TWO, callback="list")
    assert outcome["error"] is None
    assert outcome["values"] == RESULT
    assert outcome["poll_unchanged"]
    states = outcome["states"]
    nodes = [f"_{name}{i}" for name in ("first", "second") for i in range(4)] + ["first", "second"]
    assert sorted(name for name, state in states if state == "start") == sorted(nodes)
    assert sorted(name for name, state in states if state == "end") == sorted(nodes)
    assert len(states) == 2 * len(nodes)


def test_rerun_executes_nothing(driver):
    driver.run(plugin_args=TWO)
    outcome = driver.run(plugin_args=TWO, callback="list")
    assert outcome["values"] == RESULT
    assert all(len(driver.starts(value)) == 1 for value in (0, 10, 20, 30))
    assert sorted(outcome["states"]) == [["first", "end"], ["second", "end"]]


@pytest.mark.parametrize("deed", ["die once", "die"])
def test_nipype_hangs_when_a_worker_is_killed(driver, deed):
    assert nipype_hangs(driver, values=[0, 10], deeds={10: deed})


def test_a_killed_task_is_run_again(driver):
    outcome = driver.run(plugin_args=TWO, deeds={10: "die once"})
    assert outcome["error"] is None
    assert outcome["values"] == RESULT
    assert len(driver.starts(10)) == 2
    assert "A worker process was killed by SIGKILL; its task runs again" in outcome["log"]


@pytest.mark.parametrize(
    ("deed", "how"), [("die", "killed by SIGKILL"), ("exit", "ended with exit status 3")]
)
def test_the_culprit_is_reported_and_the_others_go_on(driver, deed, how):
    values = [0, 10, 20, 30, 40, 50]
    outcome = driver.run(plugin_args=TWO, values=values, deeds={10: deed})
    assert "Node _first1 in " in outcome["error"]
    assert f"its worker process was {how}, again when it ran alone" in outcome["error"]
    assert "give it more memory" in outcome["error"]
    assert len(outcome["crashes"]) == 1
    assert len(driver.starts(10)) == 2  # one retry, alone
    for value in (0, 20, 30, 40, 50):
        assert driver.starts(value), f"{value} was never run"


def test_two_culprits_at_once(driver):
    outcome = driver.run(plugin_args=TWO, deeds={0: "die", 10: "die"})
    assert outcome["error"].startswith("RuntimeError: 2 raised")
    assert len(outcome["crashes"]) == 2
    assert driver.starts(20)
    assert driver.starts(30)


def test_after_the_cause_is_mended_a_rerun_is_complete(driver):
    driver.run(plugin_args=TWO, deeds={10: "die"})
    outcome = driver.run(plugin_args=TWO)
    assert outcome["values"] == RESULT


def test_an_exception_is_reported_as_ever(driver):
    outcome = driver.run(plugin_args=TWO, deeds={20: "raise"})
    assert "value 20 is bad, as the test wishes" in outcome["error"]
    assert "value 20 is bad, as the test wishes" in outcome["crashes"][0]
    assert driver.starts(30)


def test_an_exception_of_a_node_that_runs_in_the_driver(driver):
    outcome = driver.run(plugin_args=TWO, deeds={20: "raise"}, run_here=True)
    assert "value 20 is bad, as the test wishes" in outcome["error"]
    assert driver.starts(30)


def test_nodes_that_run_in_the_driver(driver):
    assert driver.run(plugin_args=TWO, run_here=True)["values"] == RESULT


def test_stop_on_first_crash_ends_the_workers(driver):
    config = {"stop_on_first_crash": "true"}
    outcome = driver.run(plugin_args=TWO, deeds={0: "raise", 10: "wait"}, config=config)
    assert "value 0 is bad" in outcome["error"]
    for pid in driver.starts(10):
        assert not is_alive(pid)


def test_nipype_hangs_on_a_callback_that_cannot_be_pickled(driver):
    # Nipype stores the plugin's arguments in each MapNode, and swallows the pickle's error.
    assert nipype_hangs(driver, callback="list")


def test_nipype_starts_jobs_at_its_poll_only(driver):
    assert nipype_hangs(driver, config={"poll_sleep_duration": 3600})


def test_jobs_start_without_waiting_for_the_poll(driver):
    outcome = driver.run(
        plugin_args={**TWO, "poll_sleep_duration": 3600}, config={"poll_sleep_duration": 3600}
    )
    assert outcome["values"] == RESULT


def test_the_longest_queue_is_as_wished(driver):
    outcome = driver.run(plugin_args={**TWO, "max_jobs": 1}, callback="list")
    running = peak = 0
    for _, state in outcome["states"]:
        running += 1 if state == "start" else -1
        peak = max(peak, running)
    assert outcome["values"] == RESULT
    assert peak == 1


@pytest.mark.parametrize("scheduler", ["tsort", "mem_thread"])
def test_memory_is_shared_out(driver, scheduler):
    wish = {"plugin_args": {"n_procs": 4, "memory_gb": 1, "scheduler": scheduler}, "mem_gb": 0.6}
    outcome = driver.run(callback="list", **wish)
    running = peak = 0
    for _, state in outcome["states"]:
        running += 1 if state == "start" else -1
        peak = max(peak, running)
    assert outcome["values"] == RESULT
    assert peak == 1  # two of them would take more than 1 GB


def test_updatehash_runs_nothing(driver):
    driver.run(plugin_args=TWO)
    outcome = driver.run(plugin_args=TWO, deeds={99: "raise"}, updatehash=True)
    assert outcome["error"] is None
    assert len(driver.starts(0)) == 1


def kill_driver_while_it_waits(driver, plugin):
    """Kill a driver with two waiting workers; return their process numbers."""
    deeds = {0: "wait", 10: "wait"}
    process = driver.start(plugin=plugin, plugin_args=TWO, deeds=deeds)
    wait_until(lambda: driver.starts(0) and driver.starts(10), "both are running")
    process.send_signal(signal.SIGKILL)
    process.wait()
    return [*driver.starts(0), *driver.starts(10)]


def test_workers_end_with_a_killed_driver_and_a_rerun_is_complete(driver):
    for pid in kill_driver_while_it_waits(driver, OURS):
        wait_until(lambda pid=pid: not is_alive(pid), "it ended")
    (driver.folder / "go").touch()
    outcome = driver.run(plugin_args=TWO, deeds={0: "wait", 10: "wait"})
    assert outcome["values"] == RESULT


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_a_driver_killed_at_a_random_moment(driver, seed):
    values = (0, 10, 20, 30)
    n_starts = random.Random(seed).randrange(1, 9)  # of the eight elements
    process = driver.start(plugin_args=TWO)
    wait_until(
        lambda: sum(len(driver.starts(v + i)) for v in values for i in (0, 1)) >= n_starts,
        f"{n_starts} elements have begun",
    )
    process.send_signal(signal.SIGKILL)
    process.wait()
    for pid in {pid for v in values for i in (0, 1) for pid in driver.starts(v + i)}:
        wait_until(lambda pid=pid: not is_alive(pid), "the worker ended")
    assert driver.run(plugin_args=TWO)["values"] == RESULT


def test_nipypes_workers_outlive_a_killed_driver(driver):
    pids = kill_driver_while_it_waits(driver, NIPYPES)
    (driver.folder / "go").touch()  # they go on working, for nobody
    work = driver.base_dir / "wf/first/mapflow"
    for i in (0, 1):
        result = work / f"_first{i}/result__first{i}.pklz"
        wait_until(result.exists, f"element {i} was finished by an orphan")
    assert len(pids) == 2


def test_threads_of_the_libraries_follow_n_procs(driver):
    deeds = dict.fromkeys((0, 10, 20, 30), "note")
    for n_procs in (1, 2):
        outcome = driver.run(
            plugin_args=TWO,
            deeds=deeds,
            mapnodes=["only"],
            n_procs=n_procs,
            base_dir=str(driver.base_dir / str(n_procs)),
        )
        for note in outcome["notes"]:
            assert note["environ"]["OMP_NUM_THREADS"] == str(n_procs)
            assert set(note["threads"]) <= {n_procs}


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_other_ways_to_start_workers(driver, method):
    outcome = driver.run(plugin_args={**TWO, "mp_context": method}, deeds={10: "die once"})
    assert outcome["values"] == RESULT


def test_nipype_hangs_where_threads_of_the_program_multiply_matrices(driver):
    driver.environ["OPENBLAS_NUM_THREADS"] = "2"
    assert nipype_hangs(driver, blas_threads=2)


def test_threads_of_the_program_that_multiply_matrices(driver):
    driver.environ["OPENBLAS_NUM_THREADS"] = "2"
    outcome = driver.run(plugin_args=TWO, blas_threads=2)
    assert outcome["values"] == RESULT


def test_the_start_method_that_the_program_asked_for(driver):
    outcome = driver.run(
        plugin_args=TWO,
        start_method="spawn",
        deeds=dict.fromkeys(range(0, 40, 10), "note"),
        mapnodes=["only"],
    )
    assert {note["start_method"] for note in outcome["notes"]} == {"spawn"}


def test_a_script_without_a_main_guard_is_told_of_it(driver, tmp_path):
    script = tmp_path / "unguarded.py"
    script.write_text(UNGUARDED)
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=120,
        env=driver.environ, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "started by forkserver, which imports the script" in last
    assert "memory" not in last


UNGUARDED = """
import threading
from nipype import Node, Workflow
from nodes import Misbehave
from nipype_mapsmasker.plugins import MultiProcPlugin
threading.Thread(target=threading.Event().wait, daemon=True).start()
workflow = Workflow("wf", base_dir=".")
workflow.add_nodes([Node(Misbehave(value=1), name="only")])
workflow.run(plugin=MultiProcPlugin())
"""


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_a_worker_killed_at_a_random_moment(driver, seed):
    outcome = driver.run(plugin_args=TWO, kill_seed=seed)
    assert outcome["error"] is None
    assert outcome["values"] == RESULT
