# SPDX-License-Identifier: Apache-2.0
"""What the tables of a run show before any voxel is read, quickly enough for thousands of runs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
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
from nipype_mapsmasker.errors import ImageFileError, ParameterError, SignalError
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
    is_here = request.plugin in ("MultiProc", "LegacyMultiProc", "Linear")
    return available_memory_gb() if is_here else math.inf


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
) -> None:
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

    Raises
    ------
    DataFault
        A table is not as it must be, or the run does not allow for a strategy.
    """
    if run.sample_mask is not None:
        read_sample_mask(run.sample_mask, info.n_volumes)
    for choice in dict.fromkeys(_choices(params)):
        read_choice(run.confounds, info.n_volumes, choice, run_id=run.run_id)
    for strategy in params.cleanings().values():
        _check_strategy(strategy, info, t_r)


def _choices(params: MaskerParameters) -> Iterator[ConfoundParameters]:
    """Give the strategies' choices of confounds, which several may share."""
    chosen = params.confound_strategies()
    for name, strategy in params.cleanings().items():
        if chosen[name] is not None:
            continue  # columns and volumes are chosen, and checked, by a step of its own
        fields = {word: strategy[word] for word in parameters_of(ConfoundParameters)}
        columns = fields["confounds_columns"]
        fields["confounds_columns"] = None if columns is None else tuple(columns)
        yield ConfoundParameters(**fields)


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
