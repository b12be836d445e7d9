# SPDX-License-Identifier: Apache-2.0
"""
Colours of the pages, as short lists that can be handed from process to process.

Only a colour map that is not written down here needs matplotlib. Its list is made once per cohort,
by the process that builds the workflow, so that no worker ever imports it.
"""

from __future__ import annotations

import colorsys
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.errors import ParameterError

__all__ = [
    "BACKGROUND",
    "NEGATIVE",
    "N_SHADES",
    "POSITIVE",
    "background_palette",
    "check_cmap",
    "glance_palette",
    "grey_palette",
    "share_palette",
    "signed_palette",
    "table_of",
]

BACKGROUND = "gray"
"""Name of the colours of the mean image unless others are asked for."""

N_SHADES = 48
"""Colours of the background; fewer make smaller files."""

POSITIVE = ("#b3200c", "#dd4a09", "#f07d12", "#f9ae33", "#ffe27a")
"""Positive weights, from weak to strong: warm."""

NEGATIVE = ("#1747b5", "#1f75cf", "#2fa4de", "#63cdea", "#bdf0fa")
"""Negative weights, from weak to strong: cold."""

CENSORED = "#cc79a7"
"""Censored volumes (a colour-blind-safe purple)."""

MISSING = "#b9bec6"
"""No value."""

_NAMED = {
    "gray": ("#000000", "#ffffff"),
    "gray_r": ("#ffffff", "#000000"),
    "CMRmap_r": (
        "#ffffff", "#e6e57f", "#e6bf19", "#e67f00", "#fd4028", "#983381", "#4c26be", "#25257c",
        "#000000",
    ),
}  # fmt: skip
_SIGNED = (
    "#053061", "#2166ac", "#4393c3", "#92c5de", "#d1e5f0", "#f7f7f7", "#fddbc7", "#f4a582",
    "#d6604d", "#b2182b", "#67001f",
)  # fmt: skip
_SHARE = ("#5a0f52", "#8f2469", "#c2456a", "#e5785c", "#f6b26b", "#cfe0b0", "#e9f2e4")

Array = NDArray[Any]


def check_cmap(cmap: str) -> str:
    """
    Refuse a colour map that nobody knows.

    Parameters
    ----------
    cmap : str
        Its name: one of those written down here, or one of matplotlib's.

    Returns
    -------
    str
        The same name.

    Raises
    ------
    ParameterError
        It is not known.
    """
    if cmap not in _NAMED:
        from matplotlib import colormaps

        if cmap not in colormaps:
            msg = f"cmap must be the name of one of matplotlib's colour maps; got {cmap!r}."
            raise ParameterError(msg)
    return cmap


@functools.cache
def background_palette(cmap: str = BACKGROUND) -> tuple[str, ...]:
    """
    Give the colours of the mean image, from dark to bright values.

    Parameters
    ----------
    cmap : str, default='gray'
        As in `check_cmap`.

    Returns
    -------
    tuple of str
        `N_SHADES` colours, each ``#rrggbb``.
    """
    if check_cmap(cmap) in _NAMED:
        return _spread(_NAMED[cmap], N_SHADES)
    from matplotlib import colormaps

    shades = np.rint(colormaps[cmap](np.linspace(0, 1, N_SHADES))[:, :3] * 255).astype(int)
    return tuple("#{:02x}{:02x}{:02x}".format(*shade) for shade in shades.tolist())


def table_of(colours: Sequence[str]) -> Array:
    """
    Turn colours as a style sheet writes them into a table of numbers.

    Parameters
    ----------
    colours : sequence of str
        Each ``#rrggbb``.

    Returns
    -------
    (N, 3) ndarray of uint8
        Red, green and blue.
    """
    return np.frombuffer(
        bytes.fromhex("".join(colour[1:] for colour in colours)), np.uint8
    ).reshape(-1, 3)


@functools.cache
def signed_palette(n_steps: int) -> Array:
    """
    Give the colours of values from -1 to 1, and one more for none.

    Parameters
    ----------
    n_steps : int
        Colours without the last.

    Returns
    -------
    (n_steps + 1, 3) ndarray of uint8
        Blue, white, red; grey.
    """
    return table_of((*_spread(_SIGNED, n_steps), MISSING))


@functools.cache
def share_palette(n_steps: int) -> Array:
    """
    Give the colours of shares from 0 to 1, and one more for none.

    Parameters
    ----------
    n_steps : int
        Colours without the last.

    Returns
    -------
    (n_steps + 1, 3) ndarray of uint8
        Dark for little, pale for all; grey.
    """
    return table_of((*_spread(_SHARE, n_steps), MISSING))


@functools.cache
def grey_palette(n_steps: int) -> Array:
    """
    Give the colours of the carpet: greys, and one more for censored volumes.

    Parameters
    ----------
    n_steps : int
        Greys.

    Returns
    -------
    (n_steps + 1, 3) ndarray of uint8
        From black to white; purple.
    """
    return table_of((*_spread(("#000000", "#ffffff"), n_steps), CENSORED))


@functools.cache
def glance_palette(n_colours: int) -> Array:
    """
    Choose colours for the maps of the picture of all.

    Parameters
    ----------
    n_colours : int
        How many; more maps than that repeat them.

    Returns
    -------
    (n_colours + 1, 3) ndarray of uint8
        The first is for no map. Hue and lightness both change from map to map, so that neighbours
        differ in lightness where hues look alike; names are under the pointer.
    """
    table = np.zeros((n_colours + 1, 3))
    for number in range(n_colours):
        hue = (0.58 + number * 0.61803398875) % 1.0
        lightness = (0.42, 0.66, 0.54, 0.78)[number % 4]
        table[number + 1] = colorsys.hls_to_rgb(hue, lightness, 0.75)
    return np.rint(table * 255).astype(np.uint8)


def _spread(stops: Sequence[str], n_steps: int) -> tuple[str, ...]:
    """Draw out a few colours to many."""
    table = table_of(stops).astype(float)
    places = np.linspace(0, len(stops) - 1, n_steps)
    found = [np.interp(places, range(len(stops)), table[:, channel]) for channel in range(3)]
    shades = np.rint(np.column_stack(found)).astype(int).tolist()
    return tuple("#{:02x}{:02x}{:02x}".format(*shade) for shade in shades)
