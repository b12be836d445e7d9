# SPDX-License-Identifier: Apache-2.0
"""Each declared parameter arrives where it acts, from each side, with the same default."""

from __future__ import annotations

from typing import get_origin

import pytest
from nipype.interfaces.base import Undefined, traits

from nipype_mapsmasker.cli.options import masker_parameters
from nipype_mapsmasker.cli.parser import build_parser
from nipype_mapsmasker.core.parameters import MaskerParameters, parameters_of
from nipype_mapsmasker.workflows import init_cohort_wf, init_run_wf

from .conftest import interface_classes

DECLARED = parameters_of(MaskerParameters)

ADDS_NODES = {
    "high_variance_confounds": "high_variance",
    "inverse_transform": "inverse_transform",
    "reports": "report_run",
    "connectivity": "connectivity",
    "dual_regression": "dual_regression",
}
"""Switches that are no input of an interface, and the node that each adds or removes."""

NEEDS: dict[str, dict[str, object]] = {
    "keep_masked_maps": {"inverse_transform": False},
    "filter": {"high_pass": 0.01},
    "confounds_columns": {"missing_confounds": "skip"},
    "shrinkage": {"connectivity": ["pearson"]},
    "fisher_z": {"connectivity": ["pearson"]},
}
"""What a parameter's other value does not go with, and must be otherwise."""

ELSEWHERE = {"atlases": "store", "strategies": "clean_other", "denoise": "clean_simple"}
"""Lists that decide which nodes there are, and one that shows it."""


def another(declared):
    """Make a value that is allowed and is not the default, from the declaration alone."""
    if declared.name == "atlases":
        return ["other"]
    if declared.name == "strategies":
        return {"other": {}}
    if declared.name == "denoise":
        return ["simple"]
    if declared.name == "connectivity":
        return ["pearson"]
    if declared.types == (bool,):
        return not declared.default
    others = [
        value
        for value in declared.choices
        if value is not None and value != declared.default and not isinstance(value, bool)
    ]
    if others:
        return others[0]
    kind = next((kind for kind in declared.types if get_origin(kind) is None), None)
    if kind in (int, float):
        return kind((declared.high or 14) / 2)
    return "bone" if kind is str else ["other"]


def inputs_named(workflow, name):
    """Find the inputs of that name in all nodes, where something is set."""
    nodes = [workflow.get_node(path) for path in workflow.list_node_names()]
    values = [
        getattr(node.inputs, name, Undefined)
        for node in nodes
        if (type(node.interface).__name__, name) not in OTHER_MEANINGS
    ]
    return [value for value in values if value is not Undefined]


def as_set(value):
    """Bring a value and what a trait makes of it to one form."""
    return list(value) if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("build", [init_run_wf, init_cohort_wf])
@pytest.mark.parametrize("name", DECLARED)
def test_arrives_at_its_interface(build, name, tmp_path):
    values = {name: another(DECLARED[name])}
    # All steps are there, so that every input of theirs is.
    shared = {"out_dir": str(tmp_path), "high_variance_confounds": True, "inverse_transform": True}
    before = build(**{key: value for key, value in shared.items() if key != name})
    after = build(**shared | values | NEEDS.get(name, {}))
    if name in ADDS_NODES or name in ELSEWHERE:
        node = (ADDS_NODES | ELSEWHERE)[name]
        names = [set(workflow.list_node_names()) for workflow in (before, after)]
        if name == "atlases":
            assert after.get_node(node).inputs.atlases == values[name]
        else:
            assert (node in names[0]) != (node in names[1])
        return
    arrived = [as_set(value) for value in inputs_named(after, name)]
    assert arrived
    assert all(value == as_set(values[name]) for value in arrived), f"{name} arrived as {arrived}"
    assert as_set(values[name]) not in [as_set(value) for value in inputs_named(before, name)]


def words_for(name, value):
    """Write the option that means a value."""
    flag = "--" + name.replace("_", "-")
    if isinstance(value, bool):
        return [flag if value else f"--no-{flag[2:]}"]
    return [flag, *map(str, value if isinstance(value, list) else [value])]


@pytest.mark.parametrize("name", sorted(set(DECLARED) - {"strategies", "atlases", "on_error"}))
def test_the_option_means_the_parameter(name):
    value = another(DECLARED[name])
    given = ["run", "runs.tsv", "out", "--maps", "maps.nii"]
    plain = masker_parameters(build_parser().parse_args(given))
    assert getattr(plain, name) == DECLARED[name].default
    words = words_for(name, value)
    for other, needed in NEEDS.get(name, {}).items():
        words += words_for(other, needed)
    told = masker_parameters(build_parser().parse_args(given + words))
    assert getattr(told, name) == value
    assert type(getattr(told, name)) is type(value)


@pytest.mark.parametrize("name", DECLARED)
def test_traits_have_the_same_default_and_choices(name):
    """An interface that has an input of a parameter's name means the parameter by it."""
    declared = DECLARED[name]
    for interface in interface_classes():
        trait = interface.input_spec().traits().get(name)
        if trait is None or (interface.__name__, name) in OTHER_MEANINGS:
            continue
        if name != "atlases":
            assert getattr(interface.input_spec(), name) == declared.default, interface
        if declared.choices and not declared.types:
            assert isinstance(trait.trait_type, traits.Enum)
            assert set(trait.trait_type.values) == set(declared.choices), interface


OTHER_MEANINGS = {
    # Files are resampled for somebody else's use, not for ours: other words and defaults.
    ("ResampleImage", "interpolation"),
    ("ResampleImage", "clip"),
    ("ResampleImage", "dtype"),
    # An image, not a table.
    ("InverseTransform", "dtype"),
    ("DualRegression", "dtype"),
    # Voxels, not signals.
    ("HighVarianceConfounds", "detrend"),
    # Names of what is stored.
    ("StoreRun", "strategies"),
    ("StoreRun", "atlases"),
    # None: as they were when the results were made.
    ("RedrawRuns", "displayed_maps"),
    ("RedrawRuns", "cmap"),
    # Of a filter, not of a person.
    ("ExtractSignals", "min_volumes"),
}
"""Inputs that share a parameter's name and are something else."""
