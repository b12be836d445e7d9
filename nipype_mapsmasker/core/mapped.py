# SPDX-License-Identifier: Apache-2.0
"""Numbers that are mapped from a file, which the system may forget and read again."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["MAPPED_BYTES", "let_go", "mapping_of"]

MAPPED_BYTES = 4 << 20
"""Numbers that are mapped are let go of each time so many bytes of them were looked at."""


def mapping_of(values: NDArray[Any]) -> mmap.mmap | None:
    """
    Find what maps numbers from a file.

    Parameters
    ----------
    values : ndarray
        Of any shape; perhaps a view.

    Returns
    -------
    mmap or None
        None for all other numbers, and for those that this process may change: its changes are
        nowhere else.
    """
    base: Any = values
    while isinstance(base, np.ndarray):
        base = base.base
    if not isinstance(base, mmap.mmap) or not hasattr(mmap, "MADV_DONTNEED"):
        return None
    with memoryview(base) as view:
        return base if view.readonly else None


def let_go(mapping: mmap.mmap) -> None:
    """
    Have numbers no longer count as memory of this process; they are read again when asked for.

    Parameters
    ----------
    mapping : mmap
        From `mapping_of`.
    """
    mapping.madvise(mmap.MADV_DONTNEED)
