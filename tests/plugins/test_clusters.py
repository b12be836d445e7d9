# SPDX-License-Identifier: Apache-2.0
"""Nipype's plugins of other clusters, with stand-ins of their commands."""

import json
import os
import sys
from pathlib import Path

import pytest
from nipype.interfaces.utility import Function
from nipype.pipeline.engine import Node, Workflow
from nipype.pipeline.engine.utils import load_resultfile

from nipype_mapsmasker.cohort import CohortRequest, run_cohort
from nipype_mapsmasker.cohort.engine import make_plugin
from nipype_mapsmasker.io.results.layout import run_files
from nipype_mapsmasker.plugins.clusters import CLUSTERS, pass_resources
from tests.tiny import make_tiny

COMMANDS = {
    "PBS": ("qsub", "qstat"),
    "SGE": ("qsub", "qstat", "qacct"),
    "LSF": ("bsub", "bjobs"),
    "Condor": ("condor_qsub", "condor_q"),
    "OAR": ("oarsub", "oarstat"),
    "CondorDAGMan": ("condor_submit_dag",),
}
"""What each plugin calls."""

ASKED = {
    "PBS": ["-V", "-l", "nodes=1:ppn=2,mem=1538mb"],
    "SGE": ["-pe", "smp", "2", "-l", "mem_free=769M"],
    "LSF": ["-n", "2", "-M", "1538MB", "-R", "span[hosts=1] rusage[mem=1538MB]"],
    "Condor": ["-l", "nodes=1:ppn=2,mem=1538mb"],
    "OAR": ["-l", "nodes=1/core=2"],
}
"""Two cores and 1.501 GB, in each one's words."""


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """Put a cluster's commands before all others; give what was asked of them."""

    def install(plugin):
        folder = tmp_path / "cluster"
        folder.mkdir()
        for name in ("calls.txt", "jobs.txt"):
            (folder / name).write_text("")
        if plugin == "SGE":
            (folder / "sge").write_text("")
        here = Path(__file__).with_name("fake_cluster.py")
        for command in COMMANDS[plugin]:
            path = folder / command
            path.write_text(f'#!/bin/bash\n{sys.executable} {here} {folder} {command} "$@"\n')
            path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        monkeypatch.delenv("LOGNAME", raising=False)
        return lambda: [
            json.loads(line) for line in (folder / "calls.txt").read_text().splitlines()
        ]

    return install


def double(number):
    return 2 * number


def workflow(folder):
    flow = Workflow("flow", base_dir=str(folder))
    flow.config = {"execution": {"job_finished_timeout": 20, "create_report": "false"}}
    interface = Function(input_names=["number"], output_names=["out"], function=double)
    node = Node(interface, name="twice", n_procs=2, mem_gb=1.501)
    node.inputs.number = 21
    flow.add_nodes([node])
    return flow, node


@pytest.mark.parametrize("plugin", ["SGE", "LSF", "Condor"])
def test_a_node_runs_and_the_cluster_hears_what_it_needs(tmp_path, cluster, plugin):
    calls = cluster(plugin)
    flow, _ = workflow(tmp_path / "work")
    given = {"poll_sleep_duration": 0.05, CLUSTERS[plugin].key: "-q short"}
    request = CohortRequest(
        input="r.tsv", out_dir=tmp_path, maps=["m.nii"], plugin=plugin, plugin_args=given
    )
    flow.run(plugin=make_plugin(request, lambda *told: None, flow))
    result = load_resultfile(str(tmp_path / "work" / "flow" / "twice" / "result_twice.pklz"))
    assert result.outputs.out == 42
    [submitted] = [call for call in calls() if call[0] == COMMANDS[plugin][0]]
    assert " ".join(["-q", "short", *ASKED[plugin]]) in " ".join(submitted)


@pytest.mark.parametrize("plugin", ASKED)
def test_words_of_the_user_are_not_contradicted(tmp_path, plugin):
    said = {
        "PBS": "-l select=1:mem=9gb", "SGE": "-l h_vmem=9G", "LSF": "-M 9GB",
        "Condor": "-l mem=9gb", "OAR": "-l nodes=2",
    }[plugin]  # fmt: skip
    _, node = workflow(tmp_path)
    key = CLUSTERS[plugin].key
    left = pass_resources([node], plugin, {key: said, "max_jobs": 3})
    assert left == {"max_jobs": 3}
    fixed = f"{CLUSTERS[plugin].fixed} " if CLUSTERS[plugin].fixed else ""
    assert node.plugin_args[key] == fixed + said


def test_dagman_is_told_in_its_submit_files(tmp_path):
    _, node = workflow(tmp_path)
    pass_resources([node], "CondorDAGMan", {})
    assert node.plugin_args["override_specs"] == "request_cpus = 2\nrequest_memory = 1538\n"


def test_other_engines_are_told_nothing(tmp_path):
    _, node = workflow(tmp_path)
    assert pass_resources([node], "IPython", {"profile": "x"}) == {"profile": "x"}
    assert node.plugin_args == {}


@pytest.mark.slow
def test_a_cohort_on_pbs_makes_what_linear_makes(tmp_path, cluster):
    calls = cluster("PBS")
    tiny = make_tiny(tmp_path / "data", grids=(0, 0))
    table = tiny.write_table(tmp_path / "runs.tsv")
    for plugin in ("PBS", "Linear"):
        result = run_cohort(
            CohortRequest(
                input=table,
                out_dir=tmp_path / plugin,
                maps=[tiny.maps_file],
                plugin=plugin,
                plugin_args={"poll_sleep_duration": 0.05} if plugin == "PBS" else None,
                reports=False,
            )
        )
        assert result.exit_code == 0
    submitted = [call for call in calls() if call[0] == "qsub"]
    assert submitted
    assert all(any("mem=" in word for word in call) for call in submitted)
    for run_id in tiny.run_ids:
        ours, theirs = (run_files(tmp_path / out, run_id) for out in ("PBS", "Linear"))
        atlas = "maps"
        assert ours.timeseries(atlas).read_bytes() == theirs.timeseries(atlas).read_bytes()
