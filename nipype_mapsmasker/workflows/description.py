# SPDX-License-Identifier: Apache-2.0
"""The sentences on a workflow that a methods section needs, as pipelines collect them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import nipype_mapsmasker

if TYPE_CHECKING:
    from nipype_mapsmasker.workflows.arguments import WorkflowArguments

__all__ = ["describe"]

_GRIDS = {
    "data": " Maps were resampled to the grid of the data where the grids differed.",
    "maps": " Data were resampled to the grid of the maps where the grids differed.",
    "mask": " Data and maps were resampled to the grid of the mask where the grids differed.",
}

_SCALES = {
    "zscore": "scaled to zero mean and unit variance",
    "zscore_sample": "scaled to zero mean and unit sample variance",
    "psc": "expressed as per cent change from their mean",
}


def describe(given: WorkflowArguments) -> str:
    """
    Describe what a workflow does.

    Parameters
    ----------
    given : WorkflowArguments
        The builder's arguments.

    Returns
    -------
    str
        Sentences with references, which the builders keep as the workflow's ``__desc__``.
    """
    atlases = ", ".join(given.atlases)
    text = (
        f"Region time series of the atlas {atlases} were extracted with nipype_mapsmasker "
        f"{nipype_mapsmasker.__version__} (after nilearn's maps masker, Abraham et al. 2014, "
        "doi:10.3389/fninf.2014.00014) as the coefficients of a multiple linear regression of "
        "each volume on all maps (Nickerson et al. 2017, doi:10.3389/fnins.2017.00115)."
    )
    if given.fwhm:
        widths = given.fwhm if isinstance(given.fwhm, tuple) else (given.fwhm,)
        shown = " x ".join(f"{width:g}" for width in widths)
        text += f" Images were smoothed with a Gaussian kernel of {shown} mm FWHM."
    text += _GRIDS.get(given.resampling_target or "", "")
    for name, values in given.cleanings().items():
        text += _cleaning(name, values)
    if given.high_variance_confounds:
        text += (
            f" The {given.n_confounds} main components of the {given.percentile:g} % of voxels "
            "with the highest variance were among the confounds (Behzadi et al. 2007, "
            "doi:10.1016/j.neuroimage.2007.04.042)."
        )
    return text + "\n"


def _cleaning(name: str, values: Mapping[str, Any]) -> str:
    """Describe one strategy, in the order of its steps."""
    steps = ["detrended"] if values["detrend"] else []
    low, high = values["low_pass"], values["high_pass"]
    if values["filter"] == "cosine" and high:
        steps.append(f"freed of drifts below {high:g} Hz by discrete cosines")
    elif values["filter"] == "butterworth" and (low or high):
        ends = [f"{word} {hz:g} Hz" for word, hz in (("above", high), ("below", low)) if hz]
        order = values["butterworth_order"]
        steps.append(f"filtered to {' and '.join(ends)} (Butterworth, order {order})")
    steps.append("freed of confounds by regression where a run had any")
    scale = "zscore_sample" if values["standardize"] is True else values["standardize"]
    if scale in _SCALES:
        steps.append(_SCALES[scale])
    which = f" (strategy {name})" if name else ""
    return (
        f" Signals{which} were {', '.join(steps)}, in an order that does not bring artefacts back "
        "(Lindquist et al. 2019, doi:10.1002/hbm.24528)."
    )
