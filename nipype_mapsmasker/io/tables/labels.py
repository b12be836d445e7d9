# SPDX-License-Identifier: Apache-2.0
"""Names of maps, from the label tables of atlases."""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nipype_mapsmasker.errors import TableError
from nipype_mapsmasker.io.tables.text import is_number, read_bytes, read_table

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

INDEX_COLUMNS = ("index", "component", "value", "id", "label", "labels")
"""Columns, in lower case, that hold the number of a map or the value of a label."""

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
        K.
    values : sequence of int, optional
        Of a label image: the K values in the order of the maps. Names are then found by value,
        and values that the image does not hold, such as the background, are left out.

    Returns
    -------
    list of str
        K different names in the order of the maps: by number where numbers are given,
        otherwise as they stand. A name that comes twice is numbered.

    Raises
    ------
    TableError
        There are no names, or not K of them.
    """
    path = Path(path)
    is_json = path.name.lower().endswith(".json")
    pairs = _pairs_of_json(path) if is_json else _pairs_of_table(path)
    names = _ordered(pairs, path, n_maps, values)
    blank = next((at for at, name in enumerate(names) if not name), None)
    if blank is not None:
        msg = f"{path} gives map {blank + 1} of {n_maps} no name; write one."
        raise TableError(msg)
    return _different(names, path)


def _pairs_of_table(path: Path) -> list[tuple[int | None, str]]:
    """Read numbers and names from a table."""
    table = read_table(path)
    header = [name.lower() for name in table.header]
    columns = {name: [row[at] for row in table.rows] for at, name in enumerate(header)}
    named = [
        name
        for name in NAME_COLUMNS
        if name in columns and not all(is_number(cell) for cell in columns[name])
    ]
    if not named and len(header) == 1:
        # A plain list of names: its first line is a name too, unless it says "name".
        plain = [row[0] for row in table.rows]
        return [
            (None, name)
            for name in (plain if header[0] in NAME_COLUMNS else [table.header[0], *plain])
        ]
    if not named:
        msg = (
            f"{path} has the columns {', '.join(table.header)}, of which none holds names of "
            "maps; call it 'name'."
        )
        raise TableError(msg)
    names = columns[named[0]]
    for column in INDEX_COLUMNS:
        cells = columns.get(column, [])
        if column != named[0] and cells and all(_is_whole(cell) for cell in cells):
            return [(int(float(cell)), name) for cell, name in zip(cells, names, strict=True)]
    return [(None, name) for name in names]


def _pairs_of_json(path: Path) -> list[tuple[int | None, str]]:
    """Read numbers and names from a JSON list or object."""
    try:
        content: Any = json.loads(read_bytes(path).decode("utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        msg = f"{path} is not a JSON file ({error}); give a list of names."
        raise TableError(msg) from error
    if isinstance(content, dict):
        inner = next((content[key] for key in (LABEL_MAP, *NAME_COLUMNS) if key in content), None)
        content = inner if isinstance(inner, (list, dict)) else content
    if isinstance(content, list):
        if all(isinstance(item, str) for item in content):
            return [(None, item) for item in content]
        if all(isinstance(item, dict) and "name" in item for item in content):
            return [(_whole_or_none(item.get("index")), str(item["name"])) for item in content]
    elif isinstance(content, dict) and all(isinstance(item, str) for item in content.values()):
        if all(_is_whole(key) for key in content):
            return [(int(key), name) for key, name in content.items()]
        if all(_is_whole(name) for name in content.values()):
            return [(int(value), key) for key, value in content.items()]
    elif isinstance(content, dict) and all(type(item) is int for item in content.values()):
        return [(value, key) for key, value in content.items()]
    msg = (
        f"{path} holds neither a list of names nor an object of numbers and names; write it as "
        '["name", ...] or {"1": "name", ...}.'
    )
    raise TableError(msg)


def _ordered(
    pairs: list[tuple[int | None, str]], path: Path, n_maps: int, values: Sequence[int] | None
) -> list[str]:
    """Bring names into the order of the maps and see that there are K."""
    pairs = [(number, " ".join(name.split())) for number, name in pairs]
    numbers = [number for number, _ in pairs if number is not None]
    numbered = bool(numbers) and len(numbers) == len(pairs)
    twice = [number for number, count in Counter(numbers).items() if count > 1]
    if numbered and twice:
        msg = f"{path} gives two names to number {twice[0]}; each map needs one line of its own."
        raise TableError(msg)
    if numbered and values is not None:
        by_number = {number: name for number, name in pairs if number is not None}
        lacking = [value for value in values if value not in by_number]
        if lacking:
            msg = (
                f"{path} has no name for label {lacking[0]} of the image (and for "
                f"{len(lacking) - 1} more); add a line for each."
            )
            raise TableError(msg)
        return [by_number[value] for value in values]
    if len(pairs) != n_maps:
        msg = (
            f"{path} has {len(pairs)} names, where there are {n_maps} maps; give one name "
            "per map, in their order."
        )
        raise TableError(msg)
    if numbered:
        pairs = sorted(pairs, key=lambda pair: pair[0] or 0)
    return [name for _, name in pairs]


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
    """Give an integer, or None for anything else."""
    return item if type(item) is int else None
