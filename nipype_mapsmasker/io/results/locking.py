# SPDX-License-Identifier: Apache-2.0
"""Locks that the kernel holds, and lets go of when their owner ends, however that is."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import TextIO

from nipype_mapsmasker.errors import EngineError
from nipype_mapsmasker.io.trust import open_own, own_folder

__all__ = ["NOTICES", "held", "name_owner", "take"]

NOTICES = "nipype_mapsmasker.notices"
"""Logger of what the user has to know while a call is at work; the command shows its lines."""

LOGGER = logging.getLogger(NOTICES)

PATIENCE_SECS = 600.0
"""How long a file that others write to is waited for; each holds it for moments, or for a page."""

WAIT_SECS = 0.05
"""Time between two attempts."""

_UNABLE = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
_HELD = (errno.EACCES, errno.EAGAIN)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """
    Hold a lock while a file is read, changed and written, after whoever holds it now.

    Parameters
    ----------
    path : Path
        The lock's file, which stays behind and means nothing; its folder is made if absent.

    Yields
    ------
    None
        While it is held.

    Raises
    ------
    EngineError
        Somebody else holds it for ten minutes.

    Notes
    -----
    The kernel counts by process: a process must not take one lock twice at a time.
    """
    own_folder(path.parent)
    with open_own(path) as stream:
        if not take(stream, 0, 0, time.monotonic() + PATIENCE_SECS):
            stream.seek(0)
            owner = stream.read().strip() or "another process"
            msg = (
                f"{path} has been held for {PATIENCE_SECS:g} s by {owner}; see what keeps it, "
                "and run this again: what is finished is kept."
            )
            raise EngineError(msg)
        name_owner(stream)
        yield


def take(stream: TextIO, start: int, length: int, deadline: float) -> bool:
    """
    Lock a part of a file.

    Parameters
    ----------
    stream : file
        The file, open for writing; the lock ends when it is closed.
    start, length : int
        Bytes that are locked, which need not exist; length 0 is all that follow.
    deadline : float
        Until when to wait, in seconds of `time.monotonic`.

    Returns
    -------
    bool
        False where somebody else still holds it. True with a warning where the file system knows
        no locks.
    """
    while True:
        try:
            fcntl.lockf(stream, fcntl.LOCK_EX | fcntl.LOCK_NB, length, start)
        except OSError as error:
            if error.errno in _UNABLE:
                _warn(stream.name, error.strerror)
                return True
            if error.errno not in _HELD:
                raise
            if time.monotonic() > deadline:
                return False
            time.sleep(WAIT_SECS)
        else:
            return True


@lru_cache(maxsize=64)
def _warn(name: str, why: str | None) -> None:
    """Say once of a file that it cannot be locked: a call may want to lock a thousand runs."""
    LOGGER.warning(
        "%s cannot be locked (%s); see to it that nobody else works on this result folder.",
        name,
        why,
    )


def name_owner(stream: TextIO) -> None:
    """
    Write into a lock's file who holds it, for those who wait.

    Parameters
    ----------
    stream : file
        The file.
    """
    owner = f"process {os.getpid()} on {socket.gethostname()}\n".encode()
    with suppress(OSError):  # on a full disk those who wait are told less
        os.ftruncate(stream.fileno(), 0)
        os.pwrite(stream.fileno(), owner, 0)
