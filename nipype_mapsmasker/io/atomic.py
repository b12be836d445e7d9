# SPDX-License-Identifier: Apache-2.0
"""Files that are there whole or not at all."""

from __future__ import annotations

import json
import math
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import orjson

__all__ = ["TEMPORARY_PREFIX", "atomic_path", "link_or_copy", "write_json"]

JSON_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS
"""How JSON is written."""

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
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and error.errno is not None and error.filename is None:
            # Writing knows no names: without this, "No space left on device" says not where.
            raise OSError(error.errno, error.strerror, str(final)) from error
        raise


def link_or_copy(source: Path, target: Path) -> Path:
    """
    Give a file a second name, or a copy where the file system has no such names.

    Parameters
    ----------
    source : Path
        The file; results are written once and replaced whole, so a second name stays what it was.
    target : Path
        The other name; what was there before is replaced.

    Returns
    -------
    Path
        The other name.
    """
    with atomic_path(target) as temporary:
        try:
            os.link(source, temporary)
        except OSError:  # another file system, or one without links
            shutil.copyfile(source, temporary)
    return target


def write_json(path: Path, content: object, *, indent: bool = True) -> Path:
    """
    Write JSON, whole or not at all.

    Parameters
    ----------
    path : Path
        A .json; a file that is there is replaced.
    content : object
        Mappings, lists, text and numbers; NaN becomes null.
    indent : bool
        Whether people read it, too: an entry per line.

    Returns
    -------
    Path
        The file, complete.
    """
    try:
        options = JSON_OPTIONS | (orjson.OPT_INDENT_2 if indent else 0)
        text = orjson.dumps(content, default=_plain, option=options)
    except TypeError:  # text that is none, which becomes \\udcff and its like, or a huge number
        told = json.dumps(
            _all_plain(content), indent=2 if indent else None, ensure_ascii=False, allow_nan=False
        )
        text = f"{told}\n".encode(errors="backslashreplace")
    with atomic_path(path) as temporary:
        temporary.write_bytes(text)
    return path


def _plain(value: Any) -> Any:
    """Turn what JSON does not know into what it does, one level deep."""
    if isinstance(value, Mapping):
        return dict(value)
    return value.item() if isinstance(value, np.generic) else str(value)


def _all_plain(value: Any) -> Any:
    """Turn paths, NumPy numbers and what is not finite into what JSON knows."""
    if isinstance(value, Mapping):
        return {str(key): _all_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_all_plain(item) for item in value]
    if not isinstance(value, str | int | float | bool | None):
        value = _plain(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value
