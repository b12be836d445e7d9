# SPDX-License-Identifier: Apache-2.0
"""Tidy tables of a whole cohort in parquet, written a result at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.io.atomic import atomic_path
from nipype_mapsmasker.io.tables.signals import import_arrow

__all__ = ["LABELS", "TidyWriter"]

LABELS = ("run_id", "subject", "session", "run", "atlas", "strategy")
"""Columns that say what a row belongs to."""


class TidyWriter:
    """
    Write a parquet table, one row group per result, whole or not at all.

    Parameters
    ----------
    path : Path
        The ``.parquet``.
    kind : {'timeseries', 'relmat'}
        Rows of one value each: of a volume and a region, or of two regions (each pair once).
    """

    def __init__(self, path: Path, kind: Literal["timeseries", "relmat"]) -> None:
        self._path = path
        self._arrow, self._parquet = import_arrow(path)
        arrow = self._arrow
        words = arrow.dictionary(arrow.int32(), arrow.string())
        fields = [(name, words) for name in LABELS]
        if kind == "timeseries":
            fields += [("volume", arrow.int32()), ("region", words)]
        else:
            fields += [("measure", words), ("region_1", words), ("region_2", words)]
        self._schema = arrow.schema([*fields, ("value", arrow.float64())])
        self._stack = ExitStack()
        self._writer: Any = None

    def __enter__(self) -> TidyWriter:
        """Open a file beside the final one."""
        temporary = self._stack.enter_context(atomic_path(self._path))
        self._writer = self._parquet.ParquetWriter(temporary, self._schema)
        self._stack.callback(self._writer.close)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        """Close it, and move it into place if all went well."""
        return self._stack.__exit__(kind, error, trace)

    def add_signals(
        self,
        labels: Mapping[str, str | None],
        signals: NDArray[np.float64],
        volumes: NDArray[np.intp],
        names: Sequence[str],
    ) -> None:
        """Add the signals (n_kept, K) of one result."""
        n_volumes, n_regions = signals.shape
        self._add(
            labels,
            {
                "volume": np.repeat(volumes.astype(np.int32), n_regions),
                "region": (np.tile(np.arange(n_regions), n_volumes), names),
                "value": signals.reshape(-1),
            },
        )

    def add_matrix(
        self, labels: Mapping[str, str | None], matrix: NDArray[np.float64], names: Sequence[str]
    ) -> None:
        """Add a symmetric matrix (K, K), diagonal included."""
        rows, columns = np.triu_indices(len(matrix))
        self._add(
            labels,
            {
                "region_1": (rows, names),
                "region_2": (columns, names),
                "value": matrix[rows, columns],
            },
        )

    def _add(self, labels: Mapping[str, str | None], columns: Mapping[str, Any]) -> None:
        """Write one row group."""
        n_rows = len(columns["value"])
        if not n_rows:
            return
        arrow, arrays = self._arrow, []
        for field in self._schema:
            given = columns.get(field.name)
            if field.name == "value":
                array = arrow.array(given, from_pandas=True)  # NaN is a gap
            elif isinstance(given, tuple):
                codes, words = given
                array = _coded(arrow, codes, list(words))
            elif given is not None:
                array = arrow.array(given)
            else:
                word = labels.get(field.name)
                codes = np.zeros(n_rows, dtype=np.int32)
                array = (
                    _coded(arrow, codes, [word])
                    if word is not None
                    else arrow.nulls(n_rows, field.type)
                )
            arrays.append(array)
        table = arrow.Table.from_arrays(arrays, schema=self._schema)
        self._writer.write_table(table, row_group_size=n_rows)


def _coded(arrow: Any, codes: NDArray[Any], words: list[str]) -> Any:
    """Make a column of words, each kept once."""
    indices = arrow.array(codes.astype(np.int32))
    return arrow.DictionaryArray.from_arrays(indices, arrow.array(words, type=arrow.string()))
