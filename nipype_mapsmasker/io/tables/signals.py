# SPDX-License-Identifier: Apache-2.0
"""Signals (T, K) to files and back, exactly."""

from __future__ import annotations

import io
import math
import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as format_
from numpy.typing import ArrayLike, DTypeLike, NDArray

from nipype_mapsmasker.errors import ParameterError, TableError
from nipype_mapsmasker.io.atomic import atomic_path
from nipype_mapsmasker.io.files import file_state
from nipype_mapsmasker.io.tables.numbers import format_rows, parse_rows, read_number
from nipype_mapsmasker.io.tables.text import read_bytes

__all__ = [
    "SIGNAL_SUFFIXES",
    "default_names",
    "import_arrow",
    "load_npy",
    "read_signals",
    "write_signals",
]

SIGNAL_SUFFIXES = (".tsv", ".npy", ".parquet")
"""Endings of the files that hold signals."""

MAX_SIGNALS_BYTES = 2 << 30
"""A file of signals larger than this is none of one run; 1,000 maps and 50,000 volumes fit."""

KEPT_BYTES = 8 << 20
"""A larger file is read each time, so that what is kept stays small."""

N_KEPT = 4
"""Tables that are kept: the raw signals of a run, their quality, and what was cleaned last."""

_KEPT: dict[tuple[object, ...] | None, tuple[NDArray[np.float64], list[str]]] = {}
"""What was read or written, the last at the end: strategies, matrices and pages read the same."""

_BREAKS = re.compile(r"[\t\n\r]")


def default_names(n_maps: int) -> list[str]:
    """
    Name maps that have no names.

    Parameters
    ----------
    n_maps : int
        Number of maps K.

    Returns
    -------
    list of str
        Numbered from 1, of equal length.

    Examples
    --------
    >>> default_names(2)
    ['map_1', 'map_2']
    >>> default_names(10)[0]
    'map_01'
    """
    width = len(str(n_maps))
    return [f"map_{index:0{width}d}" for index in range(1, n_maps + 1)]


def write_signals(
    path: str | os.PathLike[str],
    signals: ArrayLike,
    names: Sequence[str],
    *,
    dtype: DTypeLike | None = None,
    float_format: str = "exact",
) -> Path:
    """
    Write signals, one column per map.

    Parameters
    ----------
    path : path_like
        Its ending decides: .tsv (header of names, ``n/a`` for NaN), .npy (no names) or .parquet
        (needs pyarrow).
    signals : (T, K) array_like of float
        One column per map.
    names : sequence of str
        K different names, without tabs and line breaks.
    dtype : dtype_like, optional
        float32 or float64; by default that of the signals.
    float_format : str
        'exact' writes the shortest number that is read back as the same one; otherwise a
        format such as '.12g'. For .tsv only.

    Returns
    -------
    Path
        The file, complete.

    Raises
    ------
    ParameterError
        Shapes, names, type or ending are not such.
    """
    final = Path(path)
    values = np.asarray(signals)
    if dtype is None and values.dtype.kind in "iub":
        dtype = np.float64
    values = values.astype(_float_dtype(values.dtype if dtype is None else dtype), copy=False)
    if values.ndim != 2:
        msg = f"{final}: signals of shape {values.shape} arrived, where (T, K) is expected."
        raise ParameterError(msg)
    _check_names(final, names, values.shape[1])
    if final.suffix not in SIGNAL_SUFFIXES:
        endings = ", ".join(SIGNAL_SUFFIXES)
        msg = f"{final} does not end as a file of signals does; use one of {endings}."
        raise ParameterError(msg)
    with atomic_path(final) as temporary:
        if final.suffix == ".npy":
            np.save(temporary, np.ascontiguousarray(values), allow_pickle=False)
        elif final.suffix == ".parquet":
            arrow, parquet = import_arrow(final)
            columns = [arrow.array(column) for column in np.asfortranarray(values).T]
            parquet.write_table(arrow.table(columns, names=list(names)), temporary)
        else:
            with temporary.open("w", encoding="utf-8", newline="\n") as file:
                file.write("\t".join(names) + "\n")
                for line in format_rows(values, float_format):
                    file.write(line + "\n")
    if final.suffix == ".tsv" and values.dtype == np.float64 and float_format == "exact":
        _keep(file_state(final, KEPT_BYTES), values.copy(), names)
    return final


def read_signals(path: str | os.PathLike[str]) -> tuple[NDArray[np.float64], list[str]]:
    """
    Read signals that `write_signals` wrote.

    Parameters
    ----------
    path : path_like
        A .tsv, .npy or .parquet file.

    Returns
    -------
    signals : (T, K) ndarray of float
        NaN where the table says ``n/a``.
    names : list of str
        The columns' names; those of `default_names` for .npy, which stores none.

    Raises
    ------
    TableError
        The file is missing, or does not hold a table of numbers.
    """
    path = Path(path)
    state = file_state(path, KEPT_BYTES)
    kept = _KEPT.pop(state, None) or _read(path)
    _keep(state, *kept)  # at the end: raw signals are asked for by every strategy
    return kept[0].copy(), list(kept[1])


def _keep(
    state: tuple[object, ...] | None, signals: NDArray[np.float64], names: Sequence[str]
) -> None:
    """Keep signals for whoever reads them next, and forget the oldest ones."""
    if state is not None:
        _KEPT[state] = (signals, list(names))
        while len(_KEPT) > N_KEPT:
            _KEPT.pop(next(iter(_KEPT)), None)


