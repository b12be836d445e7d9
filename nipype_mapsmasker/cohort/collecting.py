# SPDX-License-Identifier: Apache-2.0
"""Python's collector of cycles, which a cohort's many lasting objects keep busy for nothing."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["seldom_collected"]

NEW_OBJECTS = 100_000
"""Containers that are made, and stay, between two looks for cycles; Python's own number is 700."""


@contextmanager
def seldom_collected() -> Iterator[None]:
    """
    Have Python look for cycles more seldom, for a while.

    Yields
    ------
    None
        While it does; then all is as before. A collector that is off stays off.

    Notes
    -----
    Modules, plans and nodes make millions of objects that stay: looking through them again and
    again took a fifth of the time until the first run. What holds no cycle is freed as ever. Not
    for work on images: a fault's traceback holds arrays, perhaps in a cycle.
    """
    before = gc.get_threshold()
    if before[0]:
        gc.set_threshold(max(before[0], NEW_OBJECTS), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
