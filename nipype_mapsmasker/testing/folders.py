# SPDX-License-Identifier: Apache-2.0
"""A small folder of derivatives as fMRIPrep makes it, with the awkward cases of real ones."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.grids import Grid
from nipype_mapsmasker.io.bids.names import format_entities, parse_entities
from nipype_mapsmasker.io.images.writer import write_image
from nipype_mapsmasker.io.tables.rows import write_rows
from nipype_mapsmasker.io.tables.signals import write_signals
from nipype_mapsmasker.testing.runs import make_confounds
from nipype_mapsmasker.testing.space import make_blobs, make_brain_mask

__all__ = ["FMRIPREP_RUNS", "FmriprepFolder", "FmriprepRun", "make_fmriprep_folder"]

ATLAS_NAME = "Toy"
"""Name of the atlas beside the folder."""

SPACES = ("MNI152NLin2009cAsym_res-2", "MNI152NLin6Asym")
"""Spaces of the images: the first was asked for with a resolution, the second without."""

NATIVE = ""
"""Stands for images without ``space-``."""

_SHAPES = {SPACES[0]: (9, 11, 9), SPACES[1]: (8, 10, 9), NATIVE: (8, 9, 7)}
_VOXEL_MM = 14.0
_HAEMODYNAMIC_S = 14.0


@dataclass(frozen=True, kw_only=True)
class FmriprepRun:
    """
    Hold what is special about one run of the folder.

    Parameters
    ----------
    source : str
        Its entities, such as ``sub-01_ses-pre_task-rest``.
    spaces : sequence of str
        Where its images are: labels of ``space-`` with what follows; '' for native space.
    n_echoes : int
        Single echoes in native space beside the combined image.
    t_r : float
        Repetition time, s.
    has_t_r : bool
        Its sidecar says so; else it is inherited, and the header says 1 s.
    has_mask, has_confounds : bool
        They are there.
    """

    source: str
    spaces: Sequence[str] = SPACES
    n_echoes: int = 0
    t_r: float = 2.0
    has_t_r: bool = True
    has_mask: bool = True
    has_confounds: bool = True


FMRIPREP_RUNS = (
    FmriprepRun(source="sub-01_ses-pre_task-rest"),
    FmriprepRun(source="sub-01_ses-post_task-rest"),
    FmriprepRun(source="sub-02_ses-pre_task-rest", n_echoes=2),
    FmriprepRun(source="sub-03_ses-pre_task-rest", has_confounds=False),
    FmriprepRun(source="sub-04_ses-pre_task-nback", has_mask=False),
    FmriprepRun(source="sub-05_ses-pre_task-rest", spaces=(NATIVE,)),
    FmriprepRun(source="sub-06_ses-pre_task-rest_acq-mb8_dir-AP_run-01", t_r=0.8),
    FmriprepRun(source="sub-06_ses-pre_task-rest_acq-mb8_dir-AP_run-02", t_r=0.8),
    FmriprepRun(source="sub-06_ses-pre_task-nback_part-mag", t_r=0.8, has_t_r=False),
)
"""The runs that are made unless others are asked for."""


@dataclass(frozen=True)
class FmriprepFolder:
    """
    Name what `make_fmriprep_folder` wrote.

    Parameters
    ----------
    root : Path
        The folder of derivatives.
    atlas_dir : Path
        A BIDS atlas, with maps in both spaces.
    maps_files : mapping of str to Path
        The maps by space.
    truth : mapping of str to ndarray
        For each source run the (T, K) true signals.
    """

    root: Path
    atlas_dir: Path
    maps_files: Mapping[str, Path]
    truth: Mapping[str, NDArray[np.float64]] = field(repr=False)


def make_fmriprep_folder(
    out_dir: str | Path,
    runs: Sequence[FmriprepRun] = FMRIPREP_RUNS,
    *,
    n_volumes: int = 40,
    n_maps: int = 4,
    seed: int = 0,
    is_empty: bool = False,
    is_lifelike: bool = False,
) -> FmriprepFolder:
    """
    Write a folder of derivatives and an atlas beside it.

    Parameters
    ----------
    out_dir : path
        Gets the folders ``fmriprep`` and ``atlas``.
    runs : sequence of FmriprepRun
        The runs.
    n_volumes, n_maps : int
        T and K.
    seed : int
        The same seed gives the same bytes.
    is_empty : bool
        Images and tables of zero bytes, where only names matter.
    is_lifelike : bool
        Signals as slow as the brain's, and all columns of confounds that strategies of denoising
        choose among; otherwise white noise, and columns which may all be regressed out.

    Returns
    -------
    FmriprepFolder
        What was written, and where.
    """
    out_dir = Path(out_dir)
    root = out_dir / "fmriprep"
    root.mkdir(parents=True)
    about = {
        "Name": "fMRIPrep - fMRI PREProcessing workflow",
        "BIDSVersion": "1.4.0",
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "fMRIPrep", "Version": "25.2.3"}],
        "DatasetLinks": {"raw": "../raw"},
    }
    _write_json(root / "dataset_description.json", about)
    blobs = make_blobs(n_maps, np.random.default_rng([seed, 0]))
    weights = {space: blobs.sample(_grid(space)) for space in _SHAPES}
    truth = {}
    for number, run in enumerate(runs, start=1):
        entities = parse_entities(run.source) or {}
        folders = [f"{key}-{entities[key]}" for key in ("sub", "ses") if key in entities]
        func = root.joinpath(*folders, "func")
        func.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng([seed, number])
        writer = _Writer(func, entities, run, is_empty, is_lifelike)
        truth[run.source] = writer.write(weights, n_volumes, n_maps, rng)
        if not run.has_t_r:
            # Inherited by that run alone: its image has all of these entities.
            own = {k: v for k, v in entities.items() if k not in ("sub", "ses")}
            name = format_entities({**own, "desc": "preproc"}) + "_bold.json"
            _write_json(root / name, {"RepetitionTime": run.t_r})
    maps_files = _write_atlas(out_dir / "atlas", weights, blobs.names)
    return FmriprepFolder(root, out_dir / "atlas", maps_files, truth)


@dataclass(frozen=True)
class _Writer:
    """Write the files of one run."""

    func: Path
    entities: Mapping[str, str]
    run: FmriprepRun
    is_empty: bool
    is_lifelike: bool

    def write(
        self,
        weights: Mapping[str, NDArray[np.float64]],
        n_volumes: int,
        n_maps: int,
        rng: np.random.Generator,
    ) -> NDArray[np.float64]:
        """Write everything, and return the true signals."""
        truth = rng.standard_normal((n_volumes, n_maps))
        if self.is_lifelike:
            truth = _slowed(truth, self.run.t_r)
        confounds, names, _ = make_confounds(n_volumes, rng, n_spikes=2)
        courses = np.where(np.isnan(confounds), 0.0, confounds)[:, :8]
        courses = (courses - courses.mean(axis=0)) / courses.std(axis=0)
        for space in self.run.spaces:
            self._image(space, {}, truth, courses, weights, rng)
        for echo in range(1, self.run.n_echoes + 1):
            self._image(NATIVE, {"echo": str(echo)}, truth, courses, weights, rng)
        for space in {NATIVE, *self.run.spaces}:
            if self.run.has_mask or space == NATIVE:
                inside = make_brain_mask(_grid(space))[np.newaxis].astype(np.uint8)
                self._write_image(self._path("mask.nii.gz", space, desc="brain"), space, inside)
                _write_json(self._path("mask.json", space, desc="brain"), {"Type": "Brain"})
        # A decoy: no volume, and with a sidecar of the name of one.
        about = {"RepetitionTime": self.run.t_r}
        self._path("bold.dtseries.nii", "fsLR_den-91k").write_bytes(b"")
        _write_json(self._path("bold.json", "fsLR_den-91k"), about)
        if self.run.has_confounds:
            table = self._path("timeseries.tsv", NATIVE, desc="confounds")
            if self.is_empty:
                table.write_bytes(b"")
            else:
                times = (np.arange(n_volumes) + 0.5) / n_volumes
                columns = dict(zip(names, confounds.T, strict=True))
                columns["cosine00"] = np.cos(np.pi * times)
                if self.is_lifelike:
                    _derive(columns)
                write_signals(table, np.stack(list(columns.values()), axis=1), list(columns))
            _write_json(table.with_suffix(".json"), {})
        return truth

    def _image(
        self,
        space: str,
        more: Mapping[str, str],
        truth: NDArray[np.float64],
        courses: NDArray[np.float64],
        weights: Mapping[str, NDArray[np.float64]],
        rng: np.random.Generator,
    ) -> None:
        """Write an image and its sidecar."""
        grid = _grid(space)
        data = np.zeros((1, 1))
        if not self.is_empty:
            brain = make_brain_mask(grid)
            loads = rng.standard_normal((courses.shape[1], grid.n_voxels))
            data = brain * (
                8000
                + 40 * truth @ weights.get(space, weights[SPACES[0]])
                + 10 * courses @ loads
                + 5 * rng.standard_normal((len(truth), grid.n_voxels))
            )
        t_r = self.run.t_r if self.run.has_t_r else 1.0
        image = self._path("bold.nii.gz", space, **more, desc="preproc")
        self._write_image(image, space, np.rint(data), t_r)
        about: dict[str, Any] = {"TaskName": self.entities.get("task", ""), "SkullStripped": False}
        if self.run.has_t_r:
            about["RepetitionTime"] = self.run.t_r
        if "res-" in space:
            about["Resolution"] = "coarse, for tests"
        _write_json(self._path("bold.json", space, **more, desc="preproc"), about)

    def _path(self, ending: str, space: str, **more: str) -> Path:
        """Compose a file's name."""
        own = parse_entities(f"space-{space}") if space else {}
        return self.func / f"{format_entities({**self.entities, **(own or {}), **more})}_{ending}"

    def _write_image(
        self, path: Path, space: str, data: NDArray[Any], t_r: float | None = None
    ) -> None:
        """Write an image, or an empty file of its name."""
        if self.is_empty:
            path.write_bytes(b"")
            return
        ndim = 3 if data.dtype == np.uint8 else 4
        dtype = np.uint8 if ndim == 3 else np.int16
        write_image(
            path, _grid(space), [data], n_volumes=len(data), dtype=dtype, t_r=t_r, ndim=ndim
        )


