# SPDX-License-Identifier: Apache-2.0
"""A launcher of workflows for each test."""

import sys
from pathlib import Path

import pytest

# Workers and cluster jobs import `nodes` by this name, too.
HERE = str(Path(__file__).resolve().parent)
if HERE not in sys.path:
    sys.path.append(HERE)


@pytest.fixture
def driver(tmp_path):
    """A starter of workflows in this test's folder; nothing of them outlives the test."""
    from launch import Launcher

    folder = tmp_path / "folder"
    folder.mkdir()
    launcher = Launcher(tmp_path / "work", folder)
    yield launcher
    launcher.close()
