# SPDX-License-Identifier: Apache-2.0
"""Memory and disk that a cohort will take, from headers and a glance at the maps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from nipype_mapsmasker.core.accumulation import BATCH_BYTES, BATCH_VOLUMES
from nipype_mapsmasker.core.grids import Grid, same_grid, voxel_sizes
from nipype_mapsmasker.core.least_squares import SMALL_REGIONS
from nipype_mapsmasker.core.mapped import MAPPED_BYTES
from nipype_mapsmasker.core.parameters import MaskerParameters
from nipype_mapsmasker.errors import DataFault
from nipype_mapsmasker.io.images.reader import (
    AHEAD_BYTES,
    DEFAULT_BLOCK_BYTES,
    ImageInfo,
    read_info,
)
from nipype_mapsmasker.io.maps import MapsImage
from nipype_mapsmasker.steps.readings import SQUARES_BLOCK_BYTES

__all__ = ["Estimate", "density", "estimate_cohort", "volume_gb"]

GB = 1 << 30
"""Bytes in a GB, as Nipype and Slurm count."""

BASE_GB = 0.12
"""A process with Nipype, NumPy, SciPy and nibabel loaded."""

DRIVER_GB = 0.25
"""The process that plans and drives."""

VOLUME_COPIES = 6
"""Volumes in float64 beside the blocks: mean and its writing, coverage, what is in work."""

FIT_VOLUME_COPIES = 8
"""Volumes in float64 while maps are read, resampled, masked and looked at."""

FIT_COPIES = 2.5
"""Copies of the design matrix in a fit: gathered maps, the matrix, pieces of it in work."""

GLANCE = 4
"""Maps that are looked at for the share of voxels that have weight."""

SPREAD = 1.3
"""How much a map's support grows by resampling: its rim."""

SAFETY = 1.15
"""What is added, so that the estimate is an upper bound."""

MAPPED_SHARES = 2
"""What of a mapped operator is in memory at a time, in units of what is let go of at once."""

SPARSE_BYTES = 12
"""Bytes of an entry of a sparse matrix: float64 and int32."""

BYTES_PER_NUMBER = 19
"""Bytes of a float64 in a table, on average."""

COMPRESSED = 0.7
"""What gzip leaves of an image of float32, at worst."""

