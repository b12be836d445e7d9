# SPDX-License-Identifier: Apache-2.0
"""SLURM on bad days of a made-up Slurm; for each trap, Nipype's own plugin falls into it.

When one of the tests named `test_nipype_*` fails, Nipype has mended that trap. The same days on
a real Slurm are in tests/slurm.
"""

import json
import os
import shlex
import sys
from pathlib import Path

import pytest

NIPYPES = "nipype.pipeline.plugins.slurm.SLURMPlugin"
OURS = "nipype_mapsmasker.plugins.slurm.SLURMPlugin"
RESULT = [1, 11, 21, 31]
QUICK = {"poll_sleep_duration": 0.2, "retry_timeout": 0.1}
NIPYPE_QUICK = {"poll_sleep_duration": 0.2, "job_finished_timeout": 1}
CONTROLLER = "slurm_load_jobs error: Unable to contact slurm controller (connect failure)"
pytestmark = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="reads Linux's /proc")


@pytest.fixture
def slurm(tmp_path, driver):
    """Folder of a made-up Slurm, whose commands the driver finds first."""
    folder, commands = tmp_path / "slurm", tmp_path / "bin"
    folder.mkdir()
    commands.mkdir()
    fake = Path(__file__).with_name("fake_slurm.py")
    for name in ("sbatch", "squeue", "scontrol", "sacct", "scancel"):
        call = shlex.join([sys.executable, str(fake), str(folder), name])
        (commands / name).write_text(f'#!/bin/sh\nexec {call} "$@"\n')
        (commands / name).chmod(0o755)
    driver.environ["PATH"] = f"{commands}{os.pathsep}{driver.environ['PATH']}"
    driver.environ["LOGNAME"] = "somebody"
    driver.wish |= {"plugin": OURS, "plugin_args": QUICK, "mapnodes": ["first"]}
    return folder


def calls(slurm, command):
    """Arguments of each call of a command."""
    lines = [json.loads(line) for line in (slurm / "calls.txt").read_text().splitlines()]
    return [arguments for name, *arguments in lines if name == command]


def nipype(driver, **wish):
    """Run Nipype's own plugin."""
    return driver.run(plugin=NIPYPES, plugin_args={}, config=NIPYPE_QUICK, **wish)


def test_a_quiet_day(slurm, driver):
    outcome = driver.run(callback="list")
    assert outcome["error"] is None
    assert outcome["values"] == RESULT
    assert outcome["poll_unchanged"]
    assert len(outcome["states"]) == 10
    assert not list(driver.base_dir.rglob("*.slurmjob"))


def test_nipype_needs_logname(slurm, driver):
    del driver.environ["LOGNAME"]
    assert "LOGNAME" in nipype(driver)["error"]


def test_logname_is_not_needed(slurm, driver):
    del driver.environ["LOGNAME"]
    assert driver.run()["values"] == RESULT


def test_nipype_passes_no_resources(slurm, driver):
    assert nipype(driver, n_procs=3, mem_gb=2)["values"] == RESULT
    assert not [word for words in calls(slurm, "sbatch") for word in words if "--mem" in word]


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ({}, ["--cpus-per-task=3", "--mem=2048M"]),
        ({"sbatch_args": "--mem=7G -c 5"}, ["--mem=7G", "-c", "5"]),
        ({"sbatch_args": "--mem-per-cpu=1G"}, ["--cpus-per-task=3", "--mem-per-cpu=1G"]),
        ({"template": "#!/bin/bash\n#SBATCH --mem=9G  # much"}, ["--cpus-per-task=3"]),
        ({"pass_resources": False}, []),
        (
            {"sbatch_args": "--comment='two words'"},
            ["--cpus-per-task=3", "--mem=2048M", "--comment=two words"],
        ),
    ],
)
def test_resources_are_passed_unless_the_user_says_otherwise(slurm, driver, args, expected):
    driver.run(plugin_args={**QUICK, **args}, values=[0], n_procs=3, mem_gb=2)
    (words,) = calls(slurm, "sbatch")
    names = ("--mem", "--cpus", "-c", "5", "--comment")
    assert [word for word in words if word.startswith(names)] == expected


def test_nipype_asks_squeue_once_per_job(slurm, driver):
    nipype(driver)
    assert all("-j" in words for words in calls(slurm, "squeue"))


def test_one_squeue_tells_about_all_jobs(slurm, driver):
    assert driver.run()["values"] == RESULT
    assert not [words for words in calls(slurm, "squeue") if "-j" in words]


def test_nipype_gives_up_jobs_when_squeue_fails(slurm, driver):
    # No answer counts as "has ended", whatever the job does: this one is still at work.
    (slurm / "squeue_fails").write_text(f"1 {CONTROLLER}")
    outcome = nipype(driver, deeds={0: "wait"})
    (driver.folder / "go").touch()
    assert outcome["error"]


