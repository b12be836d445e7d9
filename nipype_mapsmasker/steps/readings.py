# SPDX-License-Identifier: Apache-2.0
"""A run as something that can be read again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray

from nipype_mapsmasker.core.variance import MeanSquares
from nipype_mapsmasker.io.images.reader import ImageInfo, iter_blocks

__all__ = ["SQUARES_BLOCK_BYTES", "Readings", "step_of"]

SQUARES_BLOCK_BYTES = 8 << 20
"""Bytes of a block where mean squares are found, which takes fewer sums for several volumes."""


class Readings:
    """
    The blocks of a run, each time from the first; the first time they are looked at on their way.

    Parameters
    ----------
    info : ImageInfo
        The run.
    squares : MeanSquares or None
        What looks at them.
    """

    def __init__(self, info: ImageInfo, squares: MeanSquares | None) -> None:
        self._info = info
        self._squares = squares

    def __iter__(self) -> Iterator[NDArray[Any]]:
        squares, self._squares = self._squares, None
        return self._read(squares)

    def _read(self, squares: MeanSquares | None) -> Iterator[NDArray[Any]]:
        if squares is None:
            yield from iter_blocks(self._info)
            return
        for block in iter_blocks(self._info, block_bytes=SQUARES_BLOCK_BYTES):
            squares.add(block)
            yield block


def step_of(info: ImageInfo) -> float:
    """
    Give the distance between neighbouring values of scaled integers.

    Parameters
    ----------
    info : ImageInfo
        An image.

    Returns
    -------
    float
        0 for all other types.
    """
    return abs(info.slope) if info.scaled and info.dtype.kind in "iu" else 0.0
