# SPDX-License-Identifier: Apache-2.0
"""One process per result folder: a lock that dies with its owner."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nipype_mapsmasker.errors import ParameterError

__all__ = ["LOCK_NAME", "locked"]

LOCK_NAME = ".mapsmasker.lock"
"""Name of the lock in the result folder."""


@contextmanager
def locked(out_dir: Path) -> Iterator[None]:
    """
    Hold a result folder.

    Parameters
    ----------
    out_dir : Path
        The folder; made if absent.

    Yields
    ------
    None
        While it is held.

    Raises
    ------
    ParameterError
        Another process holds it.

    Notes
    -----
    The kernel holds the lock, and lets go of it when its owner ends, however that is; the file
    that stays behind means nothing.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    path = out_dir / LOCK_NAME
    with path.open("a+", encoding="utf-8") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            stream.seek(0)
            owner = stream.read().strip() or "another process"
            msg = (
                f"{out_dir} is in use by {owner}; wait for it to end, or give another result "
                "folder."
            )
            raise ParameterError(msg) from error
        stream.seek(0)
        stream.truncate()
        stream.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        stream.flush()
        yield