def test_a_failing_squeue_is_no_news(slurm, driver):
    (slurm / "squeue_fails").write_text(f"3 {CONTROLLER}")
    outcome = driver.run()
    assert outcome["values"] == RESULT
    assert "squeue answers again" in outcome["log"]


def test_squeue_failing_for_ever_is_no_hang(slurm, driver):
    (slurm / "squeue_fails").write_text(f"999999 {CONTROLLER}")
    outcome = driver.run(plugin_args={**QUICK, "squeue_patience": 0.5}, values=[0])
    assert "squeue has not answered for" in outcome["error"]


def test_sbatch_refusing_twice(slurm, driver):
    (slurm / "sbatch_fails").write_text("2 sbatch: error: Socket timed out on send/recv operation")
    outcome = driver.run()
    assert outcome["values"] == RESULT
    assert "Socket timed out" in outcome["log"]


def test_sbatch_refusing_for_ever_fails_each_node_with_its_words(slurm, driver):
    (slurm / "sbatch_fails").write_text("999999 sbatch: error: invalid partition specified: gpu")
    outcome = driver.run(values=list(range(0, 80, 10)))
    assert "8 raised" in outcome["error"]
    assert "invalid partition specified: gpu" in outcome["cause"]
    assert len(outcome["crashes"]) == 8
    # Five tries for each of the first three, then one: a mistake is not paid for by each node.
    assert len(calls(slurm, "sbatch")) == 3 * 5 + 5


def test_nipype_aborts_when_a_job_leaves_no_result(slurm, driver):
    (slurm / "lose").write_text("_first1")
    outcome = nipype(driver)
    assert outcome["error"].startswith("TypeError")


@pytest.mark.parametrize("deeds", [{}, {10: "die"}])
def test_a_job_that_leaves_no_result_is_a_clear_failure(slurm, driver, deeds):
    if not deeds:
        (slurm / "lose").write_text("_first1")
    outcome = driver.run(deeds=deeds, config={"job_finished_timeout": 1})
    assert "Node _first1 in " in outcome["error"]
    assert "left no result" in outcome["error"]
    assert len(outcome["crashes"]) == 1
    for value in (0, 20, 30):
        assert driver.starts(value)
    (slurm / "lose").unlink(missing_ok=True)
    assert driver.run()["values"] == RESULT


def run_twice(driver, slurm, **wish):
    """Run, then run again with other inputs while the job of one element is lost."""
    first = driver.run(**wish)
    assert first["error"] is None
    (slurm / "lose").write_text("_first1")
    return driver.run(values=[100, 110, 120, 130], **wish)


def test_nipype_takes_an_old_result_for_success(slurm, driver):
    wish = {"plugin": NIPYPES, "plugin_args": {}, "config": NIPYPE_QUICK}
    outcome = run_twice(driver, slurm, **wish)
    # The element that never ran counts as done, and the next step reads what it finds.
    assert outcome["error"] is None or "_first1" not in outcome["error"]


def test_an_old_result_is_not_taken_for_success(slurm, driver):
    outcome = run_twice(driver, slurm, config={"job_finished_timeout": 1})
    assert "Node _first1 in " in outcome["error"]
    assert "left no result" in outcome["error"]


def test_an_exception_is_reported_with_its_traceback(slurm, driver):
    outcome = driver.run(deeds={20: "raise"})
    assert "value 20 is bad, as the test wishes" in outcome["error"]
    assert driver.starts(30)


def test_jobs_use_the_drivers_python_and_modules(slurm, driver):
    outcome = driver.run(deeds=dict.fromkeys((0, 10, 20, 30), "note"))
    for note in outcome["notes"]:
        assert note["python"] == sys.executable
        assert str(Path(__file__).parent) in note["environ"]["PYTHONPATH"].split(os.pathsep)


def test_the_queue_is_not_longer_than_wished(slurm, driver):
    outcome = driver.run(plugin_args={**QUICK, "max_jobs": 2}, callback="list")
    running = peak = 0
    for _, state in outcome["states"]:
        running += 1 if state == "start" else -1
        peak = max(peak, running)
    assert outcome["values"] == RESULT
    assert peak == 2


@pytest.mark.parametrize("name", ["it's a \\ day", "100%j of ümläut", "a b", "x" * 150])
def test_odd_folders_and_names(slurm, driver, name):
    base_dir, mapnodes = str(driver.base_dir / name), ["-lead", "größe", "y" * 60]
    outcome = driver.run(base_dir=base_dir, mapnodes=mapnodes, values=[0, 10])
    assert outcome["values"] == [3, 13]
    assert all(words[0].isascii() and len(words[0]) < 130 for words in calls(slurm, "sbatch"))


def test_a_workflow_without_a_folder_is_refused(slurm, driver):
    outcome = driver.run(base_dir=None)
    assert "base_dir is None" in outcome["error"]
