# SPDX-License-Identifier: Apache-2.0
"""Streams of image bytes, and a thread that reads ahead of whoever uses them."""

from __future__ import annotations

import errno
import os
import queue
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from gzip import BadGzipFile
from io import RawIOBase
from pathlib import Path
from typing import Any, Protocol

from isal import isal_zlib

from nipype_mapsmasker.errors import ImageFileError

__all__ = [
    "GZIP_MAGIC",
    "MAX_INFLATION",
    "ByteStream",
    "GzipStream",
    "PlainStream",
    "file_faults",
    "open_bytes",
    "read_ahead",
]

GZIP_MAGIC = b"\x1f\x8b"
"""First two bytes of every gzip member."""

MAX_INFLATION = 1032
"""Largest ratio of inflated to compressed bytes that the deflate format can express."""

COMPRESSED_CHUNK_BYTES = 1 << 20
"""Bytes of a compressed file that are read from disk at a time."""

SKIP_CHUNK_BYTES = 1 << 20
"""Bytes that are read and thrown away at a time, before and after the image's own data."""

_FAULTS_OF_THE_FILE = {
    errno.ENOENT: "does not exist",
    errno.ENOTDIR: "does not exist (a part of its path is not a folder)",
    errno.EISDIR: "is a folder, not a file",
    errno.EACCES: "may not be read by this user (permission denied)",
    errno.EPERM: "may not be read by this user (operation not permitted)",
    errno.ELOOP: "is a chain of links that never ends",
    errno.ENAMETOOLONG: "has a name that is too long for this file system",
}


# isal's own error stands as a value, not as a class, in its type information.
_GZIP_FAULTS: tuple[type[Exception], ...] = (BadGzipFile, isal_zlib.IsalError, zlib.error)  # type: ignore[assignment]


class ByteStream(Protocol):
    """The uncompressed bytes of an image, from its first voxel on."""

    def readinto(self, view: memoryview) -> int:
        """Fill ``view``; fewer bytes than it holds are returned at the end only."""
        ...

    def finish(self) -> None:
        """Read to the end of the file, so that its checksums are compared."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


@contextmanager
def file_faults(path: Path) -> Iterator[None]:
    """
    Turn what is wrong with a file into `ImageFileError`.

    Parameters
    ----------
    path : Path
        The file that the messages name.

    Raises
    ------
    ImageFileError
        The file is missing, not a file, not readable, or not intact gzip data. Faults of the
        system (no memory, no disk, a failing device) pass unchanged: a rerun may succeed.
    """
    try:
        yield
    except EOFError as error:
        msg = f"{path} ends in the middle of its gzip data: it is truncated; copy it again."
        raise ImageFileError(msg) from error
    except _GZIP_FAULTS as error:
        msg = f"{path} is not intact gzip data ({error}); copy it again or check its source."
        raise ImageFileError(msg) from error
    except OSError as error:
        reason = _FAULTS_OF_THE_FILE.get(error.errno or 0)
        if isinstance(error, ImageFileError) or reason is None:
            raise
        msg = f"{path} {reason}; give the path of an image file that exists and can be read."
        raise ImageFileError(msg) from error


class PlainStream:
    """
    Read a file as it is.

    Parameters
    ----------
    path : Path
        The file.
    offset : int
        Bytes before the first voxel.
    """

    def __init__(self, path: Path, offset: int = 0) -> None:
        self._file = path.open("rb", buffering=0)
        os.lseek(self._file.fileno(), offset, os.SEEK_SET)

    def readinto(self, view: memoryview) -> int:
        """Fill ``view`` straight from the file."""
        return _fill(self._file.readinto, view)

    def finish(self) -> None:
        """Do nothing: an uncompressed file carries no checksum."""

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class GzipStream:
    """
    Inflate a gzip file, of one member or several, straight into the caller's memory.

    Parameters
    ----------
    path : Path
        The file.
    offset : int
        Inflated bytes before the first voxel.
    chunk_bytes : int
        Compressed bytes that are read from disk at a time.
    """

    def __init__(
        self, path: Path, offset: int = 0, chunk_bytes: int = COMPRESSED_CHUNK_BYTES
    ) -> None:
        self._file = path.open("rb", buffering=0)
        self._done = 0
        # isal's own reader inflates without the interpreter's lock and checks CRC and length;
        # the documented wrappers around it copy every byte once or twice more.
        self._inflate: isal_zlib._GzipReader | _PatientReader
        self._inflate = isal_zlib._GzipReader(self._file, chunk_bytes)
        try:
            self._skip(offset)
        except BaseException:
            self.close()
            raise

    def readinto(self, view: memoryview) -> int:
        """Fill ``view`` with inflated bytes, as far as there are any."""
        return _fill(self._read_some, view)

    def finish(self) -> None:
        """Inflate what is left, for the checksum's sake."""
        self._skip(None)
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
        except (EOFError, BadGzipFile) as error:
            if isinstance(error, BadGzipFile) and "Not a gzipped file" not in str(error):
                raise
            # The end of the file is missing, or followed by something else. isal's reader then
            # drops what it had inflated in this call; the patient one keeps it.
            self._file.seek(0)
            self._inflate = _PatientReader(self._file, self._done)
            n_read = self._inflate.readinto(view)
        self._done += n_read
        return n_read

    def _skip(self, n_bytes: int | None) -> None:
        """Read and drop ``n_bytes`` inflated bytes, or all that are left."""
        left = SKIP_CHUNK_BYTES if n_bytes is None else n_bytes
        waste = memoryview(bytearray(min(SKIP_CHUNK_BYTES, left)))
        while left:
            n_read = self._read_some(waste[: min(len(waste), left)])
            if not n_read:
                return
            left -= n_read if n_bytes is not None else 0


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
                data = data or file.read(SKIP_CHUNK_BYTES) or b""
                # In bounded pieces: some bytes inflate to a thousand times their number.
                yield member.decompress(data, SKIP_CHUNK_BYTES) if data else member.flush()
                if not data and not member.eof:
                    self.is_cut = True
                    return
                data = member.unconsumed_tail
            data = member.unused_data or file.read(SKIP_CHUNK_BYTES) or b""
            if not data.startswith(GZIP_MAGIC):
                return


