# SPDX-License-Identifier: Apache-2.0
"""Files of the user: opened only if they are files, and their faults told in whole sentences."""

from __future__ import annotations

import errno
import json
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from gzip import BadGzipFile
from io import FileIO
from pathlib import Path
from typing import Any

from isal import isal_zlib

from nipype_mapsmasker.errors import DataFault, ImageFileError, TableError

__all__ = [
    "MAX_JSON_BYTES",
    "as_text",
    "decode_json",
    "decode_text",
    "file_faults",
    "format_of",
    "is_file",
    "open_file",
    "read_json",
    "shown",
]

MAX_JSON_BYTES = 64 << 20
"""A JSON file larger than this is none that describes an image, labels or options."""

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

_FORMATS = {
    b"PK\x03\x04": "an Excel workbook or another zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (.xls) or another Office document",
    b"MATLAB": "a MATLAB file (.mat)",
    b"\x93NUMPY": "a NumPy array (.npy)",
    b"PAR1": "a parquet table",
    b"$FL": "an SPSS file",
    b"%PDF": "a PDF document",
    b"SQLite format 3": "a database (SQLite)",
    b"/annex/objects/": "a pointer of git-annex (DataLad) to content that was not downloaded",
    b"version https://git-lfs": "a pointer of Git LFS to content that was not downloaded",
}

_MARKS_OF_UNICODE = {
    b"\xef\xbb\xbf": "utf-8-sig",
    # Before those of UTF-16, of which one is the start of this one.
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}


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
        return stat.S_ISREG(Path(path).stat().st_mode)
    except (OSError, ValueError):
        return False


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


def decode_text(data: bytes, errors: str = "strict") -> str:
    r"""
    Decode text as an editor may have left it.

    Parameters
    ----------
    data : bytes
        Text in UTF-8, with or without a byte order mark, or in UTF-16 or UTF-32.
    errors : str
        What happens to other bytes: ``'surrogateescape'`` keeps them, as for names of files.

    Returns
    -------
    str
        Text without a byte order mark.

    Raises
    ------
    UnicodeDecodeError
        It is something else.

    Examples
    --------
    >>> decode_text("\ufeffa".encode("utf-16-le"))
    'a'
    """
    marks = _MARKS_OF_UNICODE.items()
    encoding = next((name for mark, name in marks if data.startswith(mark)), "utf-8")
    # Without a mark, every other byte of plain text in UTF-16 is zero.
    if data[1:4:2] == b"\0\0" and data[0:1] != b"\0":
        encoding = "utf-16-le" if encoding == "utf-8" else encoding
    elif data[0:3:2] == b"\0\0" and data[1:2] != b"\0" and encoding == "utf-8":
        encoding = "utf-16-be"
    return data.decode(encoding, errors if encoding == "utf-8" else "strict")


def format_of(start: bytes) -> str | None:
    r"""
    Name the format of a file that is neither a table nor an image.

    Parameters
    ----------
    start : bytes
        Its first bytes.

    Returns
    -------
    str or None
        None where it may be a table or an image.

    Examples
    --------
    >>> format_of(b"PK\x03\x04")
    'an Excel workbook or another zip archive'
    """
    known = _FORMATS.items()
    return next((name for magic, name in known if start.startswith(magic)), None)


def decode_json(data: bytes) -> Any:
    r"""
    Decode JSON as an editor may have left it.

    Parameters
    ----------
    data : bytes
        In any encoding of Unicode, or in Latin-1.

    Returns
    -------
    object
        Mappings, lists, text and numbers.

    Raises
    ------
    ValueError
        It is not JSON; the text says why.

    Examples
    --------
    >>> decode_json('{"RepetitionTime": 2.0}'.encode("utf-16"))
    {'RepetitionTime': 2.0}
    """
    try:
        text = data.decode(json.detect_encoding(data))
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    try:
        return json.loads(text.removeprefix("\ufeff"))
    except RecursionError as error:
        # Brackets without end, which the parser follows into the depth.
        msg = "its brackets are nested too deeply"
        raise ValueError(msg) from error
    except json.JSONDecodeError:
        raise
    except ValueError as error:
        msg = "it holds a number of too many digits"  # Python reads 4,300 at most
        raise ValueError(msg) from error


def read_json(path: str | os.PathLike[str]) -> Any:
    """
    Read a JSON file.

    Parameters
    ----------
    path : path_like
        A file of JSON in any encoding that `decode_json` knows.

    Returns
    -------
    object
        Mappings, lists, text and numbers.

    Raises
    ------
    TableError
        The file cannot be read, or is not JSON.
    """
    path = Path(path)
    with file_faults(path, TableError), open_file(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        if size > MAX_JSON_BYTES:
            msg = (
                f"{path} has {size} bytes, far more than a JSON file that describes something; "
                "give the right file."
            )
            raise TableError(msg)
        data = stream.readall()
    try:
        return decode_json(data)
    except ValueError as error:
        msg = f"{path} is not JSON ({error}); mend it or take it away."
        raise TableError(msg) from error
