# SPDX-License-Identifier: Apache-2.0
"""
Folders and files of this package's own: no link stands for them, and nobody else wrote them.

What is trusted is the owner of the work folder, as its files are executed (pickles): the user, or
root.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TextIO, cast

from nipype_mapsmasker.errors import ParameterError

__all__ = ["check_trusted", "make_work_folder", "open_own", "own_folder"]

WORK_MODE = 0o770
"""Permissions of a new work folder: the user's and the group's, as far as the umask lets."""

PICKLE_SUFFIXES = (".pklz", ".pkl")
"""Files of Nipype that are executed when they are read."""


def check_trusted(folder: Path) -> None:
    """
    Refuse a work folder in which others may have put files that would be executed.

    Parameters
    ----------
    folder : Path
        The work folder; it need not exist.

    Raises
    ------
    ParameterError
        Everybody may write to it or to a folder in it, or a file of Nipype's is owned by somebody
        else than the user and root.

    Notes
    -----
    A folder that a group may write to is fine: members of a lab trust each other, or would not
    share it. What counts are the files, and that not everybody can put one there.
    """
    for path in _folders_and_pickles(folder):
        try:
            found = path.lstat(), path.stat()
        except FileNotFoundError:
            continue  # gone since, or a link to nothing
        if path.is_dir():
            if any(status.st_mode & stat.S_IWOTH for status in found[1:]):
                msg = (
                    f"Everybody may write to the work folder {path}, and its files are executed; "
                    "take that right away (chmod o-w), or give a work folder of your own (-w)."
                )
                raise ParameterError(msg)
        elif not {status.st_uid for status in found} <= {os.getuid(), 0}:
            msg = (
                f"The work file {path} is owned by user {found[0].st_uid}, and would be executed; "
                "remove it if it is not yours, or give a work folder of your own (-w)."
            )
            raise ParameterError(msg)


def make_work_folder(folder: Path) -> Path:
    """
    Make a work folder to which not everybody may write, or check the one that is there.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    Path
        The same.

    Raises
    ------
    ParameterError
        As `check_trusted`.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        folder.mkdir(mode=WORK_MODE)
    check_trusted(folder)
    return folder


def own_folder(folder: Path) -> Path:
    """
    Make a folder of this package's own, which no link may stand for.

    Parameters
    ----------
    folder : Path
        The folder, below the result folder.

    Returns
    -------
    Path
        The same.

    Raises
    ------
    ParameterError
        It is a link, which may lead to folders that are not written to.
    """
    if folder.is_symlink():
        msg = f"{folder} is a link to {folder.resolve()}; remove it: this folder is written to."
        raise ParameterError(msg)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def open_own(path: Path, flags: int = os.O_RDWR | os.O_CREAT, *, mode: str = "r+") -> TextIO:
    """
    Open a file of this package's own for writing, never what a link leads to.

    Parameters
    ----------
    path : Path
        The file; made if absent.
    flags : int
        As of `os.open`.
    mode : str
        As of `open`.

    Returns
    -------
    file
        Open as text.

    Raises
    ------
    ParameterError
        It is a link, or no plain file.
    """
    try:
        number = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if path.is_symlink() or (path.exists() and not path.is_file()):
            msg = f"{path} is a link, or no plain file; remove it: this file is written to."
            raise ParameterError(msg) from error
        raise
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        msg = f"{path} is no plain file; remove it: this file is written to."
        raise ParameterError(msg)
    # By its path, and not by the number, so that it knows its name; whoever calls closes it.
    return cast(
        TextIO,
        open(path, mode, encoding="utf-8", errors="surrogateescape", opener=lambda *_: number),
    )


def _folders_and_pickles(folder: Path) -> Iterator[Path]:
    """List the folder, those in it, and the files that are executed when they are read."""
    if folder.exists():
        yield folder
    for root, folders, files in os.walk(folder):
        for name in folders:
            yield Path(root, name)
        for name in files:
            if name.endswith(PICKLE_SUFFIXES):
                yield Path(root, name)
