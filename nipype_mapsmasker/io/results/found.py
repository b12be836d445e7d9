# SPDX-License-Identifier: Apache-2.0
"""What a result folder holds, found by its own files alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.errors import ParameterError, TableError
from nipype_mapsmasker.io.decoding import read_object
from nipype_mapsmasker.io.results.layout import run_files
from nipype_mapsmasker.io.results.manifests import WITH_RESULTS
from nipype_mapsmasker.io.tables.rows import read_rows
from nipype_mapsmasker.io.tables.signals import read_signals

__all__ = ["FoundResult", "find_results", "labels_of", "region_centres", "subject_of"]

_SUFFIXES = ("tsv", "parquet", "npy")


@dataclass(frozen=True, eq=False)
class FoundResult:
    """
    Hold what one strategy made of one atlas in one run.

    Parameters
    ----------
    out_dir : Path
        The result folder.
    run_id, atlas, strategy : str
        Which one; '' for a strategy without a name.
    about : dict
        The JSON beside the cleaned signals.
    signals_file : Path
        The cleaned signals.
    """

    out_dir: Path
    run_id: str
    atlas: str
    strategy: str
    about: dict[str, Any]
    signals_file: Path

    @property
    def subject(self) -> str:
        """The subject: its BIDS label, or the run itself where names do not tell."""
        return subject_of(self.run_id)

    def entity(self, key: str) -> str | None:
        """Give the label of an entity of the run's name."""
        return _label(self.run_id, key)

    @property
    def displacement(self) -> float:
        """Mean framewise displacement in mm; NaN where it is not known."""
        value = dict(self.about.get("selection") or {}).get("mean_framewise_displacement")
        return float("nan") if value is None else float(value)

    def signals(self) -> NDArray[np.float64]:
        """Read the signals of kept volumes (n_kept, K)."""
        values, _ = read_signals(self.signals_file)
        censored = list(self.about.get("censored") or ())
        if censored and len(values) == self.about.get("n_volumes"):
            values = np.delete(values, censored, axis=0)
        return values

    def volumes(self) -> NDArray[np.intp]:
        """Give the numbers of the kept volumes in the image."""
        whole = np.arange(int(self.about["n_volumes"]))
        return np.delete(whole, list(self.about.get("censored") or ()))

    def relmat_file(self, measure: str) -> Path:
        """Name the matrix of a measure, whether it is there or not."""
        return run_files(self.out_dir, self.run_id).relmat(measure, self.atlas, self.strategy)


def labels_of(sidecar: Mapping[str, Any]) -> tuple[str, str]:
    """
    Tell the atlas and the strategy of signals from the JSON beside them.

    Parameters
    ----------
    sidecar : mapping
        Its content, which somebody may have changed.

    Returns
    -------
    atlas, strategy : str
        Their names; '' where nothing is told.
    """
    atlas = sidecar.get("Atlas")
    name = atlas.get("Name") if isinstance(atlas, Mapping) else None
    return str(name or ""), str(sidecar.get("Strategy") or "")


def subject_of(run_id: str) -> str:
    """
    Name the subject of a run.

    Parameters
    ----------
    run_id : str
        The run.

    Returns
    -------
    str
        Its BIDS label, or the run itself where its name does not tell.

    Examples
    --------
    >>> subject_of("sub-01_task-rest"), subject_of("a")
    ('01', 'a')
    """
    return _label(run_id, "sub") or run_id


def _label(run_id: str, key: str) -> str | None:
    """Give the label of an entity of a run's name."""
    match = re.search(rf"(?:^|_){key}-([A-Za-z0-9+]+)", run_id)
    return None if match is None else match[1]


def find_results(out_dir: str | Path) -> Iterator[FoundResult]:
    """
    Find what the runs of a result folder hold.

    Parameters
    ----------
    out_dir : str or Path
        The result folder, with ``runs.tsv``.

    Yields
    ------
    FoundResult
        One per run, atlas and strategy that is done.

    Raises
    ------
    ParameterError
        The folder holds no results.
    TableError
        A result lacks its signals.
    """
    folder = Path(out_dir)
    table = folder / "runs.tsv"
    if not table.is_file():
        msg = f"{folder} holds no runs.tsv; give the result folder of an earlier run."
        raise ParameterError(msg)
    for row in read_rows(table):
        if row.get("status") not in WITH_RESULTS:
            continue
        run_id = row["run_id"] or ""
        names = run_files(folder, run_id)
        for path in sorted(names.folder.glob("*_timeseries.json")):
            about = read_object(path)
            atlas, strategy = labels_of(about)
            # Other runs' files lie there too, and signals that were not cleaned.
            if not atlas or names.sidecar(atlas, strategy) != path:
                continue
            files = [names.timeseries(atlas, strategy, suffix) for suffix in _SUFFIXES]
            there = next((file for file in files if file.is_file()), None)
            if there is None:
                msg = f"{path} lies there without its signals; make the results anew."
                raise TableError(msg)
            yield FoundResult(folder, run_id, atlas, strategy, about, there)


def region_centres(found: FoundResult) -> NDArray[np.float64] | None:
    """
    Read where the regions of an atlas lie.

    Parameters
    ----------
    found : FoundResult
        Any result of the atlas.

    Returns
    -------
    (K, 3) ndarray of float or None
        Centres in mm, in the order of the signals; None where the run's coverage does not tell.
    """
    path = run_files(found.out_dir, found.run_id).coverage(found.atlas)
    if not path.is_file():
        return None
    rows = {str(row["Node"]): row for row in read_rows(path)}
    names = [str(name) for name in found.about.get("names") or ()]
    if any(name not in rows or rows[name].get("x") is None for name in names):
        return None
    return np.array([[float(rows[name][axis] or "nan") for axis in "xyz"] for name in names])
