# SPDX-License-Identifier: Apache-2.0
"""One process per run of a result folder."""

from __future__ import annotations

import fcntl
import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.results.locking import name_owner, take
from nipype_mapsmasker.io.trust import make_work_folder, open_own, own_folder

__all__ = ["LOCK_NAME", "free_folder", "locked"]

LOCK_NAME = ".mapsmasker.lock"
"""Name of the lock in the result folder."""

PATIENCE_SECS = 2.0
"""How long a lock is waited for: the kernel needs moments to clear away a killed process."""

MAX_CALLS = 1000
"""Calls that may work in one working folder at a time."""

PLACES = 1 << 40
"""Bytes of the lock's file, which need not exist, among which runs have their places."""


@contextmanager
def locked(
    folder: Path,
    run_ids: Iterable[str] | None = None,
    *,
    when_alone: Callable[[], None] | None = None,
) -> Iterator[None]:
    """
    Hold some runs of a result folder, or all of it.

    Parameters
    ----------
    folder : Path
        Where the lock stands; made if absent.
    run_ids : iterable of str, optional
        Hold these runs only, so that others may work on the other runs; by default, all of them.
    when_alone : callable, optional
        Is called first if nobody else holds anything, and nobody can begin meanwhile.

    Yields
    ------
    None
        While it is held.

    Raises
    ------
    ParameterError
        Another process holds it, or one of the runs; or a link stands in the lock's place.

    Notes
    -----
    The kernel holds the lock, also across the machines of a cluster where the file system can,
    and lets go of it when its owner ends, however that is. The file that stays behind means
    nothing. A run's place in it is a number made of its name.
    """
    with open_own(own_folder(folder) / LOCK_NAME) as stream:
        if when_alone is not None and take(stream, 0, 0, time.monotonic()):
            when_alone()
            with suppress(OSError):  # a file system without locks
                fcntl.lockf(stream, fcntl.LOCK_UN)
        # From the end: the kernel goes through those that it has from the start, for each one.
        places = (
            [(0, 0)]
            if run_ids is None
            else [(place, 1) for place in sorted(map(_place, run_ids), reverse=True)]
        )
        deadline = time.monotonic() + PATIENCE_SECS
        for start, length in places:
            if not take(stream, start, length, deadline):
                stream.seek(0)
                owner = stream.read().strip() or "another process"
                what = (
                    folder.parent if run_ids is None else f"a run of this call in {folder.parent}"
                )
                msg = f"{what} is in use by {owner}; wait for it to end, or give another folder."
                raise ParameterError(msg)
        name_owner(stream)
        yield


@contextmanager
def free_folder(work_dir: Path) -> Iterator[Path]:
    """
    Hold a working folder, or one within it where another call is at work.

    Parameters
    ----------
    work_dir : Path
        The working folder; made if absent.

    Yields
    ------
    Path
        The folder that is held: the first of few, so that the next call finds its work again.

    Raises
    ------
    ParameterError
        All are in use, or others may have put files there.
    """
    for number in range(MAX_CALLS):
        folder = work_dir if number == 0 else work_dir / f"call-{number}"
        make_work_folder(folder)
        stream = open_own(folder / LOCK_NAME)
        with stream:
            if take(stream, 0, 0, time.monotonic() + (PATIENCE_SECS if number == 0 else 0)):
                name_owner(stream)
                yield folder
                return
    msg = f"{MAX_CALLS} calls are at work in {work_dir}; give a working folder of its own (-w)."
    raise ParameterError(msg)


def _place(run_id: str) -> int:
    """Give a run's place among the bytes that are locked; two hardly ever share one."""
    digest = hashlib.sha256(run_id.casefold().encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") % PLACES