def _write_atlas(
    folder: Path, weights: Mapping[str, NDArray[np.float64]], names: Sequence[str]
) -> dict[str, Path]:
    """Write a BIDS atlas with maps in both spaces."""
    about = {"Name": "Toy atlas", "BIDSVersion": "1.11.1", "DatasetType": "derivative"}
    folder.mkdir()
    _write_json(folder / "dataset_description.json", {**about, "GeneratedBy": [{"Name": "tests"}]})
    described = {"Name": "Toy", "Authors": ["Nobody"], "License": "CC0"}
    _write_json(folder / f"atlas-{ATLAS_NAME}_description.json", described)
    paths = {}
    for space in SPACES:
        template, _, rest = space.partition("_")
        own = {"tpl": template, "atlas": ATLAS_NAME, **(parse_entities(rest) or {})}
        path = folder / f"tpl-{template}" / f"{format_entities(own)}_probseg.nii.gz"
        path.parent.mkdir()
        maps = weights[space]
        paths[template] = write_image(
            path, _grid(space), [maps], n_volumes=len(maps), dtype=np.float32, ndim=4
        )
        sidecar = {"Resolution": "coarse", "LabelMap": list(names)}
        _write_json(path.with_name(path.name.replace(".nii.gz", ".json")), sidecar)
    rows = [{"index": index, "name": name} for index, name in enumerate(names, start=1)]
    write_rows(folder / f"atlas-{ATLAS_NAME}_labels.tsv", rows, ["index", "name"])
    return paths


