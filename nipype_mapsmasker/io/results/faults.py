# SPDX-License-Identifier: Apache-2.0
"""Faults of runs as files, which travel from step to step in place of results."""

from __future__ import annotations

import json
import traceback
from pathlib import Path

__all__ = ["write_fault"]


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
        "reason": str(error),
        "kind": type(error).__name__,
        "traceback": "".join(traceback.format_exception(error)),
    }
    path.write_text(json.dumps(fault, indent=2), encoding="utf-8")
    return path
