# SPDX-License-Identifier: Apache-2.0
"""Zstandard files as streams: they inflate in less than half of gzip's time, at a similar size."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from nipype_mapsmasker.errors import ImageFileError, ParameterError
from nipype_mapsmasker.io.files import open_file
from nipype_mapsmasker.io.images.streams import COMPRESSED_CHUNK_BYTES, fill_view, skip_bytes

__all__ = ["MAX_ZSTD_EXPANSION", "ZSTD_MAGIC", "ZSTD_SUFFIX", "ZstdStream", "zstd_writer"]

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
"""First four bytes of every frame."""

ZSTD_SUFFIX = ".zst"
"""Ending of the names of such files, in lower case."""

MAX_ZSTD_EXPANSION = 1 << 15
"""Largest ratio of inflated to compressed bytes: four bytes for a block of 128 KiB."""

ZSTD_LEVEL = 3
"""Zstandard's own usual level."""


class ZstdStream:
    """
    Inflate a Zstandard file, of one frame or several, straight into the caller's memory.

    Parameters
    ----------
    path : Path
        A file that starts as Zstandard data do, intact or not.
    offset : int
        Inflated bytes before the first voxel.
    chunk_bytes : int
        Compressed bytes that are read from disk at a time.
    """

    def __init__(
        self, path: Path, offset: int = 0, chunk_bytes: int = COMPRESSED_CHUNK_BYTES
    ) -> None:
        self._path = path
        library = _library(path)
        self._fault: type[Exception] = library.ZstdError
        self._file = open_file(path)
        self._inflate = library.ZstdDecompressor().stream_reader(
            self._file, read_size=chunk_bytes, read_across_frames=True
        )
        try:
            skip_bytes(self.readinto, offset)
        except BaseException:
            self.close()
            raise

    def readinto(self, view: memoryview) -> int:
        """Fill ``view`` with inflated bytes, as far as there are any."""
        with self._faults():
            return fill_view(self._inflate.readinto, view)

    def finish(self) -> None:
        """Inflate what is left, for the checksum's sake."""
        skip_bytes(self.readinto, None)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Turn damaged data into a fault of the run whose file it is."""
        try:
            yield
        except self._fault as error:
            msg = (
                f"{self._path} is not intact Zstandard data ({error}); copy it again or check its "
                "source."
            )
            raise ImageFileError(msg) from error


def zstd_writer(file: BinaryIO, path: Path, n_bytes: int) -> Any:
    """
    Open a stream that compresses what is written to it.

    Parameters
    ----------
    file : BinaryIO
        Gets the compressed bytes; stays open.
    path : Path
        Name for messages.
    n_bytes : int
        Bytes that will be written in all; they are noted in the frame's header.

    Returns
    -------
    context manager
        Of a stream with ``write``; the same bytes give the same file.

    Raises
    ------
    ParameterError
        The package zstandard is not installed.
    """
    try:
        library = _library(path)
    except ImageFileError as error:
        raise ParameterError(str(error)) from error
    compressor = library.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True)
    return compressor.stream_writer(file, size=n_bytes, closefd=False)


def _library(path: Path) -> Any:
    """Import zstandard, or say how to get it."""
    try:
        import zstandard
    except ImportError as error:
        msg = (
            f"{path} is Zstandard data, for which the package zstandard is needed; "
            "pip install 'nipype-mapsmasker[zstd]', or compress it by gzip (.nii.gz)."
        )
        raise ImageFileError(msg) from error
    return zstandard
