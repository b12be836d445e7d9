# SPDX-License-Identifier: Apache-2.0
"""Which of the documented differences from nilearn apply to a run, by what its sidecar says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["causes_of"]


def causes_of(about: Mapping[str, Any], *, is_label_image: bool = False) -> tuple[str, ...]:
    """
    List the documented causes that can make a run's signals differ from nilearn's.

    Parameters
    ----------
    about : mapping
        The sidecar of the cleaned signals.
    is_label_image : bool
        Whether the maps are labels.

    Returns
    -------
    tuple of str
        One phrase each, with the number of its paragraph in docs/explanation/differences.md where
        it has one.
    """
    cleaning, masker, steps = about["parameters"], about["masker"], about["steps"]
    censored = bool(about.get("censored"))
    filtered = "butterworth" in steps
    applies = {
        "censored volumes are interpolated before the Butterworth filter (1)": censored
        and filtered,
        "trends are removed in time after censoring (9)": censored
        and not filtered
        and "detrend" in steps,
        "a signal without variation counts as zero by relative size (2)": any(
            "set to 0" in text or "are zero once" in text for text in about.get("warnings", ())
        ),
        "cosines are kept beside correlated confounds (3)": "cosine" in steps
        and "regress confounds" in steps,
        "per cent signal change is of each region's own mean (6)": cleaning["standardize"]
        == "psc",
        "volumes or voxels without data are left out (10)": bool(about.get("volumes_without_data"))
        or masker["missing_voxels"] != "zero",
        "coverage below min_coverage is n/a": masker["min_coverage"] is not None,
        "resampling other than nilearn's was asked for": masker["resampling_target"]
        in ("mask", "maps")
        and (masker["interpolation"] != "continuous" or not masker["clip"]),
        "labels are resampled by nearest voxel": is_label_image,
        "signals were written in float32": masker["dtype"] in ("auto", "float32"),
    }
    return tuple(cause for cause, does in applies.items() if does)
