# SPDX-License-Identifier: Apache-2.0
"""Tables of coverage: how much of each map a fit, and a run, really has."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.fitting import MapsOperator
from nipype_mapsmasker.io.tables.rows import write_rows

__all__ = ["write_fit_coverage", "write_run_coverage"]


def write_fit_coverage(path: str | Path, operator: MapsOperator) -> Path:
    """
    Write what a fit knows about each map.

    Parameters
    ----------
    path : str or Path
        A ``.tsv``; a file that is there is replaced.
    operator : MapsOperator
        The fitted maps.

    Returns
    -------
    Path
        The file, with columns index, name, coverage, variance_inflation, n_voxels, x, y, z (mm)
        and merged_with, the names of the maps that this one is a combination of.
    """
    rows = [
        {
            "index": k,
            "name": name,
            "coverage": round(float(operator.coverage[k]), 6),
            "variance_inflation": float(f"{operator.variance_inflation[k]:.6g}"),
            "n_voxels": int(operator.n_voxels[k]),
            "x": round(float(operator.centres[k, 0]), 2),
            "y": round(float(operator.centres[k, 1]), 2),
            "z": round(float(operator.centres[k, 2]), 2),
            "merged_with": " ".join(
                operator.names[j]
                for j in np.flatnonzero(operator.merged[operator.merged[:, k]].any(axis=0))
                if j != k
            )
            or None,
        }
        for k, name in enumerate(operator.names)
    ]
    columns = [
        "index", "name", "coverage", "variance_inflation", "n_voxels", "x", "y", "z",
        "merged_with",
    ]  # fmt: skip
    return write_rows(path, rows, columns)


def write_run_coverage(
    path: str | Path,
    operator: MapsOperator,
    coverage_data: NDArray[np.float64],
    missing: NDArray[np.int64] | None = None,
) -> Path:
    """
    Write how much of each map one run has.

    Parameters
    ----------
    path : str or Path
        A ``.tsv``; a file that is there is replaced.
    operator : MapsOperator
        The fitted maps.
    coverage_data : (K,) ndarray of float
        Share of each fitted map's weight that had data in the run.
    missing : (T, K) ndarray of int, optional
        Voxels of each map that have data in the run, but not in a volume that has any.

    Returns
    -------
    Path
        The file, with columns Node (the map's name), index, coverage (the product), coverage_fit,
        coverage_data, variance_inflation, volumes_with_gaps (volumes in which voxels of the map
        have no data), largest_gap (the most such voxels), and the centre x, y, z (mm).
    """
    if missing is None or not len(missing):
        missing = np.zeros((1, operator.n_maps), dtype=np.int64)
    rows = [
        {
            "Node": name,
            "index": k,
            "coverage": round(float(operator.coverage[k] * coverage_data[k]), 6),
            "coverage_fit": round(float(operator.coverage[k]), 6),
            "coverage_data": round(float(coverage_data[k]), 6),
            "variance_inflation": float(f"{operator.variance_inflation[k]:.6g}"),
            "volumes_with_gaps": int((missing[:, k] > 0).sum()),
            "largest_gap": int(missing[:, k].max()),
            "x": round(float(operator.centres[k, 0]), 2),
            "y": round(float(operator.centres[k, 1]), 2),
            "z": round(float(operator.centres[k, 2]), 2),
        }
        for k, name in enumerate(operator.names)
    ]
    columns = [
        "Node", "index", "coverage", "coverage_fit", "coverage_data", "variance_inflation",
        "volumes_with_gaps", "largest_gap",
        "x", "y", "z",
    ]  # fmt: skip
    return write_rows(path, rows, columns)
