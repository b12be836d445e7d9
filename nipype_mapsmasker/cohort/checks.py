# SPDX-License-Identifier: Apache-2.0
"""What the tables of a run show before any voxel is read, quickly enough for thousands of runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from nipype_mapsmasker.cohort.estimate import volume_gb
from nipype_mapsmasker.cohort.request import CohortRequest, RunSpec
from nipype_mapsmasker.core.parameters import (
    Cleaning,
    CleaningParameters,
    ConfoundParameters,
    MaskerParameters,
    parameters_of,
)
from nipype_mapsmasker.errors import DataFault, ImageFileError, ParameterError, SignalError
from nipype_mapsmasker.io.images.reader import ImageInfo
from nipype_mapsmasker.io.results.layout import run_files
from nipype_mapsmasker.io.tables.confounds import read_choice
from nipype_mapsmasker.io.tables.samples import read_sample_mask
from nipype_mapsmasker.io.timing import RepetitionTime
from nipype_mapsmasker.plugins.resources import available_memory_gb

__all__ = ["TableChecks", "check_file_names", "check_memory", "memory_limit_gb"]


MAX_FILE_BYTES = 255
"""Longest name of a file."""


def check_file_names(out_dir: Path, params: MaskerParameters, run_ids: Iterable[str]) -> None:
    """
    Refuse names that no file can have, before any work.

    Parameters
    ----------
    out_dir : Path
        The result folder.
    params : MaskerParameters
        With atlases and strategies.
    run_ids : iterable of str
        The runs.

    Raises
    ------
    ParameterError
        A result would have a name that is too long.
    """
    longest = max(run_ids, key=lambda name: len(_bytes(name)), default=None)
    if longest is None:
        return
    names = run_files(out_dir, longest)
    for atlas in params.atlases:
        for strategy in params.cleanings():
            name = names.reconstruction(atlas, strategy).name
            if len(_bytes(name)) > MAX_FILE_BYTES:
                msg = (
                    f"The results of {longest!r} would be called {name!r}, "
                    f"{len(_bytes(name))} bytes long, and file systems take {MAX_FILE_BYTES}; "
                    "give shorter names to runs, atlases or strategies."
                )
                raise ParameterError(msg)


def _bytes(name: str) -> bytes:
    """Give a name as the file system sees it."""
    return name.encode("utf-8", "surrogateescape")


def memory_limit_gb(request: CohortRequest) -> float:
    """
    Give the memory that a single image may take.

    Parameters
    ----------
    request : CohortRequest
        With the engine and its memory.

    Returns
    -------
    float
        GB: what the user allows, else what this machine has; no limit where other machines work.
    """
    if request.mem_gb is not None:
        return request.mem_gb
    return available_memory_gb() if request.is_local else math.inf


def check_memory(info: ImageInfo, limit_gb: float) -> None:
    """
    Refuse an image of which not even one volume can be worked on.

    Parameters
    ----------
    info : ImageInfo
        Its header.
    limit_gb : float
        From `memory_limit_gb`.

    Raises
    ------
    ImageFileError
        One volume takes more. A small compressed file may hold a volume of any size.
    """
    needed = volume_gb(info)
    if needed > limit_gb:
        msg = (
            f"{info.path} has volumes of {info.grid.n_voxels} voxels "
            f"({' x '.join(map(str, info.grid.shape))}), and working on one takes about "
            f"{needed:.2g} GB, where there are {limit_gb:.2g} GB; check that it is the right "
            "image, or allow more with --mem-gb."
        )
        raise ImageFileError(msg)


class TableChecks:
    """
    Try the tables of runs, and their strategies, before any voxel is read.

    Parameters
    ----------
    params : MaskerParameters
        With the strategies.
    """

    def __init__(self, params: MaskerParameters) -> None:
        self._choices = _choices(params)
        self._strategies = {
            name: {field: values[field] for field in parameters_of(CleaningParameters)}
            for name, values in params.cleanings().items()
        }
        self._fine: set[tuple[str, float | None, int]] = set()

    def faults(self, run: RunSpec, info: ImageInfo, t_r: RepetitionTime) -> dict[str, DataFault]:
        """
        Read a run's tables and try its strategies.

        Parameters
        ----------
        run : RunSpec
            The run.
        info : ImageInfo
            Its header.
        t_r : RepetitionTime
            Its repetition time.

        Returns
        -------
        dict of str to DataFault
            By strategy: a table that is not as it must be, or a run that does not allow for it.

        Raises
        ------
        DataFault
            The sample mask, which all strategies share, is not as it must be.
        """
        if run.sample_mask is not None:
            read_sample_mask(run.sample_mask, info.n_volumes)
        # Several strategies may share a choice, and a table is read but once for it.
        unread = {
            choice: _fault_of(
                read_choice, run.confounds, info.n_volumes, choice, run_id=run.run_id
            )
            for choice in dict.fromkeys(self._choices.values())
        }
        faults = {}
        for name in self._strategies:
            unreadable = unread[self._choices[name]] if name in self._choices else None
            if fault := unreadable or _fault_of(self._try, name, info, t_r):
                faults[name] = fault
        return faults

    def _try(self, name: str, info: ImageInfo, t_r: RepetitionTime) -> None:
        """Try a strategy on what is known of a run; most runs are alike."""
        kind = name, t_r.seconds, info.n_volumes
        if kind not in self._fine:
            _check_strategy(self._strategies[name], info, t_r)
            self._fine.add(kind)


def _fault_of(check: Callable[..., Any], *args: Any, **kwargs: Any) -> DataFault | None:
    """Call a check, and give the fault that it raises."""
    try:
        check(*args, **kwargs)
    except DataFault as fault:
        return fault
    return None


def _choices(params: MaskerParameters) -> dict[str, ConfoundParameters]:
    """Give the strategies' choices of confounds, which several may share."""
    chosen = params.confound_strategies()
    choices = {}
    for name, strategy in params.cleanings().items():
        if chosen[name] is not None:
            continue  # columns and volumes are chosen, and checked, by a step of its own
        fields = {word: strategy[word] for word in parameters_of(ConfoundParameters)}
        columns = fields["confounds_columns"]
        fields["confounds_columns"] = None if columns is None else tuple(columns)
        choices[name] = ConfoundParameters(**fields)
    return choices


def _check_strategy(strategy: Mapping[str, Any], info: ImageInfo, t_r: RepetitionTime) -> None:
    """Try a strategy on what is known of a run."""
    try:
        Cleaning(**strategy, t_r=t_r.seconds).check(info.n_volumes)
    except ParameterError as error:
        if t_r.seconds is None:
            why = t_r.problem or f"{info.path} has no repetition time in its header or sidecar."
            msg = f"{why} The filter needs one time for all; give --t-r or a column t_r."
            raise ImageFileError(msg) from error
        # The parameters were checked before: it is this run that does not allow for them.
        msg = f"{info.path} ({info.n_volumes} volumes, t_r {t_r.seconds:g} s): {error}"
        raise SignalError(msg) from error
