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

from nipype_mapsmasker.core.cuts import cuts_at, nearest_ras, unpack_cuts
from nipype_mapsmasker.reports.pictures import (
    background_limit,
    background_picture,
    glance_colours,
    overlay_picture,
)
from nipype_mapsmasker.reports.style import (
    INK,
    add_panel,
    label,
    new_figure,
    note,
    styled,
)

__all__ = ["figure_glance", "figure_map"]

MAX_NUMBERED = 60
"""Up to this many maps the picture of all maps carries their numbers."""

MIN_LABELLED_PIXELS = 6
"""Smaller patches of a map carry no number."""

Array = NDArray[Any]


@styled
def figure_map(
    cuts: Mapping[str, Array],
    index: int,
    *,
    name: str = "",
    mean_image: Array | None = None,
    cmap: str = "CMRmap_r",
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
        What lies behind it, on the grid of the cuts.
    cmap : str, default='CMRmap_r'
        Colour map of what lies behind.

    Returns
    -------
    Figure
        Sagittal, coronal and axial cut; the patient's left on the left.
    """
    cut = unpack_cuts(cuts, index)
    step = int(cuts["step"])
    sizes = nearest_ras(cuts["affine"]).sizes
    behind = None
    if mean_image is not None:
        behind = cuts_at(mean_image, cuts["affine"], cut.voxel, step=step)
    limit = 1.0 if mean_image is None else background_limit(mean_image)
    pictures = [getattr(cut, plane) for plane, _, _ in _PLANES]
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
        if behind is not None:
            axes.imshow(background_picture(getattr(behind, plane), limit, cmap), aspect="auto")
        axes.imshow(overlay_picture(picture, cut.peak), aspect="auto")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
        axes.set_title(f"{'xyz'[axis]} = {cut.centre[axis]:.0f} mm", fontsize=9)
        ends = ("P", "A") if plane == "sagittal" else ("L", "R")
        for place, side, end in ((0.02, "left", ends[0]), (0.98, "right", ends[1])):
            axes.text(place, 0.02, end, transform=axes.transAxes, ha=side, fontsize=9)
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
        What lies behind them, drawn in grey.

    Returns
    -------
    Figure
        Each voxel in the colour of the map that is relatively strongest there, numbered.
    """
    glance = cuts["glance"]
    if not len(glance):
        return note(new_figure(7.0, 1.0), "No picture of all maps: every map is empty.")
    orientation = nearest_ras(cuts["affine"])
    aspect = orientation.sizes[1] / orientation.sizes[0]
    n_columns = -(-len(glance) // 2)
    height, width = glance.shape[1:]
    gap, title = max(1, width // 25), max(2, height // 9)
    # One picture in one set of axes: eight sets would take ten times as long to draw.
    canvas = np.ones((2 * (height + title), n_columns * (width + gap), 3))
    figure = new_figure(9.2, 9.2 * canvas.shape[0] * aspect / canvas.shape[1])
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    limit = 1.0 if mean_image is None else background_limit(mean_image)
    colours = glance_colours(len(names))
    for number, (picture, level) in enumerate(zip(glance, cuts["glance_voxel"], strict=True)):
        top = (number // n_columns) * (height + title) + title
        left = (number % n_columns) * (width + gap)
        behind = np.full((height, width, 3), 0.94)
        if mean_image is not None:
            voxel = np.zeros(3, dtype=np.intp)
            voxel[orientation.axes[2]] = level
            cut = cuts_at(mean_image, cuts["affine"], voxel, step=int(cuts["step"])).axial
            behind = background_picture(cut, limit, "gray") / 255
        front = colours[picture]
        canvas[top : top + height, left : left + width] = (
            behind * (1 - front[:, :, 3:]) + front[:, :, :3] * front[:, :, 3:]
        )
        if len(names) <= MAX_NUMBERED:
            _number(axes, picture, top, left)
        ink = INK if mean_image is None else "white"
        z = _height_mm(cuts["affine"], cuts["shape"], orientation.axes[2], int(level))
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


def _height_mm(affine: Array, shape: Array, axis: int, level: int) -> float:
    """Give the height of an axial cut in mm, in the middle of the grid."""
    place = (np.asarray(shape, dtype=np.float64) - 1) / 2
    place[axis] = level
    return float(affine[2, :3] @ place + affine[2, 3])
