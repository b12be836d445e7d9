# SPDX-License-Identifier: Apache-2.0
"""From a run's confounds table to the regressors and volumes of one strategy, in files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import repeat
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.denoise.columns import Selection, select_columns
from nipype_mapsmasker.core.denoise.limits import Limits, check_limits
from nipype_mapsmasker.core.denoise.vocabulary import ConfoundStrategy
from nipype_mapsmasker.core.denoise.volumes import Censoring, Volumes, choose_volumes
from nipype_mapsmasker.core.regression import confound_basis, scale_confounds
from nipype_mapsmasker.errors import TableError
from nipype_mapsmasker.io.atomic import write_json
from nipype_mapsmasker.io.tables.confounds import read_confounds
from nipype_mapsmasker.io.tables.fmriprep import (
    ConfoundsTables,
    read_confounds_tables,
    read_tedana,
    split_tedana,
)
from nipype_mapsmasker.io.tables.numbers import format_rows
from nipype_mapsmasker.io.tables.rows import write_rows
from nipype_mapsmasker.io.tables.samples import read_sample_mask
from nipype_mapsmasker.io.tables.signals import read_signals, write_signals
from nipype_mapsmasker.io.tables.text import read_table

__all__ = ["SelectedFiles", "SelectionInputs", "select_run"]

DISPLACEMENT, DVARS = "framewise_displacement", "std_dvars"
"""Columns that thresholds are held against."""

AROMA_IMAGE = "desc-smoothAROMAnonaggr"
"""Part of the name of an image that ICA-AROMA has denoised."""


@dataclass(frozen=True, kw_only=True)
class SelectionInputs:
    """
    Name the files that belong to one selection.

    Parameters
    ----------
    run_id : str
        The run.
    confounds_files : str, sequence of str or None
        Tables of confounds, each with a .json of the same name beside it if it has metadata.
    signals_file : str or None
        Raw signals of the run, for its number of volumes and volumes without data.
    fit_quality_file : str or None
        Table of the extraction, one row per volume, which tells the same faster.
    sample_mask_file : str or None
        Volumes that the user keeps.
    tedana_files : tuple of two str or None
        tedana's mixing and metrics tables.
    image : str
        Name of the run's image, which ICA-AROMA's full strategy asks for.
    t_r : float or None
        Repetition time in seconds.
    """

    run_id: str = ""
    confounds_files: str | Sequence[str] | None = None
    signals_file: str | None = None
    fit_quality_file: str | None = None
    sample_mask_file: str | None = None
    tedana_files: tuple[str, str] | None = None
    image: str = ""
    t_r: float | None = None


@dataclass(frozen=True)
class SelectedFiles:
    """
    Name what a selection wrote.

    Parameters
    ----------
    confounds_file : Path or None
        Table of regressors; None where the strategy has none.
    outliers_file : Path
        Table with one row per volume: kept or not, and why. It is a sample mask, too.
    summary_file : Path
        JSON with everything that was chosen.
    """

    confounds_file: Path | None
    outliers_file: Path
    summary_file: Path


@dataclass
class _Run:
    """What was read of a run."""

    confounds: ConfoundsTables
    n_volumes: int = 0
    no_data: NDArray[np.bool_] | None = None


def select_run(
    folder: Path,
    files: SelectionInputs,
    strategy: ConfoundStrategy,
    censoring: Censoring,
    limits: Limits | None = None,
    *,
    confounds_na: Literal["next", "zero", "error"] = "next",
    missing_confounds: Literal["error", "skip"] = "error",
) -> SelectedFiles:
    """
    Choose the regressors and volumes of one run.

    Parameters
    ----------
    folder : Path
        Where to write.
    files : SelectionInputs
        The files.
    strategy : ConfoundStrategy
        Which regressors.
    censoring : Censoring
        Which volumes.
    limits : Limits, optional
        Below what the run fails.
    confounds_na : {'next', 'zero', 'error'}
        What leading n/a of a chosen column becomes.
    missing_confounds : {'error', 'skip'}
        Whether a run without any table fails, or goes on without regressors and censoring.

    Returns
    -------
    SelectedFiles
        What was written.

    Raises
    ------
    TableError
        A table lacks what the strategy needs, or has another length than the run.
    SignalError
        Too little of the run is left.
    """
    others, tedana = split_tedana(_listed(files.confounds_files))
    if tedana is not None:
        files = replace(files, confounds_files=others, tedana_files=files.tedana_files or tedana)
    is_skipped = missing_confounds == "skip" and not files.confounds_files
    is_skipped = is_skipped and files.tedana_files is None and strategy.needs_table
    if is_skipped:
        strategy = ConfoundStrategy(name=strategy.name)
        censoring = Censoring(dummy_scans=censoring.dummy_scans)
    run = _read(files, strategy)
    volumes = choose_volumes(
        run.n_volumes,
        censoring,
        non_steady=_flagged(run),
        displacement=run.confounds.measure(DISPLACEMENT),
        std_dvars=run.confounds.measure(DVARS),
        no_data=run.no_data,
        sample_mask=_given_mask(files, run.n_volumes),
    )
    regressors, selection = _regressors(run, files, strategy, confounds_na)
    if is_skipped:
        text = "There is no table of confounds: nothing was regressed, nothing censored by motion."
        selection.warnings.append(text)
    check_limits(volumes, limits or Limits(), files.t_r)
    rank = 1 + _rank(regressors, volumes)
    confounds_file = None
    if selection.columns:
        if strategy.demean:
            regressors = regressors - regressors[volumes.keep].mean(axis=0)
        confounds_file = write_signals(folder / "confounds.tsv", regressors, selection.columns)
    outliers_file = _write_outliers(folder / "outliers.tsv", run, volumes)
    summary = _summary(files, strategy, censoring, selection, volumes, rank)
    summary |= _motion(run, volumes)
    return SelectedFiles(
        confounds_file, outliers_file, write_json(folder / "selection.json", summary)
    )


def _read(files: SelectionInputs, strategy: ConfoundStrategy) -> _Run:
    """Read tables and metadata, and find the number of volumes."""
    run = _Run(read_confounds_tables(_listed(files.confounds_files)))
    tables = run.confounds.tables
    if files.fit_quality_file is not None:
        values, columns = read_signals(files.fit_quality_file)
        run.n_volumes = len(values)
        if "no_data" in columns:
            run.no_data = values[:, columns.index("no_data")] > 0
    elif files.signals_file is not None:
        signals, _ = read_signals(files.signals_file)
        run.n_volumes = len(signals)
        run.no_data = ~np.any(np.isfinite(signals) & (signals != 0), axis=1)
    elif tables:
        run.n_volumes = tables[0].n_rows
    elif files.tedana_files is not None:
        run.n_volumes = len(read_table(files.tedana_files[0]).rows)
    else:
        msg = (
            f"The strategy {strategy.name!r} got neither confounds nor signals of the run "
            f"{files.run_id!r}, so that its number of volumes is not known; give one of the two."
        )
        raise TableError(msg)
    for table in tables:
        if table.n_rows != run.n_volumes:
            msg = (
                f"{table.path} has {table.n_rows} rows, where the run has {run.n_volumes} "
                "volumes; give the table of this very run, with one row per volume."
            )
            raise TableError(msg)
    if not tables and strategy.needs_table:
        msg = (
            f"The run {files.run_id!r} has no table of confounds, which the strategy "
            f"{strategy.name!r} needs; give one, or take the strategy 'none'."
        )
        raise TableError(msg)
    return run


def _flagged(run: _Run) -> NDArray[np.bool_] | None:
    """Find volumes before the steady state."""
    columns = [name for name in run.confounds.names if "non_steady_state" in name]
    if not columns:
        return None
    flags = np.zeros(run.n_volumes, dtype=np.bool_)
    for name in dict.fromkeys(columns):
        values = run.confounds.measure(name)
        flags |= np.nan_to_num(values) != 0 if values is not None else False
    return flags


def _given_mask(files: SelectionInputs, n_volumes: int) -> NDArray[np.bool_] | None:
    """Read the user's own mask."""
    if files.sample_mask_file is None:
        return None
    return read_sample_mask(files.sample_mask_file, n_volumes)


