# SPDX-License-Identifier: Apache-2.0
"""
Make data for the benchmarks: runs, maps and a mask that compress like real ones.

    python benchmarks/data.py CACHE [--small]

A run has a brain of smooth contrast, smooth fluctuations, white noise, a dim scalp, noisy air and
slices outside the field of view, which are zero. It is compressed by zlib at level 1, as nibabel
does, so that inflating it takes what inflating real files takes. Everything is made once and kept
in CACHE (or the folder that MAPSMASKER_BENCHMARK_DATA names), never in the checkout.
"""

from __future__ import annotations

import argparse
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from cases import Case
from scipy import ndimage

__all__ = [
    "COARSE",
    "FINE",
    "FULL",
    "SMALL",
    "TINY",
    "Space",
    "case_files",
    "data_folder",
    "make_maps",
    "make_mask",
    "make_own_mask",
    "make_run",
    "named_space",
    "pack_run",
    "run_kind",
]

CACHE_VARIABLE = "MAPSMASKER_BENCHMARK_DATA"
"""Environment variable that names the folder of the data."""

N_FIELDS = 24
"""Smooth noise fields of which every volume is a random mixture: smooth noise, made quickly."""

ZLIB_LEVEL = 1
"""Compression level of nibabel."""


@dataclass(frozen=True)
class Space:
    """A grid and the sizes of what lies on it."""

    name: str
    shape: tuple[int, int, int]
    voxel_mm: float

    @property
    def affine(self) -> np.ndarray:
        """Voxel to mm, the brain's centre near the origin."""
        affine = np.diag([-self.voxel_mm, self.voxel_mm, self.voxel_mm, 1.0])
        affine[:3, 3] = [
            self.voxel_mm * (self.shape[0] - 1) / 2,
            -self.voxel_mm * (self.shape[1] - 1) / 2 - 17,
            -self.voxel_mm * (self.shape[2] - 1) / 2 + 19,
        ]
        return affine


FULL = Space("full", (99, 117, 95), 2.0)
"""The 2 mm grid of MNI152NLin2009cAsym at which fMRIPrep gives its runs: 97 x 115 x 97, nearly."""

SMALL = Space("small", (24, 28, 23), 8.0)
"""The same head for a quick look."""

TINY = Space("tiny", (12, 14, 11), 16.0)
"""The same head where only the number of runs matters."""


def data_folder(argument: str | None) -> Path:
    """Give the folder of the data: the argument, else the environment variable."""
    name = argument or os.environ.get(CACHE_VARIABLE)
    if not name:
        msg = f"Give a folder for the data, as an argument or in {CACHE_VARIABLE}."
        raise SystemExit(msg)
    folder = Path(name).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


COARSE = Space("coarse", (50, 59, 48), 4.0)
"""An eighth of the voxels."""

FINE = Space("fine", (124, 146, 119), 1.6)
"""Twice the voxels."""


def named_space(name: str) -> Space:
    """Give one of the grids above."""
    return next(s for s in (TINY, SMALL, COARSE, FULL, FINE) if s.name == name)


def make_run(
    folder: Path,
    space: Space,
    n_volumes: int,
    dtype: str = "int16",
    seed: int = 0,
    *,
    zeros: bool = True,
    masked: bool = False,
) -> Path:
    """
    Make one run, unless it is there.

    Without ``zeros`` there is signal everywhere; a ``masked`` one is zero outside the brain.
    """
    path = folder / f"{space.name}_{run_kind(dtype, zeros, masked)}_{n_volumes}_{seed}.nii.gz"
    if not path.exists():
        volumes = _run_volumes(space, n_volumes, dtype, seed, zeros=zeros, masked=masked)
        _write(path, space, dtype, n_volumes, volumes)
    return path


def run_kind(dtype: str, zeros: bool, masked: bool) -> str:
    """Give the part of a run's name that says what is in it."""
    return dtype + ("" if zeros else "nonzero") + ("masked" if masked else "")


def pack_run(path: Path) -> Path:
    """Compress a run by Zstandard, unless that is there."""
    import isal.igzip
    import zstandard

    packed = path.with_name(path.name.removesuffix(".gz") + ".zst")
    if not packed.exists():
        unfinished = packed.with_suffix(".part")
        with isal.igzip.open(path, "rb") as source, unfinished.open("wb") as target:
            zstandard.ZstdCompressor().copy_stream(source, target)
        unfinished.rename(packed)
    return packed


