# SPDX-License-Identifier: Apache-2.0
"""The working folder: results that are gone, and taking it away."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from nipype_mapsmasker.cohort.lock import LOCK_NAME

__all__ = ["WORKFLOW_NAME", "clean_work_dir", "forget_lost_results"]

WORKFLOW_NAME = "mapsmasker_cohort_wf"
"""Name of the workflow, and so of its folder in the working folder."""


def forget_lost_results(work_dir: Path) -> int:
    """
    Let Nipype do again what has lost its files, as on scratch disks that are swept.

    Parameters
    ----------
    work_dir : Path
        The working folder.

    Returns
    -------
    int
        Number of results that were forgotten.

    Notes
    -----
    Nipype does not look whether the files are there that a cached result names; it would fail
    where they are needed.
    """
    from nipype.pipeline.engine.utils import load_resultfile

    n_lost = 0
    for path in (work_dir / WORKFLOW_NAME).rglob("result_*.pklz"):
        try:
            outputs = load_resultfile(str(path)).outputs
            lost = outputs is None or not all(
                file.exists() for file in _paths_below(outputs.get(), work_dir)
            )
        except Exception:  # whatever is wrong with it, it cannot be used
            lost = True
        if lost:
            n_lost += 1
            path.unlink(missing_ok=True)
            for stamp in path.parent.glob("_0x*.json"):
                stamp.unlink(missing_ok=True)
    return n_lost


def clean_work_dir(work_dir: Path) -> None:
    """
    Remove what this package put into the working folder, and the folder if nothing else is there.

    Parameters
    ----------
    work_dir : Path
        The working folder.
    """
    shutil.rmtree(work_dir / WORKFLOW_NAME, ignore_errors=True)
    (work_dir / LOCK_NAME).unlink(missing_ok=True)
    with suppress(OSError):
        work_dir.rmdir()


def _paths_below(value: Any, folder: Path) -> list[Path]:
    """List the paths in a folder that any nest of values names."""
    if isinstance(value, str):
        return [Path(value)] if value.startswith(f"{folder}/") else []
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [path for item in value for path in _paths_below(item, folder)]
    return []
