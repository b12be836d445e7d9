# SPDX-License-Identifier: Apache-2.0
"""Compressed images: how one is told from another, by name and by content, and opened."""

from __future__ import annotations

from pathlib import Path

from nipype_mapsmasker.errors import ImageFileError
from nipype_mapsmasker.io.images.inflate import GZIP_MAGIC, MAX_INFLATION, GzipStream
from nipype_mapsmasker.io.images.streams import ByteStream
from nipype_mapsmasker.io.images.zstd import (
    MAX_ZSTD_EXPANSION,
    ZSTD_MAGIC,
    ZSTD_SUFFIX,
    ZstdStream,
)

__all__ = ["is_compressed", "is_packed", "is_zstd", "most_bytes", "open_compressed"]

GZIP_SUFFIXES = (".gz", ".mgz")
"""Endings of the names of gzip data, in lower case."""


def is_compressed(path: Path) -> bool:
    """
    Tell by its name whether a file is compressed.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    bool
        Whether its name says so.
    """
    return path.name.lower().endswith((*GZIP_SUFFIXES, ZSTD_SUFFIX))


def is_zstd(path: Path) -> bool:
    """
    Tell by its name whether a file is Zstandard data.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    bool
        Whether its name says so.
    """
    return path.name.lower().endswith(ZSTD_SUFFIX)


def most_bytes(path: Path, n_stored: int) -> int:
    """
    Bound what a compressed file can hold.

    Parameters
    ----------
    path : Path
        The file.
    n_stored : int
        Its size, bytes.

    Returns
    -------
    int
        Inflated bytes.
    """
    return n_stored * (MAX_ZSTD_EXPANSION if is_zstd(path) else MAX_INFLATION)


def open_compressed(path: Path, offset: int = 0, **options: int) -> ByteStream:
    """
    Open a compressed file as a stream of its inflated bytes.

    Parameters
    ----------
    path : Path
        Gzip or Zstandard data, as its name says.
    offset : int
        Inflated bytes before the first voxel.
    **options : int
        Of `GzipStream` and `ZstdStream`.

    Returns
    -------
    ByteStream
        The bytes behind the offset.
    """
    return (ZstdStream if is_zstd(path) else GzipStream)(path, offset, **options)


def is_packed(path: Path, start: bytes) -> bool:
    """
    Tell whether a file is compressed, and refuse one whose name and content disagree.

    Parameters
    ----------
    path : Path
        The file.
    start : bytes
        What it begins with.

    Returns
    -------
    bool
        Whether it is to be inflated.

    Raises
    ------
    ImageFileError
        The name says one thing and the content another.
    """
    kinds = (
        ("gzip", GZIP_MAGIC, ".gz", path.name.lower().endswith(GZIP_SUFFIXES)),
        ("Zstandard", ZSTD_MAGIC, ZSTD_SUFFIX, is_zstd(path)),
    )
    for kind, magic, suffix, is_named in kinds:
        if is_named and not start.startswith(magic):
            msg = (
                f"{path} is named as {kind} data but starts with the bytes {start[:4].hex(' ')}, "
                f"where {magic.hex(' ')} is expected; rename it without {suffix} if it is an "
                "uncompressed image."
            )
            raise ImageFileError(msg)
    for kind, magic, suffix, is_named in kinds:
        if start.startswith(magic) and not is_named:
            msg = (
                f"{path} is {kind} data, but its name does not end in {suffix}; add that to its "
                "name."
            )
            raise ImageFileError(msg)
    return is_compressed(path)