def make_maps(folder: Path, space: Space, n_maps: int, voxel_mm: float | None = None) -> Path:
    """Make overlapping maps, on a grid of their own with ``voxel_mm``, unless they are there."""
    grid = space if voxel_mm is None else _coarser(space, voxel_mm)
    path = folder / f"{grid.name}_maps_{n_maps}.nii.gz"
    if not path.exists():
        _write(path, grid, "float32", n_maps, _maps_volumes(grid, n_maps))
    return path


def make_mask(folder: Path, space: Space) -> Path:
    """Make the brain mask, unless it is there."""
    path = folder / f"{space.name}_mask.nii.gz"
    if not path.exists():
        image = nibabel.Nifti1Image(_radius(space)[0].astype(np.uint8), space.affine)
        nibabel.save(image, path)
    return path


def make_own_mask(folder: Path, space: Space, number: int) -> Path:
    """Make the brain mask of one run, unless it is there: a few per cent of voxels differ."""
    path = folder / f"{space.name}_mask_own{number}.nii.gz"
    if not path.exists():
        rng = np.random.default_rng([number, 13])
        brain = _radius(space, rng.uniform(-3, 3, 3), rng.uniform(0.96, 1.02))[0]
        nibabel.save(nibabel.Nifti1Image(brain.astype(np.uint8), space.affine), path)
    return path


def case_files(case: Case, folder: Path, space: Space) -> dict[str, Any]:
    """Name the files of a case, and make those that are not there; ``jobs.py`` works on them."""
    different = min(case.n_runs, 4)
    runs = [
        make_run(
            folder, space, case.n_volumes, case.dtype, seed, zeros=case.zeros, masked=case.masked
        )
        for seed in range(different)
    ]
    runs = [pack_run(run) for run in runs] if case.zstd else runs
    runs = runs if case.kind != "inverse" else []
    # More runs than that are names of the same four files: the disk is not what is measured.
    kind = run_kind(case.dtype, case.zeros, case.masked)
    for number in range(different, case.n_runs):
        suffix = "nii.zst" if case.zstd else "nii.gz"
        link = folder / f"{space.name}_{kind}_{case.n_volumes}_copy{number}.{suffix}"
        if not link.exists():
            os.link(runs[number % different], link)
        runs.append(link)
    return {
        "runs": [str(run) for run in runs],
        "maps": [str(make_maps(folder, space, n, case.maps_mm)) for n in case.n_maps],
        "mask": str(make_mask(folder, space)) if case.mask else None,
        "own_masks": [str(make_own_mask(folder, space, n)) for n in range(case.n_runs)]
        if case.own_masks
        else None,
    }


def _coarser(space: Space, voxel_mm: float) -> Space:
    """Give the same field of view in larger voxels."""
    shape = tuple(int(size * space.voxel_mm / voxel_mm) for size in space.shape)
    return Space(f"{space.name}{voxel_mm:g}mm", (shape[0], shape[1], shape[2]), voxel_mm)


