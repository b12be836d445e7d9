# SPDX-License-Identifier: Apache-2.0
"""
Compare with nilearn, case by case, each call in a process of its own, in turn A B A B.

    python benchmarks/speed.py [DATA] [--pairs 5] [--slow-pairs 5] [--only plain,float32] [--small]

The timed part of a run is the extraction after fitting (nilearn: ``transform`` of a fitted
masker). Ours includes Nipype's interfaces and all tables and images that they write. Whole cohorts
are cohort.py's. Writes docs/benchmarks/speed.json; with --small only prints. write_docs.py makes a
page of it, and the picture.
"""

from __future__ import annotations

import argparse
import datetime
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from cases import CASES, Case
from data import FULL, SMALL, Space, case_files, data_folder
from measure import interleave, machine, markdown, medians, run_job

__all__ = ["compare", "main", "picture", "table"]

DOCS = Path(__file__).resolve().parents[1] / "docs"

HEADER = (
    "case", "pairs", "ours, s", "nilearn, s", "times as fast", "of inflating", "ours, CPU s",
    "nilearn, CPU s", "ours, MB", "nilearn, MB", "largest difference",
)  # fmt: skip


def compare(
    case: Case, folder: Path, n_pairs: int, *, space: Space = FULL, warm_up: bool = True
) -> list[dict[str, Any]]:
    """Measure one case: inflating alone, ours and nilearn's in turn; give one row or two."""
    files = case_files(case, folder, space)
    run = partial(run_job, case=case, files=files)
    jobs: dict[str, Any] = {}
    if case.kind == "extract":
        jobs["inflate"] = partial(run, "inflate")
    jobs["ours"] = partial(run, "ours")
    if case.kind == "extract" and case.name in ("plain", "float32"):
        jobs["inflate, one core"] = partial(run, "inflate", cores=(0,))
        jobs["ours, one core"] = partial(run, "ours", cores=(0,))
    if case.against:
        jobs["nilearn"] = partial(run, "nilearn")
    results = interleave(jobs, n_pairs, warm_up=warm_up)
    row: dict[str, Any] = {
        "name": case.name,
        "title": case.title,
        "pairs": n_pairs,
        "date": f"{datetime.date.today()}",
        "hoped": {
            key: value
            for key in ("faster", "of_inflating", "peak_mb")
            if (value := getattr(case, key)) is not None
        },
        "compressed_mb": sum(Path(f).stat().st_size for f in files["runs"]) / 1e6,
        "medians": {tool: medians(found) for tool, found in results.items()},
    }
    # Pair by pair, so that what slows the machine for a while slows both sides of a ratio.
    row["faster"] = _median_ratio(results, "nilearn", "ours")
    row["of_inflating"] = _median_ratio(results, "ours", "inflate")
    row["of_inflating_one_core"] = _median_ratio(results, "ours, one core", "inflate, one core")
    row["difference"] = _difference(results)
    if case.fit_title is None:
        return [row]
    fits = {tool: [one["fit"] for one in results[tool]] for tool in ("ours", "nilearn")}
    fit_row = row | {
        "name": f"{case.name}-fit",
        "title": case.fit_title,
        "hoped": {"faster": case.fit_faster},
        "medians": {tool: medians(found) for tool, found in fits.items()},
        "faster": _median_ratio(fits, "nilearn", "ours"),
        "of_inflating": None,
        "difference": None,
    }
    return [row, fit_row]


def table(rows: list[dict[str, Any]]) -> str:
    """Give the rows as markdown."""
    lines = []
    for row in rows:
        ours, theirs = row["medians"]["ours"], row["medians"].get("nilearn", {})
        lines.append(
            [
                row["title"],
                str(row["pairs"]),
                _number(ours["seconds"], 2),
                _number(theirs.get("seconds"), 1),
                _with_hope(row["faster"], row["hoped"].get("faster"), ">="),
                _with_hope(row["of_inflating"], row["hoped"].get("of_inflating"), "<="),
                _number(ours["cpu"], 2),
                _number(theirs.get("cpu"), 1),
                _number(ours["peak_mb"], 0),
                _number(theirs.get("peak_mb"), 0),
                "" if row["difference"] is None else f"{row['difference']:.0e}",
            ]
        )
    return markdown(HEADER, lines)


