# SPDX-License-Identifier: Apache-2.0
"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["TEMPORARY_PREFIX", "atomic_path"]

TEMPORARY_PREFIX = ".mapsmasker-"
"""Start of the name of a file that is being written; one that is found later can be deleted."""


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    r"""
    Give a temporary path to write to, and move it into place at the end.

    Parameters
    ----------
    path : path_like
        The final path; a file that is there is replaced.

    Yields
    ------
    Path
        A new name in the same folder with the same suffixes. Writing it is up to the caller, so
        its permissions are those that the user's umask gives.

    Notes
    -----
    When the body fails, for whatever reason, the temporary file is removed and a file that was
    at ``path`` before is untouched.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_path(Path(folder, "signals.tsv")) as temporary:
    ...         _ = temporary.write_text("a\n")
    ...     print(sorted(os.listdir(folder)))
    ['signals.tsv']
    """
    final = Path(path)
    # Names may be as long as the file system allows: only the suffix is kept.
    suffix = next((end for end in (".nii.gz",) if final.name.endswith(end)), final.suffix)
    temporary = final.with_name(TEMPORARY_PREFIX + secrets.token_hex(8) + suffix)
    try:
        yield temporary
        temporary.replace(final)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise
