# SPDX-License-Identifier: Apache-2.0
"""
Measure what pages add to a cohort: CPU of all its processes, with pages and without, in turn.

    python benchmarks/page_cost.py CACHE [--runs 16] [--volumes 100] [--repeats 2] [--small]

The cohort is that of the other benchmarks: runs of a 2 mm grid, 39 maps, two processes. Its runs
are links to one file, as a page costs the same whatever the run holds. Processes that outlive the
command are waited for, so that none is missed. Needs Linux.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from data import FULL, SMALL, data_folder, make_maps, make_mask, make_run
from measure import fixed_environment, markdown

__all__ = ["main"]

OUT = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "page_cost.json"

N_MAPS = 39

AIM = 0.1
"""CPU seconds that the pages of a run may cost."""

PR_SET_CHILD_SUBREAPER = 36
"""Makes this process the parent of those whose own parent ended."""


def main() -> None:
    """Print and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("cache", nargs="?", help="folder of the data")
    parser.add_argument("--runs", type=int, default=16)
    parser.add_argument("--volumes", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--small", action="store_true", help="tiny images, print only")
    options = parser.parse_args()
    cache, space = data_folder(options.cache), SMALL if options.small else FULL
    image = make_run(cache, space, options.volumes)
    maps, mask = make_maps(cache, space, N_MAPS), make_mask(cache, space)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    spent: dict[str, list[float]] = {"without": [], "with": []}
    with tempfile.TemporaryDirectory(prefix="mapsmasker_") as scratch:
        table = Path(scratch, "runs.tsv")
        rows = ["run_id\tin_file\tt_r"]
        for number in range(options.runs):
            link = Path(scratch, f"sub-{number:02d}_bold.nii.gz")
            link.symlink_to(image.absolute())
            rows.append(f"sub-{number:02d}\t{link}\t2.0")
        table.write_text("\n".join(rows) + "\n", encoding="utf-8")
        command = [sys.executable, "-m", "nipype_mapsmasker", "run", str(table)]
        more = ["--maps", str(maps), "--mask", str(mask), "--n-procs", "2", "--quiet"]
        more += ["--standardize", "zscore_sample", "--detrend"]
        for number in range(options.repeats):
            for name, wish in (("without", "--no-reports"), ("with", "--reports")):
                out = Path(scratch, f"{name}_{number}")
                spent[name].append(_cpu([*command, str(out), *more, wish]))
    middle = {name: statistics.median(values) for name, values in spent.items()}
    found = {
        "runs": options.runs,
        "volumes": options.volumes,
        "maps": N_MAPS,
        "without pages, CPU s": round(middle["without"], 2),
        "with pages, CPU s": round(middle["with"], 2),
        "pages, CPU s a run": round((middle["with"] - middle["without"]) / options.runs, 3),
    }
    print(markdown(("", ""), [[name, f"{value:g}"] for name, value in found.items()]))
    print(f"At most {AIM} s a run are allowed.")
    if not options.small:
        OUT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _cpu(command: list[str]) -> float:
    """Run a command and give the CPU seconds of all its processes."""
    before = os.times()
    subprocess.run(command, check=True, capture_output=True, env=fixed_environment(1))
    while True:
        try:
            os.wait()
        except ChildProcessError:
            break
    after = os.times()
    return sum(after[2:4]) - sum(before[2:4])


if __name__ == "__main__":
    main()
