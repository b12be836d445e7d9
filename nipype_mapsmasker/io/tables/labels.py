# SPDX-License-Identifier: Apache-2.0
"""Names of maps, from the label tables of atlases."""

from __future__ import annotations

import logging
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from unicodedata import category

from nipype_mapsmasker.errors import TableError
from nipype_mapsmasker.io.decoding import read_json
from nipype_mapsmasker.io.tables.text import check_separator, is_number, read_table

__all__ = ["read_labels"]

NAME_COLUMNS = (
    "name",
    "names",
    "difumo_names",
    "label",
    "labels",
    "region",
    "roi",
    "abbreviation",
)
"""Columns, in lower case, that hold names; the first that does is taken."""

POSITION_COLUMNS = ("index", "component")
"""Columns, in lower case, that hold the number of a map."""

INDEX_COLUMNS = (*POSITION_COLUMNS, "value", "id", "label", "labels")
"""Columns, in lower case, that may hold the number of a map or the value of a label."""

LABEL_MAP = "LabelMap"
"""Field of an image's sidecar that names its volumes or labels, by BIDS."""

_LOGGER = logging.getLogger(__name__)


def read_labels(
    path: str | os.PathLike[str], n_maps: int, *, values: Sequence[int] | None = None
) -> list[str]:
    """
    Read the names of maps.

    Parameters
    ----------
    path : path_like
        A .tsv or .csv table with a column of names and, where wanted, one of numbers: that of
        BIDS (``index``, ``name``), of MSDL (``name``), of DiFuMo (``component``,
        ``difumo_names``) or the like; or a .json list of names, or object of numbers and names.
    n_maps : int
        Number of maps K.
    values : sequence of int, optional
        Of a label image: the K values in the order of the maps. Names are then found by value,
        and values that the image does not hold, such as the background, are left out.

    Returns
    -------
    list of str
        K different names in the order of the maps: by number where numbers are labels, or
        positions (0 to K-1 or 1 to K), otherwise as they stand. A name that comes twice is
        numbered.

    Raises
    ------
    TableError
        There are no names, not K of them, or it is not clear in which order.
    """
    path = Path(path)
    is_json = path.name.lower().endswith(".json")
    read = _names_of_json if is_json else _names_of_table
    names = [" ".join(name.split()) for name in read(path, n_maps, values)]
    blank = next((at for at, name in enumerate(names) if not name), None)
    if blank is not None:
        msg = f"{path} gives map {blank + 1} of {n_maps} no name; write one."
        raise TableError(msg)
    odd = next((name for name in names if any(category(c) in ("Cc", "Cs") for c in name)), None)
    if odd is not None:
        msg = (
            f"{path} has a name with characters that cannot be shown, {odd!a}; write it "
            "without them."
        )
        raise TableError(msg)
    return _different(names, path)


def _names_of_table(path: Path, n_maps: int, values: Sequence[int] | None) -> list[str]:
    """Read names from a table, in the order of the maps."""
    table = read_table(path)
    header = [name.lower() for name in table.header]
    columns = {name: [row[at] for row in table.rows] for at, name in enumerate(header)}
    named = [
        name
        for name in NAME_COLUMNS
        if name in columns and not all(is_number(cell) for cell in columns[name])
    ]
    if not named and len(header) == 1:
        if set(re.split("[,;\t]", header[0])) & set(NAME_COLUMNS) - set(header):
            check_separator(path, table.header, None)
        # A plain list of names: its first line is a name too, unless it says "name".
        plain = [row[0] for row in table.rows]
        return _in_order(plain if header[0] in NAME_COLUMNS else [table.header[0], *plain],
                         path, n_maps)  # fmt: skip
    if not named:
        msg = (
            f"{path} has the columns {', '.join(table.header)}, of which none holds names of "
            "maps; call it 'name'."
        )
        raise TableError(msg)
    names = columns.pop(named[0])
    numbers = {
        name: [int(float(cell)) for cell in cells]
        for name, cells in columns.items()
        if cells and all(_is_whole(cell) for cell in cells)
    }
    if values is not None:
        return _by_label(numbers, names, path, values)
    return _by_position(numbers, names, path, n_maps)


def _by_label(
    numbers: Mapping[str, list[int]], names: list[str], path: Path, values: Sequence[int]
) -> list[str]:
    """Find the names of a label image's labels, by the column that holds them."""
    wanted = set(values)
    known = [name for name in INDEX_COLUMNS if name in numbers]
    # A column by another name counts only if it holds the labels and nothing else.
    others = [name for name in numbers if wanted == set(numbers[name]) - {0}]
    found = [name for name in known if wanted <= set(numbers[name])] or others
    if not known and not found:
        return _in_order(names, path, len(values))
    column = (found or known)[0]
    _refuse_twice(numbers[column], path)
    by_number = dict(zip(numbers[column], names, strict=True))
    lacking = [value for value in values if value not in by_number]
    if lacking:
        msg = (
            f"{path} has no name for label {lacking[0]} of the image (and for "
            f"{len(lacking) - 1} more) in its column {column!r}; add a line for each."
        )
        raise TableError(msg)
    return [by_number[value] for value in values]


