# SPDX-License-Identifier: Apache-2.0
"""A cohort small enough for hundreds of workflow runs: three runs of 504 voxels, on two grids."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.grids import Grid
from nipype_mapsmasker.io.images.writer import write_image
from nipype_mapsmasker.io.tables.rows import write_rows
from nipype_mapsmasker.io.tables.signals import read_signals, write_signals

__all__ = [
    "GRIDS",
    "N_MAPS",
    "N_VOLUMES",
    "TinyCohort",
    "least_squares",
    "make_tiny",
    "results_of",
    "set_inputs",
    "values_of",
    "write_maps",
    "write_mask",
    "write_run",
    "write_table",
]

N_VOLUMES = 40
"""T: more than the padding of a fifth-order band-pass needs (33)."""

N_MAPS = 3
"""K."""

T_R = 2.0
"""Repetition time in every header, s."""

GRIDS = (
    Grid((7, 8, 9), np.diag([3.0, 3.0, 3.0, 1.0])),
    Grid((8, 7, 9), np.array([[-3.0, 0, 0, 19], [0, 3.2, 0, 0], [0, 0, 3.0, 1], [0, 0, 0, 1]])),
)
"""The grid of the maps and of most runs; and a flipped one that overlaps it."""


@dataclass(frozen=True)
class TinyCohort:
    """
    Name the files of a cohort.

    Parameters
    ----------
    folder : Path
        Where they are.
    maps_file, labels_file, mask_file : str
        Shared files.
    run_ids, in_files, confounds_files, sample_mask_files : list of str
        One per run.
    """

    folder: Path
    maps_file: str
    labels_file: str
    mask_file: str
    run_ids: list[str]
    in_files: list[str]
    confounds_files: list[str]
    sample_mask_files: list[str]

    def write_table(self, path: Path, **columns: list[object]) -> Path:
        """Write a runs table, with or without the given columns in place of the full ones."""
        full: dict[str, list[object]] = {
            "run_id": list(self.run_ids),
            "in_file": list(self.in_files),
            "confounds": list(self.confounds_files),
            "sample_mask": list(self.sample_mask_files),
        }
        return write_table(path, **(full | columns))


def make_tiny(folder: Path, *, grids: tuple[int, ...] = (0, 1, 0)) -> TinyCohort:
    """Write a cohort: one run per entry of ``grids``, which says where it is."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(5)
    maps = write_maps(folder / "maps.nii.gz", rng.standard_normal((N_MAPS, GRIDS[0].n_voxels)))
    labels = write_table(folder / "names.tsv", index=[1, 2, 3], name=["one", "two", "three"])
    inside = rng.random(GRIDS[0].n_voxels) < 0.8
    mask = write_mask(folder / "mask.nii.gz", inside)
    files: dict[str, list[str]] = {"in": [], "confounds": [], "sample": []}
    run_ids = [f"sub-{number:02d}_task-rest" for number in range(1, len(grids) + 1)]
    for run_id, grid in zip(run_ids, grids, strict=True):
        files["in"].append(str(write_run(folder / f"{run_id}_bold.nii.gz", rng, grid=grid)))
        confounds = rng.standard_normal((N_VOLUMES, 2))
        confounds[0, 1] = np.nan
        table = folder / f"{run_id}_confounds.tsv"
        files["confounds"].append(str(write_signals(table, confounds, ["csf", "csf_derivative1"])))
        keep = [int(volume not in (4, 5, 20)) for volume in range(N_VOLUMES)]
        files["sample"].append(str(write_table(folder / f"{run_id}_keep.tsv", keep=keep)))
    return TinyCohort(
        folder,
        str(maps),
        str(labels),
        str(mask),
        run_ids,
        files["in"],
        files["confounds"],
        files["sample"],
    )


def write_run(
    path: Path, rng: np.random.Generator, *, grid: int = 0, n_volumes: int = N_VOLUMES
) -> Path:
    """Write a run of smooth courses around 100."""
    n_voxels = GRIDS[grid].n_voxels
    courses = np.cumsum(rng.standard_normal((n_volumes, 6)), axis=0)
    data = 100 + courses @ rng.standard_normal((6, n_voxels))
    data += rng.standard_normal((n_volumes, n_voxels))
    return write_image(path, GRIDS[grid], [data], n_volumes=n_volumes, t_r=T_R)


def write_maps(path: Path, weights: NDArray[np.float64]) -> Path:
    """Write (K, V) weights on the first grid."""
    return write_image(path, GRIDS[0], [weights], n_volumes=len(weights), ndim=4)


def write_mask(path: Path, inside: NDArray[np.bool_], *, grid: int = 0) -> Path:
    """Write a (V,) mask."""
    values = inside[np.newaxis].astype(np.uint8)
    return write_image(path, GRIDS[grid], [values], n_volumes=1, dtype=np.uint8, ndim=3)


def write_table(path: Path, **columns: list[object]) -> Path:
    """Write a table from its columns."""
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return write_rows(path, rows, list(columns))


def least_squares(
    run_file: str, maps_file: str, mask: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """Solve for a run's signals (T, K) with nibabel and NumPy alone; all on one grid."""
    import nibabel as nib

    def columns(path: str) -> NDArray[np.float64]:
        data = np.asarray(nib.load(path).dataobj, dtype=np.float64)
        return data.reshape(-1, data.shape[-1], order="F")

    data, maps = columns(run_file), columns(maps_file)
    if mask is not None:
        data, maps = data[mask], maps[mask]
    return np.linalg.lstsq(maps, data, rcond=None)[0].T


def set_inputs(workflow, cohort: TinyCohort, *fields: str, **values: object):
    """Set a cohort workflow's inputs: runs and maps, the named lists, and any other values."""
    inputs = workflow.inputs.inputnode
    for name in ("run_ids", "in_files", *fields):
        setattr(inputs, name, list(getattr(cohort, name)))
    inputs.maps_img = cohort.maps_file
    for name, value in values.items():
        setattr(inputs, name, value)
    return workflow


def values_of(path: str | Path) -> NDArray[np.float64]:
    """Read a table of signals without its names."""
    return read_signals(path)[0]


def results_of(workflow, nodes) -> dict[str, object]:
    """Collect what the outputnode of an executed workflow is fed, by field."""
    results = {}
    outputnode = workflow.get_node("outputnode")
    for source, _, data in workflow._graph.in_edges(outputnode, data=True):
        for output, target in data["connect"]:
            results[target] = getattr(nodes[source.name].result.outputs, output)
    return results
