# SPDX-License-Identifier: Apache-2.0
"""Bytes to text and JSON, as editors leave them; and files that are quite something else."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from nipype_mapsmasker.errors import TableError
from nipype_mapsmasker.io.files import file_faults, open_file

__all__ = [
    "MAX_JSON_BYTES",
    "decode_json",
    "decode_text",
    "format_of",
    "kind_of",
    "read_json",
    "read_object",
]

MAX_JSON_BYTES = 64 << 20
"""A JSON file larger than this is none that describes an image, labels or options."""

_FORMATS = {
    b"PK\x03\x04": "an Excel workbook or another zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (.xls) or another Office document",
    b"MATLAB": "a MATLAB file (.mat)",
    b"\x93NUMPY": "a NumPy array (.npy)",
    b"PAR1": "a parquet table",
    b"$FL": "an SPSS file",
    b"%PDF": "a PDF document",
    b"<!DOCTYPE": "a web page, as servers send it instead of a file",
    b"<html": "a web page, as servers send it instead of a file",
    b"SQLite format 3": "a database (SQLite)",
    b"/annex/objects/": "a pointer of git-annex (DataLad) to content that was not downloaded",
    b"version https://git-lfs": "a pointer of Git LFS to content that was not downloaded",
}

_KINDS = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
"""What values of JSON are called."""

_MARKS_OF_UNICODE = {
    b"\xef\xbb\xbf": "utf-8-sig",
    # Before those of UTF-16, of which one is the start of this one.
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}


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


def kind_of(value: object) -> str:
    """
    Name what a value of JSON is.

    Parameters
    ----------
    value : object
        The value.

    Returns
    -------
    str
        In words.

    Examples
    --------
    >>> kind_of([1]), kind_of(3), kind_of(None)
    ('a list', 'a number', 'null')
    """
    return "null" if value is None else _KINDS.get(type(value), "a number")


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


def read_object(path: str | os.PathLike[str]) -> dict[str, Any]:
    """
    Read a JSON file that may be missing, and that anybody may have changed.

    Parameters
    ----------
    path : path_like
        A file that should hold an object.

    Returns
    -------
    dict
        The object; empty where there is none.
    """
    try:
        content = read_json(path)
    except TableError:
        return {}
    return content if isinstance(content, dict) else {}
