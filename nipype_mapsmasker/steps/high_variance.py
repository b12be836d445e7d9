# SPDX-License-Identifier: Apache-2.0
"""One run's high-variance confounds, from its image to a table."""

from __future__ import annotations

from pathlib import Path

from nipype_mapsmasker.core.confounds import high_variance_confounds
from nipype_mapsmasker.io.images.reader import iter_blocks, read_info
from nipype_mapsmasker.io.maps import mask_on_grid
from nipype_mapsmasker.io.tables.signals import write_signals
from nipype_mapsmasker.steps.extract import check_run, read_mean_squares

__all__ = ["find_high_variance"]


def find_high_variance(
    out_file: Path,
    *,
    in_file: str,
    n_confounds: int,
    percentile: float,
    detrend: bool = True,
    mask_file: str | None = None,
    mean_squares_file: str | None = None,
) -> Path:
    """
    Find the time courses that dominate the voxels of highest variance.

    Parameters
    ----------
    out_file : Path
        The table to write, one column per confound.
    in_file : str
        4D image.
    n_confounds : int
        Number of confounds.
    percentile : float
        Share of the voxels, those of highest variance, to use, percent.
    detrend : bool
        Whether voxels are linearly detrended before.
    mask_file : str, optional
        Mask of the voxels to look at.
    mean_squares_file : str, optional
        Mean squares of an extraction, which spare one of two readings; not used without detrend.

    Returns
    -------
    Path
        The table.

    Raises
    ------
    ImageFileError, SignalError, ParameterError
        The image or the mask cannot be used.
    """
    info = read_info(in_file)
    check_run(info, 2)
    voxels = None if mask_file is None else mask_on_grid(mask_file, info.grid)
    squares = None
    if mean_squares_file is not None and detrend:
        squares = read_mean_squares(mean_squares_file)
    confounds = high_variance_confounds(
        lambda: iter_blocks(info),
        info.n_volumes,
        n_confounds=n_confounds,
        percentile=percentile,
        detrend=detrend,
        voxels=voxels,
        squares=squares,
    )
    names = [f"high_variance_{k:02d}" for k in range(confounds.shape[1])]
    return write_signals(out_file, confounds, names)
