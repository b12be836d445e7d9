# SPDX-License-Identifier: Apache-2.0
"""What happens inside a worker process of the MultiProc plugin."""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from traceback import format_exception
from typing import Any

from threadpoolctl import ThreadpoolController

from nipype_mapsmasker.interfaces.threads import hold_threads

__all__ = ["begin_worker", "die_with_parent", "limited_threads", "logger_states", "work"]

PR_SET_PDEATHSIG = 1
"""Linux's prctl option: the signal that a process gets when its parent dies."""

WATCH_SECS = 1.0
"""How often a worker without that option looks whether its parent is still there."""

THREAD_VARIABLES = (
    "BLIS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
"""Read by numerical libraries when they are loaded, here or in a command that a node calls."""

LOGGERS = ("nipype", "nipype.workflow", "nipype.interface", "nipype.utils")
"""Nipype's loggers, which print every step unless told otherwise."""


def begin_worker(cwd: str, parent: int | None) -> None:
    """Prepare a fresh worker: its folder, its end, and one thread until a node asks for more."""
    os.chdir(cwd)
    os.environ["NIPYPE_NO_ET"] = "1"
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    # A forked worker inherits the driver's handlers, which may mean to survive SIGTERM.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    die_with_parent(parent)
    # What came from the driver stays: without this, it is looked through again and again, and
    # its memory, which both share, is copied on the way.
    gc.freeze()


def logger_states() -> dict[str, tuple[int, bool]]:
    """Tell of Nipype's loggers the level, and whether their lines go to the program's handlers."""
    loggers = {name: logging.getLogger(name) for name in LOGGERS}
    return {name: (one.level, one.propagate) for name, one in loggers.items()}


def _set_loggers(states: Mapping[str, tuple[int, bool]]) -> None:
    """Make Nipype's loggers what they are in the driver, but for handlers, which stay there."""
    import nipype  # noqa: F401  sets them up as its configuration has it

    for name, (level, propagate) in states.items():
        log = logging.getLogger(name)
        log.setLevel(level)
        log.propagate = propagate
        if not propagate:
            log.addHandler(logging.NullHandler())


def work(
    pipe: Connection,
    cwd: str,
    parent: int | None,
    loggers: Mapping[str, tuple[int, bool]] | None = None,
) -> None:
    """Carry out the tasks that come through the pipe, until an empty message or the pipe's end.

    Parameters
    ----------
    pipe : Connection
        Where they come from, and results go.
    cwd : str
        Folder in which the worker runs.
    parent : int, optional
        Process number of the parent, with which the worker ends.
    loggers : mapping of str to tuple, optional
        What :func:`logger_states` says in the driver; None where they are the driver's own.
    """
    begin_worker(cwd, parent)
    if loggers is not None:
        _set_loggers(loggers)
    with suppress(EOFError, OSError, KeyboardInterrupt):  # the driver is gone, or going
        while message := pipe.recv_bytes():
            pipe.send(_answer(message))


def _answer(message: bytes) -> dict[str, Any]:
    """Carry out one task and say how it ended."""
    try:
        _run_node(*pickle.loads(message))
    except (Exception, SystemExit):
        return {"result": None, "traceback": format_exception(*sys.exc_info())}
    return {"result": None, "traceback": None}


def _run_node(node: Any, updatehash: bool, n_threads: int) -> None:
    """Run a node; its result stays in its file, where the engine looks for it."""
    with limited_threads(n_threads):
        node.run(updatehash=updatehash)


@contextmanager
def limited_threads(n_threads: int) -> Iterator[None]:
    """Hold the numerical libraries, loaded or yet to be loaded, to this many threads."""
    before = {name: os.environ.get(name, "1") for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(n_threads)))
    try:
        with hold_threads(ThreadpoolController(), n_threads):
            yield
    finally:
        os.environ.update(before)


def die_with_parent(parent: int | None = None, *, ask_kernel: bool = True) -> None:
    """End this process when its parent ends, also when the parent was killed.

    Parameters
    ----------
    parent : int, optional
        Process number that the parent must have; the present one by default (with a fork server
        the parent is the server, which ends with the driver).
    ask_kernel : bool
        Use Linux's ``prctl``; where that is refused, or elsewhere, a thread watches.
    """
    parent = os.getppid() if parent is None else parent
    if ask_kernel and sys.platform == "linux" and _ask_kernel():
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)
        return
    threading.Thread(target=_watch, args=(parent,), daemon=True, name="watch-parent").start()


def _ask_kernel() -> bool:
    try:
        prctl = ctypes.CDLL(None, use_errno=True).prctl
        return bool(prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(WATCH_SECS)
    os._exit(1)
