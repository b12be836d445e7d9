# SPDX-License-Identifier: Apache-2.0
"""One truncated image among three, met by the command as a process with its default plugin."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nipype_mapsmasker.io.tables.rows import read_rows

from .faults import RUN_FAULTS, truncated_gz

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""

MATCH = RUN_FAULTS[truncated_gz]
"""What must be said."""


@pytest.mark.parametrize(("on_error", "code"), [(None, 1), ("raise", 2)])
def test_truncated_image(cohort, tmp_path, on_error, code):
    table = cohort.write_table(tmp_path / "runs.tsv", **truncated_gz(cohort))
    words = ["run", str(table), "out", "--maps", cohort.maps_file, "--no-reports"]
    words += ["--on-error", on_error, "--quiet"] if on_error else []
    answer = subprocess.run(
        [sys.executable, "-m", "nipype_mapsmasker", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert answer.returncode == code
    assert answer.stdout == ""
    assert "Traceback" not in answer.stderr
    assert re.search(MATCH, answer.stderr), answer.stderr
    if on_error is None:
        rows = read_rows(tmp_path / "out" / "runs.tsv")
        assert [row["status"] for row in rows] == ["done", "failed", "done"]
        assert re.search(MATCH, rows[1]["reason"])
    else:
        assert len(answer.stderr.strip().splitlines()) == 1, answer.stderr
