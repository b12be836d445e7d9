# SPDX-License-Identifier: Apache-2.0
"""
From the files of a result folder to what its runs say together.

One pass over the results writes tidy tables, a row group per result, so that memory holds one run
at a time; then each strategy's subjects are compared, which needs one matrix per subject.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.connectivity import (
    MEASURES,
    Measure,
    Shrinkage,
    connectivity,
)
from nipype_mapsmasker.core.group import (
    edges_of,
    mean_connectome,
    modularity,
    motion_edges,
    region_distances,
    standardize_runs,
)
from nipype_mapsmasker.core.tangent import tangent_space
from nipype_mapsmasker.errors import DataFault, ParameterError, SignalError
from nipype_mapsmasker.io.atomic import write_json
from nipype_mapsmasker.io.results.found import FoundResult, find_results, region_centres
from nipype_mapsmasker.io.tables.relmat import read_relmat, write_relmat
from nipype_mapsmasker.io.tables.rows import write_rows
from nipype_mapsmasker.io.tables.tidy import TidyWriter

__all__ = ["QCFC_COLUMNS", "GroupOptions", "StrategyGroup", "group_results"]

QCFC_COLUMNS = {
    "atlas": "Name of the atlas.",
    "strategy": "Name of the strategy; n/a for one without a name.",
    "subjects": "Subjects with a matrix.",
    "runs": "Runs that went into them.",
    "edges": "Edges that enough subjects have.",
    "qcfc_median_absolute": "Median over edges of the absolute correlation of connectivity with "
    "mean framewise displacement, over subjects.",
    "qcfc_share_significant": "Share of edges bound to motion (p < 0.05, uncorrected).",
    "qcfc_share_significant_fdr": "The same with the false discovery rate held at 0.05.",
    "qcfc_distance": "Rank correlation of that correlation with the distance between regions.",
    "degrees_of_freedom": "Mean over runs of the degrees of freedom that are left.",
    "degrees_of_freedom_lost": "Mean over runs of the share of volumes that was spent.",
    "volumes_kept": "Mean over runs of the share of volumes that was kept.",
    "modularity": "Mean over subjects of the modularity of positive correlations.",
}
"""Columns of the table that compares strategies, and what each holds."""


@dataclass(frozen=True, kw_only=True)
class GroupOptions:
    """
    Say how results are put together.

    Parameters
    ----------
    combine_runs : bool
        Make a subject's matrix from the signals of all runs, each standardised first; otherwise
        matrices of runs are averaged.
    min_share : float
        An edge that a smaller share of subjects has is left out of the mean.
    shrinkage : {'none', 'ledoit-wolf'}
        How covariances are estimated.
    """

    combine_runs: bool = False
    min_share: float = 0.5
    shrinkage: Shrinkage = "none"


@dataclass
class StrategyGroup:
    """
    Hold what one strategy's subjects say, for one atlas.

    Parameters
    ----------
    atlas, strategy : str
        Which ones.
    results : list of FoundResult
        Runs.
    row : dict
        The row of the table of strategies.
    distances, correlation : (E,) ndarray of float or None
        Distance between regions (mm) and QC-FC of each edge.
    warnings : list of str
        What could not be done.
    """

    atlas: str
    strategy: str
    results: list[FoundResult] = field(default_factory=list)
    row: dict[str, Any] = field(default_factory=dict)
    distances: NDArray[np.float64] | None = None
    correlation: NDArray[np.float64] | None = None
    warnings: list[str] = field(default_factory=list)


def group_results(
    out_dir: str | Path, options: GroupOptions | None = None
) -> tuple[list[StrategyGroup], list[Path]]:
    """
    Write the tables and matrices of a cohort.

    Parameters
    ----------
    out_dir : str or Path
        The result folder; nothing outside is read.
    options : GroupOptions, optional
        How.

    Returns
    -------
    groups : list of StrategyGroup
        One per atlas and strategy.
    files : list of Path
        What was written: ``group_timeseries.parquet``, ``group_relmat.parquet``,
        ``group_qcfc.tsv`` and its JSON, and below ``group/`` the mean and tangent matrices.

    Raises
    ------
    ParameterError
        The folder holds no results, or an option cannot be meant.
    """
    options = options or GroupOptions()
    if not 0 <= options.min_share <= 1:
        msg = f"min_share is a share of subjects from 0 to 1; got {options.min_share!r}."
        raise ParameterError(msg)
    folder = Path(out_dir)
    groups: dict[tuple[str, str], StrategyGroup] = {}
    files = [folder / "group_timeseries.parquet", folder / "group_relmat.parquet"]
    with TidyWriter(files[0], "timeseries") as series, TidyWriter(files[1], "relmat") as matrices:
        for found in find_results(folder):
            place = (found.atlas, found.strategy)
            group = groups.setdefault(place, StrategyGroup(*place))
            group.results.append(found)
            _write_tidy(found, series, matrices)
        if not groups:
            msg = f"{folder} holds no run that is done; see its runs.tsv."
            raise ParameterError(msg)
        for group in groups.values():
            files += _compare(folder, group, options, matrices)
    rows = [group.row for group in groups.values()]
    files.append(write_rows(folder / "group_qcfc.tsv", rows, list(QCFC_COLUMNS)))
    said: dict[str, Any] = {name: {"Description": text} for name, text in QCFC_COLUMNS.items()}
    said["Options"] = asdict(options)
    files.append(write_json(folder / "group_qcfc.json", said))
    return list(groups.values()), files


def _write_tidy(found: FoundResult, series: TidyWriter, matrices: TidyWriter) -> None:
    """Add the rows of one result."""
    names = [str(name) for name in found.about["names"]]
    labels = _labels(found)
    series.add_signals(labels, found.signals(), found.volumes(), names)
    for measure in MEASURES:
        path = found.relmat_file(measure)
        if path.is_file():
            matrix, regions = read_relmat(path)
            matrices.add_matrix(labels | {"measure": measure}, matrix, regions)


def _labels(found: FoundResult) -> dict[str, str | None]:
    """Say what a row belongs to."""
    return {
        "run_id": found.run_id,
        "subject": found.subject,
        "session": found.entity("ses"),
        "run": found.entity("run"),
        "atlas": found.atlas,
        "strategy": found.strategy or None,
    }


def _compare(
    folder: Path, group: StrategyGroup, options: GroupOptions, tidy: TidyWriter
) -> list[Path]:
    """Compare the subjects of one strategy; write its matrices, and fill in its row."""
    names = [str(name) for name in group.results[0].about["names"]]
    subjects: dict[str, list[FoundResult]] = {}
    for found in group.results:
        if [str(name) for name in found.about["names"]] == names:
            subjects.setdefault(found.subject, []).append(found)
        else:
            group.warnings.append(f"{found.run_id} has other regions than the runs before it.")
    matrices, covariances, motion, kept = [], [], [], []
    for subject, runs in subjects.items():
        try:
            matrices.append(_matrix(runs, "pearson", options))
            covariances.append(_matrix(runs, "covariance", options))
        except DataFault as error:
            matrices = matrices[: len(covariances)]
            group.warnings.append(f"{subject}: {error}")
            continue
        motion.append(float(np.mean([run.displacement for run in runs])))
        kept.append(subject)
    group.row = _row(group, kept, subjects)
    if not matrices:
        return []
    stack = np.array(matrices)
    files = _write_matrices(folder, group, names, stack, options)
    files += _write_tangents(folder, group, names, kept, np.array(covariances), tidy)
    edges = np.arctanh(np.clip(edges_of(stack), -1 + 1e-12, 1 - 1e-12))
    share = np.isfinite(edges).mean(axis=0)
    edges[:, share < options.min_share] = np.nan
    centres = region_centres(group.results[0])
    group.distances = None if centres is None else region_distances(centres)
    found_edges = motion_edges(edges, np.array(motion), group.distances)
    group.correlation = found_edges.correlation
    group.row |= {
        "edges": int(np.isfinite(found_edges.correlation).sum()),
        "qcfc_median_absolute": found_edges.median_absolute,
        "qcfc_share_significant": found_edges.share_significant,
        "qcfc_share_significant_fdr": found_edges.share_significant_fdr,
        "qcfc_distance": found_edges.distance_dependence,
        "modularity": _mean([modularity(matrix)[0] for matrix in matrices]),
    }
    return files


def _matrix(
    runs: Sequence[FoundResult], measure: Measure, options: GroupOptions
) -> NDArray[np.float64]:
    """Give one subject's matrix."""
    signals = [run.signals() for run in runs]
    if options.combine_runs or len(runs) == 1:
        # A single run keeps its own units; several have to be brought to common ones.
        joined = signals[0] if len(runs) == 1 else standardize_runs(signals)
        freedom = [_freedom(run) for run in runs]
        known = None if None in freedom else sum(cast(list[int], freedom))
        return connectivity(
            joined, measure, shrinkage=options.shrinkage, degrees_of_freedom=known
        ).matrix
    each = [connectivity(one, measure, shrinkage=options.shrinkage).matrix for one in signals]
    if measure != "pearson":
        return np.asarray(np.mean(each, axis=0))
    # Correlations are averaged as Fisher's z.
    mean = np.tanh(np.mean([np.arctanh(np.clip(one, -1 + 1e-12, 1 - 1e-12)) for one in each], 0))
    mean[np.diag_indices(len(mean))] = np.where(np.isnan(np.diag(mean)), np.nan, 1.0)
    return np.asarray(mean)