def _regressors(
    run: _Run,
    files: SelectionInputs,
    strategy: ConfoundStrategy,
    confounds_na: Literal["next", "zero", "error"],
) -> tuple[NDArray[np.float64], Selection]:
    """Read the chosen columns."""
    if "ica_aroma" in strategy.strategy and strategy.ica_aroma == "full" and files.image:
        _check_aroma(files.image, strategy)
    mixing: dict[str, NDArray[np.float64]] = {}
    classified = None
    if "tedana" in strategy.strategy:
        if files.tedana_files is None:
            msg = (
                f"The strategy {strategy.name!r} needs tedana's tables, desc-ICA_mixing.tsv and "
                f"desc-tedana_metrics.tsv, and the run {files.run_id!r} has none; give both among "
                "its confounds, or tedana's folder by --derivatives and its images by --desc."
            )
            raise TableError(msg)
        mixing, classified = read_tedana(*files.tedana_files, run.n_volumes)
    names = run.confounds.names + list(mixing)
    selection = select_columns(strategy, names, run.confounds.metadata, classified)
    from_tables = [name for name in selection.columns if name not in mixing]
    columns = dict(mixing)
    if from_tables:
        paths = _listed(files.confounds_files)
        values, found = read_confounds(paths, run.n_volumes, from_tables, confounds_na)
        columns |= dict(zip(found, values.T, strict=True))
    if not selection.columns:
        return np.zeros((run.n_volumes, 0)), selection
    return np.column_stack([columns[name] for name in selection.columns]), selection


