# SPDX-License-Identifier: Apache-2.0
"""
Where results may go: into folders without anybody's data and without results of others.

Paths are compared as the file system resolves them, never as texts: a link or a ``..`` leads to
the same folder.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from nipype_mapsmasker.errors import ParameterError

__all__ = ["check_holds_no_data", "check_result_folder", "is_utf8", "real"]

_PAGE_MARK = b"mapsmasker"
_PAGE_BYTES = 4096


def real(path: str | os.PathLike[str]) -> Path:
    """
    Give where a path really leads.

    Parameters
    ----------
    path : path_like
        Any path; it need not exist.

    Returns
    -------
    Path
        Absolute, without links and dots.
    """
    return Path(os.path.realpath(path))


def is_utf8(path: str | os.PathLike[str]) -> bool:
    """
    Tell whether a path can be written as a text.

    Parameters
    ----------
    path : path_like
        Any path.

    Returns
    -------
    bool
        False for one whose bytes are no UTF-8.
    """
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def check_holds_no_data(folder: str | os.PathLike[str], files: Mapping[str, Path]) -> None:
    """
    Refuse a folder for results or work in which, or below which, inputs are.

    Parameters
    ----------
    folder : path_like
        The folder, as the user gave it.
    files : mapping of str to Path
        Every file that the user names (images, tables, masks, maps, labels), and where it really
        is, by `real`.

    Raises
    ------
    ParameterError
        It holds one of them.
    """
    place = real(folder)
    below = str(place).rstrip(os.sep) + os.sep
    for file, where_it_is in files.items():
        if str(where_it_is).startswith(below):
            where = "" if str(place) == os.path.abspath(folder) else f", which is {place},"  # noqa: PTH100
            msg = (
                f"{folder}{where} holds {file}, and folders of data are never written to; give "
                "a folder of its own."
            )
            raise ParameterError(msg)


def check_result_folder(folder: Path) -> None:
    """
    Refuse a result folder that holds files of the same names and of somebody else.

    Parameters
    ----------
    folder : Path
        The result folder; it need not exist.

    Raises
    ------
    ParameterError
        ``runs.tsv``, ``dataset_description.json`` or ``report.html`` is not of this package.
    """
    if folder.is_symlink() and not folder.exists():
        msg = (
            f"{folder} is a link to {real(folder)}, which is not there; mend it, or give another."
        )
        raise ParameterError(msg)
    if folder.exists() and not folder.is_dir():
        msg = f"{folder} is a file, expected a folder; give another one."
        raise ParameterError(msg)
    header = _beginning(folder / "runs.tsv").split(b"\n")[0].strip().split(b"\t")
    foreign = [
        name
        for name, is_ours in (
            ("runs.tsv", header[:2] == [b"run_id", b"status"]),
            ("report.html", _PAGE_MARK in _beginning(folder / "report.html")),
            (
                "dataset_description.json",
                _PAGE_MARK in _whole(folder / "dataset_description.json"),
            ),
        )
        if (folder / name).exists() and not is_ours
    ]
    if foreign:
        msg = (
            f"{folder} holds a file {foreign[0]} that is not of an earlier call, and would be "
            "overwritten; give a result folder of its own."
        )
        raise ParameterError(msg)


def _beginning(path: Path) -> bytes:
    """Read the beginning of a file, or nothing where there is none."""
    try:
        with path.open("rb") as stream:
            return stream.read(_PAGE_BYTES)
    except OSError:
        return b""


def _whole(path: Path) -> bytes:
    """Read a small file, or nothing where there is none."""
    try:
        with path.open("rb") as stream:
            return stream.read(1 << 20)
    except OSError:
        return b""
