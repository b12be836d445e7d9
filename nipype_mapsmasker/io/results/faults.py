# SPDX-License-Identifier: Apache-2.0
"""Faults of runs as files, which travel from step to step in place of results."""

from __future__ import annotations

import errno
import json
import traceback
from pathlib import Path

from nipype_mapsmasker.errors import DataFault, ParameterError

__all__ = ["is_out_of_memory", "reason_of", "write_fault"]

_NO_ROOM = ("failed to map segment", "cannot allocate memory", "can't start new thread")
"""What loaders of libraries and threads say where a limit of memory is met."""


def is_out_of_memory(error: BaseException) -> bool:
    """
    Tell whether an exception means that there is not enough memory.

    Parameters
    ----------
    error : BaseException
        The exception.

    Returns
    -------
    bool
        True for a `MemoryError`, and for what the system and the loaders say instead.
    """
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    told = str(error).lower()
    return isinstance(error, MemoryError) or (
        isinstance(error, ImportError | RuntimeError) and any(text in told for text in _NO_ROOM)
    )


def reason_of(error: BaseException, what: str) -> str:
    """
    Say in one sentence what an exception means for a run.

    Parameters
    ----------
    error : BaseException
        The exception, foreseen or not.
    what : str
        The run's image, or the run.

    Returns
    -------
    str
        The package's own sentence, the system's with the file, or one that names the exception.
    """
    if isinstance(error, DataFault | ParameterError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or what}: {error.strerror}."
    return f"{what} cannot be used ({type(error).__name__}: {' '.join(str(error).split())})."


def write_fault(path: Path, run_id: str, step: str, error: BaseException) -> Path:
    """
    Write a run's fault as JSON.

    Parameters
    ----------
    path : Path
        The file to write.
    run_id : str
        The run.
    step : str
        The interface that found it.
    error : BaseException
        What it found.

    Returns
    -------
    Path
        The file.
    """
    fault = {
        "run_id": run_id,
        "step": step,
        "reason": reason_of(error, run_id or step),
        "kind": type(error).__name__,
        "traceback": "".join(traceback.format_exception(error)),
    }
    path.write_text(json.dumps(fault, indent=2), encoding="utf-8")
    return path
