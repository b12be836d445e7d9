# SPDX-License-Identifier: Apache-2.0
"""The graph of a pipeline author, iterables and a JoinNode included, on a real Slurm."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.recipes.test_recipes import check_own_pipeline
from tests.tiny import make_tiny

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slurm


@pytest.mark.slow
def test_own_pipeline(cluster, slurm, tmp_path):
    tiny = make_tiny(tmp_path / "data", grids=(0, 0, 0))
    words = [tiny.folder, tiny.maps_file, "out", "01", "02", "03", "--plugin", "MapsmaskerSLURM"]
    answer = subprocess.run(
        [sys.executable, str(ROOT / "workflows" / "own_pipeline.py"), *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=tmp_path,
        env=os.environ | cluster | {"PYTHONPATH": str(ROOT)},
    )
    assert answer.returncode == 0, answer.stderr
    check_own_pipeline(tmp_path / "out", tiny)
