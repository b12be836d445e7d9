# SPDX-License-Identifier: Apache-2.0
"""From one run's cleaned signals to its connectomes, in files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from nipype_mapsmasker.core.connectivity import (
    CORRELATIONS,
    Connectome,
    Measure,
    Shrinkage,
    connectivity,
)
from nipype_mapsmasker.core.group import mean_connectome
from nipype_mapsmasker.core.tangent import tangent_space
from nipype_mapsmasker.errors import SignalError
from nipype_mapsmasker.io.atomic import write_json
from nipype_mapsmasker.io.tables.relmat import write_relmat
from nipype_mapsmasker.io.tables.signals import read_signals

__all__ = ["MEASURE_WORDS", "Connectomes", "connect_group", "connect_run"]

MEASURE_WORDS: dict[str, str] = {
    "pearson": "Pearson correlation coefficient",
    "partial": "partial correlation coefficient",
    "precision": "inverse of the covariance",
    "covariance": "covariance, divided by the number of volumes",
}
"""What each measure is called in the JSON beside a matrix."""


@dataclass(frozen=True)
class Connectomes:
    """
    Name what was written.

    Parameters
    ----------
    files : dict of str to Path
        By measure; those that were refused are missing.
    refused : dict of str to str
        By measure, why.
    refused_file : Path or None
        The same as JSON; None where nothing was refused.
    """

    files: dict[str, Path]
    refused: dict[str, str]
    refused_file: Path | None = None


def connect_run(
    folder: Path,
    signals_file: str | Path,
    measures: Sequence[str],
    *,
    summary_file: str | Path | None = None,
    shrinkage: Shrinkage = "none",
    fisher_z: bool = False,
) -> Connectomes:
    """
    Write the connectomes of one run.

    Parameters
    ----------
    folder : Path
        Where to write ``<measure>_relmat.tsv`` and the JSON beside it.
    signals_file : path
        Cleaned signals.
    measures : sequence of str
        Which ones.
    summary_file : path, optional
        What cleaning wrote: degrees of freedom, and volumes that are interpolated.
    shrinkage : {'none', 'ledoit-wolf'}
        Whether covariances are shrunk.
    fisher_z : bool
        Whether matrices of correlations hold Fisher's z.

    Returns
    -------
    Connectomes
        The files, and the measures that the run's degrees of freedom do not carry.
    """
    signals, names = read_signals(signals_file)
    summary: dict[str, Any] = {}
    if summary_file is not None:
        summary = json.loads(Path(summary_file).read_text(encoding="utf-8"))
    if len(signals) == summary.get("n_volumes") and summary.get("censored"):
        # Volumes that were filled in are no observations.
        signals[summary["censored"]] = np.nan
    freedom = summary.get("degrees_of_freedom")
    files: dict[str, Path] = {}
    refused: dict[str, str] = {}
    for name in measures:
        measure = cast(Measure, name)
        try:
            found = connectivity(
                signals,
                measure,
                shrinkage=shrinkage,
                fisher_z=fisher_z and measure in CORRELATIONS,
                degrees_of_freedom=None if freedom is None else int(freedom),
            )
        except SignalError as error:
            refused[name] = str(error)
            continue
        files[name] = write_relmat(folder / f"{name}_relmat.tsv", found.matrix, names)
        write_json(folder / f"{name}_relmat.json", _sidecar(found, names))
    refused_file = write_json(folder / "refused.json", refused) if refused else None
    return Connectomes(files, refused, refused_file)


def _sidecar(found: Connectome, names: Sequence[str]) -> dict[str, Any]:
    """Describe a matrix."""
    is_correlation = found.measure in CORRELATIONS
    measure = MEASURE_WORDS[found.measure]
    return {
        "RelationshipMeasure": f"Fisher's z of the {measure}" if found.fisher_z else measure,
        "Weighted": True,
        "Directed": False,
        # Ones and missing values tell nothing; variances and their inverses do.
        "ValidDiagonal": not is_correlation,
        "StorageFormat": "Full",
        "NonNegative": False,
        "FisherZ": found.fisher_z,
        "Shrinkage": "none" if found.shrinkage is None else "Ledoit-Wolf",
        "ShrinkageWeight": found.shrinkage,
        "DegreesOfFreedom": found.degrees_of_freedom,
        "NumberOfVolumes": found.n_volumes,
        "RegionsWithoutSignal": [
            name for name, is_lost in zip(names, found.lost, strict=True) if is_lost
        ],
    }


def connect_group(
    folder: Path,
    signals_files: Sequence[str | Path],
    measure: str = "pearson",
    *,
    shrinkage: Shrinkage = "none",
    min_share: float = 0.5,
) -> tuple[Path, list[Path]]:
    """
    Write the mean connectome of several runs; of tangent space, its origin and each run's step.

    Parameters
    ----------
    folder : Path
        Where to write.
    signals_files : sequence of path
        Cleaned signals of the same regions, one table per run.
    measure : {'pearson', 'partial', 'precision', 'covariance', 'tangent'}
        What is measured.
    shrinkage : {'none', 'ledoit-wolf'}
        Whether covariances are shrunk.
    min_share : float
        An edge that a smaller share of runs has is n/a in the mean.

    Returns
    -------
    mean_file : Path
        The mean, or the geometric mean of covariances.
    step_files : list of Path
        For 'tangent', one matrix per run.

    Raises
    ------
    SignalError
        Regions differ, or a matrix cannot be made.
    """
    matrices, names = [], None
    kind = cast(Measure, "covariance" if measure == "tangent" else measure)
    for path in signals_files:
        signals, found = read_signals(path)
        if names is not None and found != names:
            msg = f"{path} has other regions than {signals_files[0]}; give runs of one atlas."
            raise SignalError(msg)
        names = found
        matrices.append(connectivity(signals, kind, shrinkage=shrinkage).matrix)
    if names is None:
        msg = "A group needs the signals of one run at least; got none."
        raise SignalError(msg)
    stack = np.array(matrices)
    if measure != "tangent":
        mean, _ = mean_connectome(stack, min_share)
        return write_relmat(folder / f"mean{measure}_relmat.tsv", mean, names), []
    # A region that one run lacks is missing for all: steps need the same regions.
    there = np.flatnonzero(np.isfinite(np.diagonal(stack, axis1=1, axis2=2)).all(axis=0))
    regions = [names[int(at)] for at in there]
    mean, steps, _ = tangent_space(stack[:, there][:, :, there])
    files = [
        write_relmat(folder / f"tangent_{number:05d}_relmat.tsv", step, regions)
        for number, step in enumerate(steps)
    ]
    return write_relmat(folder / "geometricmean_relmat.tsv", mean, regions), files
