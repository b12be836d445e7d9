# SPDX-License-Identifier: Apache-2.0
"""Graphs over a matrix of options, built and checked without running anything."""

import itertools
import pickle

import pytest
from nipype.pipeline.engine import MapNode

from nipype_mapsmasker.workflows import init_cohort_wf, init_run_wf
from nipype_mapsmasker.workflows.cohort import COHORT_INPUTS, COHORT_OUTPUTS
from nipype_mapsmasker.workflows.run import RUN_INPUTS, RUN_OUTPUTS
from tests.tiny import set_inputs

BUILDERS = {
    init_cohort_wf: (COHORT_INPUTS, COHORT_OUTPUTS),
    init_run_wf: (RUN_INPUTS, RUN_OUTPUTS),
}
"""Builders, and the fields that they promise."""

STRATEGIES = {
    "one": {"": {"detrend": True}},
    "two": {"plain": {}, "band": {"low_pass": 0.1, "high_pass": 0.01}},
}
"""Mappings of strategies by a name for the test."""

MATRIX = list(
    itertools.product(
        [("maps",), ("first", "second")],  # atlases
        STRATEGIES,
        ["data", "mask", "maps", None],  # resampling_target
        [False, True],  # high_variance_confounds
        [False, True],  # inverse_transform
        [False, True],  # out_dir
    )
)


@pytest.fixture(params=BUILDERS, ids=lambda builder: builder.__name__)
def builder(request):
    """Each builder in turn."""
    return request.param


@pytest.mark.parametrize(
    ("atlases", "strategies", "target", "variance", "inverse", "stored"), MATRIX
)
def test_expands(builder, atlases, strategies, target, variance, inverse, stored, tiny):
    workflow = builder(
        atlases=atlases,
        strategies=STRATEGIES[strategies],
        resampling_target=target,
        high_variance_confounds=variance,
        inverse_transform=inverse,
        reports=False,
        out_dir="results" if stored else None,
    )
    inputs, outputs = BUILDERS[builder]
    assert workflow.get_node("inputnode").interface._fields == list(inputs)
    assert workflow.get_node("outputnode").interface._fields == list(outputs)
    nodes = {name: workflow.get_node(name) for name in workflow.list_node_names()}
    n_results = len(atlases) * len(STRATEGIES[strategies])
    counts = {
        "fit_maps": len(atlases),
        "extract": 1,
        "high_variance": int(variance),
        "clean": n_results,
        "inverse_transform": n_results * inverse,
        "store": int(stored),
    }
    for step, count in counts.items():
        found = [node for name, node in nodes.items() if name.startswith(step)]
        assert len(found) == count, step
        over_runs = builder is init_cohort_wf
        assert all(isinstance(node, MapNode) == over_runs for node in found), step
    graph = workflow._create_flat_graph()
    assert len(graph) == len(nodes)


def test_survives_pickling(builder):
    workflow = pickle.loads(pickle.dumps(builder()))
    assert workflow.list_node_names() == builder().list_node_names()


def test_name_is_the_callers(builder):
    assert builder(name="mine").name == "mine"


def test_every_heavy_node_says_what_memory_it_needs(builder):
    workflow = builder(extract_mem_gb=3.5, fit_mem_gb=2.5, high_variance_confounds=True)
    nodes = {name: workflow.get_node(name) for name in workflow.list_node_names()}
    assert nodes["extract"].mem_gb == 3.5
    assert nodes["high_variance"].mem_gb == 3.5
    assert nodes["fit_maps"].mem_gb == 2.5
    assert all(node.n_procs == 1 for node in nodes.values())


def test_settings_travel_with_the_workflow(builder):
    settings = builder().config["execution"]
    assert settings["remove_unnecessary_outputs"] is False
    assert settings["create_report"] is False
    assert settings["crashfile_format"] == "txt"


def test_two_workflows_share_no_settings(builder):
    first, second = builder(), builder()
    first.config["execution"]["crashdump_dir"] = "elsewhere"
    assert "crashdump_dir" not in second.config["execution"]


@pytest.mark.parametrize("graph2use", ["orig", "flat", "exec", "hierarchical", "colored"])
def test_can_be_drawn(tiny, tmp_path, graph2use):
    workflow = set_inputs(init_cohort_wf(), tiny)
    workflow.base_dir = str(tmp_path)
    workflow.write_graph(str(tmp_path / "graph.dot"), graph2use=graph2use, format="dot")
    assert "extract" in (tmp_path / "graph.dot").read_text()
