# SPDX-License-Identifier: Apache-2.0
"""The reference's ``verbose`` as a log on stderr."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["told"]


@contextmanager
def told(verbose: int) -> Iterator[logging.Logger]:
    """
    Show the package's log on stderr for a while.

    Parameters
    ----------
    verbose : int
        0 shows what any program's log shows, 1 also the steps, 2 everything.

    Yields
    ------
    Logger
        For the steps.
    """
    logger = logging.getLogger("nipype_mapsmasker.maskers")
    level = int(verbose or 0)
    if level <= 0:
        yield logger
        return
    whole = logging.getLogger("nipype_mapsmasker")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("[nipype_mapsmasker] %(message)s"))
    before = whole.level
    whole.addHandler(handler)
    whole.setLevel(logging.INFO if level == 1 else logging.DEBUG)
    try:
        yield logger
    finally:
        whole.removeHandler(handler)
        whole.setLevel(before)