def _read(path: Path) -> tuple[NDArray[np.float64], list[str]]:
    """Read signals by the ending of their file."""
    if path.suffix == ".npy":
        signals = _read_npy(path)
        return signals, default_names(signals.shape[1])
    if path.suffix == ".parquet":
        return _read_parquet(path)
    return _read_tsv(path)


def _check_names(path: Path, names: Sequence[str], n_maps: int) -> None:
    """Refuse names that would not come back as they went."""
    if len(names) != n_maps:
        msg = f"{path}: {len(names)} names arrived for {n_maps} signals; give one name per column."
        raise ParameterError(msg)
    for name in names:
        if not name.strip() or name != name.strip() or _BREAKS.search(name):
            msg = (
                f"{path}: {name!r} cannot be the name of a column: it must not be empty, nor hold "
                "a tab or line break, nor start or end with a space; rename the map."
            )
            raise ParameterError(msg)
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        msg = f"{path}: the name {twice[0]!r} stands for two columns; give each map its own name."
        raise ParameterError(msg)


def _float_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """Give the floating-point type to write; an integer type would truncate."""
    kind = np.dtype(dtype)
    if kind not in (np.dtype(np.float32), np.dtype(np.float64)):
        msg = f"dtype={kind.name} is not a type for signals; use float32 or float64."
        raise ParameterError(msg)
    return kind


def _read_tsv(path: Path) -> tuple[NDArray[np.float64], list[str]]:
    """Read a table of numbers, cell by cell."""
    try:
        text = read_bytes(path, MAX_SIGNALS_BYTES).decode("utf-8")
    except UnicodeDecodeError as error:
        msg = f"{path} is not a text file in UTF-8, where a table of signals is expected."
        raise TableError(msg) from error
    # Not splitlines(): it also breaks at characters that a name may hold.
    lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    names = lines[0].split("\t")
    if len(lines) < 2:
        msg = f"{path} has a header and no row, where one row per volume is expected."
        raise TableError(msg)
    plain = parse_rows(lines[1:], len(names))
    if plain is not None:
        return plain, names
    signals = np.empty((len(lines) - 1, len(names)))
    for index, line in enumerate(lines[1:]):
        cells = line.split("\t")
        if len(cells) != len(names):
            msg = (
                f"{path} has {len(cells)} cells in line {index + 2}, where the header has "
                f"{len(names)}; the file is damaged or not a table of signals."
            )
            raise TableError(msg)
        signals[index] = [read_number(cell, path, index + 2) for cell in cells]
    return signals, names


def _read_npy(path: Path) -> NDArray[np.float64]:
    """Read an array of numbers; never a pickle."""
    signals = load_npy(path, MAX_SIGNALS_BYTES)
    if signals.ndim != 2 or signals.dtype.kind not in "fiu" or not signals.size:
        msg = (
            f"{path} holds an array of shape {signals.shape} and type {signals.dtype}, where "
            "numbers (T, K) are expected."
        )
        raise TableError(msg)
    return np.ascontiguousarray(signals, dtype=np.float64)


def load_npy(path: Path, limit: int | None = None) -> NDArray[Any]:
    """
    Load an array; never a pickle, and never more than the file holds.

    Parameters
    ----------
    path : Path
        A .npy file.
    limit : int, optional
        Bytes that it may hold; by default as many as a table of text.

    Returns
    -------
    ndarray
        In the shape and of the type that the file states.

    Raises
    ------
    TableError
        The file is missing or is not an array of plain numbers.
    """
    data = read_bytes(path, limit)
    stream = io.BytesIO(data)
    try:
        version = format_.read_magic(stream)
        read_header = {
            (1, 0): format_.read_array_header_1_0,
            (2, 0): format_.read_array_header_2_0,
        }
        shape, fortran, dtype = read_header[version](stream)
        if dtype.hasobject:
            msg = "it holds Python objects"
            raise ValueError(msg)
        n_items, n_bytes = math.prod(shape), len(data) - stream.tell()
        if n_items * dtype.itemsize > n_bytes:
            msg = f"its header promises {n_items * dtype.itemsize} bytes and {n_bytes} are there"
            raise ValueError(msg)
    except (ValueError, KeyError, EOFError, SyntaxError) as error:
        reason = " ".join(str(error).split())
        msg = f"{path} is not a .npy file of plain numbers ({reason}); save it with numpy.save."
        raise TableError(msg) from error
    flat = np.frombuffer(data, dtype=dtype, count=n_items, offset=stream.tell())
    return flat.reshape(shape, order="F" if fortran else "C")


def import_arrow(path: Path) -> tuple[Any, Any]:
    """
    Import pyarrow, or say how to get it.

    Parameters
    ----------
    path : Path
        The file that needs it.

    Returns
    -------
    tuple of module
        pyarrow and pyarrow.parquet.

    Raises
    ------
    ParameterError
        It is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        msg = f"{path} needs pyarrow: pip install 'nipype-mapsmasker[parquet]'."
        raise ParameterError(msg) from error
    return pyarrow, pyarrow.parquet


def _read_parquet(path: Path) -> tuple[NDArray[np.float64], list[str]]:
    """Read the columns of a parquet file."""
    arrow, parquet = import_arrow(path)
    data = read_bytes(path, MAX_SIGNALS_BYTES)
    try:
        table = parquet.read_table(arrow.BufferReader(data))
        columns = [column.to_numpy(zero_copy_only=False) for column in table.columns]
        signals = np.column_stack(columns).astype(np.float64)
    except (arrow.ArrowException, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())
        msg = f"{path} is not a parquet table of numbers ({reason}); make it anew."
        raise TableError(msg) from error
    return np.ascontiguousarray(signals), list(table.column_names)
