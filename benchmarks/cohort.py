# SPDX-License-Identifier: Apache-2.0
"""
Measure whole cohorts: CPU time against inflating, masks of runs against one mask, and nilearn.

    python benchmarks/cohort.py [DATA] [--repeats 5] [--only int16,own-masks] [--small]

Each measurement is a process of its own, from the start of Python to its end, without pages; what
is compared is measured in turn, all of it once a round. Writes docs/benchmarks/cohort.json after
every round; with --small only prints.
"""

from __future__ import annotations

import argparse
import datetime
import json
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cases import Case
from data import FULL, SMALL, case_files, data_folder
from measure import machine, markdown, medians, run_job

__all__ = ["cohort_table", "main", "rows_beside_nilearn"]

OUT = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "cohort.json"

RUNS = Case("int16", "16 runs", "cohort", n_volumes=100, n_runs=16)
"""What all others are variants of."""

SMOOTHED = replace(RUNS, name="smoothed", smoothing_fwhm=6.0)

TITLES = {
    "nilearn": "16 runs, two processes",
    "nilearn-smoothed": "16 runs, smoothing 6 mm",
    "nilearn-own-masks": "16 runs, a mask of its own each",
    "nilearn-masked": "16 masked runs",
    "nilearn-masked-smoothed": "16 masked runs, smoothing 6 mm",
    "nilearn-masked-own-masks": "16 masked runs, a mask of its own each",
}
"""What the comparisons with nilearn are called in the main table (masked: 0 outside the brain)."""


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
            {
                "ours": ("ours", case),
                "nilearn": ("nilearn", case),
                # What the ratio can come to at most; masks and smoothing change nothing in it.
                "least": ("least", replace(RUNS, masked=case.masked)),
            },
            {
                "times as fast": ("nilearn", "ours", "seconds", f">= {bar}"),
                "the same of the least": ("nilearn", "least", "seconds", ""),
                "largest process": ("ours", "nilearn", "largest_mb", "<= 0.2"),
            },
        )
    return found


Job = tuple[str, Case]
"""A tool and a case."""


def measure(
    names: Sequence[str], folder: Path, repeats: int, *, small: bool = False, warm_up: bool = True
) -> Iterator[dict[str, Any]]:
    """
    Measure comparisons in rounds, in each of which every job is done once, whoever asks for it.

    What was found so far is given after every round.
    """
    space = SMALL if small else FULL
    wanted = {name: comparisons()[name] for name in names}
    asked = dict.fromkeys(job for found, _ in wanted.values() for job in found.values())
    jobs = {job: job for job in sorted(asked, key=_kind)}
    if small:
        jobs = {
            (tool, case): (tool, replace(case, n_volumes=20, n_runs=min(case.n_runs, 4)))
            for tool, case in jobs
        }
    files = {case: case_files(case, folder, space) for _, case in jobs.values()}
    results: dict[Job, list[dict[str, Any]]] = {job: [] for job in jobs}
    for number in range(-1 if warm_up and not small else 0, repeats):
        for job, (tool, case) in jobs.items():
            if number >= 0:
                results[job].append(run_job(tool, case, files[case]))
            elif tool != "nilearn":  # whose minutes would warm nothing that ours do not
                run_job(tool, case, files[case])
        if number >= 0:
            yield {
                name: _compared(
                    {title: results[job] for title, job in found.items()}, bars, 4 if small else 16
                )
                for name, (found, bars) in wanted.items()
            }


def _kind(job: Job) -> tuple[str, bool, bool, float]:
    """Put jobs side by side that are compared, so that a slow while slows all of them."""
    _, case = job
    return case.dtype, case.zeros, case.masked, case.smoothing_fwhm or 0.0


def _compared(
    results: dict[str, list[dict[str, Any]]],
    bars: dict[str, tuple[str, ...]],
    n_runs: int,
) -> dict[str, Any]:
    """Give medians, and ratios round by round."""
    ratios = {}
    for title, (above, below, number, bar) in bars.items():
        pairs = zip(results[above], results[below], strict=True)
        ratios[title] = [statistics.median(one[number] / two[number] for one, two in pairs), bar]
    if "one run" in results:
        share = [
            (all_["cpu"] - one["cpu"]) / (n_runs - 1) / (inflated["cpu"] / n_runs)
            for all_, one, inflated in zip(
                results["ours"], results["one run"], results["inflate"], strict=True
            )
        ]
        ratios["each run beyond the first"] = [statistics.median(share), "<= 1.65"]
    middle = {job: medians(found) for job, found in results.items()}
    return {
        "date": f"{datetime.date.today()}",
        "medians": middle,
        "ratios": ratios,
        "repeats": len(next(iter(results.values()))),
    }


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


def rows_beside_nilearn(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the comparisons with nilearn as rows of the main table."""
    rows: list[dict[str, Any]] = []
    for name, title in TITLES.items():
        if name in found:
            faster, bar = found[name]["ratios"]["times as fast"]
            rows.append(
                {
                    "name": name,
                    "title": title,
                    "pairs": found[name]["repeats"],
                    "date": found[name]["date"],
                    "hoped": {"faster": float(bar.removeprefix(">= "))},
                    "medians": found[name]["medians"],
                    "faster": faster,
                }
                | dict.fromkeys(("of_inflating", "of_inflating_one_core", "difference"))
            )
    return rows


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
    repeats = 1 if options.small else options.repeats
    warm_up = not options.no_warm_up
    for found in measure(names, folder, repeats, small=options.small, warm_up=warm_up):
        print(cohort_table(found), flush=True)
        if not options.small:  # at once: the whole takes an hour
            earlier = json.loads(OUT.read_text())["found"] if OUT.exists() else {}
            OUT.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps({"machine": machine(), "found": earlier | found}, indent=1)
            OUT.write_text(f"{text}\n")


if __name__ == "__main__":
    main()
