# SPDX-License-Identifier: Apache-2.0
"""Maps and masks from files: 4D weights, 3D labels, binary masks, all checked."""

from __future__ import annotations

import logging
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
from nipype_mapsmasker.io.images.reader import ImageInfo, iter_blocks, read_info, read_volumes
from nipype_mapsmasker.io.tables.labels import read_labels

__all__ = ["MapsImage", "load_maps", "mask_on_grid", "open_maps", "read_mask"]

MAX_LABELS = 10_000
"""More distinct integers than this in a 3D image are no labels."""

LABEL_ROUNDING = 1e-6
"""Relative rounding of a label that was stored as a floating-point number."""

MAX_ROUNDING = 0.05
"""Largest rounding of a label by a scale factor; a coarser one stores weights."""

WHOLE_SHARE = 0.05
"""Share of voxels with whole numbers from which on the others are taken for interpolated."""

MIN_ALIKE = 3
"""Volumes that are compared to tell a run from maps."""

ALIKE = 0.98
"""Cosine of the angle between two volumes that maps of different places do not reach."""

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class MapsImage:
    """
    Describe an image of maps.

    Parameters
    ----------
    path : Path
        The image that was opened.
    grid : Grid
        Grid that the maps are stored on.
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
            labels = np.rint(np.ascontiguousarray(read_volumes(self.path, ndim=3).T))
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
        A 4D image of weights; or a 3D image, or 4D one of one volume: of labels if all its
        values are whole numbers, but for what a scale factor rounds, otherwise of one map.

    Returns
    -------
    MapsImage
        The maps, of which no voxel is kept.

    Raises
    ------
    MapsError
        A 3D image without any label, or of labels that were interpolated; a run in place of maps.
    ImageFileError, ImageHeaderError
        The file cannot be read.
    """
    info = read_info(path)
    if info.n_volumes > 1:
        _refuse_run(info)
        return MapsImage(info.path, info.grid, info.n_volumes, None)
    one_map = MapsImage(info.path, info.grid, 1, None)
    found, counts = np.unique(read_volumes(path, ndim=3), return_counts=True)
    is_value = np.isfinite(found) & (found != 0)
    values, counts = found[is_value], counts[is_value]
    if not values.size:
        msg = f"{path} contains no map: every voxel is zero; pass 4D maps or a 3D label image."
        raise MapsError(msg)
    is_whole = np.abs(values - np.rint(values)) <= _rounding(info, values)
    if not is_whole.all():
        _refuse_interpolated(info, values, counts, is_whole)
        if info.ndim == 3:
            _LOGGER.warning(
                "%s is a 3D image whose values are no whole numbers: it is taken for one map of "
                "weights, not for labels.", path,
            )  # fmt: skip
        return one_map
    values = np.unique(np.rint(values))
    values = values[values != 0]
    if info.ndim == 4 and (values.size < 2 or values.size > MAX_LABELS or values[0] < 0):
        return one_map  # a fourth axis of one element is no label image's, unless labels are there
    if not values.size or values.size > MAX_LABELS or values[0] < 0:
        span = f"from {values[0]:g} to {values[-1]:g}" if values.size else "of which all are 0"
        msg = (
            f"{path} is a 3D image with {values.size} distinct whole numbers {span}, expected at "
            f"most {MAX_LABELS} positive labels; pass 4D maps or a label image."
        )
        raise MapsError(msg)
    return MapsImage(info.path, info.grid, values.size, values)


def _rounding(info: ImageInfo, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Give how far off a whole number a label may be.

    A label that a scale factor stores is the nearest that can be stored, half a step off at most.
    """
    step = 0.5 * abs(info.slope) if info.scaled else 0.0
    rounding: NDArray[np.float64] = LABEL_ROUNDING * np.maximum(np.abs(values), 1.0)
    return rounding + min(step, MAX_ROUNDING)


def _refuse_interpolated(
    info: ImageInfo,
    values: NDArray[np.float64],
    counts: NDArray[np.int64],
    is_whole: NDArray[np.bool_],
) -> None:
    """Refuse labels that were resampled by interpolation, which gave numbers between them."""
    labels = np.unique(np.rint(values[is_whole & (values > 0.5)]))
    share = counts[is_whole].sum() / counts.sum()
    if labels.size > 1 and share >= WHOLE_SHARE:
        odd = values[~is_whole]
        msg = (
            f"{info.path} is an image of which {share:.0%} of the voxels hold whole numbers "
            f"({labels[0]:g} to {labels[-1]:g}) and others do not (such as {odd[0]:g}): these "
            "seem to be labels that were resampled by interpolation; resample the labels anew by "
            "nearest neighbour, or divide the image by its largest value if it is one map of "
            "weights."
        )
        raise MapsError(msg)


def _refuse_run(info: ImageInfo) -> None:
    """Refuse a run that was given in place of maps: its volumes are all alike."""
    if info.n_volumes < MIN_ALIKE:
        return
    volumes = np.empty((MIN_ALIKE, info.grid.n_voxels))
    n_read = 0
    for block in iter_blocks(info, threads=0):  # nothing more is wanted
        for volume in block[: MIN_ALIKE - n_read]:
            volumes[n_read] = volume
            n_read += 1
        if n_read == MIN_ALIKE:
            break
    if not np.isfinite(volumes).all():
        np.nan_to_num(volumes, copy=False, posinf=0.0, neginf=0.0)
    products = volumes @ volumes.T
    lengths = np.sqrt(np.diag(products))
    if not lengths.all():
        return
    cosines = products / np.outer(lengths, lengths)
    if cosines.min() > ALIKE:
        msg = (
            f"{info.path} does not look like maps: its first {MIN_ALIKE} volumes are all but the "
            "same image, as those of a run are; check that maps and data are not swapped."
        )
        raise MapsError(msg)


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
        Grid that the mask is stored on.
    mask : (V,) ndarray of bool
        In disk order.

    Raises
    ------
    MapsError
        Empty, or neither binary nor with a threshold.
    ParameterError
        The threshold is not between 0 and the mask's largest value.
    """
    info = read_info(path)
    # Whole numbers stay what they are: a mask of a byte per voxel is looked at in no time.
    dtype = info.dtype.newbyteorder("=") if info.dtype.kind in "iu" and not info.scaled else float
    flat = read_volumes(path, ndim=3, dtype=dtype).reshape(-1, order="F")
    if flat.dtype.kind == "f":
        flat = np.nan_to_num(flat, posinf=0.0, neginf=0.0)
    if threshold is not None:
        if not 0 <= threshold < max(float(flat.max()), 1.0):
            msg = f"mask_threshold must lie in [0, {flat.max():g}) for {path}; got {threshold!r}."
            raise ParameterError(msg)
        mask = flat > threshold
    else:
        mask = flat != 0
        inside = flat[mask]
        if inside.size and (inside != inside[0]).any():
            values = np.unique(flat)
            msg = (
                f"{path} is not a binary mask: it has {values.size} distinct values from "
                f"{values[0]:g} to {values[-1]:g}, expected 0 and one other; pass a binary mask, "
                "or mask_threshold to cut a probability mask."
            )
            raise MapsError(msg)
    if not mask.any():
        msg = f"{path} is an empty mask: no voxel is inside; pass a mask with voxels inside."
        raise MapsError(msg)
    return info.grid, mask


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
