# SPDX-License-Identifier: Apache-2.0
"""One mask for a cohort: the voxels that lie in at least half of the runs' own masks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.grids import Grid, same_grid
from nipype_mapsmasker.errors import DataFault, GridError, MapsError, ParameterError
from nipype_mapsmasker.io.images.writer import write_image
from nipype_mapsmasker.io.maps import read_mask

__all__ = ["write_cohort_mask", "write_union"]

MIN_SHARE = 0.5
"""Share of the runs' masks that a voxel of the cohort's mask lies in, at least."""


def write_cohort_mask(mask_files: Sequence[str | Path], out_file: str | Path) -> Path:
    """
    Write the mask of a cohort.

    Parameters
    ----------
    mask_files : sequence of path
        The runs' masks, all on one grid.
    out_file : path
        The mask, .nii.gz; a file that holds the same already is left untouched.

    Returns
    -------
    Path
        ``out_file``.

    Raises
    ------
    GridError
        Two masks are on different grids.
    MapsError
        No voxel lies in half of the masks, or there is no mask.
    """
    if not mask_files:
        msg = "No run has a brain mask of its own; choose another --mask-from."
        raise MapsError(msg)
    first, inside = read_mask(mask_files[0])
    counts = inside.astype(np.int64)
    for path in mask_files[1:]:
        grid, inside = read_mask(path)
        if not same_grid(grid, first):
            msg = (
                f"{path} ({grid.shape}) and {mask_files[0]} ({first.shape}) are masks on "
                "different grids, and a mask of the cohort needs one; choose images of one space "
                "and resolution, or another --mask-from."
            )
            raise GridError(msg)
        counts += inside
    common = counts >= MIN_SHARE * len(mask_files)
    if not common.any():
        msg = f"No voxel lies in half of the {len(mask_files)} masks; look at {mask_files[0]}."
        raise MapsError(msg)
    return _write(Path(out_file), first, common)


def write_union(
    out_file: Path, mask_files: Sequence[str], threshold: float | None = None
) -> str | None:
    """
    Write the voxels that lie in any of some masks.

    Parameters
    ----------
    out_file : Path
        The mask, .nii.gz; a file that holds the same already is left untouched.
    mask_files : sequence of str
        Masks on one grid; one that cannot be used is left to the run that has it.
    threshold : float, optional
        Where to cut masks of probabilities.

    Returns
    -------
    str or None
        ``out_file``; None where no mask can be used.
    """
    together: tuple[Grid, NDArray[np.bool_]] | None = None
    for path in mask_files:
        try:
            grid, inside = read_mask(path, threshold)
        except (DataFault, ParameterError):
            continue
        if together is None:
            together = grid, inside
        else:
            np.logical_or(together[1], inside, out=together[1])
    return None if together is None else str(_write(out_file, *together))


def _write(out_file: Path, first: Grid, common: NDArray[np.bool_]) -> Path:
    """Write a mask, unless it is there."""
    if out_file.is_file():
        grid, earlier = read_mask(out_file)
        if same_grid(grid, first) and np.array_equal(earlier, common):
            return out_file
    out_file.parent.mkdir(parents=True, exist_ok=True)
    values = common[np.newaxis].astype(np.uint8)
    return write_image(out_file, first, [values], n_volumes=1, dtype=np.uint8, ndim=3)
