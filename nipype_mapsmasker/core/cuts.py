# SPDX-License-Identifier: Apache-2.0
"""
Every map as a small volume, kept for the report.

The report never reads the maps again: what it shows of a map is a coarse copy with few levels,
cut to the box that holds it, made while the maps pass by once, volume after volume. All small
volumes are turned to the voxel axes nearest to right, anterior, superior (RAS).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nipype_mapsmasker.core.orientation import coarse_affine, turned

__all__ = [
    "LEVELS",
    "SMALLEST_LEVEL",
    "Cut",
    "collect_cuts",
    "cut_volume",
    "packed_levels",
    "select_cuts",
    "unpack_volume",
]

LEVELS = 20
"""Steps from 0 to a map's peak in the stored volumes; the values fit one signed byte."""

SMALLEST_LEVEL = 4
"""Weaker weights (below 20 % of the peak) are stored as 0: they are not drawn."""

LONGEST_SIDE = 80
"""Finer grids are reduced to blocks of 2, 3 … voxels, so that volumes stay small."""

PART_LEVEL = 0.5
"""Share of the peak above which a voxel counts as part of the map's body, for the centre."""

GLANCE_THRESHOLD = 0.3
"""Share of a map's peak above which it may colour a voxel of the picture of all maps."""

N_GLANCE_CUTS = 8
"""Axial cuts in the picture of all maps."""

Box = tuple[slice, slice, slice]


@dataclass(frozen=True, eq=False)
class Cut:
    """
    Hold three cuts of a volume in RAS orientation, the first row at the top.

    Parameters
    ----------
    sagittal, coronal, axial : 2D ndarray
        Rows superior to inferior (axial: anterior to posterior); columns posterior to
        anterior (sagittal) or left to right.
    """

    sagittal: NDArray[np.generic]
    coronal: NDArray[np.generic]
    axial: NDArray[np.generic]


def cut_volume(volume: NDArray[np.generic], voxel: ArrayLike) -> Cut:
    """
    Cut a volume that is turned to RAS three times through one voxel.

    Parameters
    ----------
    volume : 3D ndarray
        The volume.
    voxel : (3,) array_like of int
        Where the cuts cross.

    Returns
    -------
    Cut
        The pictures; views where possible.
    """
    x, y, z = (int(place) for place in np.asarray(voxel))
    return Cut(
        sagittal=volume[x, :, ::-1].T,
        coronal=volume[:, y, ::-1].T,
        axial=volume[:, ::-1, z].T,
    )


