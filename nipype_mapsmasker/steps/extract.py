# SPDX-License-Identifier: Apache-2.0
"""One run from its image to the tables of its signals."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.extraction import (
    Extraction,
    MissingVoxels,
    extract,
    needs_data_range,
    route,
)
from nipype_mapsmasker.core.fitting import MapsOperator
from nipype_mapsmasker.core.grids import Grid, same_grid
from nipype_mapsmasker.core.interpolation import Interpolation
from nipype_mapsmasker.core.parameters import ExtractionParameters
from nipype_mapsmasker.core.resampling import data_range
from nipype_mapsmasker.core.variance import MeanSquares
from nipype_mapsmasker.errors import GridError, SignalError
from nipype_mapsmasker.io.atomic import atomic_path
from nipype_mapsmasker.io.images.reader import ImageInfo, iter_blocks, read_info
from nipype_mapsmasker.io.means import forget_mean, write_mean
from nipype_mapsmasker.io.tables.coverage import write_run_coverage
from nipype_mapsmasker.io.tables.signals import write_signals
from nipype_mapsmasker.io.timing import resolve_t_r
from nipype_mapsmasker.steps.masks import fitted_for
from nipype_mapsmasker.steps.memory import peak_memory_mb
from nipype_mapsmasker.steps.messages import extraction_warnings
from nipype_mapsmasker.steps.readings import Readings, step_of

__all__ = [
    "RunSignals",
    "check_run",
    "extract_run",
    "extract_signals",
    "read_mean_squares",
    "write_extraction",
]

FIT_QUALITY_COLUMNS = {
    "r_squared": "Share of the volume's variance over voxels that the maps describe.",
    "missing_voxels": "Number of voxels within the maps that have no data in this volume.",
    "no_data": "1 where the volume has no data at all.",
    "fluctuation_r_squared": (
        "Share of the run's fluctuation about its mean image that the maps describe; the same in "
        "every row."
    ),
}
"""Per volume: quality of the fit, voxels of all maps without data, whether there are none."""


@dataclass(frozen=True, eq=False)
class RunSignals:
    """
    Hold what was extracted from one run.

    Parameters
    ----------
    operators : list of MapsOperator
        The fitted atlases.
    extractions : list of Extraction
        Their signals.
    mean : (V,) ndarray of float
        The run's mean image.
    grid : Grid
        The run's grid.
    warnings : list of str
        One sentence each.
    mean_squares : (V,) ndarray of float or None
        Mean square of every voxel after linear detrending, where it was asked for.
    """

    operators: list[MapsOperator]
    extractions: list[Extraction]
    mean: NDArray[np.float64]
    grid: Grid
    warnings: list[str]
    mean_squares: NDArray[np.float64] | None = None


def extract_signals(
    folder: Path,
    *,
    in_file: str,
    operator_files: Sequence[str],
    parameters: ExtractionParameters,
    mask_file: str | None = None,
    mask_threshold: float | None = None,
    t_r: float | None = None,
    resample: bool = True,
    min_volumes: int = 1,
    save_mean_squares: bool = False,
) -> dict[str, Any]:
    """
    Extract the signals of one run for several atlases, reading the image once.

    Parameters
    ----------
    folder : Path
        Where the tables and the mean image are written.
    in_file : str
        4D image.
    operator_files : sequence of str
        The fitted atlases.
    parameters : ExtractionParameters
        How.
    mask_file : str, optional
        Mask of the run, where the operators were fitted without one, or with one that holds it.
    mask_threshold : float, optional
        Where to cut a mask of probabilities.
    t_r : float, optional
        Repetition time in seconds, where it is not the sidecar's or the header's.
    resample : bool
        Whether a run on another grid than an operator's is resampled, or refused.
    min_volumes : int
        Volumes below which the run is refused unread.
    save_mean_squares : bool
        Whether to keep each voxel's mean square for high-variance confounds.

    Returns
    -------
    dict
        The files of `write_extraction`, the repetition time and who said so, the number of
        volumes, warnings, wall time in seconds and peak memory in MB.

    Raises
    ------
    ImageFileError, GridError, MapsError, SignalError
        The image or the mask cannot be used.
    """
    start = time.perf_counter()
    forget_mean()
    info = read_info(in_file)
    check_run(info, min_volumes)
    repetition = resolve_t_r(in_file, info.t_r, t_r, info.n_volumes)
    run = extract_run(
        info,
        operator_files,
        mask_file=mask_file,
        mask_threshold=mask_threshold,
        resample=resample,
        interpolation=parameters.interpolation,
        clip=parameters.clip,
        missing_voxels=parameters.missing_voxels,
        mean_squares=save_mean_squares,
    )
    files = write_extraction(
        folder,
        run,
        min_coverage=parameters.min_coverage,
        keep_masked_maps=parameters.keep_masked_maps,
    )
    return files | {
        "t_r": repetition.seconds,
        "t_r_origin": repetition.origin,
        "n_volumes": info.n_volumes,
        "messages": [*repetition.warnings, *run.warnings],
        "seconds": time.perf_counter() - start,
        "peak_mb": peak_memory_mb(),
    }


def check_run(info: ImageInfo, min_volumes: int = 1) -> None:
    """
    Refuse a run that is too short, before it is read.

    Parameters
    ----------
    info : ImageInfo
        Its header.
    min_volumes : int
        Volumes that the analysis needs.

    Raises
    ------
    SignalError
        Fewer volumes than that.
    """
    if info.n_volumes < min_volumes:
        msg = (
            f"{info.path} has {info.n_volumes} volumes, and the filter with its padding needs at "
            f"least {min_volumes}; use a lower butterworth_order or butterworth_padlen, or no "
            "filter."
        )
        raise SignalError(msg)


def extract_run(
    info: ImageInfo,
    operator_files: Sequence[str | Path],
    *,
    mask_file: str | Path | None = None,
    mask_threshold: float | None = None,
    resample: bool = True,
    interpolation: Interpolation = "continuous",
    clip: bool = True,
    missing_voxels: MissingVoxels = "zero",
    mean_squares: bool = False,
) -> RunSignals:
    """
    Extract the signals of one run for several atlases.

    Parameters
    ----------
    info : ImageInfo
        The run.
    operator_files : sequence of path
        The fitted atlases.
    mask_file : path, optional
        As in `extract_signals`.
    mask_threshold : float, optional
        Where to cut a mask of probabilities.
    resample : bool
        Whether a run on another grid than an operator's is resampled, or refused.
    interpolation : {'continuous', 'linear', 'nearest'}
        How.
    clip : bool
        Whether cubic resampling is clipped to the run's range, which costs a second reading.
    missing_voxels : {'zero', 'exclude'}
        As in `nipype_mapsmasker.core.extraction.extract`.
    mean_squares : bool
        Whether the mean squares for high-variance confounds are found in the same reading.

    Returns
    -------
    RunSignals
        Signals, statistics and warnings.

    Raises
    ------
    GridError
        The grids differ and ``resample`` is false, or do not overlap at all.
    MapsError
        The mask is none, or leaves nothing of the maps.
    ImageFileError
        The image cannot be read to its end.
    SignalError
        The image has no data anywhere under the maps.

    Notes
    -----
    What is left out with 'exclude' may need a second reading, see `extract`.
    """
    operators = [fitted_for(path, mask_file, mask_threshold) for path in operator_files]
    for operator in operators:
        if not resample and not same_grid(operator.grid, info.grid):
            msg = (
                f"{info.path} has shape {info.grid.shape} and affine {info.grid.affine.tolist()}, "
                f"but the maps were fitted on {operator.grid.shape} and "
                f"{operator.grid.affine.tolist()}; resample one of them, or choose another "
                "resampling_target."
            )
            raise GridError(msg)
    limits = None
    if needs_data_range(operators, info.grid, interpolation, clip):
        limits = data_range(iter_blocks(info))
    try:
        targets = route(
            operators,
            info.grid,
            interpolation=interpolation,
            limits=limits,
            missing_voxels=missing_voxels,
        )
    except GridError as error:
        msg = f"{info.path}: {error}"
        raise GridError(msg) from error
    squares = MeanSquares(info.n_volumes) if mean_squares else None
    extractions, mean = extract(
        Readings(info, squares), targets, missing_voxels=missing_voxels, step=step_of(info)
    )
    warnings = []
    for operator, extraction in zip(operators, extractions, strict=True):
        if extraction.empty.all() or not extraction.coverage_data.any():
            msg = (
                f"{info.path} has no data under the maps: every voxel there is zero, not finite "
                "or constant over the run; check that it is in the maps' space."
            )
            raise SignalError(msg)
        warnings += extraction_warnings(info.path.name, operator, extraction, missing_voxels)
    found = None if squares is None else squares.finish()
    said = list(dict.fromkeys(warnings))  # several atlases may find the same
    return RunSignals(operators, extractions, mean, info.grid, said, found)


def write_extraction(
    folder: Path,
    run: RunSignals,
    *,
    min_coverage: float | None = None,
    keep_masked_maps: bool = True,
) -> dict[str, Any]:
    """
    Write the tables of one run.

    Parameters
    ----------
    folder : Path
        Where they are written.
    run : RunSignals
        What was extracted.
    min_coverage : float, optional
        Coverage below which a signal is n/a.
    keep_masked_maps : bool
        Whether maps without weight stay as columns.

    Returns
    -------
    dict
        Paths: ``signals_files``, ``coverage_files``, ``fit_quality_files``, ``mean_file``.

    Raises
    ------
    SignalError
        Nothing is left of any signal.
    """
    mean = write_mean(folder / "mean.nii.gz", run.grid, run.mean)
    signals_files, coverage_files, quality_files = [], [], []
    for number, (operator, extraction) in enumerate(
        zip(run.operators, run.extractions, strict=True)
    ):
        signals, names = extraction.signals, list(operator.names)
        if min_coverage is not None:
            poor = operator.coverage * extraction.coverage_data < min_coverage
            signals = np.where(poor, np.nan, signals)
        if not keep_masked_maps:
            signals = signals[:, ~operator.lost]
            names = [name for name, lost in zip(names, operator.lost, strict=True) if not lost]
        if not (np.isfinite(signals) & (signals != 0)).any():
            msg = (
                "Every raw signal is zero or n/a in every volume; check that image and maps are "
                f"in one space, and min_coverage={min_coverage}."
            )
            raise SignalError(msg)
        signals_files.append(str(write_signals(folder / f"signals_{number}.tsv", signals, names)))
        coverage = write_run_coverage(
            folder / f"coverage_{number}.tsv",
            operator,
            extraction.coverage_data,
            np.where(extraction.empty[:, None], 0, extraction.missing),
        )
        coverage_files.append(str(coverage))
        quality = write_signals(
            folder / f"fit_quality_{number}.tsv",
            np.column_stack(
                [
                    extraction.r_squared,
                    extraction.missing.sum(axis=1),
                    extraction.empty,
                    np.full(len(signals), extraction.fluctuation_r_squared),
                ]
            ),
            list(FIT_QUALITY_COLUMNS),
        )
        quality_files.append(str(quality))
    squares = None
    if run.mean_squares is not None:
        squares = folder / "mean_squares.npy"
        with atomic_path(squares) as temporary, temporary.open("wb") as stream:
            np.save(stream, run.mean_squares)
    return {
        "signals_files": signals_files,
        "coverage_files": coverage_files,
        "fit_quality_files": quality_files,
        "mean_file": str(mean),
        "mean_squares_file": None if squares is None else str(squares),
    }


def read_mean_squares(path: str | Path) -> NDArray[np.float64]:
    """
    Read the mean squares that `write_extraction` wrote.

    Parameters
    ----------
    path : str or Path
        The ``.npy``.

    Returns
    -------
    (V,) ndarray of float
        One per voxel, in disk order.
    """
    return np.asarray(np.load(path, allow_pickle=False), dtype=np.float64)
