# SPDX-License-Identifier: Apache-2.0
"""The small volumes of `nipype_mapsmasker.core.cuts`, chosen from, and read back."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "LEVELS",
    "SMALLEST_LEVEL",
    "Cut",
    "cut_volume",
    "packed_levels",
    "select_cuts",
    "unpack_volume",
]

LEVELS = 20
"""Steps from 0 to a map's peak in the stored volumes; the values fit one signed byte."""

SMALLEST_LEVEL = 4
"""Weaker weights (below 20 % of the peak) are stored as 0: they are not drawn."""


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


def select_cuts(
    stored: Mapping[str, NDArray[np.generic]], indices: Sequence[int]
) -> dict[str, NDArray[np.generic]]:
    """
    Keep the small volumes of some maps.

    Parameters
    ----------
    stored : mapping of str to ndarray
        As returned by `nipype_mapsmasker.core.cuts.collect_cuts`.
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
        As returned by `nipype_mapsmasker.core.cuts.collect_cuts`.
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
    Give back the small volume of one map from what was stored.

    Parameters
    ----------
    stored : mapping of str to ndarray
        As returned by `nipype_mapsmasker.core.cuts.collect_cuts`, or the open ``.npz`` file.
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