def _by_position(
    numbers: Mapping[str, list[int]], names: list[str], path: Path, n_maps: int
) -> list[str]:
    """Bring names into the order of the maps: by a column of positions, or as they stand."""
    ordered = _in_order(names, path, n_maps)
    for column in INDEX_COLUMNS:
        cells = numbers.get(column)
        if cells is None:
            continue
        if cells == sorted(set(cells)):
            return ordered  # the rows are in the order of the numbers, whatever these count
        if column in POSITION_COLUMNS:
            _refuse_twice(cells, path)
        if not _are_positions(cells):
            if column not in POSITION_COLUMNS:
                continue  # whatever it counts, it is not the maps
            msg = (
                f"{path} numbers its names in the column {column!r} from {min(cells)} to "
                f"{max(cells)}, not in order, and these are no positions of {n_maps} maps; number "
                f"them from 1 to {n_maps}, or leave the column out if the rows are in order."
            )
            raise TableError(msg)
        if column not in POSITION_COLUMNS:
            msg = (
                f"{path} has a column {column!r} with the numbers {min(cells)} to {max(cells)} in "
                "another order than that of the rows, and 4D maps have no labels: rename it to "
                "'index' if these are the numbers of the maps, or leave it out if the rows are in "
                "order."
            )
            raise TableError(msg)
        pairs = sorted(zip(cells, ordered, strict=True))
        return [name for _, name in pairs]
    return ordered


def _names_of_json(path: Path, n_maps: int, values: Sequence[int] | None) -> list[str]:
    """Read names from a JSON list or object, in the order of the maps."""
    content = read_json(path)
    if isinstance(content, dict):
        inner = next((content[key] for key in (LABEL_MAP, *NAME_COLUMNS) if key in content), None)
        content = inner if isinstance(inner, (list, dict)) else content
    pairs = _pairs_of_json(content)
    if not pairs:
        msg = (
            f"{path} holds neither a list of names nor an object of numbers and names; write it "
            'as ["name", ...] or {"1": "name", ...}.'
        )
        raise TableError(msg)
    numbers = [number for number, _ in pairs if number is not None]
    names = [name for _, name in pairs]
    if len(numbers) < len(pairs):
        return _in_order(names, path, n_maps)
    column = {POSITION_COLUMNS[0]: numbers}
    if values is not None:
        return _by_label(column, names, path, values)
    return _by_position(column, names, path, n_maps)


def _pairs_of_json(content: Any) -> list[tuple[int | None, str]]:
    """Take what is like a list of names or an object of numbers and names apart, or nothing."""
    if isinstance(content, list):
        if all(isinstance(item, str) for item in content):
            return [(None, item) for item in content]
        if all(isinstance(item, dict) and isinstance(item.get("name"), str) for item in content):
            return [(_whole_or_none(item.get("index")), item["name"]) for item in content]
    elif isinstance(content, dict):
        items = list(content.items())
        if all(isinstance(name, str) and _is_whole(key) for key, name in items):
            return [(int(float(key)), name) for key, name in items]
        if all(_whole_or_none(number) is not None for _, number in items):
            return [(_whole_or_none(number), name) for name, number in items]
    return []


def _in_order(names: list[str], path: Path, n_maps: int) -> list[str]:
    """Give names as they stand, if there are K."""
    if len(names) != n_maps:
        msg = (
            f"{path} has {len(names)} names, where there are {n_maps} maps; give one name "
            "per map, in their order."
        )
        raise TableError(msg)
    return names


def _are_positions(numbers: Sequence[int]) -> bool:
    """Tell whether numbers count maps, from 0 or from 1."""
    return sorted(numbers) in (list(range(len(numbers))), list(range(1, len(numbers) + 1)))


def _refuse_twice(numbers: Sequence[int], path: Path) -> None:
    """Refuse a number that comes twice."""
    twice = [number for number, count in Counter(numbers).items() if count > 1]
    if twice:
        msg = f"{path} gives two names to number {twice[0]}; each map needs one line of its own."
        raise TableError(msg)


def _different(names: list[str], path: Path) -> list[str]:
    """Tell names that come more than once apart by a number."""
    counts = Counter(names)
    repeated = [name for name, count in counts.items() if count > 1]
    if not repeated:
        return names
    _LOGGER.warning("%s: %d names come more than once and were numbered.", path, len(repeated))
    taken = set(names)
    seen: Counter[str] = Counter()
    different = []
    for name in names:
        new = name
        while counts[name] > 1 and (new == name or new in taken):
            seen[name] += 1
            new = f"{name}_{seen[name]}"
        taken.add(new)
        different.append(new)
    return different


def _is_whole(cell: str) -> bool:
    """Tell whether a text is a whole number, also written 1.0."""
    return is_number(cell) and float(cell).is_integer()


def _whole_or_none(item: Any) -> int | None:
    """Give a whole number of JSON, also written 1.0 or "1", as an integer; None for others."""
    if isinstance(item, bool) or not isinstance(item, str | int | float):
        return None
    return int(float(item)) if _is_whole(str(item)) else None
