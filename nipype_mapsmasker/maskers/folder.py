# SPDX-License-Identifier: Apache-2.0
"""A temporary folder that belongs to one object and goes with it."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from pathlib import Path

__all__ = ["OwnFolder"]


class OwnFolder:
    """
    Hold a folder that is removed with this object, or when the interpreter ends.

    Parameters
    ----------
    parent : Path, optional
        Where it is made; None is the system's place for temporary files.
    """

    def __init__(self, parent: Path | None = None) -> None:
        if parent is not None:
            parent.mkdir(parents=True, exist_ok=True)
        self.path = Path(tempfile.mkdtemp(prefix="mapsmasker-", dir=parent))
        # A forked worker has a copy of this object, and must not remove what is not its own.
        self._finalizer = weakref.finalize(self, _remove, str(self.path), os.getpid())

    def remove(self) -> None:
        """Remove the folder now."""
        self._finalizer()


def _remove(path: str, owner: int) -> None:
    """Remove a folder, in the process that made it."""
    if os.getpid() == owner:
        shutil.rmtree(path, ignore_errors=True)
