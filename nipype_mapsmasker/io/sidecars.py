# SPDX-License-Identifier: Apache-2.0
"""What stands beside an image: its JSON sidecars, and its identity on disk."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from nipype_mapsmasker.errors import ParameterError, TableError
from nipype_mapsmasker.io.bids.inheritance import inherited_sidecars
from nipype_mapsmasker.io.decoding import kind_of, read_json
from nipype_mapsmasker.io.files import file_faults, open_file
from nipype_mapsmasker.io.images.names import image_files, may_have_companions

__all__ = [
    "checksum",
    "file_states",
    "fingerprint",
    "read_json_object",
    "read_sidecar",
    "run_identity",
]

CHUNK_BYTES = 1 << 20
"""Bytes read at once for a checksum."""


def read_sidecar(image: str | Path) -> tuple[dict[str, Any], dict[str, Path]]:
    """
    Read the JSON files that describe an image: beside it, and inherited.

    Parameters
    ----------
    image : str or Path
        The image.

    Returns
    -------
    fields : dict
        Their fields, the nearer file's where two set one; empty where there is no sidecar.
    sources : dict of str to Path
        Which file set each.

    Raises
    ------
    TableError
        A sidecar is not a JSON object, or it is not clear which holds.
    """
    fields: dict[str, Any] = {}
    sources: dict[str, Path] = {}
    for path in inherited_sidecars(image):
        content = read_json(path)
        if not isinstance(content, dict):
            msg = f"{path} holds {kind_of(content)}, expected a JSON object; mend it."
            raise TableError(msg)
        fields |= content
        sources |= dict.fromkeys(content, path)
    return fields, sources


def read_json_object(path: str, option: str) -> dict[str, Any]:
    """
    Read a JSON object from a file that an option names.

    Parameters
    ----------
    path : str
        A file of JSON.
    option : str
        The option, for the error.

    Returns
    -------
    dict
        Fields of the object.

    Raises
    ------
    ParameterError
        No such file, or something else in it.
    """
    try:
        content = read_json(path)
    except TableError as error:
        msg = f"{option} {error}"
        raise ParameterError(msg) from error
    if not isinstance(content, dict):
        msg = (
            f"{option} {path} holds {kind_of(content)}, expected a JSON object; write it "
            'as {"name": value, ...}.'
        )
        raise ParameterError(msg)
    return content


def fingerprint(path: str | Path) -> str:
    """
    Describe a file's identity on disk in one line, without reading it.

    Parameters
    ----------
    path : str or Path
        The file; of an image of several files, any of them.

    Returns
    -------
    str
        Absolute path, size, and times of modification and of change in ns, of all files of the
        image. The time of change cannot be set back, so a file replaced by one of the same size
        and date shows.
    """
    return "; ".join(
        f"{member} (absent)"
        if now is None
        else f"{member} {now.st_size} B {now.st_mtime_ns} {now.st_ctime_ns}"
        for member, now in _members(path)
    )


def file_states(paths: Iterable[str | Path]) -> list[tuple[str, int, int, int]] | None:
    """
    Tell files from what they were before and will be, without reading them.

    Parameters
    ----------
    paths : iterable of path
        The files; of an image of several files, any of them stands for all.

    Returns
    -------
    list of tuple or None
        Of each file the absolute path, size, and times of modification and of change in ns; None
        where one is not there.
    """
    states = []
    for path in paths:
        for member, now in _members(path):
            if now is None:
                return None
            states.append((member, now.st_size, now.st_mtime_ns, now.st_ctime_ns))
    return states


def _members(path: str | Path) -> Iterator[tuple[str, os.stat_result | None]]:
    """Give the files that make up an image, and what the system says of each, if it is there."""
    # Texts rather than paths: many thousands of files are asked for.
    place = os.path.join(os.getcwd(), path)  # noqa: PTH109, PTH118
    members = [place]
    if may_have_companions(place):
        members = [str(member) for member in image_files(Path(place))]
    for member in members:
        try:
            yield member, os.stat(member)  # noqa: PTH116
        except (OSError, ValueError):
            yield member, None


def run_identity(image: str | Path) -> str:
    """
    Describe the identity on disk of a run's image and of its sidecars, in one line.

    Parameters
    ----------
    image : str or Path
        The image.

    Returns
    -------
    str
        The `fingerprint` of all; of the image alone where there is no sidecar.
    """
    try:
        sidecars = inherited_sidecars(image)
    except (TableError, OSError, ValueError):
        sidecars = []  # whoever reads them says what is wrong with them
    return "; ".join(fingerprint(path) for path in (image, *sidecars))


def checksum(path: str | Path) -> str:
    """
    Give the SHA-256 of a file, or of all files of an image together.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    ImageFileError
        A file is missing, or none that can be read.
    """
    digest = hashlib.sha256()
    for member in image_files(Path(path)):
        with file_faults(member), open_file(member) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                digest.update(chunk)
    return digest.hexdigest()
