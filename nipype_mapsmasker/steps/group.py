# SPDX-License-Identifier: Apache-2.0
"""Cohorts as lists: completing them, refusing unequal ones, sorting runs by grid and mask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nipype_mapsmasker.core.grids import Grid, same_grid
from nipype_mapsmasker.errors import DataFault, ImageFileError, ParameterError
from nipype_mapsmasker.io.images.reader import read_info
from nipype_mapsmasker.io.results.layout import check_run_ids
from nipype_mapsmasker.io.sidecars import checksum

__all__ = ["FitGroups", "complete_lists", "group_by_fit"]

PATHS = ("in_files", "confounds_files", "sample_mask_files", "mask_files")
"""Lists of paths."""

SHARED = ("mask_files", "t_rs")
"""Lists for which one value stands for all runs."""


@dataclass(frozen=True)
class FitGroups:
    """
    Hold which fit serves which run.

    Parameters
    ----------
    fit_index : list of int
        Per run; -1 for a run that is at fault.
    reference_files : list of str or None
        Per fit, an image on its grid.
    mask_files : list of str or None
        Per fit, its mask.
    sources : list of str
        Per fit, grid and content of the mask in one line: Nipype's own cache key of a file is
        its size and date, which two masks, or two images on different grids, may share.
    """

    fit_index: list[int]
    reference_files: list[str | None]
    mask_files: list[str | None]
    sources: list[str]


def complete_lists(run_ids: Sequence[str], **lists: Any) -> dict[str, list[Any]]:
    """
    Give every list one entry per run.

    Parameters
    ----------
    run_ids : sequence of str
        The runs' names.
    **lists : sequence or None
        Per-run values by name; None stands for a list of gaps, and for masks and repetition
        times one value stands for all runs.

    Returns
    -------
    dict of str to list
        The lists, each as long as ``run_ids``.

    Raises
    ------
    ParameterError
        A list of another length, or a run's name that comes twice or cannot name files.
    """
    check_run_ids(run_ids)
    complete: dict[str, list[Any]] = {}
    for name, values in lists.items():
        if values is None:
            complete[name] = [None] * len(run_ids)
        elif name in SHARED and not isinstance(values, list | tuple):
            complete[name] = [values] * len(run_ids)
        elif len(values) != len(run_ids):
            msg = (
                f"run_ids has {len(run_ids)} entries and {name} {len(values)}; give one entry "
                "per run, None where a run has none."
            )
            raise ParameterError(msg)
        else:
            complete[name] = list(values)
    for name in PATHS:
        for entry in complete.get(name, ()):
            for path in entry if isinstance(entry, list | tuple) else [entry]:
                if path is not None and not Path(path).is_absolute():
                    msg = (
                        f"{name} holds the relative path {path}, but Nipype runs every step in a "
                        "folder of its own; give absolute paths."
                    )
                    raise ParameterError(msg)
    return complete


def group_by_fit(
    in_files: Sequence[str | None],
    mask_files: Sequence[str | None],
    *,
    skip: Sequence[bool],
    by_grid: bool,
    record: Callable[[int, DataFault], None],
) -> FitGroups:
    """
    Sort runs by distinct grid and mask, reading headers only.

    Parameters
    ----------
    in_files : sequence of str or None
        The images, one per run.
    mask_files : sequence of str or None
        The masks, one per run.
    skip : sequence of bool
        Runs that already are at fault.
    by_grid : bool
        Whether different grids need different fits.
    record : callable
        Told the number and the fault of a run whose header cannot be read.

    Returns
    -------
    FitGroups
        The fits in order of appearance, at least one.
    """
    fits: list[tuple[Grid, str | None]] = []
    masks: list[str | None] = []
    references: list[str | None] = []
    fit_index: list[int] = []
    for number, (in_file, mask) in enumerate(zip(in_files, mask_files, strict=True)):
        if skip[number]:
            fit_index.append(-1)
            continue
        try:
            if in_file is None:
                msg = f"Run {number + 1} has no image; give one, or leave the run out."
                raise ImageFileError(msg)
            grid = read_info(in_file).grid
            content = None if mask is None else _content(mask)
        except DataFault as error:
            record(number, error)
            fit_index.append(-1)
            continue
        index = next(
            (
                at
                for at, (known, known_mask) in enumerate(fits)
                if known_mask == content and (not by_grid or same_grid(known, grid))
            ),
            len(fits),
        )
        if index == len(fits):
            fits.append((grid, content))
            masks.append(mask)
            references.append(str(Path(in_file).absolute()))
        fit_index.append(index)
    sources = [_describe(grid if by_grid else None, mask) for grid, mask in fits]
    return FitGroups(fit_index, references or [None], masks or [None], sources or [""])


def _describe(grid: Grid | None, mask: str | None) -> str:
    """Write what sets a fit apart from others, exactly."""
    where = "" if grid is None else f"{grid.shape} {grid.affine.tolist()} "
    return f"{where}mask {mask}"


def _content(mask: str) -> str:
    """Give a mask's checksum: runs whose masks are equal share a fit."""
    try:
        return checksum(mask)
    except OSError as error:
        msg = f"The mask {mask} cannot be read ({error.strerror}); check its name and its rights."
        raise ImageFileError(msg) from error
