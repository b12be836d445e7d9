# SPDX-License-Identifier: Apache-2.0
"""Cuts turned to colours and to tiny PNG layers, for a viewer that stacks them in the page."""

from __future__ import annotations

import colorsys
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from nipype_mapsmasker.errors import ParameterError

__all__ = [
    "OVERLAY_THRESHOLD",
    "background_limit",
    "background_picture",
    "background_png",
    "check_cmap",
    "glance_colours",
    "legend_colours",
    "on_grid",
    "overlay_picture",
    "overlay_png",
]

OVERLAY_THRESHOLD = 0.2
"""Weights below this share of the map's peak are not drawn."""

N_SHADES = 24
"""Colours of the background; fewer make smaller files."""

_POSITIVE = ((0x00, 0x5A, 0x9C), (0x00, 0x8F, 0xE0), (0x35, 0xC5, 0xFF), (0xC8, 0xF4, 0xFF))
_NEGATIVE = ((0x0B, 0x6B, 0x1E), (0x1F, 0xA0, 0x36), (0x67, 0xD6, 0x4B), (0xD9, 0xFF, 0xA8))

Array = NDArray[Any]


def check_cmap(cmap: str) -> str:
    """
    Refuse a colour map that matplotlib does not know.

    Parameters
    ----------
    cmap : str
        Its name.

    Returns
    -------
    str
        The same name.

    Raises
    ------
    ParameterError
        It is not known.
    """
    if cmap not in colormaps:
        msg = f"cmap must be the name of one of matplotlib's colour maps; got {cmap!r}."
        raise ParameterError(msg)
    return cmap


def background_limit(mean_image: Array) -> float:
    """
    Give the value at which the background's colours end.

    Parameters
    ----------
    mean_image : (X, Y, Z) ndarray
        The run's mean.

    Returns
    -------
    float
        The 99th percentile of the positive values, so that few bright voxels (eyes, vessels)
        do not darken the rest.
    """
    positive = mean_image[np.isfinite(mean_image) & (mean_image > 0)]
    return float(np.percentile(positive, 99)) if positive.size else 1.0


def on_grid(mean_image: Array, affine: Array, cuts: Mapping[str, Array]) -> Array:
    """
    Bring the mean image to the grid of the maps.

    Parameters
    ----------
    mean_image : (X, Y, Z) ndarray
        The run's mean.
    affine : (4, 4) ndarray of float
        Its affine.
    cuts : mapping of str to ndarray
        From `nipype_mapsmasker.core.cuts.collect_cuts`, for ``shape`` and ``affine``.

    Returns
    -------
    3D ndarray
        The image itself where the grids are one; linear interpolation otherwise, 0 outside.
    """
    shape = tuple(int(size) for size in cuts["shape"])
    if mean_image.shape == shape and np.allclose(affine, cuts["affine"], atol=1e-4):
        return mean_image
    transform = np.linalg.inv(np.asarray(affine, dtype=np.float64)) @ cuts["affine"]
    finite = np.nan_to_num(np.asarray(mean_image, dtype=np.float32), posinf=0.0, neginf=0.0)
    return ndimage.affine_transform(finite, transform, output_shape=shape, order=1)


def background_picture(picture: Array, limit: float, cmap: str) -> Array:
    """
    Colour a cut of the mean image.

    Parameters
    ----------
    picture : 2D ndarray of float
        The cut.
    limit : float
        From `background_limit`.
    cmap : str
        matplotlib's name of the colour map.

    Returns
    -------
    (rows, columns, 3) ndarray of uint8
        Colours in `N_SHADES` steps.
    """
    return _shades(cmap)[_steps(picture, limit)]


def background_png(picture: Array, limit: float, cmap: str) -> bytes:
    """
    Make the PNG of a cut of the mean image.

    Parameters
    ----------
    picture, limit, cmap
        As in `background_picture`.

    Returns
    -------
    bytes
        A palette PNG, one pixel per voxel.
    """
    return _palette_png(_steps(picture, limit), _shades(cmap))


