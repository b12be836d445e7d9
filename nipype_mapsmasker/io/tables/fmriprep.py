# SPDX-License-Identifier: Apache-2.0
"""Confounds as fMRIPrep and tedana leave them: tables with gaps, and what is said of columns."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.errors import TableError
from nipype_mapsmasker.io.decoding import kind_of, read_json
from nipype_mapsmasker.io.files import is_file
from nipype_mapsmasker.io.sidecars import fingerprint
from nipype_mapsmasker.io.tables.columns import ColumnTable, read_columns
from nipype_mapsmasker.io.tables.confounds import read_confounds
from nipype_mapsmasker.io.tables.rows import read_rows
from nipype_mapsmasker.io.tables.text import MISSING, is_number

__all__ = [
    "ConfoundsTables",
    "metadata_file",
    "metadata_identity",
    "read_confounds_tables",
    "read_tedana",
    "split_tedana",
    "tables_with_metadata",
    "tedana_beside",
]

TEDANA_ENDINGS = ("_mixing.tsv", "_metrics.tsv")
"""How the names of tedana's tables end: time courses, and what is known of each component."""


@dataclass
class ConfoundsTables:
    """
    Hold the tables of a run.

    Parameters
    ----------
    tables : list of ColumnTable
        The tables.
    metadata : dict of str to dict
        What the JSON beside them says of columns.
    """

    tables: list[ColumnTable] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """All columns, table by table."""
        return [name for table in self.tables for name in table.header]

    def measure(self, name: str) -> NDArray[np.float64] | None:
        """Read one column (T,), NaN where it has gaps; None where there is none of that name."""
        for table in self.tables:
            if name in table.header:
                at = table.header.index(name)
                values = table.numbers(at)
                if values is not None:
                    return values
                cells = enumerate(table.cells(at))
                return np.array([_number(table, row, at, cell) for row, cell in cells])
        return None


def read_confounds_tables(paths: Iterable[str | os.PathLike[str]]) -> ConfoundsTables:
    """
    Read tables and what is said of their columns.

    Parameters
    ----------
    paths : iterable of path_like
        The tables; the metadata of each lie beside it.

    Returns
    -------
    ConfoundsTables
        All of them.

    Raises
    ------
    TableError
        A file cannot be read.
    """
    found = ConfoundsTables()
    for path in paths:
        found.tables.append(read_columns(path))
        found.metadata |= _metadata(metadata_file(path))
    return found


def metadata_file(table: str | os.PathLike[str]) -> Path:
    """
    Give the JSON that lies beside a table.

    Parameters
    ----------
    table : path_like
        The table; only its ending changes, whatever its folders are called.

    Returns
    -------
    Path
        The JSON, whether it is there or not.

    Examples
    --------
    >>> metadata_file("my_tsv_data/sub-1_desc-confounds_timeseries.tsv").as_posix()
    'my_tsv_data/sub-1_desc-confounds_timeseries.json'
    """
    return Path(_beside(os.fspath(table)))


def _beside(table: str) -> str:
    """Give the path of the JSON beside a table, of texts, as thousands are asked for."""
    folder, slash, name = table.rpartition("/")
    stem = name.removesuffix(".gz")
    return f"{folder}{slash}{stem.rpartition('.')[0] or stem}.json"


def tables_with_metadata(paths: Iterable[str | os.PathLike[str]]) -> list[str]:
    """
    List tables with the JSON beside each, where there is one: all that confounds depend on.

    Parameters
    ----------
    paths : iterable of path_like
        The tables.

    Returns
    -------
    list of str
        Each table, whether it is there or not, followed by its JSON.
    """
    found = []
    for path in paths:
        table = os.fspath(path)
        beside = _beside(table)
        found += [table, beside] if is_file(beside) else [table]
    return found


def metadata_identity(paths: Any) -> str:
    """
    Describe the identity on disk of what lies beside tables, in one line.

    Parameters
    ----------
    paths : path_like, or nested sequences of them, or anything else
        The tables, or no table.

    Returns
    -------
    str
        The `fingerprint` of each JSON, there or not; empty without tables.
    """
    if isinstance(paths, list | tuple):
        return "; ".join(metadata_identity(path) for path in paths)
    return fingerprint(metadata_file(paths)) if isinstance(paths, str | os.PathLike) else ""