def _slowed(noise: NDArray[np.float64], t_r: float) -> NDArray[np.float64]:
    """Keep what is slower than about 0.1 Hz of noise (T, K)."""
    window = np.hanning(round(_HAEMODYNAMIC_S / t_r) + 2)
    slow = np.stack([np.convolve(column, window, "same") for column in noise.T], axis=1)
    return np.asarray(slow / slow.std(axis=0))


def _derive(columns: dict[str, NDArray[np.float64]]) -> None:
    """Add what fMRIPrep makes of motion and tissues, and those that go with them."""
    columns["global_signal"] = (columns["csf"] + columns["white_matter"]) / 2
    columns["global_signal_derivative1"] = np.diff(columns["global_signal"], prepend=np.nan)
    others = ("framewise_displacement", "cosine00")
    squares = {f"{name}_power2": columns[name] ** 2 for name in columns if name not in others}
    columns.update(squares)
    jumps = columns["framewise_displacement"]
    columns["std_dvars"] = 1 + 0.5 * (jumps - np.nanmean(jumps))


def _grid(space: str) -> Grid:
    """Give the grid of a space."""
    shape = _SHAPES.get(space, _SHAPES[SPACES[0]])
    affine = np.diag([_VOXEL_MM] * 3 + [1.0])
    affine[:3, 3] = -_VOXEL_MM * (np.array(shape) - 1) / 2
    return Grid(shape, affine)


def _write_json(path: Path, content: object) -> None:
    """Write a sidecar."""
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
