# SPDX-License-Identifier: Apache-2.0
"""
Show that the peak memory of an extraction does not depend on the length of the run.

    python benchmarks/memory.py [DATA] [--volumes 100 400 1600] [--small]

Each length is a process of its own; what counts is its peak resident memory, with the
interpreter, the libraries and Nipype in it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from cases import Case
from data import FULL, SMALL, case_files, data_folder
from measure import markdown, run_job

__all__ = ["main"]

OUT = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "memory.json"


def main() -> None:
    """Print and keep the peaks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("folder", nargs="?", help="where the data are kept")
    parser.add_argument("--volumes", type=int, nargs="+", default=[100, 400, 1600])
    parser.add_argument("--small", action="store_true", help="tiny data, print only")
    options = parser.parse_args()
    folder = data_folder(options.folder)
    peaks = {}
    for n_volumes in [10, 40] if options.small else options.volumes:
        case = Case("memory", "memory", n_volumes=n_volumes)
        space = SMALL if options.small else FULL
        files = case_files(case, folder, space)
        peaks[n_volumes] = run_job("ours", case, files)["peak_mb"]
    print(
        markdown(("volumes", "peak, MB"), [[f"{n:,}", f"{peak:.0f}"] for n, peak in peaks.items()])
    )
    print(f"largest over smallest: {max(peaks.values()) / min(peaks.values()):.3f}")
    if not options.small:
        OUT.parent.mkdir(parents=True, exist_ok=True)
        OUT.write_text(json.dumps(peaks, indent=1) + "\n")


if __name__ == "__main__":
    main()
