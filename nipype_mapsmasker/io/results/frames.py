# SPDX-License-Identifier: Apache-2.0
"""Results as pandas frames, for notebooks: what ``set_output('pandas')`` gives in nilearn."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nipype_mapsmasker.errors import ParameterError, TableError
from nipype_mapsmasker.io.decoding import read_object
from nipype_mapsmasker.io.results.layout import run_files
from nipype_mapsmasker.io.results.manifests import WITH_RESULTS, read_manifest
from nipype_mapsmasker.io.tables.relmat import read_relmat
from nipype_mapsmasker.io.tables.rows import read_rows
from nipype_mapsmasker.io.tables.signals import read_signals

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["load_connectivity", "load_runs", "load_timeseries"]


def load_runs(out_dir: str | Path) -> pd.DataFrame:
    """
    Read the table of the runs of a result folder.

    Parameters
    ----------
    out_dir : str or Path
        The result folder.

    Returns
    -------
    pandas.DataFrame
        ``runs.tsv``, indexed by run_id, with NaN for n/a.

    Raises
    ------
    ParameterError
        The folder holds no results.
    """
    import pandas as pd

    table = Path(out_dir) / "runs.tsv"
    if not table.is_file():
        msg = f"{out_dir} holds no runs.tsv; give the result folder of an earlier run."
        raise ParameterError(msg)
    frame = pd.DataFrame(read_rows(table)).set_index("run_id")
    for name in ("volumes", "kept", "t_r", "seconds", "peak_mb"):
        frame[name] = pd.to_numeric(frame[name])
    return frame


def load_timeseries(
    out_dir: str | Path,
    atlas: str,
    *,
    strategy: str = "",
    run_ids: Iterable[str] | None = None,
) -> pd.DataFrame:
    """
    Read the cleaned signals of a cohort as one frame.

    Parameters
    ----------
    out_dir : str or Path
        The result folder.
    atlas : str
        Name of the atlas, as in the files' names.
    strategy : str
        Name of the cleaning strategy, '' for the one without a name.
    run_ids : iterable of str, optional
        The runs; by default all of which the strategy is done.

    Returns
    -------
    pandas.DataFrame
        One row per volume that was kept (or all, as ``output_type`` says), indexed by run_id and
        volume (counted from 0 in the image), one column per map.

    Raises
    ------
    ParameterError
        The folder holds no results.
    TableError
        A run has none for this atlas and strategy.
    """
    import pandas as pd

    if run_ids is None:
        run_ids = _runs_with(out_dir, strategy)
    frames = {}
    for run_id in run_ids:
        names = run_files(out_dir, run_id)
        sidecar = names.sidecar(atlas, strategy)
        if not sidecar.is_file():
            msg = (
                f"{sidecar} does not exist: {run_id} has no results for atlas {atlas!r} and "
                f"strategy {strategy!r}; look at the names of the files in {names.folder}."
            )
            raise TableError(msg)
        about = read_object(sidecar)
        if not about.keys() >= {"n_volumes", "censored"}:
            msg = f"{sidecar} lacks n_volumes or censored; make the results of {run_id} anew."
            raise TableError(msg)
        file = next(
            path
            for suffix in ("tsv", "parquet", "npy")
            if (path := names.timeseries(atlas, strategy, suffix)).is_file()
        )
        signals, _ = read_signals(file)
        volumes = np.setdiff1d(np.arange(about["n_volumes"]), about["censored"])
        if len(signals) == about["n_volumes"]:  # censored volumes are gaps, or filled in
            volumes = np.arange(about["n_volumes"])
        index = pd.Index(volumes, name="volume")
        frames[run_id] = pd.DataFrame(signals, index=index, columns=about["names"])
    if not frames:
        msg = f"{out_dir} holds no run that is done; see its runs.tsv."
        raise ParameterError(msg)
    return pd.concat(frames, names=["run_id"])


def load_connectivity(
    out_dir: str | Path,
    atlas: str,
    *,
    measure: str = "pearson",
    strategy: str = "",
    run_ids: Iterable[str] | None = None,
) -> pd.DataFrame:
    """
    Read the connectomes of a cohort as one frame.

    Parameters
    ----------
    out_dir : str or Path
        The result folder.
    atlas : str
        Name of the atlas, as in the files' names.
    measure : str
        'pearson', 'partial', 'precision' or 'covariance'.
    strategy : str
        Label of the strategy, '' for the one without a name.
    run_ids : iterable of str, optional
        The runs; by default all of which the strategy is done.

    Returns
    -------
    pandas.DataFrame
        Indexed by run_id and region, one column per region: ``frame.loc[run_id]`` is square.

    Raises
    ------
    ParameterError
        The folder holds no results.
    TableError
        A run has no such matrix.
    """
    import pandas as pd

    if run_ids is None:
        run_ids = _runs_with(out_dir, strategy)
    frames = {}
    for run_id in run_ids:
        path = run_files(out_dir, run_id).relmat(measure, atlas, strategy)
        if not path.is_file():
            msg = (
                f"{path} does not exist: {run_id} has no {measure} of atlas {atlas!r} by strategy "
                f"{strategy!r}; run with --connectivity {measure}, or see the run's warnings."
            )
            raise TableError(msg)
        matrix, names = read_relmat(path)
        index = pd.Index(names, name="region")
        frames[run_id] = pd.DataFrame(matrix, index=index, columns=names)
    if not frames:
        msg = f"{out_dir} holds no run that is done; see its runs.tsv."
        raise ParameterError(msg)
    return pd.concat(frames, names=["run_id"])


def _runs_with(out_dir: str | Path, strategy: str) -> list[str]:
    """List the runs of which a strategy is done, others having failed or not."""
    runs = load_runs(out_dir)
    found = [str(run_id) for run_id in runs.index[runs["status"].isin(WITH_RESULTS)]]
    manifests = (read_manifest(run_files(out_dir, run_id).manifest) for run_id in found)
    failed = [() if manifest is None else manifest.failed for manifest in manifests]
    return [name for name, lost in zip(found, failed, strict=True) if strategy not in lost]