def _check_aroma(image: str, strategy: ConfoundStrategy) -> None:
    """Refuse an image that ICA-AROMA has not seen."""
    if AROMA_IMAGE not in Path(image).name:
        msg = (
            f"The strategy {strategy.name!r} is for images that ICA-AROMA has denoised "
            f"({AROMA_IMAGE} in their names), and {image} is not called so; give those, or take "
            "ica_aroma='basic'."
        )
        raise TableError(msg)


def _rank(regressors: NDArray[np.float64], volumes: Volumes) -> int:
    """Count the directions that regressors take out of the kept volumes, besides the mean."""
    kept = regressors[volumes.keep]
    if kept.shape[0] < 2 or not kept.shape[1]:
        return 0
    return int(confound_basis(scale_confounds(kept)[0]).shape[1])


def _write_outliers(path: Path, run: _Run, volumes: Volumes) -> Path:
    """Write one row per volume."""
    columns: dict[str, Iterable[object]] = {
        "volume": range(run.n_volumes),
        "keep": volumes.keep.astype(int).tolist(),
        "reason": volumes.named(),
    }
    for name in (DISPLACEMENT, DVARS):
        values = run.confounds.measure(name)
        columns[name] = repeat(None) if values is None else format_rows(values[:, np.newaxis])
    rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=False))
    return write_rows(path, rows, list(columns))


def _summary(
    files: SelectionInputs,
    strategy: ConfoundStrategy,
    censoring: Censoring,
    selection: Selection,
    volumes: Volumes,
    rank: int,
) -> dict[str, Any]:
    """Gather what was chosen."""
    n_kept = int(volumes.keep.sum())
    warnings = list(selection.warnings)
    if rank >= n_kept and selection.columns:
        warnings.append(
            f"The {len(selection.columns)} regressors span {rank} directions with the mean, and "
            f"{n_kept} volumes are kept: no degree of freedom is left."
        )
    return {
        "run_id": files.run_id,
        "strategy": asdict(strategy),
        "censoring": asdict(censoring),
        "columns": list(selection.columns),
        "groups": selection.groups,
        "n_volumes": volumes.keep.size,
        "n_kept": n_kept,
        "n_regressors": len(selection.columns),
        "rank": rank,
        "censored": volumes.counts(),
        "warnings": warnings,
    }


def _motion(run: _Run, volumes: Volumes) -> dict[str, float | None]:
    """Give the mean framewise displacement, without the dummy scans, and of what is kept."""
    values = run.confounds.measure(DISPLACEMENT)
    if values is None or np.isnan(values).all():
        return {"mean_framewise_displacement": None, "mean_framewise_displacement_kept": None}
    usual = ~volumes.reasons["dummy_scan"] & ~np.isnan(values)
    kept = volumes.keep & ~np.isnan(values)
    return {
        "mean_framewise_displacement": float(values[usual].mean()) if usual.any() else None,
        "mean_framewise_displacement_kept": float(values[kept].mean()) if kept.any() else None,
    }


def _listed(paths: str | Sequence[str] | None) -> list[str]:
    """Give a list of paths, from one, many or none."""
    if paths is None:
        return []
    return [os.fspath(paths)] if isinstance(paths, str | os.PathLike) else list(paths)
