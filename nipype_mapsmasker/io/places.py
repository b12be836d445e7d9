# SPDX-License-Identifier: Apache-2.0
"""
Folders and files of this package: that they are its own, and nobody else's.

Paths are compared as the file system resolves them, never as texts: a link or a ``..`` leads to
the same folder. What is trusted is the owner of the work folder, as its files are executed
(pickles): the user, or root.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TextIO, cast

from nipype_mapsmasker.errors import ParameterError

__all__ = [
    "check_holds_no_data",
    "check_result_folder",
    "check_trusted",
    "is_utf8",
    "make_work_folder",
    "open_own",
    "own_folder",
    "real",
]

WORK_MODE = 0o770
"""Permissions of a new work folder: the user's and the group's, as far as the umask lets."""

PICKLE_SUFFIXES = (".pklz", ".pkl")
"""Files of Nipype that are executed when they are read."""

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


def check_holds_no_data(
    folder: str | os.PathLike[str], files: Iterable[str | os.PathLike[str]]
) -> None:
    """
    Refuse a folder for results or work in which, or below which, inputs are.

    Parameters
    ----------
    folder : path_like
        The folder, as the user gave it.
    files : iterable of path_like
        Every file that the user names: images, tables, masks, maps, labels.

    Raises
    ------
    ParameterError
        It holds one of them.
    """
    place = real(folder)
    for file in files:
        if place in real(file).parents:
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
        msg = f"{folder} is a link to {real(folder)}; remove it: this folder is written to."
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
