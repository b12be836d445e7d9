# SPDX-License-Identifier: Apache-2.0
"""Resampling from file to file, volume by volume."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.grids import Grid, same_grid
from nipype_mapsmasker.core.interpolation import Interpolation, check_overlap
from nipype_mapsmasker.core.resampling import BlockResampler, data_range
from nipype_mapsmasker.io.images.names import image_stem
from nipype_mapsmasker.io.images.reader import iter_blocks, read_info
from nipype_mapsmasker.io.images.writer import write_image
from nipype_mapsmasker.io.maps import open_maps

__all__ = ["resample_image"]


def resample_image(
    in_file: str | Path,
    target: Grid,
    folder: Path,
    *,
    interpolation: Interpolation | Literal["maps"] = "continuous",
    clip: bool = False,
    fill_value: float = 0.0,
    dtype: str = "float32",
) -> Path:
    """
    Resample an image onto a grid.

    Parameters
    ----------
    in_file : str or Path
        3D or 4D image.
    target : Grid
        The grid that is wanted.
    folder : Path
        Where the result is written.
    interpolation : {'continuous', 'linear', 'nearest', 'maps'}
        'maps' is 'nearest' for a label image, else 'linear' with non-finite weights as 0.
    clip : bool
        Clip to the input's range, widened to hold 0.
    fill_value : float
        Value outside the input's field of view.
    dtype : str
        Type that is written.

    Returns
    -------
    Path
        ``in_file`` itself where it is on the grid, else ``<name>_resampled.nii.gz``.

    Raises
    ------
    GridError
        Input and target do not overlap.
    """
    info = read_info(in_file)
    if same_grid(info.grid, target):
        return Path(in_file)
    check_overlap(info.grid, target, source_name=str(in_file), target_name="the target grid")
    blocks = iter_blocks(info)
    if interpolation == "maps":
        labels = open_maps(in_file).label_values is not None
        interpolation = "nearest" if labels else "linear"
        blocks = (_finite(block) for block in blocks)
    limits = data_range(iter_blocks(info)) if clip else None
    resample = BlockResampler(info.grid, target, interpolation, limits, fill_value)
    return write_image(
        folder / f"{image_stem(in_file)}_resampled.nii.gz",
        target,
        _one_by_one(blocks, resample),
        n_volumes=info.n_volumes,
        dtype=np.dtype(dtype),
        t_r=info.t_r,
        ndim=info.ndim,
    )


def _finite(block: NDArray[np.generic]) -> NDArray[np.float64]:
    """Set what is not finite to 0."""
    return np.nan_to_num(block.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)


def _one_by_one(
    blocks: Iterator[NDArray[np.generic]], resample: BlockResampler
) -> Iterator[NDArray[np.float64]]:
    """Resample single volumes, so that memory does not grow with the block."""
    for block in blocks:
        for start in range(block.shape[0]):
            yield resample(block[start : start + 1])
