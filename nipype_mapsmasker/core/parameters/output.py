# SPDX-License-Identifier: Apache-2.0
"""Parameters of what is written: confounds found in the data, files, pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from nipype_mapsmasker.core.parameters.declare import parameter

__all__ = ["HighVarianceParameters", "OutputParameters", "PageParameters"]


@dataclass(frozen=True, kw_only=True)
class HighVarianceParameters:
    """Hold how high-variance confounds are found; `parameters_of` tells what each field is."""

    high_variance_confounds: bool = parameter(
        False, "whether to find high-variance confounds and regress them out"
    )
    n_confounds: int = parameter(5, "number of high-variance confounds", low=1)
    percentile: float = parameter(
        2.0,
        "share of the voxels, those of highest variance, that they come from, percent",
        unit="percent",
        low=0.0,
        high=100.0,
    )


@dataclass(frozen=True, kw_only=True)
class OutputParameters:
    """Hold what is written of the signals; `parameters_of` tells what each field is."""

    dtype: Literal["auto", "float32", "float64"] | None = parameter(
        None,
        "floating-point type of what is written; 'auto' is float32, None float64 but for images",
        because="an integer type would cut the signals' decimals off",
    )
    output_format: Literal["tsv", "npy", "parquet"] = parameter(
        "tsv", "format of the signals' files; parquet needs pyarrow, npy has no names"
    )
    output_type: Literal["censored", "interpolated", "nan"] = parameter(
        "censored",
        "what becomes of censored volumes in the cleaned signals: they are left out, filled by a "
        "spline through the others, or n/a",
    )
    inverse_transform: bool = parameter(
        False, "whether to rebuild images from the cleaned signals too"
    )
    compress: Literal["gzip", "zstd"] = parameter(
        "gzip",
        "compression of rebuilt images: gzip (.nii.gz), which every program reads, or zstd "
        "(.nii.zst), which is read in less than half of its time and needs zstandard",
    )


@dataclass(frozen=True, kw_only=True)
class PageParameters:
    """Hold how the pages look; `parameters_of` tells what each field is."""

    reports: bool = parameter(True, "whether to make pages")
    displayed_maps: int | Sequence[int] | Literal["all"] = parameter(
        "all", "maps on the pages: the first so many, these (numbers from 0), or all"
    )
    cmap: str = parameter("gray", "colours of the background image on the pages")
