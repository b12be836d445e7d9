# SPDX-License-Identifier: Apache-2.0
"""
Every map as a small volume, kept for the report.

The report never reads the maps again: what it shows of a map is a coarse copy with few levels,
cut to the box that holds it, made while the maps pass by once, volume after volume. All small
volumes are turned to the voxel axes nearest to right, anterior, superior (RAS).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nipype_mapsmasker.core.cut_volumes import LEVELS, SMALLEST_LEVEL
from nipype_mapsmasker.core.orientation import coarse_affine, nearest_ras

if TYPE_CHECKING:
    from nipype_mapsmasker.core.maps import MapsMatrix

__all__ = ["collect_cuts", "collect_map_cuts"]

FAINT = 0.99 * (SMALLEST_LEVEL - 0.5) / LEVELS
"""Share of a map's peak up to which a weight is stored as 0, whatever its rounding."""

LONGEST_SIDE = 80
"""Finer grids are reduced to blocks of 2, 3 … voxels, so that volumes stay small."""

PART_LEVEL = 0.5
"""Share of the peak above which a voxel counts as part of the map's body, for the centre."""

GLANCE_THRESHOLD = 0.3
"""Share of a map's peak above which it may colour a voxel of the picture of all maps."""

N_GLANCE_CUTS = 8
"""Axial cuts in the picture of all maps."""

Box = tuple[slice, slice, slice]

Places = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]
"""Where N voxels are in the grid turned to RAS: along x, y and z."""

Support = tuple[Places, NDArray[np.float32]]
"""The voxels of a map that are drawn, and their weights."""


def collect_cuts(
    volumes: Iterable[NDArray[np.floating]], affine: ArrayLike
) -> dict[str, NDArray[np.generic]]:
    """
    Keep a small copy of all maps, one volume in memory at a time.

    Parameters
    ----------
    volumes : iterable of (X, Y, Z) ndarray of float
        The K maps on one grid, in order; what is not finite counts as 0.
    affine : (4, 4) array_like of float
        The grid's affine.

    Returns
    -------
    dict of str to ndarray
        Ready for :func:`numpy.savez_compressed`: ``packed`` (bytes) and ``ends`` (K,), for each
        map the deflated levels of ``box`` (K, 6: start and size along x, y, z); ``peak`` (K,),
        ``voxel`` (K, 3) and ``centre`` (K, 3) in mm, the place at which a map is shown first;
        ``affine`` and ``shape`` of the grid, ``step`` from it to the small volumes, and
        ``small_affine`` and ``small_shape`` of these; and the picture of all maps: ``glance``
        (N, rows, columns) int16, the number of the relatively strongest map plus one, 0 where
        none reaches `GLANCE_THRESHOLD`, with ``glance_level`` (N,), the height of each cut.

    Notes
    -----
    A block of a finer grid takes its value of largest size, so that no map is too thin to be
    seen. 1,024 sparse maps on a 2 mm grid make a file of less than a MB.
    """
    matrix = np.array(affine, dtype=np.float64)
    coming = iter(volumes)
    first = next(coming, None)
    if first is None:
        return _collect((), (0, 0, 0), matrix)
    shape = first.shape

    def supports() -> Iterator[Support]:
        for volume in chain([first], coming):
            index, weights = _strong(volume.reshape(-1, order="F"))
            yield _turned_places(index, shape, matrix), weights

    return _collect(supports(), shape, matrix)


def collect_map_cuts(maps: MapsMatrix) -> dict[str, NDArray[np.generic]]:
    """
    Keep a small copy of all maps from their weights, without a volume of any.

    Parameters
    ----------
    maps : MapsMatrix
        The maps on the grid of the fit.

    Returns
    -------
    dict of str to ndarray
        As `collect_cuts` of their volumes.
    """
    shape, matrix = maps.grid.shape, np.array(maps.grid.affine, dtype=np.float64)
    places = _turned_places(maps.voxels, shape, matrix)

    def supports() -> Iterator[Support]:
        for voxels, weights in maps.columns():
            chosen, strong = _strong(weights)
            index = chosen if voxels is None else voxels[chosen]
            x, y, z = (along[index] for along in places)
            yield (x, y, z), strong

    return _collect(supports(), shape, matrix)


