# SPDX-License-Identifier: Apache-2.0
"""Cohorts as lists: completing them, refusing unequal ones, sorting runs by grid."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nipype_mapsmasker.core.grids import Grid, same_grid
from nipype_mapsmasker.errors import DataFault, ImageFileError, ParameterError
from nipype_mapsmasker.io.images.reader import read_info
from nipype_mapsmasker.io.results.faults import write_fault
from nipype_mapsmasker.io.results.layout import check_run_ids
from nipype_mapsmasker.io.sidecars import checksum, run_identity
from nipype_mapsmasker.steps.cohort_mask import write_union

__all__ = ["FitGroups", "assign_fits", "complete_lists", "group_by_fit", "group_runs"]

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
        Per fit, its mask; where its runs have several, one that holds them all.
    own_mask_files : list of str or None
        Per run, its mask, where that is not the fit's.
    sources : list of str
        Per fit, grid and content of the mask in one line: Nipype's own cache key of a file is
        its size and date, which two masks, or two images on different grids, may share.
    """

    fit_index: list[int]
    reference_files: list[str | None]
    mask_files: list[str | None]
    own_mask_files: list[str | None]
    sources: list[str]


def group_runs(
    folder: Path,
    run_ids: Sequence[str],
    in_files: Sequence[str | None],
    *,
    maps_files: Sequence[str] = (),
    labels_files: Sequence[str | None] = (),
    by_grid: bool = True,
    by_mask: bool = False,
    mask_threshold: float | None = None,
    on_error: str = "raise",
    identify: bool = True,
    **lists: Any,
) -> dict[str, Any]:
    """
    Complete the lists of a cohort, and sort its runs by the fit that serves them.

    Parameters
    ----------
    folder : Path
        Where the faults of runs are written.
    run_ids : sequence of str
        Names of the runs.
    in_files : sequence of str or None
        Their images.
    maps_files, labels_files : sequence of str
        Maps images and tables of names, whose content is part of what fits depend on.
    by_grid : bool
        Whether runs on different grids need fits of their own.
    by_mask : bool
        Whether runs with different masks do; else one fit serves the masks of one grid.
    mask_threshold : float, optional
        Where to cut masks of probabilities.
    on_error : {'raise', 'record'}
        What a run with an unreadable header does.
    identify : bool
        Whether ``sources`` and ``clean_sources`` tell the files of runs whose keys are given, too.
    **lists : sequence or None
        The other lists of `complete_lists`.

    Returns
    -------
    dict
        The lists, one entry per run, and ``sources``, ``clean_sources``, ``fit_index``,
        ``own_mask_files`` and ``fault_files``; and per fit ``reference_files``, ``mask_files``,
        ``fit_sources`` and ``fit_faults``.

    Raises
    ------
    ParameterError
        Lists of different lengths, or names that cannot be.
    """
    complete = complete_lists(run_ids, in_files=in_files, **lists)
    faults: list[str | None] = complete.pop("upstream_faults")
    masks = complete.pop("mask_files")

    def record(number: int, error: DataFault) -> None:
        if on_error == "raise":
            raise error
        path = folder / f"fault_{number}.json"
        faults[number] = str(write_fault(path, run_ids[number], "GroupRuns", error))

    groups = group_by_fit(
        complete["in_files"],
        masks,
        skip=[bool(fault) for fault in faults],
        by_grid=by_grid,
        by_mask=by_mask,
        record=record,
        unite=lambda number, files: write_union(
            folder / f"masks_{number}.nii.gz", files, mask_threshold
        ),
    )
    keys, extraction_keys = (
        [key or "" for key in complete[name]] for name in ("keys", "extraction_keys")
    )
    identities = [
        run_identity(path or "") if identify or not key else None
        for path, key in zip(complete["in_files"], keys, strict=True)
    ]
    files = [path for path in (*maps_files, *labels_files) if path and Path(path).is_file()]
    sums = " ".join(checksum(path) for path in files)
    all_failed = all(index < 0 for index in groups.fit_index)
    return complete | {
        "run_ids": list(run_ids),
        "keys": keys,
        "extraction_keys": extraction_keys,
        "sources": _paired(identities, extraction_keys),
        "clean_sources": _paired(identities, keys),
        "fit_index": groups.fit_index,
        "fit_sources": [f"{source} maps {sums}" for source in groups.sources],
        "reference_files": groups.reference_files,
        "mask_files": groups.mask_files,
        # MapNodes need an element: where every run is faulty there is a fit that passes that on.
        "fit_faults": [faults[0] if all_failed else None for _ in groups.reference_files],
        "run_mask_files": masks,
        "own_mask_files": groups.own_mask_files,
        "fault_files": faults,
    }