def overlay_picture(picture: Array, peak: float) -> Array:
    """
    Colour a cut of a map.

    Parameters
    ----------
    picture : 2D ndarray of float
        The cut.
    peak : float
        The map's largest absolute weight.

    Returns
    -------
    (rows, columns, 4) ndarray of uint8
        Blue for positive, green for negative weights, lighter towards the peak; transparent
        below `OVERLAY_THRESHOLD`.
    """
    table = np.zeros((9, 4), dtype=np.uint8)
    table[1:5, :3] = _POSITIVE
    table[5:, :3] = _NEGATIVE
    table[1:, 3] = 255
    return table[_levels(picture, peak)]


def overlay_png(picture: Array, peak: float) -> bytes:
    """
    Make the PNG of a cut of a map.

    Parameters
    ----------
    picture, peak
        As in `overlay_picture`.

    Returns
    -------
    bytes
        A palette PNG, one pixel per voxel, transparent where the map is weak.
    """
    table = np.array([(0, 0, 0), *_POSITIVE, *_NEGATIVE], dtype=np.uint8)
    return _palette_png(_levels(picture, peak), table, transparent=True)


def glance_colours(n_maps: int) -> Array:
    """
    Choose colours for all maps.

    Parameters
    ----------
    n_maps : int
        How many.

    Returns
    -------
    (n_maps + 1, 4) ndarray of float
        The first is transparent. Hue and lightness both change from map to map, so that
        neighbours differ in lightness where hues look alike; numbers tell the rest.
    """
    table = np.zeros((n_maps + 1, 4))
    for number in range(n_maps):
        hue = (0.58 + number * 0.61803398875) % 1.0
        lightness = (0.42, 0.66, 0.54, 0.78)[number % 4]
        table[number + 1] = (*colorsys.hls_to_rgb(hue, lightness, 0.75), 0.9)
    return table


def legend_colours() -> dict[str, list[str]]:
    """
    Give the colours of the map layers.

    Returns
    -------
    dict of str to list of str
        'positive' and 'negative', from weak to strong, as a style sheet writes them.
    """
    tables = {"positive": _POSITIVE, "negative": _NEGATIVE}
    return {
        sign: [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in table]
        for sign, table in tables.items()
    }


def _steps(picture: Array, limit: float) -> Array:
    """Quantise a background to the steps of its palette."""
    share = np.clip(np.nan_to_num(picture) / limit, 0.0, 1.0)
    return np.rint(share * (N_SHADES - 1)).astype(np.uint8)


def _shades(cmap: str) -> Array:
    """Sample a colour map."""
    sampled = colormaps[cmap](np.linspace(0, 1, N_SHADES))[:, :3]
    return np.rint(sampled * 255).astype(np.uint8)


def _levels(picture: Array, peak: float) -> Array:
    """Sort weights into 0 (weak), 1 to 4 (positive) and 5 to 8 (negative)."""
    if not peak > 0:
        return np.zeros(picture.shape, dtype=np.uint8)
    share = np.abs(picture) / peak
    level = np.ceil((share - OVERLAY_THRESHOLD) / (1 - OVERLAY_THRESHOLD) * 4)
    level = np.clip(np.nan_to_num(level), 0, 4)
    return (level + np.where((picture < 0) & (level > 0), 4, 0)).astype(np.uint8)


def _palette_png(indices: Array, colours: Array, *, transparent: bool = False) -> bytes:
    """Write a PNG whose pixels are indices into a short palette."""
    image = Image.frombytes("P", (indices.shape[1], indices.shape[0]), indices.tobytes())
    image.putpalette(colours.astype(np.uint8).tobytes())
    target = io.BytesIO()
    options = {"transparency": 0} if transparent else {}
    image.save(target, format="PNG", optimize=False, compress_level=9, **options)
    return target.getvalue()
