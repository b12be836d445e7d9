# SPDX-License-Identifier: Apache-2.0
"""Gzip files as streams, intact or not."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from gzip import BadGzipFile
from io import RawIOBase
from pathlib import Path

from isal import isal_zlib

from nipype_mapsmasker.io.files import open_file
from nipype_mapsmasker.io.images.streams import COMPRESSED_CHUNK_BYTES, fill_view, skip_bytes

__all__ = ["GZIP_MAGIC", "MAX_INFLATION", "GzipStream", "inflate_start"]

GZIP_MAGIC = b"\x1f\x8b"
"""First two bytes of every gzip member."""

MAX_INFLATION = 1032
"""Largest ratio of inflated to compressed bytes that the deflate format can express."""


class GzipStream:
    """
    Inflate a gzip file, of one member or several, straight into the caller's memory.

    Parameters
    ----------
    path : Path
        A file that starts as gzip data do, intact or not.
    offset : int
        Inflated bytes before the first voxel.
    chunk_bytes : int
        Compressed bytes that are read from disk at a time.
    """

    def __init__(
        self, path: Path, offset: int = 0, chunk_bytes: int = COMPRESSED_CHUNK_BYTES
    ) -> None:
        self._file = open_file(path)
        self._done = 0
        # isal's own reader inflates without the interpreter's lock and checks CRC and length;
        # the documented wrappers around it copy every byte once or twice more.
        self._inflate: isal_zlib._GzipReader | _PatientReader
        self._inflate = isal_zlib._GzipReader(self._file, chunk_bytes)
        try:
            skip_bytes(self._read_some, offset)
        except BaseException:
            self.close()
            raise

    def readinto(self, view: memoryview) -> int:
        """Fill ``view`` with inflated bytes, as far as there are any."""
        return fill_view(self._read_some, view)

    def finish(self) -> None:
        """Inflate what is left, for the checksum's sake."""
        skip_bytes(self._read_some, None)
        if isinstance(self._inflate, _PatientReader) and self._inflate.is_cut:
            msg = "the end of the gzip data is not there"
            raise EOFError(msg)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read_some(self, view: memoryview) -> int:
        """Read at least one byte, unless the data end."""
        try:
            n_read = self._inflate.readinto(view)
        except (EOFError, BadGzipFile, OverflowError) as error:
            if isinstance(error, BadGzipFile) and "Not a gzipped file" not in str(error):
                raise
            # The end of the file is missing, or followed by something else; isal's reader then
            # drops what it had inflated in this call, and the patient one keeps it. Or the names
            # and remarks before the data are longer than what is read at a time.
            self._file.seek(0)
            self._inflate = _PatientReader(self._file, self._done)
            n_read = self._inflate.readinto(view)
        self._done += n_read
        return n_read


def inflate_start(start: bytes, n_bytes: int) -> bytes:
    """
    Inflate the beginning of a gzip file, of which there are a few bytes only.

    Parameters
    ----------
    start : bytes
        The file's first bytes.
    n_bytes : int
        Inflated bytes that are wanted.

    Returns
    -------
    bytes
        At most as many; fewer, or none, where the bytes do not suffice or are no gzip data.
    """
    try:
        return bytes(isal_zlib.decompressobj(wbits=31).decompress(start, n_bytes))
    except isal_zlib.error:  # type: ignore[misc]  # a value in its type information
        return b""


class _PatientReader:
    """
    Inflate all that can be inflated of a damaged gzip file, with zlib.

    Parameters
    ----------
    file : RawIOBase
        The file, at its start.
    skip : int
        Inflated bytes to drop first.
    """

    def __init__(self, file: RawIOBase, skip: int) -> None:
        self.is_cut = False
        self._pieces = self._inflate(file)
        self._rest = memoryview(b"")
        while skip and self._advance():
            dropped = min(skip, len(self._rest))
            self._rest = self._rest[dropped:]
            skip -= dropped

    def readinto(self, view: memoryview) -> int:
        """Copy the next inflated bytes; none when the data end, wherever that is."""
        if not self._advance():
            return 0
        n_read = min(len(view), len(self._rest))
        view[:n_read] = self._rest[:n_read]
        self._rest = self._rest[n_read:]
        return n_read

    def _advance(self) -> bool:
        """Make sure that there are bytes to give, if any are left."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return False
            self._rest = memoryview(piece)
        return True

    def _inflate(self, file: RawIOBase) -> Iterator[bytes]:
        """Inflate member after member; note whether the last one lacks its end."""
        data = b""
        while True:
            member = zlib.decompressobj(wbits=31)
            while not member.eof:
                data = data or file.read(COMPRESSED_CHUNK_BYTES) or b""
                # In bounded pieces: some bytes inflate to a thousand times their number.
                yield member.decompress(data, COMPRESSED_CHUNK_BYTES) if data else member.flush()
                if not data and not member.eof:
                    self.is_cut = True
                    return
                data = member.unconsumed_tail
            data = member.unused_data or file.read(COMPRESSED_CHUNK_BYTES) or b""
            if not data.startswith(GZIP_MAGIC):
                return
