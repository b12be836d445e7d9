# SPDX-License-Identifier: Apache-2.0
"""One tiny cohort for all tests of workflows, a quiet Nipype, and a runner that keeps records."""

import pytest
from nipype import logging as nipype_logging

from nipype_mapsmasker.io.images import reader as images
from nipype_mapsmasker.workflows import init_cohort_wf
from tests.tiny import make_tiny, results_of, set_inputs

QUIET = ("nipype.workflow", "nipype.utils", "nipype.interface")
"""Loggers that tell of every node."""


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """Three runs on two grids; tests only read it."""
    return make_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(autouse=True)
def _quiet(tmp_path, monkeypatch):
    """Let Nipype speak of errors only, and keep what it writes to the current folder apart."""
    monkeypatch.chdir(tmp_path)
    loggers = [nipype_logging.getLogger(name) for name in QUIET]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel("CRITICAL")
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture
def run(tmp_path):
    """A function that runs a workflow in this test's folder."""

    def run_workflow(workflow, plugin="Linear", base_dir=None, **plugin_args):
        workflow.base_dir = str(base_dir or tmp_path / "work")
        workflow.config["execution"]["crashdump_dir"] = str(tmp_path / "crashes")
        graph = workflow.run(plugin=plugin, plugin_args=plugin_args or None)
        return {node.name: node for node in graph.nodes()}

    return run_workflow


@pytest.fixture
def run_cohort(tiny, run):
    """A function that builds a cohort's workflow, runs it, and gives its results by field."""

    def build_and_run(*fields, parameters=None, plugin="Linear", cohort=tiny, **values):
        # Pages have tests of their own, and take longer than all else together.
        workflow = init_cohort_wf(**({"reports": False} | (parameters or {})))
        set_inputs(workflow, cohort, *fields, **values)
        return results_of(workflow, run(workflow, plugin))

    return build_and_run


@pytest.fixture
def opened(monkeypatch):
    """The images that this process opened for their data, in order."""
    paths = []
    genuine = images.open_stream

    def open_stream(info):
        paths.append(info.path.name)
        return genuine(info)

    monkeypatch.setattr(images, "open_stream", open_stream)
    return paths
