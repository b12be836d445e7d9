# SPDX-License-Identifier: Apache-2.0
"""Which maps a page shows: the reference's rules for ``displayed_maps``."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["DEFAULT_DISPLAYED_MAPS", "choose_maps"]

DEFAULT_DISPLAYED_MAPS = "all"
"""Which maps a page shows unless asked otherwise: they cost so little that none is left out."""


def choose_maps(displayed_maps: Any, n_maps: int) -> tuple[list[int], list[str]]:
    """
    Turn the wish for maps into a list of those that there are.

    Parameters
    ----------
    displayed_maps : int, list of int, ndarray of int or 'all'
        The first so many maps; or these maps, counted from 0, in this order; or all.
    n_maps : int
        How many maps there are.

    Returns
    -------
    indices : list of int
        The maps to show, in the order asked for.
    warnings : list of str
        A sentence for the page when more maps, or others, were asked for than there are.

    Raises
    ------
    TypeError
        Anything else was asked for.

    Examples
    --------
    >>> choose_maps([2, 0], 3)
    ([2, 0], [])
    """
    _check_type(displayed_maps)
    if isinstance(displayed_maps, str):
        return list(range(n_maps)), []
    if isinstance(displayed_maps, int):
        if displayed_maps <= n_maps:
            return list(range(displayed_maps)), []
        warning = (
            f"displayed_maps={displayed_maps} asks for more maps than there are; "
            f"all {n_maps} are shown."
        )
        return list(range(n_maps)), [warning]
    wanted = displayed_maps.tolist() if isinstance(displayed_maps, np.ndarray) else displayed_maps
    known = [index for index in wanted if index in range(n_maps)]
    unknown = [index for index in wanted if index not in range(n_maps)]
    if not unknown:
        return known, []
    warning = (
        f"displayed_maps asks for maps {unknown}, which do not exist: "
        f"there are {n_maps} maps, counted from 0. They are left out."
    )
    return known, [warning]


def _check_type(displayed_maps: Any) -> None:
    """Accept what the reference accepts, and nothing else."""
    if isinstance(displayed_maps, str):
        right = displayed_maps == "all"
    elif isinstance(displayed_maps, np.ndarray):
        right = displayed_maps.dtype == int
    elif isinstance(displayed_maps, list):
        right = all(isinstance(index, int) for index in displayed_maps)
    else:
        right = isinstance(displayed_maps, int)
    if right:
        return
    got = f"{type(displayed_maps).__name__} {displayed_maps!r}"
    msg = f"displayed_maps must be 'all', an int, or a list or array of ints; got the {got}."
    raise TypeError(msg)
