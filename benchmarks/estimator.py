# SPDX-License-Identifier: Apache-2.0
"""
Compare the masker classes: connectomes on several atlases, then `fit_transform` of eight subjects.

    python benchmarks/estimator.py [DATA] [--subjects N] [--pairs N] [--small]

The first part is the reference page's example, on made data: connectomes of two groups on three
atlases, and how well each tells the groups apart, with either class. The second times
`fit_transform` in memory and on disk. Each call is a process of its own, ours and nilearn's in
turn: seconds, CPU seconds with those of the workers, and the peak memory of the process and of
its largest worker. Images in memory are made before the clock starts, and are part of the peak.
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
from typing import Any

import nibabel as nib
import numpy as np
from data import COARSE, SMALL, data_folder, make_maps, make_run
from measure import fixed_environment, interleave, markdown, medians

__all__ = ["main", "tables"]

OUT = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "estimator.json"

TOOLS = ("ours", "nilearn")

N_MAPS = 39

GROUP_SIZE, GROUP_VOLUMES = 12, 90
"""Subjects of each of the two groups of the example, and volumes of each."""

ATLASES = (6, 10, 15)
"""Maps of the example's atlases."""

MEASURES = ("correlation", "partial correlation", "tangent")

HEADER = (
    *("images", "n_jobs", "seconds", "nilearn", "CPU seconds", "nilearn"),
    *("times as fast", "of the CPU", "peak, MB", "nilearn", "worker, MB", "nilearn"),
)


def masker_class(tool: str) -> Any:
    """Give one of the two classes."""
    if tool == "ours":
        from nipype_mapsmasker.maskers import MultiNiftiMapsMasker
    else:
        from nilearn.maskers import MultiNiftiMapsMasker
    return MultiNiftiMapsMasker


def scores(tool: str) -> None:
    """Tell two groups apart by their connectomes on each atlas; print how well it goes."""
    from nilearn.connectome import ConnectivityMeasure
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.svm import LinearSVC

    rng = np.random.default_rng(0)
    shape, affine = (12, 14, 11), np.diag([8.0, 8.0, 8.0, 1.0])
    points = np.indices(shape).reshape(3, -1).T

    def blobs(n: int, seed: int) -> np.ndarray:
        centres = np.random.default_rng(seed).uniform(2, 9, (n, 3))
        distance = ((points[:, None] - centres) ** 2).sum(axis=-1)
        return np.exp(-distance / 6.0)

    sources = blobs(8, 1)
    images, groups = [], np.repeat([0, 1], GROUP_SIZE)
    for group in groups:
        signals = rng.standard_normal((8, GROUP_VOLUMES))
        signals[1] += 0.5 * group * signals[0]  # what the groups differ by
        data = sources @ signals + rng.standard_normal((len(points), GROUP_VOLUMES))
        images.append(nib.Nifti1Image((100 + data).reshape(*shape, -1), affine))
    found = {}
    for n_maps in ATLASES:
        maps = nib.Nifti1Image(blobs(n_maps, n_maps).reshape(*shape, -1), affine)
        masker = masker_class(tool)(maps, standardize="zscore_sample", detrend=True, reports=False)
        tables = masker.fit_transform(images)
        for kind in MEASURES:
            vectors = ConnectivityMeasure(
                kind=kind, vectorize=True, discard_diagonal=True, standardize=False
            ).fit_transform(tables)
            folds = StratifiedKFold(6, shuffle=True, random_state=0)
            score = cross_val_score(LinearSVC(random_state=0), vectors, groups, cv=folds)
            found[f"{n_maps} maps, {kind}"] = [float(score.mean()), float(np.abs(vectors).sum())]
    print(json.dumps(found))