def split_tedana(
    paths: Sequence[str | os.PathLike[str]],
) -> tuple[list[str], tuple[str, str] | None]:
    """
    Take tedana's two tables out of those of a run's confounds.

    Parameters
    ----------
    paths : sequence of path_like
        Tables of a run.

    Returns
    -------
    others : list of str
        Tables with a row per volume and nothing else.
    tedana : tuple of str or None
        Its time courses (``..._mixing.tsv``) and what they were classified as
        (``..._metrics.tsv``).

    Raises
    ------
    TableError
        One of the two is there without the other, or there are several.

    Examples
    --------
    >>> split_tedana(["c.tsv", "desc-ICA_mixing.tsv", "desc-tedana_metrics.tsv"])
    (['c.tsv'], ('desc-ICA_mixing.tsv', 'desc-tedana_metrics.tsv'))
    """
    names = [os.fspath(path) for path in paths]
    found = {end: [name for name in names if name.endswith(end)] for end in TEDANA_ENDINGS}
    mixing, metrics = found.values()
    if not mixing and not metrics:
        return names, None
    if len(mixing) != 1 or len(metrics) != 1:
        msg = (
            f"Of tedana's tables there are {', '.join([*mixing, *metrics])}, where one of "
            "components (..._mixing.tsv) and one of their metrics (..._metrics.tsv) are expected; "
            "give both, or none."
        )
        raise TableError(msg)
    others = [name for name in names if name not in (*mixing, *metrics)]
    return others, (mixing[0], metrics[0])


def tedana_beside(image: str | os.PathLike[str]) -> tuple[str, ...]:
    """
    Find tedana's tables beside an image that it made.

    Parameters
    ----------
    image : path_like
        The image.

    Returns
    -------
    tuple of str
        Mixing and metrics, those of the two that are there.
    """
    path = Path(image)
    source = re.split(r"_(?:echo|space|cohort|res|den|desc|part)-|_bold\.", path.name)[0]
    names = ("desc-ICA_mixing.tsv", "desc-tedana_metrics.tsv")
    places = [path.with_name(f"{source}_{name}") for name in names]
    return tuple(str(place) for place in places if place.is_file())


def read_tedana(
    mixing_file: str | os.PathLike[str], metrics_file: str | os.PathLike[str], n_volumes: int
) -> tuple[dict[str, NDArray[np.float64]], dict[str, str]]:
    """
    Read tedana's components.

    Parameters
    ----------
    mixing_file : path_like
        Table of their time courses.
    metrics_file : path_like
        Table of what they were classified as.
    n_volumes : int
        T.

    Returns
    -------
    mixing : dict of str to (T,) ndarray of float
        Time courses by class and name, as in ``rejected_ICA_05``.
    classified : dict of str to str
        The class of each.

    Raises
    ------
    TableError
        A table is not tedana's, or has another length than the run.
    """
    values, names = read_confounds([mixing_file], n_volumes)
    series = dict(zip(map(_component, names), zip(names, values.T, strict=True), strict=True))
    mixing: dict[str, NDArray[np.float64]] = {}
    classified: dict[str, str] = {}
    for row in read_rows(metrics_file):
        component, label = row.get("Component"), row.get("classification")
        if component is None or label is None:
            msg = (
                f"{metrics_file} has a row without 'Component' or 'classification', where "
                "tedana's metrics are expected; give desc-tedana_metrics.tsv."
            )
            raise TableError(msg)
        if _component(component) in series:
            name, column = series[_component(component)]
            mixing[f"{label}_{name}"] = column
            classified[f"{label}_{name}"] = label
    return mixing, classified


def _metadata(path: Path) -> dict[str, Any]:
    """Read what a JSON says of the columns; nothing where there is none."""
    if not path.is_file():
        return {}
    content = read_json(path)
    if not isinstance(content, dict):
        msg = f"{path} holds {kind_of(content)}, where metadata by column are expected; mend it."
        raise TableError(msg)
    return {name: facts for name, facts in content.items() if isinstance(facts, dict)}


def _number(table: ColumnTable, row: int, at: int, cell: str) -> float:
    """Read one cell of a measure, which may be n/a."""
    cell = cell.strip()
    if cell.lower() in MISSING:
        return float("nan")
    if not is_number(cell):
        msg = (
            f"{table.path} has {cell!r} in column {table.header[at]!r}, line {table.line(row)}, "
            "where a number or n/a is expected; correct it."
        )
        raise TableError(msg)
    return float(cell)


def _component(name: str) -> str:
    """Give a component's name without leading zeros: tables of one tedana may differ in them."""
    head, _, number = name.rpartition("_")
    return f"{head}_{int(number)}" if number.isdecimal() else name
