# SPDX-License-Identifier: Apache-2.0
"""Parameters that the raw signals depend on: fitting the maps, and extracting with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Literal

from nipype_mapsmasker.core.parameters.declare import check_values, parameter
from nipype_mapsmasker.errors import ParameterError

__all__ = ["MAX_FWHM_MM", "ExtractionParameters", "FittingParameters"]

MAX_FWHM_MM = 1000.0
"""A wider Gaussian than any field of view; its kernel would only fill the memory."""


@dataclass(frozen=True, kw_only=True)
class FittingParameters:
    """Hold how maps are fitted to a grid; `parameters_of` tells what each field is."""

    allow_overlap: bool = parameter(
        True, "whether maps may share voxels; False refuses maps that do"
    )
    smoothing_fwhm: float | Sequence[float] | None = parameter(
        None,
        "full width at half maximum in mm of Gaussian smoothing, one width or one per axis; 0 and "
        "None mean none",
        unit="mm",
    )
    demean: bool = parameter(
        False,
        "whether maps and volumes lose their mean over the mask first, as stage 1 of a dual "
        "regression has it; without a mask, over the whole image",
    )
    resampling_target: Literal["data", "mask", "maps"] | None = parameter(
        "data", "whose grid everything is brought to; None wants all on one grid"
    )
    mask_threshold: float | None = parameter(
        None, "probability above which a voxel of the mask is inside; None wants a binary mask"
    )

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        check_values(self)
        fwhm = self.smoothing_fwhm
        widths = [fwhm] if isinstance(fwhm, int | float | str) else list(fwhm or [0.0])
        are_numbers = all(_is_width(width) for width in widths)
        if len(widths) not in (1, 3) or not are_numbers:
            msg = (
                "smoothing_fwhm must be one width in mm or three, none of them negative "
                f"or over {MAX_FWHM_MM:g}; "
                f"got {fwhm!r}. Use 0 or None for no smoothing."
            )
            raise ParameterError(msg)

    @property
    def fwhm(self) -> float | tuple[float, float, float] | None:
        """The smoothing as the interfaces take it; None for none."""
        if self.smoothing_fwhm is None:
            return None
        if isinstance(self.smoothing_fwhm, int | float):
            return float(self.smoothing_fwhm) or None
        widths = [float(width) for width in self.smoothing_fwhm]
        if len(widths) == 1:
            return widths[0] or None
        return (widths[0], widths[1], widths[2]) if any(widths) else None


def _is_width(value: object) -> bool:
    """Tell whether a value is a width in mm."""
    return isinstance(value, Real) and 0 <= float(value) <= MAX_FWHM_MM


@dataclass(frozen=True, kw_only=True)
class ExtractionParameters:
    """Hold how a run's signals are extracted; `parameters_of` tells what each field is."""

    keep_masked_maps: bool = parameter(
        True, "whether maps without weight in the mask stay as columns of zeros; False drops them"
    )
    min_coverage: float | None = parameter(
        None,
        "coverage below which a map's signal is n/a; None keeps every signal",
        low=0.0,
        high=1.0,
    )
    missing_voxels: Literal["zero", "exclude"] = parameter(
        "zero",
        "what voxels without data (zero, not finite or constant over the run; or in the volumes "
        "where they have none) count as: what is read there, or nothing at all",
    )
    interpolation: Literal["continuous", "linear", "nearest"] = parameter(
        "continuous",
        "how data are resampled, for the targets mask and maps: cubic spline, trilinear, or "
        "nearest voxel",
    )
    clip: bool = parameter(
        True, "whether cubic resampling is clipped to the run's range, as the reference does"
    )