def _mean(values: Sequence[float]) -> float | None:
    """Average what is known."""
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else None


def _freedom(run: FoundResult) -> int | None:
    """Give the degrees of freedom that cleaning left."""
    value = run.about.get("degrees_of_freedom")
    return None if value is None else int(value)


def _row(
    group: StrategyGroup, kept: Sequence[str], subjects: dict[str, list[FoundResult]]
) -> dict[str, Any]:
    """Begin the row of a strategy with what its runs lost."""
    runs = [run for subject in kept for run in subjects[subject]]
    volumes = np.array([float(run.about["n_volumes"]) for run in runs])
    freedom = np.array([float(run.about.get("degrees_of_freedom") or np.nan) for run in runs])
    left = np.array([float(run.about["n_kept"]) for run in runs])
    known = freedom[np.isfinite(freedom)]
    return {
        "atlas": group.atlas,
        "strategy": group.strategy or None,
        "subjects": len(kept),
        "runs": len(runs),
        "degrees_of_freedom": float(known.mean()) if known.size else None,
        "degrees_of_freedom_lost": float((1 - freedom / volumes)[np.isfinite(freedom)].mean())
        if known.size
        else None,
        "volumes_kept": float((left / volumes).mean()) if runs else None,
    }


def _name(group: StrategyGroup, stat: str, suffix: str = "tsv") -> str:
    """Name a matrix of a group."""
    desc = f"_desc-{group.strategy}" if group.strategy else ""
    return f"atlas-{group.atlas.replace(':', '_scale-')}_stat-{stat}{desc}_relmat.{suffix}"


