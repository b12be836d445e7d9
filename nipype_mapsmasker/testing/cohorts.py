# SPDX-License-Identifier: Apache-2.0
"""Synthetic cohorts on disk: images, tables and the truth about them, in a BIDS-like folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import DTypeLike

from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.images.writer import write_image
from nipype_mapsmasker.io.tables.rows import write_rows
from nipype_mapsmasker.io.tables.signals import write_signals
from nipype_mapsmasker.testing.runs import Run, make_run
from nipype_mapsmasker.testing.space import (
    Blobs,
    MapsKind,
    make_blobs,
    make_brain_mask,
    make_grid,
    positions,
)

__all__ = [
    "OUTLIERS",
    "Cohort",
    "Outlier",
    "make_cohort",
    "make_maps_file",
    "make_run_file",
    "write_run",
]

Outlier = Literal["noise", "half_fov", "censored", "truncated"]
"""Heavy noise, half the field of view zero, 60 % of the volumes censored, a file cut in half."""

OUTLIERS: tuple[Outlier, ...] = get_args(Outlier)
"""All the faults that can be planted."""

GRID_CYCLE = ("plain", "flipped", "oblique")
"""Kinds of grid that the subjects of a cohort take in turn."""

OUTLIER_NOISE = 60.0
"""Factor on the noise of a run whose fault is noise."""

OUTLIER_CENSORED = 0.6
"""Share of the volumes that a run whose fault is censoring loses."""


@dataclass(frozen=True)
class Cohort:
    """
    Name what `make_cohort` wrote.

    Parameters
    ----------
    folder, runs_file, maps_file, labels_file : Path
        The cohort's folder, its runs table, its maps and their names.
    run_ids : list of str
        All runs, in the table's order.
    truth_files : mapping of str to Path
        For each run id the table (T, K) of true signals.
    outliers : mapping of str to str
        For each run id with a planted fault, which of `OUTLIERS` it is.
    """

    folder: Path
    runs_file: Path
    maps_file: Path
    labels_file: Path
    run_ids: list[str]
    truth_files: Mapping[str, Path]
    outliers: Mapping[str, str]


def make_cohort(
    out_dir: str | Path,
    *,
    n_subjects: int = 4,
    grids: int = 2,
    n_maps: int = 8,
    n_volumes: int = 200,
    t_r: float = 2.0,
    seed: int = 0,
    maps_kind: MapsKind = "smooth",
    dtype: DTypeLike = np.int16,
    outliers: Sequence[Outlier] = (),
) -> Cohort:
    """
    Write a cohort with known truth: runs, masks, confounds, maps and a runs table.

    Parameters
    ----------
    out_dir : path
        The cohort's folder; made if absent.
    n_subjects : int
        Number of sound runs, one for each subject.
    grids : {1, 2, 3}
        Number of different grids: plain, x flipped and anisotropic, oblique.
    n_maps, n_volumes : int
        K and T.
    t_r : float
        Repetition time, seconds.
    seed : int
        The same seed gives the same bytes; a run does not depend on how many others there are.
    maps_kind : {'smooth', 'sparse', 'labels'}
        See `MapsKind`; labels are written as a 3D image of integers.
    dtype : data type
        Storage type of the runs.
    outliers : sequence of {'noise', 'half_fov', 'censored', 'truncated'}
        One more subject for each, with that fault; see `OUTLIERS`.

    Returns
    -------
    Cohort
        What was written, and where.

    Raises
    ------
    ParameterError
        An unknown number of grids or an unknown fault.
    """
    if not 1 <= grids <= len(GRID_CYCLE):
        msg = f"grids must be 1 to {len(GRID_CYCLE)}; got {grids!r}."
        raise ParameterError(msg)
    if unknown := [fault for fault in outliers if fault not in OUTLIERS]:
        msg = f"outliers must be among {list(OUTLIERS)}; got {unknown}."
        raise ParameterError(msg)
    folder = Path(out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    blobs = _blobs(n_maps, seed, maps_kind)
    maps_file = _write_maps(folder / "maps.nii.gz", blobs)
    labels_file = folder / "maps.tsv"
    names = [{"index": index, "name": name} for index, name in enumerate(blobs.names, start=1)]
    write_rows(labels_file, names, ["index", "name"])
    masks = {kind: _write_mask(folder, kind) for kind in GRID_CYCLE[:grids]}

    rows: list[dict[str, object]] = []
    truth_files: dict[str, Path] = {}
    faults: dict[str, str] = {}
    for number, fault in enumerate([*[None] * n_subjects, *outliers], start=1):
        kind = GRID_CYCLE[(number - 1) % grids]
        rng = np.random.default_rng([seed, number])
        noise = OUTLIER_NOISE if fault == "noise" else 1.0
        grid = make_grid(kind)
        run = make_run(blobs, grid, rng, n_volumes=n_volumes, t_r=t_r, noise=noise)
        run = _plant(run, fault, rng)
        run_id = f"sub-{number:02d}_task-rest"
        row = write_run(folder, run_id, run, names=blobs.names, dtype=dtype)
        if fault is not None:
            faults[run_id] = fault
        if fault == "truncated":
            _cut_in_half(folder / row["in_file"])
        truth_files[run_id] = folder / row.pop("truth")
        rows.append({**row, "mask": masks[kind], "t_r": t_r})
    runs_file = folder / "runs.tsv"
    write_rows(runs_file, rows, ["run_id", "in_file", "confounds", "sample_mask", "mask", "t_r"])
    return Cohort(
        folder, runs_file, maps_file, labels_file, list(truth_files), truth_files, faults
    )


def make_maps_file(
    path: str | Path, *, n_maps: int = 8, seed: int = 0, kind: MapsKind = "smooth"
) -> Path:
    """
    Write a maps image; the same as that of a cohort of the same seed.

    Parameters
    ----------
    path : path
        The image, .nii or .nii.gz; its folder exists.
    n_maps : int
        K.
    seed : int
        The same seed gives the same bytes.
    kind : {'smooth', 'sparse', 'labels'}
        See `MapsKind`.

    Returns
    -------
    Path
        ``path``: a 4D image of weights, or a 3D one of integers for labels.
    """
    return _write_maps(Path(path), _blobs(n_maps, seed, kind))


def make_run_file(
    path: str | Path,
    *,
    n_maps: int = 8,
    n_volumes: int = 200,
    seed: int = 0,
    grid: str = "plain",
) -> Path:
    """
    Write the image of one run, which carries the signals of the maps of the same seed.

    Parameters
    ----------
    path : path
        The image, .nii or .nii.gz; its folder exists.
    n_maps, n_volumes : int
        K and T.
    seed : int
        The same seed gives the same bytes.
    grid : {'plain', 'flipped', 'oblique', 'maps'}
        See `make_grid`.

    Returns
    -------
    Path
        ``path``: a 4D image of int16.
    """
    rng = np.random.default_rng([seed, 1])
    blobs = _blobs(n_maps, seed, "smooth")
    return _write_bold(
        Path(path), make_run(blobs, make_grid(grid), rng, n_volumes=n_volumes), np.int16
    )


def write_run(
    folder: Path, run_id: str, run: Run, *, names: Sequence[str], dtype: DTypeLike = np.int16
) -> dict[str, str]:
    """
    Write one run as fMRIPrep would, and its truth.

    Parameters
    ----------
    folder : Path
        The cohort's folder.
    run_id : str
        Begins with the subject, as in ``sub-01_task-rest``.
    run : Run
        What to write.
    names : sequence of str
        Names of the K maps, for the table of the true signals.
    dtype : data type
        Storage type of the image; integers are rounded.

    Returns
    -------
    dict of str to str
        ``run_id``, and the files relative to the folder: ``in_file``, ``confounds``,
        ``sample_mask``, ``truth``.
    """
    func = folder / run_id.split("_")[0] / "func"
    func.mkdir(parents=True, exist_ok=True)
    bold = _write_bold(func / f"{run_id}_bold.nii.gz", run, dtype)
    sidecar = {"RepetitionTime": run.t_r, "TaskName": "rest"}
    (func / f"{run_id}_bold.json").write_text(json.dumps(sidecar, indent=2) + "\n")
    confounds = func / f"{run_id}_desc-confounds_timeseries.tsv"
    write_signals(confounds, run.confounds, run.confound_names)
    sample_mask = func / f"{run_id}_desc-samplemask_timeseries.tsv"
    write_rows(sample_mask, [{"keep": int(kept)} for kept in run.keep], ["keep"])
    truth = folder / "truth" / f"{run_id}_timeseries.tsv"
    truth.parent.mkdir(exist_ok=True)
    write_signals(truth, run.truth, list(names))
    files = {"in_file": bold, "confounds": confounds, "sample_mask": sample_mask, "truth": truth}
    return {"run_id": run_id} | {
        key: path.relative_to(folder).as_posix() for key, path in files.items()
    }


def _blobs(n_maps: int, seed: int, kind: MapsKind) -> Blobs:
    """Make the maps that belong to a seed."""
    return make_blobs(n_maps, np.random.default_rng([seed, 0]), kind=kind)


def _write_maps(path: Path, blobs: Blobs) -> Path:
    """Write maps on the grid of kind 'maps'; labels as a 3D image of integers."""
    grid = make_grid("maps")
    weights = blobs.sample(grid)
    if blobs.kind == "labels":
        labels = np.arange(1, len(weights) + 1) @ weights
        return write_image(path, grid, [labels[np.newaxis]], n_volumes=1, dtype=np.int16, ndim=3)
    return write_image(path, grid, [weights], n_volumes=len(weights), dtype=np.float32, ndim=4)


def _write_bold(path: Path, run: Run, dtype: DTypeLike) -> Path:
    """Write a run's image; integer types hold rounded values."""
    data = np.rint(run.data) if np.issubdtype(dtype, np.integer) else run.data
    return write_image(path, run.grid, [data], n_volumes=len(data), dtype=dtype, t_r=run.t_r)


def _write_mask(folder: Path, kind: str) -> str:
    """Write the brain mask of a kind of grid; return its path relative to the folder."""
    grid = make_grid(kind)
    path = folder / "masks" / f"{kind}_desc-brain_mask.nii.gz"
    path.parent.mkdir(exist_ok=True)
    mask = make_brain_mask(grid)[np.newaxis].astype(np.uint8)
    write_image(path, grid, [mask], n_volumes=1, dtype=np.uint8, ndim=3)
    return path.relative_to(folder).as_posix()


def _plant(run: Run, fault: Outlier | None, rng: np.random.Generator) -> Run:
    """Give a run the fault that is a matter of its data or sample mask."""
    if fault == "half_fov":
        upper = positions(run.grid)[:, 2] > 0
        return replace(run, data=np.where(upper, 0.0, run.data))
    if fault == "censored":
        keep = run.keep.copy()
        keep[rng.permutation(len(keep))[: round(OUTLIER_CENSORED * len(keep))]] = False
        return replace(run, keep=keep)
    return run


def _cut_in_half(path: Path) -> None:
    """Leave the first half of a file's bytes."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