def _collect(
    supports: Iterable[Support], shape: tuple[int, ...], affine: NDArray[np.float64]
) -> dict[str, NDArray[np.generic]]:
    """Make the small volumes of maps that are given as places and weights."""
    step = -(-max(shape) // LONGEST_SIDE) or 1
    axes = nearest_ras(affine).axes
    small_shape = tuple(-(-shape[axis] // step) for axis in axes)
    winner = np.zeros(small_shape, dtype=np.int16)
    strength = np.full(small_shape, GLANCE_THRESHOLD, dtype=np.float32)
    packed, boxes, peaks, voxels = [], [], [], []
    for number, (places, weights) in enumerate(supports):
        part, small = _small_copy(places, weights, step)
        size = np.abs(small)
        peak = float(size.max(initial=0.0))
        share = (size / np.float32(peak)).astype(np.float32) if peak > 0 else size
        levels = np.rint(small * (LEVELS / peak if peak > 0 else 0.0)).astype(np.int8)
        levels[np.abs(levels) < SMALLEST_LEVEL] = 0
        inner = _box_of(levels)
        starts = [out.start + side.start for out, side in zip(part, inner, strict=True)]
        packed.append(zlib.compress(np.ascontiguousarray(levels[inner]).tobytes(), 6))
        boxes.append(starts + [side.stop - side.start for side in inner])
        peaks.append(peak)
        middle = _middle(share[inner])
        if middle is None:
            voxels.append([side // 2 for side in winner.shape])
        else:
            voxels.append([start + place for start, place in zip(starts, middle, strict=True)])
        better = share > strength[part]
        winner[part][better] = number + 1
        strength[part][better] = share[better]
    small_affine = coarse_affine(shape, affine, step)
    shown_first = np.array(voxels, dtype=np.int32).reshape(-1, 3)
    glance, levels_shown = _glance(winner)
    return {
        "packed": np.frombuffer(b"".join(packed), dtype=np.uint8),
        "ends": np.cumsum([len(data) for data in packed], dtype=np.int64),
        "box": np.array(boxes, dtype=np.int16).reshape(-1, 6),
        "peak": np.array(peaks, dtype=np.float64),
        "voxel": shown_first,
        "centre": shown_first @ small_affine[:3, :3].T + small_affine[:3, 3],
        "affine": affine,
        "shape": np.array(shape, dtype=np.int32),
        "step": np.array(step, dtype=np.int32),
        "small_affine": small_affine,
        "small_shape": np.array(winner.shape, dtype=np.int32),
        "glance": glance,
        "glance_level": levels_shown,
    }


def _strong(weights: NDArray[np.floating]) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Find the weights that are drawn: the others are most of a smooth map."""
    values = weights.astype(np.float32)
    size = np.abs(values)
    if not np.isfinite(size.max(initial=0.0)):
        size[~np.isfinite(size)] = 0.0
    chosen = np.flatnonzero(size > FAINT * size.max(initial=0.0))
    return chosen, values[chosen]


def _turned_places(
    index: NDArray[np.integer], shape: tuple[int, ...], affine: NDArray[np.float64]
) -> Places:
    """Give where voxels, flat indices in disk order, are in the grid turned to RAS."""
    rest, x = np.divmod(index.astype(np.int32), shape[0])
    z, y = np.divmod(rest, shape[1])
    orientation = nearest_ras(affine)
    turned = [
        shape[axis] - 1 - (x, y, z)[axis] if flip else (x, y, z)[axis]
        for axis, flip in zip(orientation.axes, orientation.flips, strict=True)
    ]
    return turned[0], turned[1], turned[2]


def _small_copy(
    places: Places, weights: NDArray[np.float32], step: int
) -> tuple[Box, NDArray[np.float32]]:
    """Give a box of the small grid, and in it the map's values of largest size in each block."""
    if not weights.size:
        return (slice(0, 0),) * 3, np.zeros((0, 0, 0), dtype=np.float32)
    box = [slice(int(at.min()) // step, int(at.max()) // step + 1) for at in places]
    block = np.zeros([(side.stop - side.start) * step for side in box], dtype=np.float32)
    x, y, z = (at - side.start * step for at, side in zip(places, box, strict=True))
    block[x, y, z] = weights
    return (box[0], box[1], box[2]), _extremes(block, step)


def _extremes(volume: NDArray[np.float32], step: int) -> NDArray[np.float32]:
    """Reduce a volume to the values of largest size in its blocks."""
    if step == 1:
        return volume
    high = _reduced(volume, step, np.maximum)
    if volume.min(initial=0.0) == 0.0:  # as most maps are
        return high
    low = _reduced(volume, step, np.minimum)
    return np.where(high >= -low, high, low)


def _reduced(volume: NDArray[np.float32], step: int, reduce: np.ufunc) -> NDArray[np.float32]:
    """Reduce the blocks of a volume by slices: ten times as fast as ``reduceat``."""
    for axis in range(3):
        ahead = (slice(None),) * axis
        found = volume[*ahead, ::step].copy()
        for start in range(1, step):
            reduce(found, volume[*ahead, start::step], out=found)
        volume = found
    return volume


def _middle(share: NDArray[np.float32]) -> tuple[int, int, int] | None:
    """Find the voxel inside the heaviest part of a map that is nearest to that part's centre."""
    body = share >= PART_LEVEL
    if not body.any():
        return None
    places, weights = np.argwhere(body), share[body].astype(np.float64)
    part = _parts(body)
    heaviest = part == np.bincount(part, weights=weights).argmax()
    places, weights = places[heaviest], weights[heaviest]
    centre = weights @ places / weights.sum()
    x, y, z = places[int(np.argmin(((places - centre) ** 2).sum(axis=1)))].tolist()
    return x, y, z


def _parts(body: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Label the connected parts by their first voxel; give every voxel its label, in order."""
    # SciPy's ndimage or csgraph would cost more to import than all maps of an atlas cost here.
    n_voxels = int(np.count_nonzero(body))
    number = np.zeros(body.shape, dtype=np.int32)
    number[body] = np.arange(n_voxels, dtype=np.int32)
    pairs = []
    for axis in range(3):
        ahead = (slice(None),) * axis
        here, next_to = (*ahead, slice(None, -1)), (*ahead, slice(1, None))
        both = body[here] & body[next_to]
        pairs.append(np.array([number[here][both], number[next_to][both]]))
    one, other = np.hstack(pairs)
    part = np.arange(n_voxels, dtype=np.int32)
    while True:
        first, second = part[one], part[other]
        apart = first != second
        if not apart.any():
            return part
        one, other = one[apart], other[apart]
        first, second = first[apart], second[apart]
        # Each part joins its smallest neighbour; then all follow to the end of their chain.
        np.minimum.at(part, np.maximum(first, second), np.minimum(first, second))
        while (part != (further := part[part])).any():
            part = further


def _box_of(values: NDArray[np.generic]) -> Box:
    """Give the smallest box with every value that is not 0; an empty one where there is none."""
    body = (values != 0).view(np.uint8)  # bitwise: three times as fast as any()
    box = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        hit = np.flatnonzero(np.bitwise_or.reduce(body, axis=others))
        if not hit.size:
            return slice(0, 0), slice(0, 0), slice(0, 0)
        box.append(slice(int(hit[0]), int(hit[-1]) + 1))
    return box[0], box[1], box[2]


def _glance(winner: NDArray[np.int16]) -> tuple[NDArray[np.int16], NDArray[np.int32]]:
    """Choose axial cuts spread over what the maps cover."""
    covered = np.flatnonzero((winner > 0).any(axis=(0, 1)))
    if covered.size == 0:
        return np.zeros((0, 0, 0), dtype=np.int16), np.zeros(0, dtype=np.int32)
    # The outermost cuts graze the brain and show little, hence the margin of half a spacing.
    edges = np.linspace(covered[0], covered[-1], N_GLANCE_CUTS + 1)
    levels = np.unique(np.rint((edges[:-1] + edges[1:]) / 2)).astype(np.int32)
    cuts = [winner[:, ::-1, level].T for level in levels]
    return np.array(cuts, dtype=np.int16), levels
