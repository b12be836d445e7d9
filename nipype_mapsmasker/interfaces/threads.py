# SPDX-License-Identifier: Apache-2.0
"""Threads of the numerical libraries, and what asking for fewer of them costs."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from threadpoolctl import ThreadpoolController

__all__ = ["hold_threads"]


def hold_threads(controller: ThreadpoolController, number: int) -> AbstractContextManager[Any]:
    """
    Hold libraries to a number of threads for a while, and leave alone what has it already.

    Parameters
    ----------
    controller : ThreadpoolController
        The libraries.
    number : int
        Their threads.

    Returns
    -------
    context manager
        Restores the earlier number.

    Notes
    -----
    A forked process has none of its parent's threads. OpenBLAS makes all of them anew when it is
    told their number, whatever it is, and each waits in a busy loop for a tenth of a second before
    it sleeps: as many as there are cores, in every worker and for every copy of the library.
    """
    if all(library["num_threads"] == number for library in controller.info()):
        return nullcontext()
    return controller.limit(limits=number)