def assign_fits(
    fit_index: Sequence[int],
    fault_files: Sequence[str | None],
    fit_faults: Sequence[Sequence[str | None]],
    **fits: Sequence[Sequence[str | None]],
) -> dict[str, list[Any]]:
    """
    Give every run what its fits made, or the fault of one of them.

    Parameters
    ----------
    fit_index : sequence of int
        Which fit serves each run; -1 for none.
    fault_files : sequence of str or None
        Per run, its fault so far.
    fit_faults : sequence of sequence of str or None
        Per atlas, the fault of every fit.
    **fits : sequence of sequence of str or None
        Per atlas, what every fit made.

    Returns
    -------
    dict of str to list
        Per run, what its fit made for every atlas; and ``fault_files``.
    """
    assigned: dict[str, list[Any]] = {
        name: [[None if index < 0 else made[index] for made in atlases] for index in fit_index]
        for name, atlases in fits.items()
    }
    assigned["fault_files"] = [
        fault or next((made[index] for made in fit_faults if index >= 0 and made[index]), None)
        for index, fault in zip(fit_index, fault_files, strict=True)
    ]
    return assigned


def _paired(identities: Sequence[str | None], keys: Sequence[str]) -> list[str]:
    """Write two lines of every run that is identified as one."""
    return [
        "" if identity is None else f"{identity} {key}"
        for identity, key in zip(identities, keys, strict=True)
    ]


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
    by_mask: bool = True,
    unite: Callable[[int, list[str]], str | None] | None = None,
) -> FitGroups:
    """
    Sort runs by the fit that serves them, reading headers only.

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
    by_mask : bool
        Whether different masks need different fits; else only those on different grids do.
    unite : callable, optional
        Makes one mask of several, for the fit of that number; None if it cannot.

    Returns
    -------
    FitGroups
        The fits in order of appearance, at least one.
    """
    fits: list[tuple[Grid | None, Grid | str | None]] = []
    masks: list[dict[str | None, str | None]] = []  # by content
    references: list[str | None] = []
    fit_index: list[int] = []
    looked_at: dict[str, tuple[str, Grid | None]] = {}  # most runs share their mask
    for number, (in_file, mask) in enumerate(zip(in_files, mask_files, strict=True)):
        if skip[number]:
            fit_index.append(-1)
            continue
        try:
            if in_file is None:
                msg = f"Run {number + 1} has no image; give one, or leave the run out."
                raise ImageFileError(msg)
            grid = read_info(in_file).grid
            if mask is not None and mask not in looked_at:
                looked_at[mask] = _content(mask), None if by_mask else read_info(mask).grid
            content, mask_grid = (None, None) if mask is None else looked_at[mask]
            place = mask_grid or content
        except DataFault as error:
            record(number, error)
            fit_index.append(-1)
            continue
        wanted = (grid if by_grid else None, place)
        index = next((at for at, known in enumerate(fits) if _alike(known, wanted)), len(fits))
        if index == len(fits):
            fits.append(wanted)
            masks.append({})
            references.append(str(Path(in_file).absolute()))
        masks[index].setdefault(content, mask)
        fit_index.append(index)
    together = [
        next(iter(own.values())) if len(own) == 1 or unite is None else unite(index, _listed(own))
        for index, own in enumerate(masks)
    ]
    own_masks = [
        mask if index >= 0 and len(masks[index]) > 1 else None
        for index, mask in zip(fit_index, mask_files, strict=True)
    ]
    sources = [
        _describe(grid, _together(sorted(map(str, own))))
        for (grid, _), own in zip(fits, masks, strict=True)
    ]
    return FitGroups(
        fit_index, references or [None], together or [None], own_masks, sources or [""]
    )


def _alike(one: tuple[Grid | None, Any], other: tuple[Grid | None, Any]) -> bool:
    """Tell whether two runs are served by one fit."""
    for known, wanted in zip(one, other, strict=True):
        if isinstance(known, Grid) and isinstance(wanted, Grid):
            if known is not wanted and not same_grid(known, wanted):
                return False
        elif known != wanted:
            return False
    return True


def _together(contents: list[str]) -> str:
    """Give one checksum of several."""
    if len(contents) == 1:
        return contents[0]
    return hashlib.sha256(" ".join(contents).encode()).hexdigest()


def _listed(masks: dict[str | None, str | None]) -> list[str]:
    """List the masks of a fit."""
    return [mask for mask in masks.values() if mask is not None]


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
