# SPDX-License-Identifier: Apache-2.0
"""
Measure whole cohorts: CPU time against inflating, masks of runs against one mask, and nilearn.

    python benchmarks/cohort.py [DATA] [--repeats 5] [--only int16,own-masks] [--small]

Each measurement is a process of its own, from the start of Python to its end, without pages; what
is compared is measured in turn. Writes docs/benchmarks/cohort.json; with --small only prints.
"""

from __future__ import annotations

import argparse
import datetime
import json
import statistics
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from cases import Case
from data import FULL, SMALL, data_folder
from jobs import case_files
from measure import interleave, machine, markdown, medians, run_job

__all__ = ["cohort_table", "main"]

OUT = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "cohort.json"

RUNS = Case("int16", "16 runs", "cohort", n_volumes=100, n_runs=16)
"""What all others are variants of."""

SMOOTHED = replace(RUNS, name="smoothed", smoothing_fwhm=6.0)


def comparisons() -> dict[str, tuple[dict[str, tuple[str, Case]], dict[str, tuple[str, ...]]]]:
    """
    Give what is measured in turn, and the bars of the ratios that come out.

    A job is a tool and a case; a bar is the two jobs, the number that is compared, and the limit.
    """
    found = {}
    for name, case, bar in (
        ("int16", RUNS, "2.4"),
        ("float32", replace(RUNS, dtype="float32"), "1.8"),
        ("no-zeros", replace(RUNS, zeros=False), "2.4"),
        ("masked", replace(RUNS, masked=True), "2.4"),
    ):
        jobs = {"inflate": ("inflate", case), "ours": ("ours", case)}
        if name in ("int16", "masked"):
            jobs["one run"] = ("ours", replace(case, n_runs=1))
        found[name] = (jobs, {"CPU against inflating": ("ours", "inflate", "cpu", f"<= {bar}")})
    for name, case, seconds in (
        ("own-masks", RUNS, "1.1"),
        ("own-masks-smoothed", SMOOTHED, "1.25"),
    ):
        own = replace(case, own_masks=True)
        found[name] = (
            {"one mask": ("ours", case), "own masks": ("ours", own)},
            {
                "CPU, own masks against one": ("own masks", "one mask", "cpu", f"<= {seconds}"),
                "work folder, the same": ("own masks", "one mask", "work_mb", "<= 1.05"),
            },
        )
    packed = replace(RUNS, zstd=True)
    found["zstd"] = (
        {
            "inflate .gz": ("inflate", RUNS),
            "inflate .zst": ("inflate", packed),
            "ours .gz": ("ours", RUNS),
            "ours .zst": ("ours", packed),
        },
        {
            "CPU, inflating .zst against .gz": ("inflate .zst", "inflate .gz", "cpu", ""),
            "CPU, ours, the same": ("ours .zst", "ours .gz", "cpu", ""),
        },
    )
    for name, case, bar in (
        ("nilearn", RUNS, "13"),
        ("nilearn-smoothed", SMOOTHED, "16"),
        ("nilearn-own-masks", replace(RUNS, own_masks=True), "12"),
        ("nilearn-masked", replace(RUNS, masked=True), "13"),
        ("nilearn-masked-smoothed", replace(SMOOTHED, masked=True), "16"),
        ("nilearn-masked-own-masks", replace(RUNS, masked=True, own_masks=True), "12"),
    ):
        found[name] = (
            {"ours": ("ours", case), "nilearn": ("nilearn", case)},
            {
                "times as fast": ("nilearn", "ours", "seconds", f">= {bar}"),
                "largest process": ("ours", "nilearn", "largest_mb", "<= 0.2"),
            },
        )
    return found


def measure(
    name: str, folder: Path, repeats: int, *, small: bool = False, warm_up: bool = True
) -> dict[str, Any]:
    """Measure one comparison."""
    jobs, bars = comparisons()[name]
    space, calls = (SMALL if small else FULL), {}
    for job, (tool, case) in jobs.items():
        wanted = replace(case, n_volumes=20, n_runs=min(case.n_runs, 4)) if small else case
        case_files(wanted, folder, space)
        calls[job] = partial(run_job, tool, wanted, folder, space=space.name, rerun=False)
    results = interleave(calls, repeats, warm_up=warm_up and not small)
    ratios = {}
    for title, (above, below, number, bar) in bars.items():
        pairs = zip(results[above], results[below], strict=True)
        ratios[title] = [statistics.median(one[number] / two[number] for one, two in pairs), bar]
    if "one run" in results:
        n_more = jobs["ours"][1].n_runs - 1 if not small else 3
        share = [
            (all_["cpu"] - one["cpu"]) / n_more / (inflated["cpu"] / (n_more + 1))
            for all_, one, inflated in zip(
                results["ours"], results["one run"], results["inflate"], strict=True
            )
        ]
        ratios["each run beyond the first"] = [statistics.median(share), "<= 1.65"]
    middle = {job: medians(found) for job, found in results.items()}
    return {"medians": middle, "ratios": ratios, "repeats": repeats}


def cohort_table(found: dict[str, Any]) -> str:
    """Give all that was measured as tables."""
    rows, ratios = [], []
    for name, one in found.items():
        for job, numbers in one["medians"].items():
            rows.append(
                [name, job]
                + [
                    "" if number not in numbers else f"{numbers[number]:,.{digits}f}"
                    for number, digits in (
                        ("seconds", 1), ("cpu", 2), ("largest_mb", 0), ("work_mb", 1)
                    )
                ]
            )  # fmt: skip
        ratios += [
            [name, title, f"{value:.2f}", bar, f"{one['repeats']}"]
            for title, (value, bar) in one["ratios"].items()
        ]
    header = ("comparison", "job", "seconds", "CPU s", "largest process, MB", "work folder, MB")
    return (
        markdown(header, rows)
        + "\n"
        + markdown(("comparison", "ratio", "found", "wanted", "calls of each"), ratios)
    )


def main() -> None:
    """Measure and keep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("folder", nargs="?", help="where the data are kept")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", help="names of comparisons, with commas")
    parser.add_argument("--small", action="store_true", help="tiny data, once, print only")
    parser.add_argument("--no-warm-up", action="store_true")
    options = parser.parse_args()
    folder = data_folder(options.folder)
    names = options.only.split(",") if options.only else list(comparisons())
    found: dict[str, Any] = {}
    for name in names:
        repeats = 1 if options.small else options.repeats
        warm_up = not options.no_warm_up
        found[name] = measure(name, folder, repeats, small=options.small, warm_up=warm_up)
        print(cohort_table({name: found[name]}), flush=True)
        if not options.small:  # at once: the whole takes an hour
            earlier = json.loads(OUT.read_text())["found"] if OUT.exists() else {}
            text = {"date": f"{datetime.date.today()}", "machine": machine()}
            OUT.parent.mkdir(parents=True, exist_ok=True)
            OUT.write_text(json.dumps(text | {"found": earlier | found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
