# SPDX-License-Identifier: Apache-2.0
"""Synthetic space: small grids, an ellipsoid for a brain, maps as functions of position."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.grids import Grid, apply_affine
from nipype_mapsmasker.errors import ParameterError

__all__ = ["Blobs", "MapsKind", "make_blobs", "make_brain_mask", "make_grid", "positions"]

MapsKind = Literal["smooth", "sparse", "labels"]
"""Weights as the blobs have them, exactly zero where weak, or one label for each voxel."""

BRAIN_RADII_MM = (58.0, 68.0, 56.0)
"""Half axes of the ellipsoid that is the brain, millimetres."""

GRIDS: dict[str, tuple[tuple[int, int, int], tuple[float, float, float]]] = {
    "plain": ((24, 28, 24), (6.0, 6.0, 6.0)),
    "flipped": ((26, 25, 22), (-5.5, 6.5, 6.5)),
    "oblique": ((25, 28, 24), (6.0, 6.0, 6.0)),
    "maps": ((30, 34, 29), (5.0, 5.0, 5.0)),
}
"""Shape, and step along each axis in millimetres, of each kind of grid."""

TILT_RADIANS = (0.12, -0.08, 0.2)
"""Rotation of the oblique grid about x, y and z."""


@dataclass(frozen=True)
class Blobs:
    """
    Hold K maps as functions of position, to be sampled on any grid.

    Parameters
    ----------
    centres, lobes : (K, 3) ndarray of float
        Millimetres: where each map peaks, and where its negative lobe does.
    sigmas : (K,) ndarray of float
        Standard deviations of the Gaussians, millimetres.
    depths : (K,) ndarray of float
        Heights of the negative lobes; 0 for none. The peaks have height 1.
    kind : {'smooth', 'sparse', 'labels'}
        As they are, exactly zero where weak, or one label for each voxel.
    """

    centres: NDArray[np.float64]
    lobes: NDArray[np.float64]
    sigmas: NDArray[np.float64]
    depths: NDArray[np.float64]
    kind: MapsKind = "smooth"

    @property
    def names(self) -> list[str]:
        """Names of the K maps."""
        return [f"Region {number:02d}" for number in range(1, len(self.sigmas) + 1)]

    def sample(self, grid: Grid) -> NDArray[np.float64]:
        """Return the (K, V) weights of the maps in the voxels of a grid."""
        points = positions(grid)
        variances = 2 * self.sigmas[:, np.newaxis] ** 2
        weights = np.exp(-_squared_distances(self.centres, points) / variances)
        if self.kind == "labels":
            owner = np.where(weights.max(axis=0) > 0.3, weights.argmax(axis=0), -1)
            return np.equal.outer(np.arange(len(weights)), owner).astype(np.float64)
        weights -= self.depths[:, np.newaxis] * np.exp(
            -_squared_distances(self.lobes, points) / variances
        )
        if self.kind == "sparse":
            weights[np.abs(weights) < 0.2] = 0.0
        return weights


def make_grid(kind: str = "plain") -> Grid:
    """
    Make a small grid that covers the synthetic brain.

    Parameters
    ----------
    kind : {'plain', 'flipped', 'oblique', 'maps'}
        Isotropic; x flipped and anisotropic; rotated about all axes; the finer one of the maps.

    Returns
    -------
    Grid
        Centred on the origin, unequal axes.

    Raises
    ------
    ParameterError
        The kind is unknown.
    """
    if kind not in GRIDS:
        msg = f"kind must be one of {sorted(GRIDS)}; got {kind!r}."
        raise ParameterError(msg)
    shape, steps = GRIDS[kind]
    linear = np.diag(steps)
    if kind == "oblique":
        for axis, angle in enumerate(TILT_RADIANS):
            turn = np.eye(3)
            first, second = [other for other in range(3) if other != axis]
            turn[first, first] = turn[second, second] = np.cos(angle)
            turn[first, second], turn[second, first] = -np.sin(angle), np.sin(angle)
            linear = turn @ linear
    affine = np.eye(4)
    affine[:3, :3] = linear
    affine[:3, 3] = -linear @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine)


def make_blobs(n_maps: int, rng: np.random.Generator, *, kind: MapsKind = "smooth") -> Blobs:
    """
    Place K overlapping blobs in the brain, every second one with a negative lobe.

    Parameters
    ----------
    n_maps : int
        K.
    rng : Generator
        Source of randomness.
    kind : {'smooth', 'sparse', 'labels'}
        See `Blobs`.

    Returns
    -------
    Blobs
        The maps.
    """
    radii = np.array(BRAIN_RADII_MM)
    centres = np.empty((n_maps, 3))
    for index in range(n_maps):
        # The candidate farthest from all earlier centres: neighbours overlap, none coincide.
        candidates = _points_in_ball(30, rng) * radii * 0.75
        if index:
            nearest = _squared_distances(centres[:index], candidates).min(axis=0)
            candidates = candidates[np.argsort(-nearest)]
        centres[index] = candidates[0]
    return Blobs(
        centres=centres,
        lobes=centres * np.array([-1.0, 1.0, 1.0]),
        sigmas=rng.uniform(11.0, 15.0, n_maps),
        depths=np.where(np.arange(n_maps) % 2 == 1, 0.3, 0.0),
        kind=kind,
    )


def make_brain_mask(grid: Grid) -> NDArray[np.bool_]:
    """
    Tell which voxels are in the synthetic brain.

    Parameters
    ----------
    grid : Grid
        The grid.

    Returns
    -------
    (V,) ndarray of bool
        In disk order.
    """
    scaled = positions(grid) / np.array(BRAIN_RADII_MM)
    return np.asarray((scaled**2).sum(axis=1) <= 1.0)


def positions(grid: Grid) -> NDArray[np.float64]:
    """
    Give the position of each voxel.

    Parameters
    ----------
    grid : Grid
        The grid.

    Returns
    -------
    (V, 3) ndarray of float
        Millimetres, voxels in disk order (x fastest).
    """
    voxels = np.indices(grid.shape)
    return apply_affine(grid.affine, voxels.transpose(3, 2, 1, 0).reshape(-1, 3).astype(float))


def _squared_distances(
    first: NDArray[np.float64], second: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the (N, M) squared distances between (N, 3) and (M, 3) points."""
    return np.asarray(((first[:, np.newaxis] - second[np.newaxis]) ** 2).sum(axis=-1))


def _points_in_ball(n_points: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return (N, 3) points spread evenly in the unit ball."""
    directions = rng.standard_normal((n_points, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return np.asarray(directions * rng.uniform(0, 1, (n_points, 1)) ** (1 / 3))
