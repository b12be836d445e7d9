# SPDX-License-Identifier: Apache-2.0
"""
Time `fit_transform` of eight subjects with either masker class, in memory and on disk.

    python benchmarks/estimator.py [DATA] [--subjects N] [--small]

Each line is a process of its own: seconds, CPU seconds with those of the workers, and peak
memory, of the process and of its largest worker. Images in memory are made before the clock
starts, and are part of the peak.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
from data import FULL, SMALL, data_folder, make_maps, make_run, named_space
from measure import fixed_environment, markdown

__all__ = ["main"]

OUT = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "estimator.json"

TOOLS = ("ours", "nilearn")

N_MAPS = 39

HEADER = ("class", "subjects", "n_jobs", "seconds", "CPU seconds", "peak, MB", "worker, MB")


def one(tool: str, files: list[Path], maps: Path, *, in_memory: bool, n_jobs: int) -> None:
    """Run one line's job, and print what it took."""
    if tool == "ours":
        from nipype_mapsmasker.maskers import MultiNiftiMapsMasker
    else:
        from nilearn.maskers import MultiNiftiMapsMasker
    images: list[object] = [str(file) for file in files]
    if in_memory:
        loaded = [nib.load(file) for file in files]
        images = [nib.Nifti1Image(np.asarray(image.dataobj), image.affine) for image in loaded]
    masker = MultiNiftiMapsMasker(
        str(maps), standardize="zscore_sample", detrend=True, n_jobs=n_jobs, reports=False
    )
    start, before = time.perf_counter(), os.times()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        signals = masker.fit_transform(images)
    took, after = time.perf_counter() - start, os.times()
    peaks = [
        resource.getrusage(who).ru_maxrss * 1024 / 1e6
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    found = {
        "seconds": took,
        "cpu": sum(after[:4]) - sum(before[:4]),
        "peak_mb": peaks[0],
        "worker_mb": peaks[1],
        "sum": float(sum(np.abs(table).sum() for table in signals)),
    }
    print(json.dumps(found))


def main() -> None:
    """Print a line per class, place of the images and number of jobs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("folder", nargs="?", help="where the data are kept")
    parser.add_argument("--subjects", type=int, default=8)
    parser.add_argument("--volumes", type=int, default=200)
    parser.add_argument("--small", action="store_true", help="tiny data, print only")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        job = json.loads(options.one)
        files = [Path(file) for file in job.pop("files")]
        one(job.pop("tool"), files, Path(job.pop("maps")), **job)
        return
    space = SMALL if options.small else FULL
    n_subjects, n_volumes = (2, 20) if options.small else (options.subjects, options.volumes)
    folder = data_folder(options.folder)
    space = named_space(space.name)
    maps = make_maps(folder, space, 3 if options.small else N_MAPS)
    files = [make_run(folder, space, n_volumes, seed=seed) for seed in range(n_subjects)]
    rows, kept = [], {}
    for in_memory in (True, False):
        for n_jobs in (1, 2):
            for tool in TOOLS:
                job = {"tool": tool, "maps": str(maps), "files": [str(file) for file in files]}
                job |= {"in_memory": in_memory, "n_jobs": n_jobs}
                words = [sys.executable, __file__, "--one", json.dumps(job)]
                environment = fixed_environment(n_jobs)
                done = subprocess.run(
                    words, env=environment, check=True, capture_output=True, text=True
                )
                found = json.loads(done.stdout.splitlines()[-1])
                place = "in memory" if in_memory else "on disk"
                values = [found[name] for name in ("seconds", "cpu", "peak_mb", "worker_mb")]
                rows.append(
                    [tool, f"{n_subjects} {place}", str(n_jobs)]
                    + [f"{v:.1f}" for v in values[:2]]
                    + [f"{v:.0f}" for v in values[2:]]
                )
                kept[f"{tool}, {place}, {n_jobs}"] = found
    print(markdown(HEADER, rows))
    if not options.small:
        OUT.parent.mkdir(parents=True, exist_ok=True)
        OUT.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
