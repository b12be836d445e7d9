# SPDX-License-Identifier: Apache-2.0
"""
Three orthogonal cuts through the middle of every map, small enough to keep for the report.

The report never reads the maps again: what it shows of a map are these cuts, taken while the
maps pass by once, volume after volume. All pictures are turned to the voxel axes nearest to
right, anterior, superior (RAS), the first row at the top and the patient's left on the left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

__all__ = [
    "MapCuts",
    "Orientation",
    "collect_cuts",
    "cuts_at",
    "map_cuts",
    "nearest_ras",
    "select_cuts",
    "unpack_cuts",
]

LEVELS = 50
"""Steps from 0 to a map's peak in the stored pictures; the values fit one signed byte."""

LONGEST_SIDE_PIXELS = 128
"""Pictures of finer grids keep every second, third … voxel, so that a file of cuts stays small."""

PART_THRESHOLD = 0.5
"""Share of the peak above which a voxel counts as part of the map's body, for the centre."""

GLANCE_THRESHOLD = 0.3
"""Share of a map's peak above which it may colour a voxel of the picture of all maps."""

N_GLANCE_CUTS = 8
"""Axial cuts in the picture of all maps."""

_PLANES = ("sagittal", "coronal", "axial")


@dataclass(frozen=True, eq=False)
class Orientation:
    """
    Tell how voxel axes lie in the head.

    Parameters
    ----------
    axes : tuple of int
        The voxel axes nearest to right, anterior and superior, in this order.
    flips : tuple of bool
        Whether each of these runs to the left, posterior or inferior instead.
    sizes : tuple of float
        Edge lengths of a voxel along them, in mm.
    tilt : float
        Largest angle between a voxel axis and the head's axis that it stands for, in degrees.
    """

    axes: tuple[int, int, int]
    flips: tuple[bool, bool, bool]
    sizes: tuple[float, float, float]
    tilt: float


@dataclass(frozen=True, eq=False)
class MapCuts:
    """
    Hold the three cuts of one volume, in RAS orientation, the first row at the top.

    Parameters
    ----------
    voxel : tuple of int
        Where the cuts cross, in voxel indices of the grid as it is stored.
    centre : (3,) ndarray of float
        The same place in mm.
    peak : float
        Largest absolute value of the whole volume.
    sagittal, coronal, axial : 2D ndarray of float32
        Rows superior to inferior (axial: anterior to posterior); columns posterior to
        anterior (sagittal) or left to right.
    """

    voxel: tuple[int, int, int]
    centre: NDArray[np.float64]
    peak: float
    sagittal: NDArray[np.float32]
    coronal: NDArray[np.float32]
    axial: NDArray[np.float32]


def nearest_ras(affine: ArrayLike) -> Orientation:
    """
    Find the voxel axes that lie nearest to right, anterior and superior.

    Parameters
    ----------
    affine : (4, 4) array_like of float
        Maps voxel indices to mm in RAS+ space.

    Returns
    -------
    Orientation
        The assignment whose direction cosines have the largest sum.

    Examples
    --------
    >>> nearest_ras(np.diag([-2.0, 2.0, 3.0, 1.0])).flips
    (True, False, False)
    """
    matrix = np.asarray(affine, dtype=np.float64)[:3, :3]
    lengths = np.sqrt((matrix**2).sum(axis=0))
    cosines = matrix / lengths
    best = max(permutations(range(3)), key=lambda p: sum(abs(cosines[i, p[i]]) for i in range(3)))
    along = [float(cosines[i, best[i]]) for i in range(3)]
    tilt = float(np.degrees(np.arccos(min(1.0, min(abs(value) for value in along)))))
    return Orientation(
        (best[0], best[1], best[2]),
        (along[0] < 0, along[1] < 0, along[2] < 0),
        (float(lengths[best[0]]), float(lengths[best[1]]), float(lengths[best[2]])),
        tilt,
    )