def _write_matrices(
    folder: Path,
    group: StrategyGroup,
    names: Sequence[str],
    stack: NDArray[np.float64],
    options: GroupOptions,
) -> list[Path]:
    """Write the mean matrix, and the share of subjects who have each edge."""
    (folder / "group").mkdir(exist_ok=True)
    mean, share = mean_connectome(stack, options.min_share)
    words = {"NumberOfSubjects": len(stack), "MinimumShareOfSubjects": options.min_share}
    files = []
    for stat, matrix, text in (
        ("meanpearson", mean, "mean of Pearson correlation coefficients over subjects"),
        ("subjectshare", share, "share of subjects who have the edge"),
    ):
        files.append(write_relmat(folder / "group" / _name(group, stat), matrix, names))
        files.append(write_json(folder / "group" / _name(group, stat, "json"), _said(text, words)))
    return files


def _write_tangents(
    folder: Path,
    group: StrategyGroup,
    names: Sequence[str],
    subjects: Sequence[str],
    covariances: NDArray[np.float64],
    tidy: TidyWriter,
) -> list[Path]:
    """Write the geometric mean, and each subject's step from it, of regions that all have."""
    # A region that one subject lacks is missing for all: a step needs the same regions.
    variances = np.diagonal(covariances, axis1=1, axis2=2)
    there = np.flatnonzero(np.isfinite(variances).all(axis=0))
    regions = [names[int(at)] for at in there]
    try:
        if not regions:
            msg = "no region has signals in every subject."
            raise SignalError(msg)
        shared = covariances[:, there][:, :, there]
        mean, tangents, warnings = tangent_space(shared)
    except SignalError as error:
        group.warnings.append(f"Tangent space: {error}")
        return []
    group.warnings += warnings
    for subject, tangent in zip(subjects, tangents, strict=True):
        labels = {"subject": subject, "atlas": group.atlas, "strategy": group.strategy or None}
        tidy.add_matrix({**labels, "measure": "tangent"}, tangent, regions)
    path = folder / "group" / _name(group, "geometricmean")
    text = "geometric mean of covariances over subjects, the origin of tangent space"
    said = _said(text, {"NumberOfSubjects": len(tangents)})
    return [
        write_relmat(path, mean, regions),
        write_json(path.with_suffix(".json"), said),
    ]


def _said(text: str, words: dict[str, Any]) -> dict[str, Any]:
    """Describe a matrix of a group."""
    return {
        "RelationshipMeasure": text,
        "Weighted": True,
        "Directed": False,
        "StorageFormat": "Full",
        **words,
    }
