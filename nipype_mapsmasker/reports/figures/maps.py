# SPDX-License-Identifier: Apache-2.0
"""Figures of the maps themselves: one map in three cuts, and all maps at a glance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy import ndimage

from nipype_mapsmasker.core.cut_volumes import LEVELS, SMALLEST_LEVEL, cut_volume, unpack_volume
from nipype_mapsmasker.core.orientation import coarse_means
from nipype_mapsmasker.reports.brain import background_limit
from nipype_mapsmasker.reports.figures.style import (
    INK,
    add_panel,
    label,
    new_figure,
    note,
    styled,
)
from nipype_mapsmasker.reports.palettes import (
    BACKGROUND,
    NEGATIVE,
    POSITIVE,
    background_palette,
    glance_palette,
    table_of,
)

__all__ = ["figure_glance", "figure_map"]

MAX_NUMBERED = 60
"""Up to this many maps the picture of all maps carries their numbers."""

MIN_LABELLED_PIXELS = 6
"""Smaller patches of a map carry no number."""

GLANCE_OPACITY = 0.82
"""Of the maps over the mean image."""

Array = NDArray[Any]


@styled
def figure_map(
    cuts: Mapping[str, Array],
    index: int,
    *,
    name: str = "",
    mean_image: Array | None = None,
    cmap: str = BACKGROUND,
) -> Figure:
    """
    Draw one map in three cuts through its middle.

    Parameters
    ----------
    cuts : mapping of str to ndarray
        From `nipype_mapsmasker.core.cuts.collect_cuts`.
    index : int
        The map, from 0.
    name : str
        Its name.
    mean_image : (X, Y, Z) ndarray, optional
        What lies behind it, on the grid of the maps.
    cmap : str, default='gray'
        Colour map of what lies behind.

    Returns
    -------
    Figure
        Sagittal, coronal and axial cut; the patient's left on the left.
    """
    voxel = cuts["voxel"][index]
    over = cut_volume(unpack_volume(cuts, index), voxel)
    behind = _behind(cuts, mean_image, cmap)
    back = None if behind is None else [cut_volume(channel, voxel) for channel in behind]
    sizes = [float(np.linalg.norm(cuts["small_affine"][:3, axis])) for axis in range(3)]
    pictures = [getattr(over, plane) for plane, _, _ in _PLANES]
    # In mm, as the head is.
    wide = [p.shape[1] * sizes[w] for p, (_, w, _) in zip(pictures, _PLANES, strict=True)]
    high = [p.shape[0] * sizes[h] for p, (_, _, h) in zip(pictures, _PLANES, strict=True)]
    gap, top = 0.1, 0.56 if name else 0.28
    scale = (_WIDTH - 4 * gap) / sum(wide)
    tall = max(high) * scale
    figure = new_figure(_WIDTH, top + tall + gap)
    left = gap
    for axis, (picture, (plane, _, _)) in enumerate(zip(pictures, _PLANES, strict=True)):
        rest = (tall - high[axis] * scale) / 2
        right = _WIDTH - left - wide[axis] * scale
        axes = add_panel(figure, left=left, right=right, top=top + rest, bottom=gap + rest)
        left += wide[axis] * scale + gap
        if back is not None:
            axes.imshow(np.stack([getattr(c, plane) for c in back], axis=-1), aspect="auto")
        axes.imshow(_over_colours(picture, float(cuts["peak"][index])), aspect="auto")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
        axes.set_title(f"{'xyz'[axis]} = {cuts['centre'][index][axis]:.0f} mm", fontsize=9)
        ink = INK if back is None else "white"
        ends = ("P", "A") if plane == "sagittal" else ("L", "R")
        for place, side, end in ((0.02, "left", ends[0]), (0.98, "right", ends[1])):
            axes.text(place, 0.02, end, transform=axes.transAxes, ha=side, fontsize=9, color=ink)
    if name:
        figure.text(0.5, 1 - 0.16 / figure.get_size_inches()[1], label(name, 60), **_TITLE)
    return figure


@styled
def figure_glance(
    cuts: Mapping[str, Array],
    names: Sequence[str],
    *,
    mean_image: Array | None = None,
) -> Figure:
    """
    Draw all maps together in axial cuts.

    Parameters
    ----------
    cuts : mapping of str to ndarray
        From `nipype_mapsmasker.core.cuts.collect_cuts`.
    names : sequence of str
        The K maps.
    mean_image : (X, Y, Z) ndarray, optional
        What lies behind them, on the grid of the maps, drawn in grey.

    Returns
    -------
    Figure
        Each voxel in the colour of the map that is relatively strongest there, numbered.
    """
    glance = cuts["glance"]
    if not len(glance):
        return note(new_figure(7.0, 1.0), "No picture of all maps: every map is empty.")
    sizes = np.linalg.norm(cuts["small_affine"][:3, :3], axis=0)
    aspect = sizes[1] / sizes[0]
    n_columns = -(-len(glance) // 2)
    height, width = glance.shape[1:]
    gap, title = max(1, width // 25), max(2, height // 9)
    # One picture in one set of axes: eight sets would take ten times as long to draw.
    canvas = np.ones((2 * (height + title), n_columns * (width + gap), 3))
    figure = new_figure(9.2, 9.2 * canvas.shape[0] * aspect / canvas.shape[1])
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    behind = _behind(cuts, mean_image, "gray")
    colours = glance_palette(len(names)) / 255
    middle = (cuts["small_shape"].astype(float) - 1) / 2
    for number, (picture, level) in enumerate(zip(glance, cuts["glance_level"], strict=True)):
        top = (number // n_columns) * (height + title) + title
        left = (number % n_columns) * (width + gap)
        back = np.full((height, width, 3), 0.94)
        if behind is not None:
            channels = [channel[:, ::-1, int(level)].T for channel in behind]
            back = np.stack(channels, axis=-1) / 255
        share = GLANCE_OPACITY * (picture > 0)[:, :, np.newaxis]
        canvas[top : top + height, left : left + width] = (
            back * (1 - share) + colours[picture] * share
        )
        if len(names) <= MAX_NUMBERED:
            _number(axes, picture, top, left)
        ink = INK if behind is None else "white"
        place = np.array([middle[0], middle[1], level])
        z = float(cuts["small_affine"][2, :3] @ place + cuts["small_affine"][2, 3])
        for text, column, row, side, colour in (
            (f"z = {z:.0f} mm", 0.0, -title / 2 - 0.5, "left", INK),
            ("L", 0.04 * width, 0.94 * height, "left", ink),
            ("R", 0.96 * width, 0.94 * height, "right", ink),
        ):
            axes.text(left + column, top + row, text, ha=side, va="center", color=colour)
    axes.imshow(canvas, aspect="auto")
    axes.set_axis_off()
    return figure


_PLANES = (("sagittal", 1, 2), ("coronal", 0, 2), ("axial", 0, 1))
_TITLE: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 10, "fontweight": "bold"}
_WIDTH = 8.0


def _behind(cuts: Mapping[str, Array], mean_image: Array | None, cmap: str) -> list[Array] | None:
    """Colour the mean image; give red, green and blue apart."""
    if mean_image is None:
        return None
    mean = coarse_means(mean_image, cuts["affine"], int(cuts["step"]))
    shades = table_of(background_palette(cmap))
    share = np.clip(mean / background_limit(mean), 0.0, 1.0)
    codes = np.rint(share * (len(shades) - 1)).astype(np.intp)
    return [shades[codes, channel] for channel in range(3)]


def _over_colours(picture: Array, peak: float) -> Array:
    """Colour a cut of a map: warm for positive, cold for negative weights."""
    level = np.rint(np.abs(picture) * (LEVELS / peak if peak > 0 else 0.0))
    warm, cold = table_of(POSITIVE), table_of(NEGATIVE)
    step = (level - SMALLEST_LEVEL) / (LEVELS - SMALLEST_LEVEL + 1) * len(warm)
    place = np.clip(step, 0, len(warm) - 1).astype(np.intp)
    colours = np.zeros((*picture.shape, 4), dtype=np.uint8)
    colours[:, :, :3] = np.where((picture > 0)[:, :, np.newaxis], warm[place], cold[place])
    colours[:, :, 3] = np.where(level >= SMALLEST_LEVEL, 255, 0)
    return colours


def _number(axes: Axes, picture: Array, top: int, left: int) -> None:
    """Write each map's number on every patch of it, on the pixel nearest to the patch's centre."""
    for number in np.unique(picture[picture > 0]):
        patches, n_patches = ndimage.label(picture == number)
        for patch in range(1, n_patches + 1):
            places = np.argwhere(patches == patch)
            if len(places) < MIN_LABELLED_PIXELS:
                continue
            centre = places.mean(axis=0)
            row, column = places[int(np.argmin(((places - centre) ** 2).sum(axis=1)))]
            axes.text(
                left + column,
                top + row,
                str(number - 1),
                ha="center",
                va="center",
                fontsize=6.5,
                color="black",
                bbox={"facecolor": "white", "alpha": 0.65, "pad": 0.4, "lw": 0},
            )
