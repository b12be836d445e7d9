# SPDX-License-Identifier: Apache-2.0
"""What the tables of a run show before any voxel is read, quickly enough for thousands of runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
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
from nipype_mapsmasker.io.tables.confounds import read_choice
from nipype_mapsmasker.io.tables.samples import read_sample_mask
from nipype_mapsmasker.io.timing import RepetitionTime
from nipype_mapsmasker.plugins.resources import available_memory_gb

__all__ = ["check_memory", "check_tables", "memory_limit_gb"]


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


def check_tables(
    run: RunSpec, info: ImageInfo, params: MaskerParameters, t_r: RepetitionTime
) -> dict[str, DataFault]:
    """
    Read a run's tables and try its strategies.

    Parameters
    ----------
    run : RunSpec
        The run.
    info : ImageInfo
        Its header.
    params : MaskerParameters
        With the strategies.
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
    choices = _choices(params)
    # Several strategies may share a choice, and a table is read but once for it.
    unread = {
        choice: _fault_of(read_choice, run.confounds, info.n_volumes, choice, run_id=run.run_id)
        for choice in dict.fromkeys(choices.values())
    }
    faults = {}
    for name, strategy in params.cleanings().items():
        unreadable = unread[choices[name]] if name in choices else None
        if fault := unreadable or _fault_of(_check_strategy, strategy, info, t_r):
            faults[name] = fault
    return faults


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
    values = {name: strategy[name] for name in parameters_of(CleaningParameters)}
    try:
        Cleaning(**values, t_r=t_r.seconds).check(info.n_volumes)
    except ParameterError as error:
        if t_r.seconds is None:
            why = t_r.problem or f"{info.path} has no repetition time in its header or sidecar."
            msg = f"{why} The filter needs one time for all; give --t-r or a column t_r."
            raise ImageFileError(msg) from error
        # The parameters were checked before: it is this run that does not allow for them.
        msg = f"{info.path} ({info.n_volumes} volumes, t_r {t_r.seconds:g} s): {error}"
        raise SignalError(msg) from error
