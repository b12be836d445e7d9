# SPDX-License-Identifier: Apache-2.0
"""Maps and masks from files: 4D weights, 3D labels, binary masks, all checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.grids import Grid, same_grid
from nipype_mapsmasker.core.interpolation import check_overlap, resampling_operator
from nipype_mapsmasker.core.maps import MapsMatrix, collect_maps, label_volumes
from nipype_mapsmasker.core.rounding import epsilon
from nipype_mapsmasker.errors import MapsError, ParameterError
from nipype_mapsmasker.io.images.reader import iter_blocks, read_info, read_volumes
from nipype_mapsmasker.io.tables.labels import read_labels

__all__ = ["MapsImage", "load_maps", "mask_on_grid", "open_maps", "read_mask"]

MAX_LABELS = 10_000
"""More distinct integers than this in a 3D image are no labels."""


@dataclass(frozen=True, eq=False)
class MapsImage:
    """
    Describe an image of maps.

    Parameters
    ----------
    path : Path
        The file.
    grid : Grid
        Its grid.
    n_maps : int
        Number of maps K.
    label_values : (K,) ndarray of float or None
        The labels of a 3D integer image; None for maps of weights.
    """

    path: Path
    grid: Grid
    n_maps: int
    label_values: NDArray[np.float64] | None

    def volumes(self) -> Iterator[NDArray[Any]]:
        """Yield the maps as (Z, Y, X) volumes as stored; each lasts until the next."""
        if self.label_values is None:
            for block in iter_blocks(self.path):
                yield from block.reshape(-1, *self.grid.shape[::-1])
        else:
            labels = np.ascontiguousarray(read_volumes(self.path, ndim=3).T)
            yield from label_volumes(labels, self.label_values)

    def names(self, labels_file: str | Path | None = None) -> list[str]:
        """Give the K names: from a table of labels, else numbered from 1 or by label."""
        values = None if self.label_values is None else [int(v) for v in self.label_values]
        if labels_file is not None:
            return read_labels(labels_file, self.n_maps, values=values)
        numbers = values or list(range(1, self.n_maps + 1))
        kind = "map" if values is None else "label"
        width = len(str(max(numbers)))
        return [f"{kind}_{number:0{width}d}" for number in numbers]


def open_maps(path: str | Path) -> MapsImage:
    """
    Look at an image of maps.

    Parameters
    ----------
    path : str or Path
        A 4D image of weights, or a 3D image: of labels if all its values are integers.

    Returns
    -------
    MapsImage
        What it holds.

    Raises
    ------
    MapsError
        A 3D image without any label.
    ImageFileError, ImageHeaderError
        The file cannot be read.
    """
    info = read_info(path)
    if info.ndim == 4:
        return MapsImage(info.path, info.grid, info.n_volumes, None)
    values = np.unique(read_volumes(path, ndim=3))
    values = values[np.isfinite(values) & (values != 0)]
    if not values.size:
        msg = f"{path} contains no map: every voxel is zero; pass 4D maps or a 3D label image."
        raise MapsError(msg)
    if not np.array_equal(values, np.rint(values)):
        return MapsImage(info.path, info.grid, 1, None)
    if values.size > MAX_LABELS or values[0] < 0:
        msg = (
            f"{path} is a 3D image with {values.size} distinct integers from {values[0]:g} to "
            f"{values[-1]:g}, expected at most {MAX_LABELS} positive labels; "
            "pass 4D maps or a label image."
        )
        raise MapsError(msg)
    return MapsImage(info.path, info.grid, values.size, values)


def load_maps(
    maps: MapsImage,
    target: Grid,
    mask: NDArray[np.bool_] | None = None,
    *,
    mask_file: str | Path | None = None,
) -> MapsMatrix:
    """
    Read maps into the design matrix of a fit.

    Parameters
    ----------
    maps : MapsImage
        From `open_maps`.
    target : Grid
        The grid of the fit.
    mask : (V,) ndarray of bool, optional
        Voxels of ``target`` that may be used.
    mask_file : str or Path, optional
        Where the mask came from, for the error.

    Returns
    -------
    MapsMatrix
        Weights resampled linearly, labels by nearest voxel.

    Raises
    ------
    MapsError
        The maps are empty, or nothing is left of them.
    GridError
        Maps and target do not overlap.
    """
    interpolation: Literal["linear", "nearest"] = (
        "linear" if maps.label_values is None else "nearest"
    )
    info = read_info(maps.path)
    rounding = None
    if maps.label_values is None and info.scaled:
        # Blocks are float64 then, and do not show to what the file has rounded.
        absolute = abs(info.slope) if info.dtype.kind in "iu" else 0.0
        rounding = (epsilon(info.dtype), absolute)
    try:
        return collect_maps(
            maps.volumes(), maps.grid, target, mask, interpolation=interpolation, rounding=rounding
        )
    except MapsError as error:
        beside = "" if mask_file is None else f" with the mask {mask_file}"
        msg = f"{maps.path}{beside}: {error}"
        raise MapsError(msg) from error


def read_mask(path: str | Path, threshold: float | None = None) -> tuple[Grid, NDArray[np.bool_]]:
    """
    Read a mask.

    Parameters
    ----------
    path : str or Path
        A 3D image of two values, one of them 0; or of probabilities, with ``threshold``.
    threshold : float, optional
        Voxels above this are inside.

    Returns
    -------
    grid : Grid
        The mask's grid.
    mask : (V,) ndarray of bool
        In disk order.

    Raises
    ------
    MapsError
        Empty, or neither binary nor with a threshold.
    ParameterError
        The threshold is not between 0 and the mask's largest value.
    """
    grid = read_info(path).grid
    volume = np.nan_to_num(read_volumes(path, ndim=3), posinf=0.0, neginf=0.0)
    flat = volume.reshape(-1, order="F")
    if threshold is not None:
        if not 0 <= threshold < max(float(flat.max()), 1.0):
            msg = f"mask_threshold must lie in [0, {flat.max():g}) for {path}; got {threshold!r}."
            raise ParameterError(msg)
        mask = flat > threshold
    else:
        values = np.unique(flat)
        if values.size > 2 or (values.size == 2 and 0 not in values):
            msg = (
                f"{path} is not a binary mask: it has {values.size} distinct values from "
                f"{values[0]:g} to {values[-1]:g}, expected 0 and one other; pass a binary mask, "
                "or mask_threshold to cut a probability mask."
            )
            raise MapsError(msg)
        mask = flat != 0
    if not mask.any():
        msg = f"{path} is an empty mask: no voxel is inside; pass a mask with voxels inside."
        raise MapsError(msg)
    return grid, mask


def mask_on_grid(
    path: str | Path, grid: Grid, threshold: float | None = None
) -> NDArray[np.int64]:
    """
    Read a mask at the voxels of a grid.

    Parameters
    ----------
    path : str or Path
        The mask.
    grid : Grid
        Where it is wanted.
    threshold : float, optional
        As in `read_mask`.

    Returns
    -------
    (N,) ndarray of int
        Flat indices, disk order, of the voxels inside, by nearest neighbour.

    Raises
    ------
    MapsError
        Nothing of the mask lies on the grid.
    """
    mask_grid, mask = read_mask(path, threshold)
    if not same_grid(mask_grid, grid):
        check_overlap(mask_grid, grid, source_name=str(path), target_name="the images' grid")
        operator = resampling_operator(mask_grid, grid, "nearest")
        volume = mask.astype(np.float64).reshape(mask_grid.shape[::-1])
        mask = operator.apply(volume).reshape(-1) > 0.5
        if not mask.any():
            msg = (
                f"{path} is empty once it is resampled to the images' grid ({grid.shape}); "
                "check that mask and images are in the same space."
            )
            raise MapsError(msg)
    return np.flatnonzero(mask)
