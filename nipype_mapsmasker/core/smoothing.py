# SPDX-License-Identifier: Apache-2.0
"""Gaussian smoothing as an operator: one matrix per voxel axis, SciPy's numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.grids import Grid, voxel_sizes
from nipype_mapsmasker.core.parameters.extraction import MAX_FWHM_MM
from nipype_mapsmasker.core.spatial import SeparableOperator
from nipype_mapsmasker.errors import ParameterError

__all__ = ["sigma_voxels", "smoothing_operator", "widths"]

FWHM_PER_SIGMA = float(np.sqrt(8 * np.log(2)))
"""Full width at half maximum of a Gaussian, in standard deviations."""

NARROWEST_SIGMA_VOXELS = 0.01
"""Gaussians narrower than this, in voxels, smooth nothing."""


def sigma_voxels(grid: Grid, fwhm: float | tuple[float, float, float]) -> NDArray[np.float64]:
    """
    Turn a full width at half maximum into standard deviations along the voxel axes.

    Parameters
    ----------
    grid : Grid
        The grid to smooth on.
    fwhm : float or three floats
        Millimetres; 0 leaves an axis alone.

    Returns
    -------
    (3,) ndarray of float
        Standard deviations in voxels.

    Raises
    ------
    ParameterError
        Negative, not finite, or neither one nor three values.
    """
    values = np.atleast_1d(np.asarray(fwhm, dtype=np.float64))
    are_widths = bool(((values >= 0) & (values <= MAX_FWHM_MM)).all())  # NaN is none
    if values.shape not in {(1,), (3,)} or not are_widths:
        msg = (
            "smoothing_fwhm must be one width in mm or three, none of them negative or over "
            f"{MAX_FWHM_MM:g}; got {fwhm!r}. Use 0 or None for no smoothing."
        )
        raise ParameterError(msg)
    return values / (FWHM_PER_SIGMA * voxel_sizes(grid))


def smoothing_operator(
    grid: Grid, fwhm: float | tuple[float, float, float]
) -> SeparableOperator | None:
    """
    Build Gaussian smoothing on a grid, along its own voxel axes.

    Parameters
    ----------
    grid : Grid
        The grid to smooth on.
    fwhm : float or three floats
        Full width at half maximum in mm.

    Returns
    -------
    SeparableOperator or None
        Equal to `scipy.ndimage.gaussian_filter1d` along each axis; None where nothing is smoothed.
    """
    sigma = sigma_voxels(grid, fwhm)
    # SciPy's kernel of so small a width is a single 1, and the square of it may be no number.
    sigma[sigma < NARROWEST_SIGMA_VOXELS] = 0.0
    if not sigma.any():
        return None
    from scipy import ndimage  # here: workers that extract can do without

    x, y, z = (
        ndimage.gaussian_filter1d(np.eye(size), s, axis=0) if s > 0 else np.eye(size)
        for size, s in zip(grid.shape, sigma, strict=True)
    )
    return SeparableOperator(x, y, z)


def widths(smoothing_fwhm: tuple[float, ...]) -> float | tuple[float, float, float]:
    """
    Give widths as `smoothing_operator` wants them.

    Parameters
    ----------
    smoothing_fwhm : tuple of float
        One width, or three.

    Returns
    -------
    float or tuple of float
        The one, or the three.
    """
    if len(smoothing_fwhm) == 1:
        return smoothing_fwhm[0]
    x, y, z = smoothing_fwhm
    return x, y, z
