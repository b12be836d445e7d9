# SPDX-License-Identifier: Apache-2.0
"""The cases of the main table: what runs, and what is hoped for."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CASES", "Case"]


@dataclass(frozen=True)
class Case:
    """
    Describe one comparison with nilearn.

    ``kind`` is the function of jobs.py; ``faster`` how many times as fast as nilearn we want to
    be, ``of_inflating`` how many times the time of inflating alone, with two cores, we want to
    stay below, ``peak_mb`` the memory that we want to stay below.
    """

    name: str
    title: str
    kind: str = "extract"
    dtype: str = "int16"
    n_volumes: int = 200
    n_maps: tuple[int, ...] = (39,)
    mask: bool = True
    smoothing_fwhm: float | None = None
    high_variance: bool = False
    maps_mm: float | None = None
    n_runs: int = 1
    own_masks: bool = False
    """Whether every run has a mask of its own."""
    zeros: bool = True
    """Whether there are slices without data, and zeros among the noise around the head."""
    masked: bool = False
    """Whether all outside the brain is zero: files of a quarter of the size."""
    zstd: bool = False
    """Whether the files are compressed by Zstandard in place of gzip."""
    faster: float | None = None
    of_inflating: float | None = None
    peak_mb: float | None = None
    fit_title: str | None = None
    """Where fitting, of the same processes, has a line of its own."""
    fit_faster: float | None = None
    against: bool = True
    """Whether nilearn runs too."""
    slow: bool = False
    """Whether nilearn takes minutes, so that fewer pairs are run by default."""


CASES = (
    Case("plain", "int16, plain", faster=4, of_inflating=1.6),
    Case("float32", "float32, plain", dtype="float32", faster=2.5, of_inflating=1.4),
    Case("no-mask", "int16, no mask", mask=False, faster=12),
    Case("smoothing", "int16, smoothing 6 mm", smoothing_fwhm=6.0, faster=10),
    Case("high-variance", "int16, high-variance confounds", high_variance=True, faster=7),
    Case("maps-3mm", "int16, target 'maps' at 3 mm, cubic, clipped", maps_mm=3.0, faster=8),
    Case(
        "maps-1024",
        "int16, 1,024 maps",
        n_maps=(1024,),
        faster=30,
        peak_mb=1500,
        fit_title="fitting 1,024 maps",
        fit_faster=10,
        slow=True,
    ),
    Case(
        "inverse",
        "inverse transform, 100 volumes",
        "inverse",
        n_volumes=100,
        faster=8,
        peak_mb=400,
    ),
    Case("two-atlases", "int16, 39 and 128 maps in one reading", n_maps=(39, 128), against=False),
)
"""Every line of the table that compares one call with another."""
