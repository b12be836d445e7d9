# SPDX-License-Identifier: Apache-2.0
"""Where a call may write: in folders of its own, never where the user's files are."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from nipype_mapsmasker.cohort.request import CohortRequest, RunSpec
from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.places import (
    check_holds_no_data,
    check_result_folder,
    is_utf8,
    real,
)
from nipype_mapsmasker.io.results.layout import private_folder
from nipype_mapsmasker.io.trust import check_trusted

__all__ = ["check_places"]


def check_places(request: CohortRequest, runs: Sequence[RunSpec]) -> None:
    """
    Refuse folders for results and work that hold what others wrote, before anything is written.

    Parameters
    ----------
    request : CohortRequest
        The request.
    runs : sequence of RunSpec
        Its runs.

    Raises
    ------
    ParameterError
        A folder holds the user's files, foreign results, or work that cannot be trusted; or it
        lies in a BIDS folder and not below its derivatives.
    """
    out_dir, work_dir = Path(request.out_dir), request.work_folder
    if work_dir.exists() and not work_dir.is_dir():
        msg = f"{work_dir} is a file, expected a folder; give another one."
        raise ParameterError(msg)
    for folder in (out_dir, work_dir):
        if not is_utf8(folder):
            msg = f"{str(folder)!r} is no UTF-8, which Nipype needs of every path; rename it."
            raise ParameterError(msg)
    # What an earlier call made may be an input of this one, such as a mask of all runs.
    own = f"{real(private_folder(out_dir))}{os.sep}"
    files = {path: real(path) for path in dict.fromkeys(_files_of(request, runs))}
    data = {path: place for path, place in files.items() if not str(place).startswith(own)}
    for place in (str(request.out_dir), str(work_dir)):
        check_holds_no_data(place, data)
    check_result_folder(out_dir)
    check_trusted(work_dir)
    if request.folder is not None:
        for folder in (out_dir, work_dir):
            _check_place_in_folder(real(folder), real(request.folder))


def _files_of(request: CohortRequest, runs: Iterable[RunSpec]) -> list[str]:
    """List every file that the user names."""
    given = request.input if isinstance(request.input, list | tuple) else [request.input]
    named = [str(one) for one in given if isinstance(one, str | Path)]
    files: list[Any] = [path for path in named if _is_file(path)]
    for values in (request.maps, request.labels, request.confounds):
        files += values if isinstance(values, list | tuple) else [values]
    files += [request.mask, request.sample_mask]
    for run in runs:
        if run.fault:  # its paths need not be any
            continue
        files += [run.in_file, *run.confounds, run.sample_mask, run.mask]
    paths = [os.fspath(path) for path in files if path is not None]
    return [path for path in paths if path and path != "n/a" and "\0" not in path]


def _is_file(path: str) -> bool:
    try:
        return Path(path).is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _check_place_in_folder(place: Path, folder: Path) -> None:
    """Take a place in a BIDS folder only below its derivatives, where nobody else has anything."""
    if not place.is_relative_to(folder) or place == folder:
        return
    derivatives = folder / "derivatives"
    if not place.is_relative_to(derivatives) or place == derivatives:
        msg = (
            f"{place} lies in the BIDS folder {folder}, which is never written to but for a "
            f"folder of its own below {derivatives}; give another result folder."
        )
        raise ParameterError(msg)
    own = derivatives / place.relative_to(derivatives).parts[0]
    if own.is_dir() and any(own.iterdir()) and not private_folder(own).is_dir():
        msg = (
            f"{own} holds what others wrote, and nothing of it is touched; give a result "
            "folder of its own."
        )
        raise ParameterError(msg)
