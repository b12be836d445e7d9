# SPDX-License-Identifier: Apache-2.0
"""
Measure what a strategy costs: CPU time of regressors and volumes, of cleaning, and of a matrix.

    python benchmarks/strategies.py [--small]

Runs of 140 volumes and 128 regions, with tables of 170 columns as fMRIPrep writes them. Images are
not read here: extraction reads each of them once, however many strategies follow.

CPU time of one process, so that other work on the machine does not count. Writes
docs/benchmarks/strategies.json; with --small only prints.
"""

from __future__ import annotations

import argparse
import datetime
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from measure import machine, markdown  # noqa: E402
from threadpoolctl import threadpool_limits  # noqa: E402

from nipype_mapsmasker.core.denoise.presets import preset  # noqa: E402
from nipype_mapsmasker.core.denoise.volumes import censoring_of  # noqa: E402
from nipype_mapsmasker.core.parameters import Cleaning  # noqa: E402
from nipype_mapsmasker.io.tables.signals import default_names, write_signals  # noqa: E402
from nipype_mapsmasker.steps.clean import CleaningInputs, clean_run  # noqa: E402
from nipype_mapsmasker.steps.connect import connect_run  # noqa: E402
from nipype_mapsmasker.steps.select import SelectionInputs, select_run  # noqa: E402

__all__ = ["N_REGIONS", "N_RUNS", "N_VOLUMES", "main", "strategies_table"]

STRATEGIES = ("none", "simple", "scrubbing.5+gsr", "compcor", "36P", "acompcor")
STEPS = ("regressors and volumes", "cleaning", "pearson")
N_VOLUMES, N_REGIONS, N_RUNS = 140, 128, 16
T_R = 2.0
WANTED_MS = 60
"""What one run and strategy may cost at most."""

OUT = ROOT / "docs" / "benchmarks" / "strategies.json"


def make_table(path: Path, rng: np.random.Generator) -> Path:
    """Write a table with the columns that the strategies ask for, and its JSON."""
    columns: dict[str, Any] = {}

    def expand(name: str) -> None:
        values = rng.standard_normal(N_VOLUMES)
        change = np.concatenate([[np.nan], np.diff(values)])
        ends = ("", "_derivative1", "_power2", "_derivative1_power2")
        for end, part in zip(ends, (values, change, values**2, change**2), strict=True):
            columns[name + end] = part

    for name in ("csf", "white_matter", "global_signal"):
        expand(name)
    for name in ("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z"):
        expand(name)
    columns["framewise_displacement"] = np.abs(0.15 * rng.standard_normal(N_VOLUMES))
    columns["std_dvars"] = 1 + 0.1 * rng.standard_normal(N_VOLUMES)
    said = {}
    for letter, mask, count in (("a", "combined", 30), ("c", "CSF", 15), ("w", "WM", 25)):
        for number in range(count):
            name = f"{letter}_comp_cor_{number:02d}"
            columns[name] = rng.standard_normal(N_VOLUMES)
            said[name] = {"Mask": mask, "Retained": True, "VarianceExplained": 0.5 / (number + 2)}
    for number in range(4):
        columns[f"cosine{number:02d}"] = rng.standard_normal(N_VOLUMES)
    for number in range(2):
        columns[f"non_steady_state_outlier{number:02d}"] = np.arange(N_VOLUMES) == number
    for number in range(40):
        columns[f"motion_outlier{number:02d}"] = np.arange(N_VOLUMES) == 20 + number
    write_signals(path, np.column_stack(list(columns.values())).astype(float), list(columns))
    path.with_suffix(".json").write_text(json.dumps(said))
    return path


def measure(folder: Path, n_runs: int) -> dict[str, dict[str, float]]:
    """Give CPU milliseconds of a run, medians over runs, by strategy and step."""
    rng = np.random.default_rng(0)
    names = default_names(N_REGIONS)
    spent: dict[str, dict[str, list[float]]] = {
        strategy: {step: [] for step in STEPS} for strategy in STRATEGIES
    }
    for run in range(n_runs):
        table = make_table(folder / f"{run}.tsv", rng)
        raw = rng.standard_normal((N_VOLUMES, N_REGIONS)) + 100
        signals = write_signals(folder / f"{run}_raw.tsv", raw, names)
        quality = np.column_stack([np.full(N_VOLUMES, 0.5), np.zeros(N_VOLUMES)])
        fit = write_signals(folder / f"{run}_fit.tsv", quality, ["r_squared", "no_data"])
        for name in STRATEGIES:
            times = _one(folder, table, (signals, fit), name)
            for step, seconds in zip(STEPS, times, strict=True):
                spent[name][step].append(1000 * seconds)
    return {
        name: {step: statistics.median(values) for step, values in steps.items()}
        for name, steps in spent.items()
    }


def _one(folder: Path, table: Path, extracted: tuple[Path, Path], name: str) -> list[float]:
    """Take one run through one strategy, and give the CPU seconds of each step."""
    strategy = preset(name)
    signals, quality = extracted
    times: list[float] = []

    def timed(step: Callable[[], Any]) -> Any:
        start = time.process_time()
        made = step()
        times.append(time.process_time() - start)
        return made

    inputs = SelectionInputs(confounds_files=str(table), fit_quality_file=str(quality), t_r=T_R)
    chosen = timed(lambda: select_run(folder, inputs, strategy, censoring_of(strategy)))
    confounds = None if chosen.confounds_file is None else str(chosen.confounds_file)
    files = CleaningInputs(
        run_id="run",
        signals_file=str(signals),
        confounds_files=confounds,
        sample_mask_file=str(chosen.outliers_file),
        selection_file=str(chosen.summary_file),
    )
    cleaned, summary = timed(lambda: clean_run(folder, files, Cleaning(t_r=T_R, detrend=True)))
    timed(lambda: connect_run(folder, cleaned, ["pearson"], summary_file=summary))
    return times


def strategies_table(spent: dict[str, dict[str, float]]) -> str:
    """Make the table, one line per strategy."""
    rows = [
        [f"`{name}`", *(f"{value:.1f}" for value in (*steps.values(), sum(steps.values())))]
        for name, steps in spent.items()
    ]
    return markdown(("strategy", *STEPS, f"together, ms (<= {WANTED_MS})"), rows)


def main() -> None:
    """Print and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--small", action="store_true", help="one run, print only")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):
        spent = measure(Path(folder), 1 if options.small else N_RUNS)
    print(strategies_table(spent))
    if not options.small:
        OUT.parent.mkdir(parents=True, exist_ok=True)
        found = {"date": f"{datetime.date.today()}", "machine": machine(), "spent": spent}
        OUT.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