def picture(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw seconds and memory of both tools."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    rows = [row for row in rows if "nilearn" in row["medians"]][::-1]
    figure, axes = plt.subplots(
        1, 2, figsize=(10, 0.6 + 0.42 * len(rows)), sharey=True, layout="constrained"
    )
    places = np.arange(len(rows))
    for axis, key, label in zip(axes, ("seconds", "peak_mb"), ("seconds", "peak MB"), strict=True):
        for shift, tool, colour in ((0.2, "ours", "#1b6ca8"), (-0.2, "nilearn", "#b8bcc2")):
            values = [row["medians"][tool][key] for row in rows]
            name = "nipype_mapsmasker" if tool == "ours" else "nilearn"
            bars = axis.barh(places + shift, values, 0.38, color=colour, label=name)
            axis.bar_label(bars, fmt=lambda v: f"{v:.1f}" if v < 100 else f"{v:.0f}", padding=2)
        axis.set_xscale("log")
        axis.set_xlabel(f"{label} (logarithmic)")
        axis.margins(x=0.15)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_yticks(places, [row["title"] for row in rows])
    axes[1].legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, 1.12), ncols=2)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


def _median_ratio(
    results: dict[str, list[dict[str, Any]]], above: str, below: str
) -> float | None:
    """Give the median over pairs of a ratio of seconds."""
    if above not in results or below not in results:
        return None
    pairs = zip(results[above], results[below], strict=True)
    return float(np.median([one["seconds"] / other["seconds"] for one, other in pairs]))


def _difference(results: dict[str, list[dict[str, Any]]]) -> float | None:
    """Give the largest difference of the signals, in standard deviations of each."""
    if "signals" not in results["ours"][0] or "signals" not in results.get("nilearn", [{}])[0]:
        return None
    ours, theirs = results["ours"][0]["signals"], results["nilearn"][0]["signals"]
    return float((np.abs(ours - theirs) / theirs.std(axis=0)).max())


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def _with_hope(value: float | None, hope: float | None, sign: str) -> str:
    """Say a figure, and in brackets what was hoped for."""
    if value is None:
        return ""
    return f"{value:.1f}" + ("" if hope is None else f" ({sign} {hope:g})")


def main() -> None:
    """Run the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("folder", nargs="?", help="where the data are kept")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--slow-pairs", type=int, default=5, help="where nilearn takes minutes")
    parser.add_argument("--only", help="names of cases, with commas")
    parser.add_argument("--small", action="store_true", help="tiny data, one pair, print only")
    parser.add_argument("--no-warm-up", action="store_true")
    parser.add_argument("--out", type=Path, default=DOCS / "benchmarks" / "speed.json")
    options = parser.parse_args()
    folder = data_folder(options.folder)
    names = options.only.split(",") if options.only else [case.name for case in CASES]
    rows = []
    for case in (case for case in CASES if case.name in names):
        if options.small:
            found = compare(_shrunk(case), folder, 1, space=SMALL, warm_up=False)
        else:
            n_pairs = options.slow_pairs if case.slow else options.pairs
            found = compare(case, folder, n_pairs, warm_up=not options.no_warm_up)
        rows += found
        print("\n".join(table(found).splitlines()[2:]), flush=True)
        if not options.small:  # at once: the whole table takes an hour
            save(found, options.out)
    print("\n" + table(rows))


def save(rows: list[dict[str, Any]], out: Path) -> None:
    """Put rows in the place of earlier ones of the same name."""
    earlier = json.loads(out.read_text())["rows"] if out.exists() else []
    by_name = {row["name"]: row for row in [*earlier, *rows]}
    names = [name for case in CASES for name in (case.name, f"{case.name}-fit")]
    ordered = [by_name[name] for name in names if name in by_name]
    found = {"machine": machine(), "rows": ordered}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found, indent=1) + "\n")


def _shrunk(case: Case) -> Case:
    """Make a case small enough for a look."""
    from dataclasses import replace

    n_maps = tuple(min(n, 64) for n in case.n_maps)
    return replace(
        case,
        n_volumes=20,
        n_maps=n_maps,
        n_runs=min(case.n_runs, 4),
        maps_mm=12.0 if case.maps_mm else None,
    )


if __name__ == "__main__":
    main()
