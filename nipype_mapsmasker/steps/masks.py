# SPDX-License-Identifier: Apache-2.0
"""A fit for one run: as it was made, or within the run's own mask."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nipype_mapsmasker.core.fitting import MapsOperator
from nipype_mapsmasker.core.masking import mask_operator
from nipype_mapsmasker.errors import MapsError
from nipype_mapsmasker.io.fitted import load_operator
from nipype_mapsmasker.io.maps import mask_on_grid

__all__ = ["fitted_for"]


def fitted_for(
    operator_file: str | Path, mask_file: str | Path | None, threshold: float | None = None
) -> MapsOperator:
    """
    Read a fit, and restrict it to a mask.

    Parameters
    ----------
    operator_file : path
        The fit.
    mask_file : path or None
        The mask of a run; None leaves the fit as it is.
    threshold : float, optional
        Where to cut a mask of probabilities.

    Returns
    -------
    MapsOperator
        For the run.

    Raises
    ------
    ImageFileError
        A file cannot be read.
    MapsError
        The mask is none, or leaves nothing of the maps.
    """
    operator = load_operator(operator_file)
    if mask_file is None:
        return operator
    if operator.smoothing_fwhm is not None:  # of smoothed maps no copy is made, there are too many
        operator = load_operator(operator_file, own=True)
    inside = np.zeros(operator.grid.n_voxels, dtype=bool)
    inside[mask_on_grid(mask_file, operator.grid, threshold)] = True
    try:
        return mask_operator(operator, inside, in_place=operator.smoothing_fwhm is not None)
    except MapsError as error:
        msg = f"{mask_file}: {error}"
        raise MapsError(msg) from error
