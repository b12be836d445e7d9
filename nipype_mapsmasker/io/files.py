# SPDX-License-Identifier: Apache-2.0
"""Files of the user: opened only if they are files, and their faults told in whole sentences."""

from __future__ import annotations

import errno
import os
import stat
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from gzip import BadGzipFile
from io import FileIO
from pathlib import Path

from isal import isal_zlib

from nipype_mapsmasker.errors import DataFault, ImageFileError, TableError

__all__ = ["as_text", "file_faults", "file_state", "is_file", "is_settled", "open_file", "shown"]

SETTLED_NS = 2_000_000_000
"""Of a file or folder that changed less than these nanoseconds ago, the times cannot tell whether
it changes once more: clocks of file systems tick, some every two seconds."""

SHOWN_CHARACTERS = 300
"""Characters of a path that a message shows."""

_FAULTS_OF_THE_FILE = {
    errno.ENOENT: "does not exist",
    errno.ENOTDIR: "does not exist (a part of its path is not a folder)",
    errno.EISDIR: "is a folder, not a file",
    errno.EACCES: "may not be read by this user (permission denied)",
    errno.EPERM: "may not be read by this user (operation not permitted)",
    errno.ELOOP: "is a chain of links that never ends",
    errno.ENAMETOOLONG: "has a name that is too long for this file system",
}

_KINDS = {
    stat.S_IFIFO: "a pipe (FIFO)",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}

# isal's own error stands as a value, not as a class, in its type information.
_GZIP_FAULTS: tuple[type[Exception], ...] = (BadGzipFile, isal_zlib.IsalError, zlib.error)  # type: ignore[assignment]


class _NotAFileError(OSError):
    """What is at a path is neither a file nor a folder."""


@contextmanager
def file_faults(
    path: Path, fault: type[ImageFileError] | type[TableError] = ImageFileError
) -> Iterator[None]:
    """
    Turn what is wrong with a file into a fault of the run whose file it is.

    Parameters
    ----------
    path : Path
        The file that the messages name.
    fault : type
        What is raised: `ImageFileError`, or `TableError` for tables and JSON files.

    Raises
    ------
    ImageFileError, TableError
        The file is missing, not a file, not readable, or not intact gzip data. Faults of the
        system (no memory, no disk, a failing device) pass with the file's name: a rerun may
        succeed.
    """
    kind = "an image file" if issubclass(fault, ImageFileError) else "a file"
    try:
        yield
    except DataFault:
        raise
    except EOFError as error:
        msg = f"{path} ends in the middle of its gzip data: it is truncated; copy it again."
        raise fault(msg) from error
    except _GZIP_FAULTS as error:
        msg = f"{path} is not intact gzip data ({error}); copy it again or check its source."
        raise fault(msg) from error
    except OSError as error:
        reason = _reason(path, error)
        if reason is None:
            if error.filename is None and error.errno is not None:
                raise OSError(error.errno, error.strerror, str(path)) from error
            raise
        msg = f"{shown(path)} {reason}"
        if not reason.endswith("."):
            msg += f"; give the path of {kind} that exists and can be read."
        raise fault(msg) from error
    except ValueError as error:
        if "\0" not in str(path):
            raise
        msg = (
            f"{shown(path)} cannot be the path of {kind}, because it holds a NUL character; "
            "correct the path."
        )
        raise fault(msg) from error


def shown(path: str | os.PathLike[str]) -> str:
    r"""
    Give a path as a message can hold it.

    Parameters
    ----------
    path : path_like
        Any path, also one that no file can have.

    Returns
    -------
    str
        Without control characters and bytes that are no text, and not longer than a line or two.

    Examples
    --------
    >>> shown("a\0b.nii")
    'a\\x00b.nii'
    """
    text = os.fspath(path)
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    if len(text) <= SHOWN_CHARACTERS:
        return text
    half = SHOWN_CHARACTERS // 2
    return f"{text[:half]}...{text[-half:]}"


def _reason(path: Path, error: OSError) -> str | None:
    """Say what is wrong with a path; None where it is not the path's fault."""
    if isinstance(error, _NotAFileError):
        return str(error)
    link = _dangling(path) if error.errno in (errno.ENOENT, errno.ENOTDIR) else None
    if link is None:
        return _FAULTS_OF_THE_FILE.get(error.errno or 0)
    target = str(link.readlink())
    beginning = "is a link" if link == path else f"lies behind {shown(link)}, a link"
    if "annex" in Path(target).parts:
        return (
            f"{beginning} of git-annex (DataLad) to {shown(target)}, which is not there: the "
            f"content was not downloaded; get it first, as with 'datalad get {shown(path.name)}'."
        )
    return f"{beginning} to {shown(target)}, which does not exist; mend the link or copy the file."


def _dangling(path: Path) -> Path | None:
    """Find the link on the way to a path that leads nowhere."""
    with suppress(OSError, ValueError):
        for part in (path, *path.parents):
            if part.is_symlink() and not part.exists():
                return part
    return None


def is_file(path: str | os.PathLike[str]) -> bool:
    """
    Tell whether something is a file, whatever its path is.

    Parameters
    ----------
    path : path_like
        The path; it need not be one that a file can have.

    Returns
    -------
    bool
        False also for paths that no file can have, and for those that may not be looked at.
    """
    try:
        return stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116  (many thousands of them)
    except (OSError, ValueError):
        return False


def is_settled(changed_ns: int) -> bool:
    """
    Tell whether the time of a file's or folder's last change will show that it changes once more.

    Parameters
    ----------
    changed_ns : int
        That time, ns.

    Returns
    -------
    bool
        Whether it lies more than `SETTLED_NS` back.
    """
    return time.time_ns() - changed_ns > SETTLED_NS


def file_state(path: Path, limit: int) -> tuple[Path, int, int, int, int] | None:
    """
    Tell a file from what it was before and will be.

    Parameters
    ----------
    path : Path
        The file.
    limit : int
        Bytes that it may hold.

    Returns
    -------
    tuple or None
        Equal as long as the file was not written to; None for a larger file, and for what is none.
    """
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None  # reading says what is wrong
    if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
        return None
    return (path.absolute(), status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def as_text(name: str) -> str:
    r"""
    Make text of a name, for a run that is called as its file.

    Parameters
    ----------
    name : str
        Part of a path.

    Returns
    -------
    str
        With a mark for each byte that is no text in UTF-8.

    Examples
    --------
    >>> as_text("\udcff_bold") == "\ufffd_bold"
    True
    """
    return name.encode(errors="surrogateescape").decode(errors="replace")


def _is_text(path: str) -> bool:
    """Tell whether all bytes of a path are text in UTF-8."""
    return path.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in path)


def open_file(path: Path) -> FileIO:
    """
    Open a file for reading, if it is one.

    Parameters
    ----------
    path : Path
        The file, or a link to one.

    Returns
    -------
    FileIO
        Its bytes, unbuffered.

    Raises
    ------
    OSError
        There is no file. A pipe or a device is refused before it is opened, which might wait for
        ever; `file_faults` makes a sentence of it.
    """
    if not _is_text(str(path)):
        msg = "has a name that is no text in UTF-8, which tables and pages cannot hold; rename it."
        raise _NotAFileError(msg)
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        msg = f"is {_KINDS.get(stat.S_IFMT(mode), 'no file')}, where a file is expected; copy "
        msg += "what it gives to a file, and give that."
        raise _NotAFileError(msg)
    return path.open("rb", buffering=0)