def open_bytes(path: Path, offset: int, compressed: bool) -> ByteStream:
    """
    Open the data of an image.

    Parameters
    ----------
    path : Path
        The file that holds the voxels.
    offset : int
        Uncompressed bytes before the first voxel.
    compressed : bool
        Whether the file is gzip data.

    Returns
    -------
    ByteStream
        A stream that stands at the first voxel.
    """
    return GzipStream(path, offset) if compressed else PlainStream(path, offset)


def read_ahead(
    fill: Callable[[memoryview], int], buffers: list[memoryview]
) -> Iterator[tuple[int, int]]:
    """
    Fill buffers in a thread of its own, in turn, while the caller works on the last one.

    Parameters
    ----------
    fill : callable
        Fills a buffer and returns the number of bytes; 0 ends the iteration. It is called in
        the thread, so it must not hold the interpreter's lock while it waits.
    buffers : list of memoryview
        At least two; the memory that is used again and again.

    Yields
    ------
    index : int
        Which buffer was filled; it is filled again once the next item is asked for.
    n_bytes : int
        How many bytes it holds.
    """
    free: queue.SimpleQueue[int | None] = queue.SimpleQueue()
    ready: queue.SimpleQueue[tuple[int, int] | BaseException] = queue.SimpleQueue()

    def work() -> None:
        try:
            while (index := free.get()) is not None:
                n_bytes = fill(buffers[index])
                ready.put((index, n_bytes))
                if not n_bytes:
                    return
        except BaseException as error:  # handed to the caller, who raises it
            ready.put(error)

    for index in range(len(buffers)):
        free.put(index)
    # A daemon, so that a program that is ending for another reason does not wait for a disk.
    worker = threading.Thread(target=work, name="mapsmasker-read-ahead", daemon=True)
    worker.start()
    try:
        while True:
            item = ready.get()
            if isinstance(item, BaseException):
                raise item
            if not item[1]:
                return
            yield item
            free.put(item[0])
    finally:
        # The stop signal must come before any buffer that is still waiting to be filled.
        while not free.empty():
            free.get()
        free.put(None)
        worker.join()


def _fill(readinto: Callable[[Any], int | None], view: memoryview) -> int:
    """Call ``readinto`` until ``view`` is full or the data end; return the bytes read."""
    done = 0
    while done < len(view):
        n_read = readinto(view[done:])
        if not n_read:
            break
        done += n_read
    return done
