# SPDX-License-Identifier: Apache-2.0
"""Streams of image bytes, and a thread that reads ahead of whoever uses them."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from nipype_mapsmasker.io.files import open_file

__all__ = [
    "COMPRESSED_CHUNK_BYTES",
    "ByteStream",
    "PlainStream",
    "fill_view",
    "read_ahead",
    "skip_bytes",
]

COMPRESSED_CHUNK_BYTES = 1 << 20
"""Bytes of a compressed file that are read from disk at a time."""

SKIP_CHUNK_BYTES = 1 << 16
"""Bytes that are read and thrown away at a time, before and after the image's own data."""


_Buffer = TypeVar("_Buffer")


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


class PlainStream:
    """
    Read a file as it is.

    Parameters
    ----------
    path : Path
        An uncompressed file of voxels.
    offset : int
        Bytes before the first voxel.
    """

    def __init__(self, path: Path, offset: int = 0) -> None:
        self._file = open_file(path)
        os.lseek(self._file.fileno(), offset, os.SEEK_SET)

    def readinto(self, view: memoryview) -> int:
        """Fill ``view`` straight from the file."""
        return fill_view(self._file.readinto, view)

    def finish(self) -> None:
        """Do nothing: an uncompressed file carries no checksum."""

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def fill_view(read: Callable[[memoryview], int | None], view: memoryview) -> int:
    """
    Read again and again until a buffer is full or the data end.

    Parameters
    ----------
    read : callable
        Fills the start of a buffer and returns the number of bytes, 0 at the end.
    view : memoryview
        The buffer, filled from its start.

    Returns
    -------
    int
        Bytes that were read; fewer than the buffer holds at the end of the data only.
    """
    done = 0
    while done < len(view):
        n_read = read(view[done:])
        if not n_read:
            break
        done += n_read
    return done


def skip_bytes(read: Callable[[memoryview], int], n_bytes: int | None) -> None:
    """
    Read and drop bytes.

    Parameters
    ----------
    read : callable
        As for `fill_view`.
    n_bytes : int or None
        How many; None for all that are left.
    """
    left = SKIP_CHUNK_BYTES if n_bytes is None else n_bytes
    waste = memoryview(bytearray(min(SKIP_CHUNK_BYTES, left)))
    while left:
        n_read = read(waste[: min(len(waste), left)])
        if not n_read:
            return
        left -= n_read if n_bytes is not None else 0


def read_ahead(
    fill: Callable[[_Buffer], int], buffers: Sequence[_Buffer]
) -> Iterator[tuple[int, int]]:
    """
    Fill buffers in a thread of its own, in turn, while the caller works on the last one.

    Parameters
    ----------
    fill : callable
        Fills a buffer and returns how much came; 0 ends the iteration. It is called in the
        thread, so it must not hold the interpreter's lock while it waits.
    buffers : sequence
        At least two; the memory that is used again and again.

    Yields
    ------
    index : int
        Which buffer was filled; it is filled again once the next item is asked for.
    n_filled : int
        What ``fill`` returned.
    """
    free: queue.SimpleQueue[int | None] = queue.SimpleQueue()
    ready: queue.SimpleQueue[tuple[int, int] | BaseException] = queue.SimpleQueue()

    def work() -> None:
        try:
            while (index := free.get()) is not None:
                n_filled = fill(buffers[index])
                ready.put((index, n_filled))
                if not n_filled:
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
