# SPDX-License-Identifier: Apache-2.0
"""Faults of runs as files, which travel from step to step in place of results."""

from __future__ import annotations

import errno
import json
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nipype_mapsmasker.errors import DataFault, ParameterError

__all__ = [
    "failed_strategies",
    "is_out_of_memory",
    "join_faults",
    "read_fault",
    "reason_of",
    "strategy_reason",
    "system_sentence",
    "write_fault",
]

_NO_ROOM = ("failed to map segment", "cannot allocate memory", "can't start new thread")
"""What loaders of libraries and threads say where a limit of memory is met."""


_ADVICE = {
    errno.ENOSPC: "make room there, or give another folder; what is finished is kept",
    errno.EDQUOT: "make room there, or give another folder; what is finished is kept",
    errno.EFBIG: "allow larger files there, or give another folder; what is finished is kept",
    errno.EACCES: "give a place that you have the rights for, or get them",
    errno.EPERM: "give a place that you have the rights for, or get them",
    errno.EROFS: "give a place that can be written to",
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "one of the folders in this path is a file; check the path",
    errno.ELOOP: "links lead in a circle; mend them, or give another path",
    errno.EEXIST: "a file or a link to nothing stands there; remove it, or give another path",
    errno.ENAMETOOLONG: "give a shorter one",
    errno.EMFILE: "allow more open files (ulimit -n), or use fewer processes (--n-procs)",
    errno.ENFILE: "allow more open files (ulimit -n), or use fewer processes (--n-procs)",
}
"""What to do about what the system says."""


def system_sentence(error: OSError, what: str) -> str:
    """
    Say in one sentence what the system refused, where, and what to do.

    Parameters
    ----------
    error : OSError
        What the system says.
    what : str
        The place, where the error names none.

    Returns
    -------
    str
        Such as "/data/out: Permission denied; give a place that you have the rights for, ...".
    """
    place = error.filename or what
    place = place if isinstance(place, str) else repr(place)
    told = f"{place}: {error.strerror or error}"
    advice = _ADVICE.get(error.errno or 0, "see whether the disk and the network are in order")
    return f"{told}; {advice}."


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
        return system_sentence(error, what)
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


def read_fault(path: str | Path) -> dict[str, Any]:
    """
    Read a run's fault.

    Parameters
    ----------
    path : str or Path
        From `write_fault` or `join_faults`.

    Returns
    -------
    dict
        ``run_id``, ``step``, ``reason``, ``traceback``; and ``strategies``, where only some of
        them failed.
    """
    found: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    return found


def join_faults(
    path: Path, run_id: str, faults: Mapping[str, str | Path | None]
) -> str | Path | None:
    """
    Make one fault of those of a run's strategies.

    Parameters
    ----------
    path : Path
        The file to write, where there is something to join.
    run_id : str
        The run.
    faults : mapping of str to path or None
        The fault of every strategy, or None.

    Returns
    -------
    path or None
        None where nothing failed; the one fault of a run that failed before its strategies; or
        the new file.
    """
    failed = {name: fault for name, fault in faults.items() if fault}
    if not failed:
        return None
    first = next(iter(failed.values()))
    if len(failed) == len(faults) and len({str(fault) for fault in failed.values()}) == 1:
        return first
    told = {name: read_fault(fault) for name, fault in failed.items()}
    joined = {
        "run_id": run_id,
        "step": "+".join(dict.fromkeys(str(fault["step"]) for fault in told.values())),
        "reason": " ".join(strategy_reason(name, one["reason"]) for name, one in told.items()),
        "kind": next(iter(told.values()))["kind"],
        "traceback": "\n".join(str(fault.get("traceback", "")) for fault in told.values()),
    }
    if len(failed) < len(faults):
        joined["strategies"] = {name: one["reason"] for name, one in told.items()}
    path.write_text(json.dumps(joined, indent=2), encoding="utf-8")
    return path


def strategy_reason(strategy: str, reason: str) -> str:
    """
    Say that a strategy failed, and why.

    Parameters
    ----------
    strategy : str
        Its name.
    reason : str
        Why.

    Returns
    -------
    str
        One sentence.
    """
    return f"Strategy {strategy}: {reason}"


def failed_strategies(fault: Mapping[str, Any]) -> dict[str, str]:
    """
    Name the strategies that alone failed.

    Parameters
    ----------
    fault : mapping
        From `read_fault`.

    Returns
    -------
    dict of str to str
        Their reasons; empty where the whole run failed.
    """
    return {str(name): str(reason) for name, reason in fault.get("strategies", {}).items()}
