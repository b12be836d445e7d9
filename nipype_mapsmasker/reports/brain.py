# SPDX-License-Identifier: Apache-2.0
"""The brain of a run's page: mean image and maps as small volumes, and all maps at a glance."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.cut_volumes import LEVELS, SMALLEST_LEVEL, packed_levels
from nipype_mapsmasker.core.orientation import coarse_means, nearest_ras
from nipype_mapsmasker.reports.packing import pack_bytes
from nipype_mapsmasker.reports.palettes import NEGATIVE, POSITIVE, glance_palette, table_of
from nipype_mapsmasker.reports.png import data_uri, palette_png
from nipype_mapsmasker.reports.results import RunResults

__all__ = ["Brain", "GlanceCut", "background_limit", "make_brain", "mean_on_small_grid"]

MAX_COLOURS = 250
"""Colours in the picture of all maps; more maps than that repeat them."""

TILT_DEGREES = 1.0
"""A grid turned by more than this is called oblique."""

Array = NDArray[Any]


@dataclass(frozen=True)
class GlanceCut:
    """
    Hold one axial cut of the picture of all maps.

    Parameters
    ----------
    back, over : str
        The mean image and the maps, as addresses of pictures.
    z : float
        Height of the cut in mm.
    """

    back: str
    over: str
    z: float


@dataclass(frozen=True)
class Brain:
    """
    Hold what the page shows of the brain.

    Parameters
    ----------
    data : dict
        What the script reads.
    glance : tuple of GlanceCut
        The picture of all maps.
    aspect : float
        Width of an axial cut over its height.
    oblique : str
        What to say of a grid that is turned against the head's axes.
    has_mean : bool
        Whether there is a mean image behind the maps.
    """

    data: dict[str, Any]
    glance: tuple[GlanceCut, ...]
    aspect: float
    oblique: str
    has_mean: bool


def make_brain(run: RunResults, palette: Sequence[str]) -> Brain | None:
    """
    Prepare mean image and maps for the page.

    Parameters
    ----------
    run : RunResults
        The run.
    palette : sequence of str
        Colours of the mean image, from dark to bright values.

    Returns
    -------
    Brain or None
        None where the maps' small volumes were not kept.
    """
    if run.cuts is None or len(run.cuts["peak"]) != len(run.names):
        return None
    cuts = {name: run.cuts[name] for name in run.cuts}  # an open .npz would inflate each time
    mean = mean_on_small_grid(run, cuts)
    codes = _mean_codes(mean, cuts, len(palette))
    orientation = nearest_ras(cuts["affine"])
    sizes = [float(np.linalg.norm(cuts["small_affine"][:3, axis])) for axis in range(3)]
    data = {
        "shape": cuts["small_shape"].tolist(),
        "sizes": sizes,
        "affine": np.round(cuts["small_affine"][:3], 5).tolist(),
        "mean": pack_bytes(codes) if mean is not None else None,
        "shades": list(palette),
        "positive": list(POSITIVE),
        "negative": list(NEGATIVE),
        "levels": LEVELS,
        "smallest": SMALLEST_LEVEL,
        "maps": [
            base64.b64encode(packed_levels(cuts, index)).decode("ascii")
            for index in range(len(run.names))
        ],
        "boxes": cuts["box"].tolist(),
        "places": cuts["voxel"].tolist(),
        "glance": pack_bytes(cuts["glance"].astype(np.uint16)),
        "glanceShape": list(cuts["glance"].shape),
    }
    oblique = ""
    if orientation.tilt > TILT_DEGREES:
        oblique = (
            "The grid is oblique: pictures follow its axes, turned by up to "
            f"{orientation.tilt:.0f}° against the head's."
        )
    width, height = (cuts["small_shape"][axis] * sizes[axis] for axis in (0, 1))
    return Brain(
        data=data,
        glance=_glance(cuts, codes, palette),
        aspect=float(width / height) if height else 1.0,
        oblique=oblique,
        has_mean=mean is not None,
    )


def background_limit(mean: Array) -> float:
    """
    Give the value at which the background's colours end.

    Parameters
    ----------
    mean : 3D ndarray
        The run's mean.

    Returns
    -------
    float
        The 99th percentile of the positive values, so that few bright voxels (eyes, vessels)
        do not darken the rest.
    """
    positive = mean[np.isfinite(mean) & (mean > 0)]
    return float(np.percentile(positive, 99)) if positive.size else 1.0


def mean_on_small_grid(run: RunResults, cuts: Mapping[str, Array]) -> Array | None:
    """
    Bring the mean image to the grid of the maps' small volumes.

    Parameters
    ----------
    run : RunResults
        The run.
    cuts : mapping of str to ndarray
        From `nipype_mapsmasker.core.cuts.collect_cuts`.

    Returns
    -------
    3D ndarray or None
        Means of blocks where the grids are one; linear interpolation otherwise, 0 outside.
    """
    if run.mean_image is None or run.affine is None:
        return None
    shape = tuple(int(size) for size in cuts["shape"])
    if run.mean_image.shape == shape and np.allclose(run.affine, cuts["affine"], atol=1e-4):
        return coarse_means(run.mean_image, cuts["affine"], int(cuts["step"]))
    transform = np.linalg.inv(np.asarray(run.affine, dtype=np.float64)) @ cuts["small_affine"]
    finite = np.nan_to_num(np.asarray(run.mean_image, dtype=np.float32), posinf=0.0, neginf=0.0)
    small = tuple(int(size) for size in cuts["small_shape"])
    from scipy import ndimage  # here: workers that extract can do without

    return ndimage.affine_transform(finite, transform, output_shape=small, order=1)


def _mean_codes(mean: Array | None, cuts: Mapping[str, Array], n_shades: int) -> Array:
    """Sort the mean image's values into shades."""
    if mean is None:
        shape = tuple(int(size) for size in cuts["small_shape"])
        return np.full(shape, n_shades // 4, dtype=np.uint8)
    share = np.clip(mean / np.float32(background_limit(mean)), 0.0, 1.0)
    return np.rint(share * (n_shades - 1)).astype(np.uint8)


def _glance(
    cuts: Mapping[str, Array], codes: Array, palette: Sequence[str]
) -> tuple[GlanceCut, ...]:
    """Draw the cuts of the picture of all maps."""
    shades = table_of(palette)
    numbers = cuts["glance"].astype(np.int64)
    n_colours = min(MAX_COLOURS, len(cuts["peak"]))
    colours = glance_palette(n_colours)
    shown = np.where(numbers > 0, (numbers - 1) % max(1, n_colours) + 1, 0).astype(np.uint8)
    found = []
    middle = (cuts["small_shape"].astype(float) - 1) / 2
    for level, picture in zip(cuts["glance_level"].tolist(), shown, strict=True):
        place = np.array([middle[0], middle[1], level])
        z = cuts["small_affine"][2, :3] @ place + cuts["small_affine"][2, 3]
        back = palette_png(codes[:, ::-1, level].T, shades)
        over = palette_png(picture, colours, transparent=True)
        found.append(GlanceCut(data_uri(back), data_uri(over), float(z)))
    return tuple(found)
