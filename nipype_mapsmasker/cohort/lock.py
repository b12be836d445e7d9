# SPDX-License-Identifier: Apache-2.0
"""One process per run of a result folder."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.results.layout import PRIVATE
from nipype_mapsmasker.io.results.locking import name_owner, take

__all__ = ["LOCK_NAME", "locked"]

LOCK_NAME = ".mapsmasker.lock"
"""Name of the lock in the result folder."""

PATIENCE_SECS = 2.0
"""How long a lock is waited for: the kernel needs moments to clear away a killed process."""

PLACES = 1 << 40
"""Bytes of the lock's file, which need not exist, among which runs have their places."""


@contextmanager
def locked(out_dir: Path, run_ids: Iterable[str] | None = None) -> Iterator[None]:
    """
    Hold the private folder of results, or some runs of it; or a working folder.

    Parameters
    ----------
    out_dir : Path
        The folder; made if absent.
    run_ids : iterable of str, optional
        Hold these runs only, so that others may work on the other runs; by default, all of them.

    Yields
    ------
    None
        While it is held.

    Raises
    ------
    ParameterError
        Another process holds it, or one of the runs.

    Notes
    -----
    The kernel holds the lock, also across the machines of a cluster where the file system can,
    and lets go of it when its owner ends, however that is. The file that stays behind means
    nothing. A run's place in it is a number made of its name.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    path = out_dir / LOCK_NAME
    with path.open("a+", encoding="utf-8") as stream:
        places = [(0, 0)] if run_ids is None else [(_place(name), 1) for name in run_ids]
        deadline = time.monotonic() + PATIENCE_SECS
        for start, length in places:
            if not take(stream, start, length, deadline):
                stream.seek(0)
                owner = stream.read().strip() or "another process"
                owned = out_dir.parent if out_dir.name == PRIVATE else out_dir
                msg = f"{owned} is in use by {owner}; wait for it to end, or give another folder."
                raise ParameterError(msg)
        name_owner(stream)
        yield


def _place(run_id: str) -> int:
    """Give a run's place among the bytes that are locked; two hardly ever share one."""
    digest = hashlib.sha256(run_id.casefold().encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") % PLACES
