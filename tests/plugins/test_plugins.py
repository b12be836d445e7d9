# SPDX-License-Identifier: Apache-2.0
"""What holds for all plugins: names, registration, and a watcher without the kernel's help."""

import os
import subprocess
import sys

import nipype.pipeline.plugins as nipype_plugins
import pytest

import nipype_mapsmasker.plugins as plugins

NAMES = ["MultiProcPlugin", "SLURMGraphPlugin", "SLURMPlugin"]


@pytest.mark.parametrize("name", NAMES)
def test_each_is_a_subclass_of_nipypes_own(name):
    assert issubclass(getattr(plugins, name), getattr(nipype_plugins, name))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'CondorPlugin'"):
        plugins.CondorPlugin  # noqa: B018


@pytest.mark.parametrize("name", NAMES)
def test_registered_names(name, monkeypatch):
    for other in NAMES:
        monkeypatch.delattr(nipype_plugins, f"Mapsmasker{other}", raising=False)
    plugins.register()
    assert getattr(nipype_plugins, f"Mapsmasker{name}") is getattr(plugins, name)
    for other in NAMES:
        monkeypatch.delattr(nipype_plugins, f"Mapsmasker{other}")


def test_a_watching_thread_ends_the_process_where_the_kernel_does_not():
    # The grandchild keeps the pipe open until it ends; the child goes at once.
    code = """
import os, sys, time
from nipype_mapsmasker.plugins.workers import die_with_parent
parent = os.getpid()
if os.fork() == 0:
    die_with_parent(parent, ask_kernel=False)
    time.sleep(3600)
os._exit(0)
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=120, env=dict(os.environ)
    )
    assert ended.returncode == 0, ended.stderr
