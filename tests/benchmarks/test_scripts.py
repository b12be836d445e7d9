# SPDX-License-Identifier: Apache-2.0
"""The benchmarks run, on tiny data and without a look at the clock."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


def output(script: str, *arguments: str) -> str:
    command = [sys.executable, str(BENCHMARKS / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_speed_prints_a_table_in_which_both_tools_agree(data: Path) -> None:
    line = output("speed.py", str(data), "--small", "--only", "float32").strip().splitlines()[-1]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[:2] == ["float32, plain", "1"]
    # nilearn computes in float32 here.
    assert 0 < float(cells[-1]) < 0.01


def test_memory_prints_a_peak_for_every_length(data: Path) -> None:
    text = output("memory.py", str(data), "--small")
    assert "| 10 | " in text
    assert "| 40 | " in text


def test_scaling_prints_a_table_for_every_axis_asked_for(data: Path) -> None:
    text = output("scaling.py", str(data), "--small", "--only", "K,runs")
    assert "| K | seconds | CPU seconds | peak, MB |" in text
    assert "ms a run" in text


def test_estimator_gives_one_score_for_both_classes_and_a_line_for_every_place(data: Path) -> None:
    text = output("estimator.py", str(data), "--small")
    scores, times = (
        [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines()[2:]]
        for part in text.strip().split("\n\n")
    )
    assert len(scores) == 3 * 3
    for _, ours, theirs, apart in scores:
        assert ours == theirs
        assert float(ours) >= 0.5
        assert float(apart) < 1e-9
    assert [row[:2] for row in times] == [
        [f"2 {place}", n_jobs] for place in ("in memory", "on disk") for n_jobs in "12"
    ]


def test_pages_prints_what_they_cost_beside_what_they_did() -> None:
    lines = output("pages.py", "--small").strip().splitlines()
    assert lines[0].startswith("| page | CPU, s | before | aim | MB")
    assert lines[2].startswith("| run page, K = 8 |")
    assert lines[3].startswith("| cohort page, 50 rows |")


def test_strategies_prints_a_line_for_every_strategy() -> None:
    text = output("strategies.py", "--small")
    assert "| strategy | regressors and volumes | cleaning | pearson | together" in text
    for name in ("none", "simple", "scrubbing.5+gsr", "compcor", "36P", "acompcor"):
        assert f"| `{name}` |" in text


def test_a_cohort_is_played_through_on_many_cores() -> None:
    code = "import cores; print(*(cores.play(n, c, 1.0, d, 2.0) for n, c, d in {}))"
    cases = [(10, 1, 0.0), (10, 5, 0.0), (4, 4, 0.5), (100, 100, 1.0)]
    command = [sys.executable, "-c", code.format(cases)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=BENCHMARKS)
    # All on one; all at once; the fourth has waited for the driver; the driver is the bound.
    assert [float(word) for word in done.stdout.split()] == [12.0, 4.0, 5.0, 103.0]