def timed(tool: str, files: list[str], maps: str, *, in_memory: bool, n_jobs: int) -> None:
    """Run one line's job, and print what it took."""
    images: list[object] = list(files)
    if in_memory:
        loaded = [nib.load(file) for file in files]
        images = [nib.Nifti1Image(np.asarray(image.dataobj), image.affine) for image in loaded]
    masker = masker_class(tool)(
        maps, standardize="zscore_sample", detrend=True, n_jobs=n_jobs, reports=False
    )
    start, before = time.perf_counter(), os.times()
    signals = masker.fit_transform(images)
    took = time.perf_counter() - start
    if tool == "nilearn" and n_jobs > 1:  # joblib's workers stay, and count only once they end
        from joblib.externals.loky import get_reusable_executor

        get_reusable_executor().shutdown(wait=True)
    after = os.times()
    peaks = [
        resource.getrusage(who).ru_maxrss * 1024 / 1e6
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    found = {
        "seconds": took,
        "cpu": sum(after[:4]) - sum(before[:4]),
        "peak_mb": peaks[0],
        "worker_mb": peaks[1] if n_jobs > 1 else 0.0,
        "sum": float(sum(np.abs(table).sum() for table in signals)),
    }
    print(json.dumps(found))


def in_process(n_cores: int, **job: Any) -> dict[str, Any]:
    """Run one of the jobs above in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--one", json.dumps(job)],
        env=fixed_environment(n_cores),
        check=True,
        capture_output=True,
        text=True,
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def compare(files: list[Path], maps: Path, n_pairs: int) -> list[dict[str, Any]]:
    """Time either class, with images in memory and on disk, and one and two processes."""
    rows = []
    for in_memory in (True, False):
        for n_jobs in (1, 2):
            job = {"files": [str(file) for file in files], "maps": str(maps)}
            job |= {"in_memory": in_memory, "n_jobs": n_jobs}

            def one(tool: str, job: dict[str, Any] = job) -> dict[str, Any]:
                return in_process(job["n_jobs"], tool=tool, **job)

            calls = {tool: (lambda tool=tool, one=one: one(tool)) for tool in TOOLS}
            found = interleave(calls, n_pairs, warm_up=False)
            pairs = list(zip(found["ours"], found["nilearn"], strict=True))
            row = {"images": f"{len(files)} {'in memory' if in_memory else 'on disk'}"}
            row |= {"n_jobs": n_jobs, "pairs": n_pairs}
            row |= {tool: medians(found[tool]) for tool in TOOLS}
            for name in ("seconds", "cpu"):
                row[f"ratio_{name}"] = float(np.median([b[name] / a[name] for a, b in pairs]))
            rows.append(row)
    return rows


def tables(found: dict[str, Any]) -> str:
    """Make the two tables."""
    lines = []
    for name, (ours, theirs) in found["scores"].items():
        apart = abs(ours[1] - theirs[1]) / theirs[1]
        lines.append([name, f"{ours[0]:.3f}", f"{theirs[0]:.3f}", f"{apart:.0e}"])
    text = markdown(("connectomes", "score", "nilearn", "apart, of their size"), lines) + "\n"
    rows = []
    for row in found["rows"]:
        ours, theirs = row["ours"], row["nilearn"]
        rows.append(
            [row["images"], str(row["n_jobs"])]
            + [f"{one[name]:.1f}" for name in ("seconds", "cpu") for one in (ours, theirs)]
            + [f"{row['ratio_seconds']:.1f}", f"{row['ratio_cpu']:.1f}"]
            + [f"{one[name]:.0f}" for name in ("peak_mb", "worker_mb") for one in (ours, theirs)]
        )
    return text + markdown(HEADER, rows)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("folder", nargs="?", help="where the data are kept")
    parser.add_argument("--subjects", type=int, default=8)
    parser.add_argument("--volumes", type=int, default=200)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--small", action="store_true", help="tiny data, print only")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        warnings.simplefilter("ignore")
        job = json.loads(options.one)
        (timed if "files" in job else scores)(**job)
        return
    space = SMALL if options.small else COARSE
    n_subjects, n_volumes = (2, 20) if options.small else (options.subjects, options.volumes)
    folder = data_folder(options.folder)
    maps = make_maps(folder, space, 3 if options.small else N_MAPS)
    files = [make_run(folder, space, n_volumes, seed=seed) for seed in range(n_subjects)]
    by_tool = {tool: in_process(1, tool=tool) for tool in TOOLS}
    found = {
        "scores": {name: [by_tool[tool][name] for tool in TOOLS] for name in by_tool["ours"]},
        "rows": compare(files, maps, 1 if options.small else options.pairs),
    }
    print(tables(found))
    if not options.small:
        OUT.parent.mkdir(parents=True, exist_ok=True)
        OUT.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