PAGE_BYTES = 1_500_000
"""Bytes of a page, about."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """
    Hold upper bounds of what the open runs of a cohort take.

    Parameters
    ----------
    extract_gb, fit_gb : float
        Memory of the largest extraction and of the largest fit, GB.
    out_gb, work_gb : float
        Disk in the result folder and in the working folder, GB.
    n_fits : int
        Fits of maps, one per atlas and per different grid and mask.
    """

    extract_gb: float = 0.0
    fit_gb: float = 0.0
    out_gb: float = 0.0
    work_gb: float = 0.0
    n_fits: int = 0

    def task_gb(self, n_procs: int) -> float:
        """Give the memory of a task that runs so many processes beside a driver."""
        return DRIVER_GB + max(self.fit_gb, n_procs * self.extract_gb)


def estimate_cohort(
    infos: Iterable[ImageInfo],
    atlases: Sequence[MapsImage],
    params: MaskerParameters,
    masks: Sequence[str | None] | None = None,
) -> Estimate:
    """
    Estimate memory and disk.

    Parameters
    ----------
    infos : iterable of ImageInfo
        Headers of the runs that are open.
    atlases : sequence of MapsImage
        The maps.
    params : MaskerParameters
        The parameters.
    masks : sequence of str or None, optional
        The runs' masks: each different one costs a fit, and the first gives its grid.

    Returns
    -------
    Estimate
        Upper bounds, most often less than twice too large.
    """
    infos = list(infos)
    if not infos:
        return Estimate()
    masks = list(masks or [None] * len(infos))
    mask = next((path for path in masks if path is not None), None)
    shares = [density(atlas) for atlas in atlases]
    kinds: dict[Any, ImageInfo] = {}
    for info in infos:
        kinds.setdefault(_kind(info), info)
    fits = {(_kind(info)[:2], path) for info, path in zip(infos, masks, strict=True)}
    extract = fit = 0.0
    for info in kinds.values():
        target = [_target(info, atlas, params, mask) for atlas in atlases]
        extract = max(
            extract, _extract_gb(info, target, atlases, shares, params, len(set(masks)) > 1)
        )
        for grid, atlas, share in zip(target, atlases, shares, strict=True):
            fit = max(fit, _fit_gb(grid, atlas, share, params))
    out, work = _disk_gb(infos, atlases, shares, params, len(fits))
    return Estimate(
        extract_gb=extract, fit_gb=fit, out_gb=out, work_gb=work, n_fits=len(fits) * len(atlases)
    )


def volume_gb(info: ImageInfo) -> float:
    """
    Estimate the memory that one volume takes, whatever the maps are.

    Parameters
    ----------
    info : ImageInfo
        Header of the image.

    Returns
    -------
    float
        GB.
    """
    return (_blocks(info.volume_bytes) + VOLUME_COPIES * 8 * info.grid.n_voxels) / GB


def _blocks(n_bytes: int) -> int:
    """Give the bytes of all blocks of so many that are in memory while an image is read."""
    return n_bytes + max(n_bytes, AHEAD_BYTES)


def _kind(info: ImageInfo) -> tuple[Any, ...]:
    """Give what memory depends on: the grid first, then the stored type."""
    return (info.grid.shape, info.grid.affine.tobytes(), info.dtype, info.scaled)


def density(atlas: MapsImage) -> float:
    """
    Look at a few maps for the share of voxels that have weight.

    Parameters
    ----------
    atlas : MapsImage
        The maps.

    Returns
    -------
    float
        Between 0 and 1; the largest of the maps that were looked at.
    """
    share = 0.0
    for volume in islice(atlas.volumes(), GLANCE):
        share = max(share, float(np.count_nonzero(volume)) / volume.size)
    return share


def _target(info: ImageInfo, atlas: MapsImage, params: MaskerParameters, mask: str | None) -> Grid:
    """Give the grid of the fit."""
    if params.resampling_target == "maps":
        return atlas.grid
    if params.resampling_target == "mask" and mask is not None:
        try:
            return read_info(mask).grid
        except DataFault:
            return info.grid
    return info.grid


def _entries(grid: Grid, atlas: MapsImage, share: float, params: MaskerParameters) -> float:
    """Count the entries of the operator that are held, and weigh them by their bytes."""
    moved = not same_grid(grid, atlas.grid)
    spread = SPREAD if moved else 1.0
    if params.fwhm is not None:
        # Every map grows by about one width on each side.
        widths = np.broadcast_to(np.asarray(params.fwhm, dtype=float), 3)
        extent = np.cbrt(max(share, 1e-6) * np.prod(np.asarray(grid.shape) * voxel_sizes(grid)))
        spread *= float(np.prod(1.0 + 3.0 * widths / max(extent, 1e-3)))
    filled = min(1.0, share * spread)
    n_entries = grid.n_voxels * atlas.n_maps
    if params.demean:  # no voxel is without weight
        return n_entries * 8.0
    if filled > SMALL_REGIONS:
        # Voxels without any weight are left out; where maps are dense, few are. If they resemble
        # each other, combinations of them fill every cube.
        return n_entries * 8.0 * min(1.0, filled * atlas.n_maps)
    return n_entries * filled * SPARSE_BYTES


def _stays_narrow(grid: Grid, atlas: MapsImage, params: MaskerParameters) -> bool:
    """Tell whether float32 holds the operator: maps as they were stored, untouched."""
    if params.fwhm is not None or params.demean or not same_grid(grid, atlas.grid):
        return False
    if atlas.label_values is not None:
        return True
    info = read_info(atlas.path)
    small = info.dtype.itemsize <= (4 if info.dtype.kind == "f" else 2)
    return small and not info.scaled


def _extract_gb(
    info: ImageInfo,
    targets: Sequence[Grid],
    atlases: Sequence[MapsImage],
    shares: Sequence[float],
    params: MaskerParameters,
    own_masks: bool,
) -> float:
    """Bound the memory of an extraction."""
    voxel_bytes = 8 if info.scaled else info.dtype.itemsize
    volume_bytes = info.grid.n_voxels * voxel_bytes
    # The larger blocks of high-variance confounds are allowed for.
    n_volumes = min(max(1, SQUARES_BLOCK_BYTES // volume_bytes), info.n_volumes)
    block = n_volumes * volume_bytes
    total: float = _blocks(n_volumes * info.volume_bytes) + (block if info.scaled else 0)
    total += VOLUME_COPIES * 8 * info.grid.n_voxels
    for grid, atlas, share in zip(targets, atlases, shares, strict=True):
        basis = _entries(grid, atlas, share, params)
        if _stays_narrow(grid, atlas, params):
            basis /= 2
        if not own_masks and same_grid(grid, info.grid):
            basis = min(basis, MAPPED_SHARES * MAPPED_BYTES)  # it stays in its file
        total += basis + 8 * 3 * atlas.n_maps**2
        total += 24 * info.n_volumes * atlas.n_maps
        if same_grid(grid, info.grid):
            row = grid.n_voxels * voxel_bytes
        else:  # resampled volumes are float64, and a few more are in work
            row = 8 * grid.n_voxels
            total += n_volumes * row + 4 * row
        total += row * min(max(BATCH_BYTES // row, BATCH_VOLUMES[0]), BATCH_VOLUMES[1])
    return BASE_GB + SAFETY * total / GB


def _fit_gb(grid: Grid, atlas: MapsImage, share: float, params: MaskerParameters) -> float:
    """Bound the memory of a fit."""
    matrix = _entries(grid, atlas, share, params)
    volumes = max(grid.n_voxels, atlas.grid.n_voxels)
    blocks = _blocks(max(DEFAULT_BLOCK_BYTES, 4 * atlas.grid.n_voxels))
    total = FIT_COPIES * matrix + FIT_VOLUME_COPIES * 8 * volumes + blocks
    total += 8 * 6 * atlas.n_maps**2
    return BASE_GB + SAFETY * total / GB


def _disk_gb(
    infos: Sequence[ImageInfo],
    atlases: Sequence[MapsImage],
    shares: Sequence[float],
    params: MaskerParameters,
    n_fits: int,
) -> tuple[float, float]:
    """Bound the disk of results and of work, where every fit keeps its operators."""
    n_maps = sum(atlas.n_maps for atlas in atlases)
    n_strategies = len(params.cleanings())
    n_pages = len(atlases) * n_strategies
    total = 0.0
    for info in infos:
        total += (1 + n_strategies) * info.n_volumes * n_maps * BYTES_PER_NUMBER
        total += COMPRESSED * 4 * info.grid.n_voxels
        total += params.reports * n_pages * PAGE_BYTES
        if params.inverse_transform:
            total += n_pages * COMPRESSED * 4 * info.grid.n_voxels * info.n_volumes
    operators = sum(
        8.0 * share * atlas.n_maps * infos[0].grid.n_voxels
        for atlas, share in zip(atlases, shares, strict=True)
    )
    return total / GB, (total + n_fits * operators) / GB
