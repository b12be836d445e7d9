# SPDX-License-Identifier: Apache-2.0
"""Stage 2 of a dual regression from files to files: a run's own map of every component."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.dual_regression import SubjectMaps, subject_maps
from nipype_mapsmasker.core.filters import cosine_drifts
from nipype_mapsmasker.errors import SignalError
from nipype_mapsmasker.io.atomic import write_json
from nipype_mapsmasker.io.images.reader import iter_blocks, read_info
from nipype_mapsmasker.io.images.writer import write_image
from nipype_mapsmasker.io.maps import mask_on_grid
from nipype_mapsmasker.io.tables.confounds import read_confounds
from nipype_mapsmasker.io.tables.samples import read_sample_mask
from nipype_mapsmasker.io.tables.signals import read_signals

__all__ = ["DualRegressionFiles", "DualRegressionInputs", "dual_regression"]


@dataclass(frozen=True, kw_only=True)
class DualRegressionInputs:
    """
    Name the files that belong to one dual regression.

    Parameters
    ----------
    in_file : str
        4D image of the run.
    signals_file : str
        Raw signals of its volumes, from stage 1.
    confounds_files : str, sequence of str or None
        Tables of further regressors, used whole.
    high_variance_file : str or None
        Table of high-variance confounds, used as well.
    sample_mask_file : str or None
        Volumes to use.
    mask_file : str or None
        Outside it maps are 0.
    """

    in_file: str
    signals_file: str
    confounds_files: str | Sequence[str] | None = None
    high_variance_file: str | None = None
    sample_mask_file: str | None = None
    mask_file: str | None = None


@dataclass(frozen=True)
class DualRegressionFiles:
    """
    Name what was written.

    Parameters
    ----------
    effect_file, z_file : Path
        4D images with one volume per component.
    summary_file : Path
        JSON with names and degrees of freedom.
    """

    effect_file: Path
    z_file: Path
    summary_file: Path


def dual_regression(
    folder: Path,
    files: DualRegressionInputs,
    *,
    standardize: bool = True,
    detrend: bool = False,
    high_pass: float | None = None,
    t_r: float | None = None,
    mask_threshold: float | None = None,
    dtype: str = "float32",
) -> DualRegressionFiles:
    """
    Map every component in a run's own voxels, reading the image once.

    Parameters
    ----------
    folder : Path
        Where to write.
    files : DualRegressionInputs
        What to read.
    standardize : bool
        Bring signals to a standard deviation of 1, so that maps have the unit of the image.
    detrend : bool
        Fit a line as well.
    high_pass : float, optional
        Fit cosines up to this frequency as well, Hz.
    t_r : float, optional
        Repetition time in seconds, for those.
    mask_threshold : float, optional
        Where to cut a mask of probabilities.
    dtype : str
        Type of the maps that are written.

    Returns
    -------
    DualRegressionFiles
        The maps.

    Raises
    ------
    SignalError, TableError, ImageFileError
        Files do not belong together, or no degree of freedom is left.
    """
    info = read_info(files.in_file)
    signals, names = read_signals(files.signals_file)
    if len(signals) != info.n_volumes:
        msg = (
            f"{files.signals_file} has {len(signals)} rows, where {info.path} has "
            f"{info.n_volumes} volumes; give the raw signals of this very run."
        )
        raise SignalError(msg)
    voxels = np.arange(info.grid.n_voxels)
    if files.mask_file is not None:
        voxels = np.asarray(mask_on_grid(files.mask_file, info.grid, mask_threshold))
    keep = None
    if files.sample_mask_file is not None:
        keep = read_sample_mask(files.sample_mask_file, info.n_volumes)
    nuisance = _nuisance(files, info.n_volumes, detrend, high_pass, t_r)
    found = subject_maps(
        (block[:, voxels] for block in iter_blocks(info)),
        signals,
        confounds=nuisance if nuisance.size else None,
        sample_mask=keep,
        standardize=standardize,
    )
    written = {
        name: write_image(
            folder / f"{name}_statmap.nii.gz",
            info.grid,
            _volumes(found, voxels, info.grid.n_voxels, name),
            n_volumes=len(names),
            dtype=np.dtype(dtype),
            ndim=4,
        )
        for name in ("effect", "z")
    }
    summary = {
        "Components": names,
        "ComponentsWithoutSignal": [
            name for name, is_lost in zip(names, found.lost, strict=True) if is_lost
        ],
        "DegreesOfFreedom": found.degrees_of_freedom,
        "StandardizedSignals": standardize,
        "SkullStripped": files.mask_file is not None,
    }
    return DualRegressionFiles(
        written["effect"], written["z"], write_json(folder / "dualregression.json", summary)
    )


def _nuisance(
    files: DualRegressionInputs,
    n_volumes: int,
    detrend: bool,
    high_pass: float | None,
    t_r: float | None,
) -> NDArray[np.float64]:
    """Gather what is fitted besides the signals."""
    columns = [np.zeros((n_volumes, 0))]
    given = files.confounds_files or []
    given = [given] if isinstance(given, str) else list(given)
    if files.high_variance_file is not None:
        given.append(files.high_variance_file)
    if given:
        columns.append(read_confounds(given, n_volumes)[0])
    if detrend:
        columns.append(np.linspace(-1, 1, n_volumes)[:, None])
    if high_pass is not None:
        if t_r is None:
            msg = "Dual regression with high_pass needs the repetition time; give t_r."
            raise SignalError(msg)
        columns.append(cosine_drifts(n_volumes, t_r, high_pass))
    return np.hstack(columns)


def _volumes(
    found: SubjectMaps, voxels: NDArray[np.intp], n_voxels: int, name: str
) -> Iterator[NDArray[np.float64]]:
    """Give one map after the other, as volumes; a lost component is 0 everywhere."""
    for component in range(len(found.effect)):
        volume = np.zeros((1, n_voxels))
        values = found.effect[component] if name == "effect" else found.z(component)
        volume[0, voxels] = np.nan_to_num(values)
        yield volume