def _radius(
    space: Space, moved_mm: np.ndarray | None = None, size: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Give brain and head as (X, Y, Z) booleans: two ellipsoids, the brain's perhaps changed."""
    axes = [np.arange(n) * space.voxel_mm for n in space.shape]
    x, y, z = np.meshgrid(*[a - a.mean() for a in axes], indexing="ij", sparse=True)
    # Half axes in mm of an adult's brain and head: 230,000 voxels of 8 mm^3 in the brain.
    a, b, c = np.zeros(3) if moved_mm is None else moved_mm
    brain = ((x - a) / 68) ** 2 + ((y - b) / 86) ** 2 + ((z - c - 4) / 74) ** 2 <= size**2
    head = (x / 80) ** 2 + (y / 100) ** 2 + ((z + 5) / 95) ** 2 <= 1
    return brain, head


def _smooth(rng: np.random.Generator, space: Space, fwhm_mm: float) -> np.ndarray:
    """Give unit-variance noise of a smoothness."""
    sigma = fwhm_mm / 2.3548 / space.voxel_mm
    field = ndimage.gaussian_filter(rng.standard_normal(space.shape, dtype=np.float32), sigma)
    return field / field.std()


def _run_volumes(
    space: Space,
    n_volumes: int,
    dtype: str,
    seed: int,
    *,
    zeros: bool = True,
    masked: bool = False,
) -> Iterator[np.ndarray]:
    """Yield the volumes of a run, (V,) in disk order."""
    rng = np.random.default_rng([seed, 7])
    brain, head = _radius(space)
    # A scanner's own units: signal to noise of 80 in the brain, Rayleigh-like noise in the air.
    mean = np.where(brain, 1200, np.where(head, 400, 10)).astype(np.float32)
    mean *= 1 + 0.15 * _smooth(rng, space, 8)
    mean = ndimage.gaussian_filter(mean, 0.8)
    seen = np.ones(space.shape, dtype=bool)
    seen[:, :, : max(1, space.shape[2] // 16)] = False
    seen[:, -max(1, space.shape[1] // 24) :] = False
    if masked:
        seen &= brain
    amplitude = np.where(brain, 12, np.where(head, 6, 1)).astype(np.float32)
    noise = np.where(brain, 10, np.where(head, 7, 5)).astype(np.float32)
    flat = [array.reshape(-1, order="F") for array in (mean, amplitude, noise, seen)]
    mean, amplitude, noise, seen = flat
    fields = np.stack([_smooth(rng, space, 6).reshape(-1, order="F") for _ in range(N_FIELDS)])
    for _ in range(n_volumes):
        mixture = rng.standard_normal(N_FIELDS).astype(np.float32) / np.sqrt(N_FIELDS)
        values = mean + amplitude * (mixture.astype(np.float32) @ fields)
        values += noise * rng.standard_normal(values.size, dtype=np.float32)
        np.maximum(values, 0 if zeros else 1, out=values)
        if zeros:
            values *= seen
        yield np.rint(values) if np.dtype(dtype).kind == "i" else values


def _maps_volumes(space: Space, n_maps: int) -> Iterator[np.ndarray]:
    """Yield maps: a Gaussian bump or two each, cut at a tenth of its height."""
    rng = np.random.default_rng([n_maps, 11])
    brain, _ = _radius(space)
    inside = np.argwhere(brain)
    # Each bump takes its share of the brain and overlaps its neighbours.
    sigma = 0.5 * (len(inside) / n_maps) ** (1 / 3)
    reach = int(np.ceil(2.15 * sigma))
    for _ in range(n_maps):
        volume = np.zeros(space.shape, dtype=np.float32)
        for centre in inside[rng.integers(len(inside), size=1 + (rng.random() < 0.3))]:
            box = tuple(
                slice(max(0, c - reach), min(n, c + reach + 1))
                for c, n in zip(centre, space.shape, strict=True)
            )
            place = np.ogrid[box]
            squares = sum((p - c) ** 2 for p, c in zip(place, centre, strict=True))
            bump = np.exp(-squares / (2 * sigma**2)) * rng.uniform(0.5, 1.5)
            volume[box] += np.where(bump > 0.1, bump * rng.uniform(0.9, 1.1, bump.shape), 0)
        volume[~brain] = 0
        yield volume.reshape(-1, order="F")


def _write(
    path: Path, space: Space, dtype: str, n_volumes: int, volumes: Iterator[np.ndarray]
) -> None:
    """Stream volumes into a .nii.gz, under another name until it is whole."""
    header = nibabel.Nifti1Header()
    header.set_data_dtype(np.dtype(dtype))
    header.set_data_shape((*space.shape, n_volumes))
    header.set_xyzt_units("mm", "sec")
    header.set_sform(space.affine, 2)
    header.set_qform(space.affine, 2)
    header["pixdim"][4] = 2.0
    header["vox_offset"] = 352
    header["scl_slope"], header["scl_inter"] = 1, 0
    header["magic"] = b"n+1"
    temporary = path.with_name(f"making_{path.name}")
    packer = zlib.compressobj(ZLIB_LEVEL, wbits=31)
    with temporary.open("wb") as file:
        file.write(packer.compress(header.binaryblock + bytes(4)))
        for volume in volumes:
            file.write(packer.compress(volume.astype(dtype).tobytes()))
        file.write(packer.flush())
    temporary.rename(path)


def main() -> None:
    """Make the data of the main table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", help=f"where to; default: ${CACHE_VARIABLE}")
    parser.add_argument("--small", action="store_true", help="a small head and short runs")
    options = parser.parse_args()
    folder = data_folder(options.folder)
    space, n_volumes = (SMALL, 20) if options.small else (FULL, 200)
    print(make_mask(folder, space))
    for dtype in ("int16", "float32"):
        print(make_run(folder, space, n_volumes, dtype))
    for n_maps in (39, 128, 64 if options.small else 1024):
        print(make_maps(folder, space, n_maps))


if __name__ == "__main__":
    main()