def collect_cuts(
    volumes: Iterable[NDArray[np.floating]], affine: ArrayLike
) -> dict[str, NDArray[np.generic]]:
    """
    Keep a small copy of all maps, one volume in memory at a time.

    Parameters
    ----------
    volumes : iterable of (X, Y, Z) ndarray of float
        The K maps on one grid, in order.
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
    seen. 1,024 sparse maps on a 2 mm grid make a file of less than a MB; memory is that of two
    volumes, whatever K is.
    """
    matrix = np.array(affine, dtype=np.float64)
    packed, boxes, peaks, voxels = [], [], [], []
    shape: tuple[int, ...] = (0, 0, 0)
    winner: NDArray[np.int16] = np.zeros((0, 0, 0), dtype=np.int16)
    strength: NDArray[np.float32] = np.zeros((0, 0, 0), dtype=np.float32)
    step = 1
    for number, volume in enumerate(volumes):
        whole = turned(volume, matrix)
        if number == 0:
            shape = volume.shape
            step = -(-max(shape) // LONGEST_SIDE)
            small_shape = tuple(-(-size // step) for size in whole.shape)
            winner = np.zeros(small_shape, dtype=np.int16)
            strength = np.full(small_shape, GLANCE_THRESHOLD, dtype=np.float32)
        # Most maps fill a small part of their volume, and only that is looked at.
        part = tuple(slice(side.start // step, -(-side.stop // step)) for side in _box_of(whole))
        small = _extremes(whole[tuple(slice(s.start * step, s.stop * step) for s in part)], step)
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
    small_affine = coarse_affine(shape, matrix, step)
    places = np.array(voxels, dtype=np.int32).reshape(-1, 3)
    glance, levels_shown = _glance(winner)
    return {
        "packed": np.frombuffer(b"".join(packed), dtype=np.uint8),
        "ends": np.cumsum([len(data) for data in packed], dtype=np.int64),
        "box": np.array(boxes, dtype=np.int16).reshape(-1, 6),
        "peak": np.array(peaks, dtype=np.float64),
        "voxel": places,
        "centre": places @ small_affine[:3, :3].T + small_affine[:3, 3],
        "affine": matrix,
        "shape": np.array(shape, dtype=np.int32),
        "step": np.array(step, dtype=np.int32),
        "small_affine": small_affine,
        "small_shape": np.array(winner.shape, dtype=np.int32),
        "glance": glance,
        "glance_level": levels_shown,
    }


def select_cuts(
    stored: Mapping[str, NDArray[np.generic]], indices: Sequence[int]
) -> dict[str, NDArray[np.generic]]:
    """
    Keep the small volumes of some maps.

    Parameters
    ----------
    stored : mapping of str to ndarray
        As returned by `collect_cuts`.
    indices : sequence of int
        The maps that stay, in their new order.

    Returns
    -------
    dict of str to ndarray
        The same for these maps; in the picture of all maps the others' places become empty.
    """
    chosen = np.asarray(indices, dtype=np.intp)
    if np.array_equal(chosen, np.arange(len(stored["peak"]))):
        return dict(stored)
    numbers = np.zeros(len(stored["peak"]) + 1, dtype=np.int16)
    numbers[chosen + 1] = np.arange(1, len(chosen) + 1)
    per_map = {name: stored[name][chosen] for name in ("box", "peak", "voxel", "centre")}
    parts = [packed_levels(stored, int(index)) for index in chosen]
    return {
        **stored,
        **per_map,
        "packed": np.frombuffer(b"".join(parts), dtype=np.uint8),
        "ends": np.cumsum([len(part) for part in parts], dtype=np.int64),
        "glance": numbers[stored["glance"].astype(np.intp)],
    }


def packed_levels(stored: Mapping[str, NDArray[np.generic]], index: int) -> bytes:
    """
    Give the deflated levels of one map.

    Parameters
    ----------
    stored : mapping of str to ndarray
        As returned by `collect_cuts`.
    index : int
        The map's number, from 0.

    Returns
    -------
    bytes
        A zlib stream of signed bytes, x slowest.
    """
    ends = stored["ends"]
    start = int(ends[index - 1]) if index else 0
    return stored["packed"][start : int(ends[index])].tobytes()


def unpack_volume(stored: Mapping[str, NDArray[np.generic]], index: int) -> NDArray[np.float32]:
    """
    Give back the small volume of one map from what `collect_cuts` stored.

    Parameters
    ----------
    stored : mapping of str to ndarray
        As returned by `collect_cuts`, or the open ``.npz`` file.
    index : int
        The map's number, from 0.

    Returns
    -------
    3D ndarray of float32
        Weights in RAS orientation, to within half a step of the map's peak / `LEVELS`; 0 below
        `SMALLEST_LEVEL` steps.
    """
    start, size = stored["box"][index][:3].astype(int), stored["box"][index][3:].astype(int)
    inside = np.frombuffer(zlib.decompress(packed_levels(stored, index)), dtype=np.int8)
    volume = np.zeros(tuple(int(n) for n in stored["small_shape"]), dtype=np.float32)
    box = tuple(slice(int(a), int(a + n)) for a, n in zip(start, size, strict=True))
    volume[box] = inside.reshape(size) * np.float32(float(stored["peak"][index]) / LEVELS)
    return volume


def _extremes(volume: NDArray[np.generic], step: int) -> NDArray[np.float32]:
    """Reduce a volume to the values of largest size in its blocks."""
    small = volume.astype(np.float32, order="C")
    known = np.isfinite(small)
    if not known.all():
        small = np.where(known, small, np.float32(0.0))
    if step == 1:
        return small
    high = _reduced(small, step, np.maximum)
    if small.min(initial=0.0) == 0.0:  # as most maps are
        return high
    low = _reduced(small, step, np.minimum)
    return np.where(high >= -low, high, low)


def _reduced(volume: NDArray[np.float32], step: int, reduce: np.ufunc) -> NDArray[np.float32]:
    """Reduce the blocks of a volume by slices: ten times as fast as ``reduceat``."""
    for axis in range(3):
        ahead = (slice(None),) * axis
        found = volume[*ahead, ::step].copy()
        for start in range(1, step):
            part = volume[*ahead, start::step]
            inside = found[*ahead, : part.shape[axis]]  # the last block may be a short one
            reduce(inside, part, out=inside)
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
    """Label the connected parts; give the label of every true voxel, in the array's order."""
    # SciPy's ndimage would bring 0.1 s of imports, which is more than all maps of an atlas cost.
    from scipy.sparse import csgraph, csr_array  # here: workers that extract can do without

    n_voxels = int(body.sum())
    number = np.zeros(body.shape, dtype=np.int32)
    number[body] = np.arange(n_voxels, dtype=np.int32)
    pairs = []
    for axis in range(3):
        ahead = (slice(None),) * axis
        here, next_to = (*ahead, slice(None, -1)), (*ahead, slice(1, None))
        both = body[here] & body[next_to]
        pairs.append(np.array([number[here][both], number[next_to][both]]))
    rows, columns = np.hstack(pairs)
    graph = csr_array((np.ones(len(rows), dtype=np.int8), (rows, columns)), (n_voxels, n_voxels))
    part: NDArray[np.int32] = csgraph.connected_components(graph, directed=False)[1]
    return part


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
