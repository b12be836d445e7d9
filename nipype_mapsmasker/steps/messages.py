# SPDX-License-Identifier: Apache-2.0
"""What an extraction has to tell its user, one sentence each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.extraction import Extraction, MissingVoxels
from nipype_mapsmasker.core.fitting import MapsOperator

__all__ = ["extraction_warnings", "listed", "numbered"]

LOW_COVERAGE = 0.5
"""Median share of the maps' weight below which maps and data hardly overlap: worth a warning."""


def extraction_warnings(
    name: str, operator: MapsOperator, extraction: Extraction, missing_voxels: MissingVoxels
) -> list[str]:
    """
    Tell of maps that cannot be told apart, and of data that are not there.

    Parameters
    ----------
    name : str
        The run's file.
    operator : MapsOperator
        The fitted maps.
    extraction : Extraction
        What was extracted.
    missing_voxels : {'zero', 'exclude'}
        How.

    Returns
    -------
    list of str
        One sentence each.
    """
    warnings = []
    shares = operator.coverage * extraction.coverage_data
    if float(np.median(shares)) < LOW_COVERAGE:
        warnings.append(
            f"Maps and data hardly overlap in {name}: half of the maps have less than "
            f"{np.median(shares):.0%} of their weight inside mask and data."
        )
    return [*warnings, *_merged(operator), *_gaps(operator, extraction, missing_voxels)]


def _merged(operator: MapsOperator) -> list[str]:
    """Tell which maps are combinations of each other."""
    return [
        f"The maps {listed(names)} are linear combinations of each other, to the rounding of "
        "their file: their signals cannot be told apart and are those of minimum norm."
        for group in operator.merged
        if (names := [name for name, inside in zip(operator.names, group, strict=True) if inside])
    ]


def _gaps(
    operator: MapsOperator, extraction: Extraction, missing_voxels: MissingVoxels
) -> list[str]:
    """Tell which volumes have no data under the maps, and which have gaps."""
    warnings, exclude = [], missing_voxels == "exclude"
    n_volumes = extraction.empty.size
    empty = np.flatnonzero(extraction.empty)
    if empty.size:
        warnings.append(
            f"{empty.size} of {n_volumes} volumes have no data under the maps (numbers from 0: "
            f"{numbered(empty)}); they are censored, and their raw signals are "
            f"{'n/a' if exclude else '0'}."
        )
    missing = np.where(extraction.empty[:, None], 0, extraction.missing)
    gaps = np.flatnonzero(missing.any(axis=1))
    if gaps.size:
        volume, worst = np.unravel_index(int(missing.argmax()), missing.shape)
        told = (
            "they were left out there"
            if exclude
            else "they count as 0 there, and missing_voxels='exclude' would leave them out"
        )
        warnings.append(
            f"In {gaps.size} of {n_volumes} volumes (numbers from 0: {numbered(gaps)}) some "
            f"voxels of {int(missing.any(axis=0).sum())} maps have no data, at most "
            f"{missing[volume, worst]} of {operator.n_voxels[worst]} of the map "
            f"{operator.names[worst]!r} in volume {volume}; {told}."
        )
    return warnings


def listed(names: Sequence[str], most: int = 5) -> str:
    """
    Quote the first few of some names.

    Parameters
    ----------
    names : sequence of str
        All of them.
    most : int
        How many to show.

    Returns
    -------
    str
        For a message.
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(repr(name) for name in names[:most]) + more


def numbered(numbers: NDArray[np.integer], most: int = 20) -> str:
    """
    Write rising numbers, those in a row as a range.

    Parameters
    ----------
    numbers : (n,) ndarray of int
        The numbers.
    most : int
        How many ranges to show.

    Returns
    -------
    str
        For a message.

    Examples
    --------
    >>> numbered(np.array([17, 34, 35, 36]))
    '17, 34-36'
    """
    runs = np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1)
    parts = [f"{run[0]}-{run[-1]}" if run.size > 1 else f"{run[0]}" for run in runs[:most]]
    return ", ".join(parts) + (", ..." if len(runs) > most else "")
