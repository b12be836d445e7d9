# SPDX-License-Identifier: Apache-2.0
"""Slices of a cohort as a user names them."""

from __future__ import annotations

import re

from nipype_mapsmasker.errors import ParameterError

__all__ = ["slice_numbers"]


def slice_numbers(text: str) -> tuple[int, int]:
    """
    Read which slice of the runs is meant.

    Parameters
    ----------
    text : str
        K/N.

    Returns
    -------
    k, n : int
        The K-th of N slices, K from 1.

    Raises
    ------
    ParameterError
        Anything else.
    """
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        msg = f"slice must be K/N with K from 1 to N; got {text!r}."
        raise ParameterError(msg)
    return int(match[1]), int(match[2])
