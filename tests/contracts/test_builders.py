# SPDX-License-Identifier: Apache-2.0
"""House rules on workflow builders: keyword-only, name last, documented fields are the fields."""

import inspect
import re

import pytest

from .conftest import builders

MINIMAL_ARGUMENTS: dict[str, dict[str, object]] = {}
"""Arguments that a builder cannot do without, by the builder's name."""


@pytest.fixture
def workflow(builder):
    """Build the smallest workflow of each builder."""
    return builder(**MINIMAL_ARGUMENTS.get(builder.__name__, {}))


def documented_fields(function, section):
    """Return the names that a section of a docstring lists, in order."""
    lines = inspect.getdoc(function).splitlines()
    title = lines.index(section)
    assert lines[title + 1] == "-" * len(section), f"{section} is not underlined to its length"
    names = []
    for line, following in zip(lines[title + 2 :], [*lines[title + 3 :], ""], strict=True):
        if following and set(following) == {"-"}:
            break
        if match := re.match(r"(\*{0,2}\w+(?:, \w+)*)(?: : .*)?$", line):
            names += match.group(1).lstrip("*").split(", ")
    return names


def test_builders_are_found():
    names = {function.__name__ for function in builders()}
    assert names >= {"init_cohort_wf", "init_run_wf"}


def test_takes_keywords_only_and_the_name_last(builder):
    """Keywords that are handed on to a parameters class may follow the name."""
    parameters = list(inspect.signature(builder).parameters.values())
    if parameters[-1].kind is inspect.Parameter.VAR_KEYWORD:
        parameters.pop()
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters)
    assert parameters[-1].name == "name"
    assert parameters[-1].default, "the name has a default"


def test_documents_every_parameter(builder):
    documented = documented_fields(builder, "Parameters")
    assert documented == list(inspect.signature(builder).parameters)


@pytest.mark.parametrize(("section", "node"), [("Inputs", "inputnode"), ("Outputs", "outputnode")])
def test_documented_fields_are_the_fields(builder, workflow, section, node):
    fields = list(workflow.get_node(node).interface._fields)
    assert documented_fields(builder, section) == fields


def test_names_of_nodes_are_unique_words(workflow):
    for name in workflow.list_node_names():
        assert re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*", name), name
