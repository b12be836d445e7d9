# SPDX-License-Identifier: Apache-2.0
"""Screens that go away: a closed, full or broken standard error never stops a run."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

__all__ = ["steady_streams"]


class _Steady:
    """
    A stream whose failures are lost, with the words that were not written.

    Parameters
    ----------
    stream : file
        The stream.
    errors : tuple of type
        The failures.
    """

    def __init__(self, stream: Any, errors: tuple[type[Exception], ...]) -> None:
        self._stream = stream
        self._errors = errors

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def isatty(self) -> bool:
        """Tell whether somebody looks at it."""
        try:
            return bool(self._stream.isatty())
        except ValueError:
            return False

    def write(self, text: str) -> int:
        """Write as much as can be written."""
        with suppress(*self._errors):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Pass on what is written."""
        with suppress(*self._errors):
            self._stream.flush()


@contextmanager
def steady_streams() -> Iterator[None]:
    """
    Let what goes wrong with the screen go unnoticed, for a while.

    Yields
    ------
    None
        With standard error, whatever happens to it, and standard output, should its reader go
        away, as after ``| head``; that it cannot be written for other reasons is an error,
        because results go there.
    """
    # A file that is opened while one of these is closed would get its number, and with it every
    # word that a library writes there.
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    before = sys.stdout, sys.stderr
    if sys.stdout is None:  # the process was started without it
        sys.stdout = os.fdopen(1, "w", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", closefd=False)
    with suppress(AttributeError, OSError, ValueError):  # names of files need not be UTF-8
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.stdout = _Steady(sys.stdout, (BrokenPipeError,))
    sys.stderr = _Steady(sys.stderr, (OSError, ValueError))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        for stream in before:
            _let_go(stream)


def _let_go(stream: Any) -> None:
    """Spare the interpreter's end what was not written to a reader that is gone."""
    try:
        stream.flush()
    except BrokenPipeError:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except (AttributeError, OSError, ValueError):
        if stream is sys.stderr:
            with suppress(AttributeError, OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
