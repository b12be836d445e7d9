# SPDX-License-Identifier: Apache-2.0
"""The plan's memory is at least, and at most twice, what processes really take."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nipype_mapsmasker.cohort.estimate import estimate_cohort
from nipype_mapsmasker.core.grids import Grid
from nipype_mapsmasker.core.parameters import MaskerParameters
from nipype_mapsmasker.io.images.reader import read_info
from nipype_mapsmasker.io.images.writer import write_image
from nipype_mapsmasker.io.maps import open_maps

pytestmark = pytest.mark.slow

N_VOLUMES = 24
"""T of the runs; memory does not grow with it."""

MNI_2MM = Grid((91, 109, 91), np.diag([2.0, 2.0, 2.0, 1.0]))
"""The grid of most standard images."""

MNI_3MM = Grid((61, 73, 61), np.diag([3.0, 3.0, 3.0, 1.0]))
"""The same field of view, coarser."""

SMALL = Grid((12, 14, 13), np.diag([4.0, 4.0, 4.0, 1.0]))
"""Next to nothing."""

JOB = """
import json, os, resource, sys
import nipype.pipeline.engine, tqdm
from nipype_mapsmasker.interfaces import ExtractSignals, FitMaps
import nipype_mapsmasker.interfaces.cleaning, nipype_mapsmasker.interfaces.storing
step, inputs = sys.argv[1], json.loads(sys.argv[2])
outputs = {"FitMaps": FitMaps, "ExtractSignals": ExtractSignals}[step](**inputs).run().outputs
# Not ru_maxrss, which a process inherits from the one that started it.
status = open("/proc/self/status").read()
print(int(status.split("VmHWM:")[1].split()[0]) / 2**20)
"""
"""Runs one step and prints the peak of its memory in GB."""


def dense(k, rng, grid):
    """Make a map with weight in most voxels."""
    return rng.standard_normal(grid.n_voxels).astype(np.float32)


def sparse(k, rng, grid):
    """Make a map of one box of some 200 voxels."""
    volume = np.zeros(grid.shape[::-1], np.float32)
    corner = [int(rng.integers(0, size - 6)) for size in volume.shape]
    volume[tuple(slice(c, c + 6) for c in corner)] = 1 + rng.random((6, 6, 6))
    return volume.reshape(-1)


CASES = {
    "a tiny run": (SMALL, np.int16, SMALL, 3, dense, "data"),
    "39 dense maps at 2 mm": (MNI_2MM, np.int16, MNI_2MM, 39, dense, "data"),
    "39 dense maps, another grid": (MNI_2MM, np.float32, MNI_3MM, 39, dense, "data"),
    "1,024 sparse maps at 2 mm": (MNI_2MM, np.int16, MNI_2MM, 1024, sparse, "data"),
    "1,024 sparse maps at 3 mm, resampled to them": (
        MNI_2MM, np.float32, MNI_3MM, 1024, sparse, "maps",
    ),
}  # fmt: skip
"""By name: grid and type of the run, grid, number and kind of the maps, resampling_target."""


def peak_gb(folder, step, **inputs):
    """Run a step in a process of its own and give its peak memory."""
    root = str(Path(__file__).resolve().parents[2])
    environ = dict(os.environ, PYTHONPATH=root, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    done = subprocess.run(
        [sys.executable, "-c", JOB, step, json.dumps(inputs)],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return float(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", CASES)
def test_memory(tmp_path, name):
    grid, dtype, maps_grid, n_maps, make, target = CASES[name]
    rng = np.random.default_rng(1)
    maps_file = write_image(
        tmp_path / "maps.nii",
        maps_grid,
        (make(k, rng, maps_grid)[np.newaxis] for k in range(n_maps)),
        n_volumes=n_maps,
        ndim=4,
    )
    run = (rng.integers(100, 1000, (1, grid.n_voxels)).astype(dtype) for _ in range(N_VOLUMES))
    run_file = write_image(
        tmp_path / "bold.nii", grid, run, n_volumes=N_VOLUMES, dtype=dtype, t_r=2.0
    )
    params = MaskerParameters(resampling_target=target)
    estimate = estimate_cohort([read_info(run_file)], [open_maps(maps_file)], params)
    measured = {
        "fit": peak_gb(
            tmp_path, "FitMaps", maps_file=str(maps_file), reference_file=str(run_file),
            resampling_target=target, save_cuts=True,
        ),
        "extract": peak_gb(
            tmp_path, "ExtractSignals", in_file=str(run_file),
            operator_files=[str(tmp_path / "operator.npz")],
        ),
    }  # fmt: skip
    estimated = {"fit": estimate.fit_gb, "extract": estimate.extract_gb}
    for step, peak in measured.items():
        assert peak <= estimated[step] <= 2 * peak, (step, estimated, measured)