def cuts_at(
    volume: NDArray[np.generic], affine: ArrayLike, voxel: ArrayLike, *, step: int = 1
) -> MapCuts:
    """
    Cut a volume three times through one voxel.

    Parameters
    ----------
    volume : (X, Y, Z) ndarray
        What is cut; values that are not finite become 0.
    affine : (4, 4) array_like of float
        Its affine.
    voxel : (3,) array_like of int
        Where the cuts cross.
    step : int, default=1
        Keep every ``step``-th row and column of each picture.

    Returns
    -------
    MapCuts
        The pictures.
    """
    orientation = nearest_ras(affine)
    place = np.asarray(voxel, dtype=np.intp)
    pictures = []
    for normal in range(3):
        axis = orientation.axes[normal]
        plane = np.take(volume, int(place[axis]), axis=axis)
        wide, high = (i for i in range(3) if i != normal)
        if orientation.axes[wide] < orientation.axes[high]:
            plane = plane.T
        plane = plane[:: 1 if orientation.flips[high] else -1]
        plane = plane[:, :: -1 if orientation.flips[wide] else 1][::step, ::step]
        finite = np.nan_to_num(plane.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
        pictures.append(np.ascontiguousarray(finite))
    peak = float(np.max(np.abs(volume), initial=0.0, where=np.isfinite(volume)))
    matrix = np.asarray(affine, dtype=np.float64)
    centre = matrix[:3, :3] @ place + matrix[:3, 3]
    where = (int(place[0]), int(place[1]), int(place[2]))
    return MapCuts(where, centre, peak, pictures[0], pictures[1], pictures[2])


def map_cuts(volume: NDArray[np.floating], affine: ArrayLike, *, step: int = 1) -> MapCuts:
    """
    Cut one map through the middle of its largest part.

    Parameters
    ----------
    volume : (X, Y, Z) ndarray of float
        The map's weights.
    affine : (4, 4) array_like of float
        Its affine.
    step : int, default=1
        As in `cuts_at`.

    Returns
    -------
    MapCuts
        Cuts through the voxel of the heaviest connected part above half of the peak that is
        nearest to this part's centre of mass; through the middle of an empty volume.
    """
    return cuts_at(volume, affine, _middle(volume), step=step)


def collect_cuts(
    volumes: Iterable[NDArray[np.floating]], affine: ArrayLike
) -> dict[str, NDArray[np.generic]]:
    """
    Take the cuts of all maps, one volume in memory at a time.

    Parameters
    ----------
    volumes : iterable of (X, Y, Z) ndarray of float
        The K maps on one grid, in order.
    affine : (4, 4) array_like of float
        The grid's affine.

    Returns
    -------
    dict of str to ndarray
        Ready for :func:`numpy.savez_compressed`: ``sagittal``, ``coronal``, ``axial``
        (K, rows, columns) int8, where `LEVELS` stands for the map's peak; ``peak`` (K,),
        ``voxel`` (K, 3), ``centre`` (K, 3) in mm, ``affine``, ``shape``, ``step``; and the
        picture of all maps: ``glance`` (N, rows, columns) int16, the number of the
        relatively strongest map plus one, 0 where none reaches `GLANCE_THRESHOLD`, with
        ``glance_voxel`` (N,), the index of each cut along the voxel axis nearest to superior.

    Notes
    -----
    1,024 sparse maps on a 2 mm grid make a file of a few MB; memory is that of two volumes
    and the pictures, whatever K is.
    """
    matrix = np.array(affine, dtype=np.float64)
    pictures: dict[str, list[NDArray[np.int8]]] = {plane: [] for plane in _PLANES}
    peaks, voxels, centres = [], [], []
    winner: NDArray[np.int16] = np.zeros((0, 0, 0), dtype=np.int16)
    strength: NDArray[np.float32] = np.zeros((0, 0, 0), dtype=np.float32)
    step = 1
    for number, volume in enumerate(volumes):
        if number == 0:
            winner = np.zeros(volume.shape, dtype=np.int16)
            strength = np.full(volume.shape, GLANCE_THRESHOLD, dtype=np.float32)
            step = _step(volume.shape)
        cuts = map_cuts(volume, matrix, step=step)
        scale = LEVELS / cuts.peak if cuts.peak > 0 else 0.0
        for plane in _PLANES:
            scaled = np.rint(getattr(cuts, plane) * np.float64(scale))
            pictures[plane].append(scaled.astype(np.int8))
        peaks.append(cuts.peak)
        voxels.append(cuts.voxel)
        centres.append(cuts.centre)
        if cuts.peak > 0:
            _crown(np.abs(volume) / cuts.peak, number + 1, winner, strength)
    glance, glance_voxel = _glance(winner, matrix, step)
    return {
        **{plane: np.array(pictures[plane], dtype=np.int8) for plane in _PLANES},
        "peak": np.array(peaks, dtype=np.float64),
        "voxel": np.array(voxels, dtype=np.int32).reshape(-1, 3),
        "centre": np.array(centres, dtype=np.float64).reshape(-1, 3),
        "affine": matrix,
        "shape": np.array(winner.shape, dtype=np.int32),
        "step": np.array(step, dtype=np.int32),
        "glance": glance,
        "glance_voxel": glance_voxel,
    }


def select_cuts(
    stored: Mapping[str, NDArray[np.generic]], indices: Sequence[int]
) -> dict[str, NDArray[np.generic]]:
    """
    Keep the cuts of some maps.

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
    numbers = np.zeros(len(stored["peak"]) + 1, dtype=np.int16)
    numbers[chosen + 1] = np.arange(1, len(chosen) + 1)
    per_map = {name: stored[name][chosen] for name in (*_PLANES, "peak", "voxel", "centre")}
    return {**stored, **per_map, "glance": numbers[stored["glance"].astype(np.intp)]}


def unpack_cuts(stored: Mapping[str, NDArray[np.generic]], index: int) -> MapCuts:
    """
    Give back the cuts of one map from what `collect_cuts` stored.

    Parameters
    ----------
    stored : mapping of str to ndarray
        As returned by `collect_cuts`, or the open ``.npz`` file.
    index : int
        The map's number, from 0.

    Returns
    -------
    MapCuts
        The pictures, to within half a step of the map's peak / `LEVELS`.
    """
    peak = float(stored["peak"][index])
    scale = np.float32(peak / LEVELS)
    sagittal, coronal, axial = (
        stored[plane][index].astype(np.float32) * scale for plane in _PLANES
    )
    voxel = stored["voxel"][index]
    where = (int(voxel[0]), int(voxel[1]), int(voxel[2]))
    return MapCuts(where, np.asarray(stored["centre"][index]), peak, sagittal, coronal, axial)


def _middle(volume: NDArray[np.floating]) -> tuple[int, int, int]:
    """Find the voxel inside the heaviest part of a map that is nearest to that part's centre."""
    weight = np.nan_to_num(np.abs(volume), nan=0.0, posinf=0.0, neginf=0.0)
    peak = weight.max(initial=0.0)
    if not peak > 0:
        x, y, z = (size // 2 for size in volume.shape)
        return x, y, z
    body = weight >= PART_THRESHOLD * peak
    box = _bounding_box(body)
    parts, n_parts = ndimage.label(body[box])
    inside = weight[box]
    masses = np.bincount(parts.ravel(), weights=inside.ravel(), minlength=n_parts + 1)
    places = np.argwhere(parts == int(np.argmax(masses[1:])) + 1)
    weights = inside[tuple(places.T)].astype(np.float64)
    centre = weights @ places / weights.sum()
    nearest = places[int(np.argmin(((places - centre) ** 2).sum(axis=1)))]
    x, y, z = (int(place) + (part.start or 0) for place, part in zip(nearest, box, strict=True))
    return x, y, z


def _bounding_box(body: NDArray[np.bool_]) -> tuple[slice, slice, slice]:
    """Give the smallest box that holds every true voxel; there must be one."""
    ends = []
    for axis in range(3):
        others = tuple(i for i in range(3) if i != axis)
        hit = np.flatnonzero(body.any(axis=others))
        ends.append(slice(int(hit[0]), int(hit[-1]) + 1))
    return ends[0], ends[1], ends[2]


def _crown(
    share: NDArray[np.floating],
    number: int,
    winner: NDArray[np.int16],
    strength: NDArray[np.float32],
) -> None:
    """Write a map's number where it is relatively stronger than all maps before it."""
    better = share > strength
    winner[better] = number
    strength[better] = share[better]


def _glance(
    winner: NDArray[np.int16], affine: NDArray[np.float64], step: int
) -> tuple[NDArray[np.int16], NDArray[np.int32]]:
    """Choose axial cuts spread over what the maps cover."""
    axis = nearest_ras(affine).axes[2]
    others = tuple(i for i in range(3) if i != axis)
    covered = np.flatnonzero((winner > 0).any(axis=others))
    if covered.size == 0:
        return np.zeros((0, 0, 0), dtype=np.int16), np.zeros(0, dtype=np.int32)
    # The outermost cuts graze the brain and show little, hence the margin of half a spacing.
    edges = np.linspace(covered[0], covered[-1], N_GLANCE_CUTS + 1)
    levels = np.unique(np.rint((edges[:-1] + edges[1:]) / 2)).astype(np.int32)
    if nearest_ras(affine).flips[2]:
        levels = levels[::-1]
    cuts = []
    for level in levels:
        voxel = np.zeros(3, dtype=np.intp)
        voxel[axis] = level
        cuts.append(cuts_at(winner, affine, voxel, step=step).axial.astype(np.int16))
    return np.array(cuts, dtype=np.int16), levels


def _step(shape: tuple[int, ...]) -> int:
    """Give the thinning that brings the longest side under `LONGEST_SIDE_PIXELS`."""
    return -(-max(shape) // LONGEST_SIDE_PIXELS)
