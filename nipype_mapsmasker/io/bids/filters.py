# SPDX-License-Identifier: Apache-2.0
"""Conditions on entities, and the files that hold them: ``--bids-filter-file``."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.bids.names import ENTITIES, LONG_NAMES
from nipype_mapsmasker.io.sidecars import read_json_object

__all__ = ["FILTER_KEYS", "Filters", "has_label", "matches", "read_exclusions", "read_filters"]

FILTER_KEYS = ("bold", "mask", "confounds")
"""Kinds of files that a filter file may speak of."""

Filters = Mapping[str, Mapping[str, tuple[str | None, ...]]]
"""By kind and entity: the labels that are allowed; None means that the entity is absent."""

NUMBERED = ("run", "echo", "res", "cohort")
"""Entities whose labels are numbers: fMRIPrep before 22.1 writes ``run-1`` for ``run-01``."""

_PASSED_OVER = ("suffix", "extension", "datatype", "scope")
"""Keys of other programs' filter files that our kinds of files settle already."""


def read_filters(path: str | os.PathLike[str]) -> Filters:
    """
    Read a filter file.

    Parameters
    ----------
    path : str or Path
        JSON: by kind (``bold``, ``mask``, ``confounds``) an object of entities; a value is a
        label, a list of labels, null for an entity that is absent, or a pattern such as ``*``.

    Returns
    -------
    Filters
        The same, every entity by its short name and every value as a tuple.

    Raises
    ------
    ParameterError
        The file cannot be read, or holds what no filter means.
    """
    content = read_json_object(str(path), "--bids-filter-file")
    filters: dict[str, dict[str, tuple[str | None, ...]]] = {}
    for kind, conditions in content.items():
        if kind not in FILTER_KEYS or not isinstance(conditions, dict):
            msg = (
                f"--bids-filter-file {path} holds {kind!r}, expected an object for each of "
                f'{", ".join(FILTER_KEYS)}, such as {{"bold": {{"space": "T1w"}}}}; mend it.'
            )
            raise ParameterError(msg)
        filters[kind] = {}
        for key, value in conditions.items():
            if key in _PASSED_OVER:
                continue
            entity = LONG_NAMES.get(key, key)
            if entity not in ENTITIES:
                msg = (
                    f"--bids-filter-file {path} asks for the entity {key!r} of {kind}, which BIDS "
                    "does not know; mend it."
                )
                raise ParameterError(msg)
            filters[kind][entity] = _allowed(path, key, value)
    return filters


def read_exclusions(entries: Iterable[str]) -> tuple[str, ...]:
    """
    Read the files among names and patterns of runs.

    Parameters
    ----------
    entries : iterable of str
        Names, patterns, or files: a table with a column ``run_id``, or one entry a line.

    Returns
    -------
    tuple of str
        Names and patterns.

    Raises
    ------
    ParameterError
        A file cannot be read.
    """
    found: list[str] = []
    for entry in entries:
        if not Path(entry).is_file():
            found.append(entry)
            continue
        try:
            lines = Path(entry).read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            msg = f"--exclude-runs {entry} cannot be read ({error}); give a list of runs as text."
            raise ParameterError(msg) from error
        columns = lines[0].split("\t") if lines else []
        column = columns.index("run_id") if "run_id" in columns else 0
        body = lines[1:] if "run_id" in columns else lines
        rows = [line.split("\t") for line in body if line.strip()]
        found += [row[column].strip() for row in rows if len(row) > column]
    return tuple(found)


def matches(entities: Mapping[str, str], conditions: Mapping[str, Iterable[str | None]]) -> bool:
    """
    Tell whether entities meet all conditions.

    Parameters
    ----------
    entities : mapping of str to str
        Labels by entity.
    conditions : mapping of str to iterable of str or None
        Labels, patterns or None (absent) that are allowed.

    Returns
    -------
    bool
        True if every entity of the conditions has one of its labels.
    """
    return all(
        any(has_label(key, entities.get(key), wanted) for wanted in allowed)
        for key, allowed in conditions.items()
    )


def has_label(entity: str, label: str | None, wanted: str | None) -> bool:
    """
    Compare a label with a wish: ``*`` stands for anything.

    Parameters
    ----------
    entity : str
        Whose label it is.
    label, wanted : str or None
        The label, None where the entity is absent; and a label, a pattern, or None.

    Returns
    -------
    bool
        True if it is meant.

    Examples
    --------
    >>> has_label("run", "01", "1"), has_label("sub", "01", "1"), has_label("space", "T1w", "T*")
    (True, False, True)
    """
    if label is None or wanted is None:
        return label is wanted
    wanted = wanted.removeprefix(f"{entity}-")
    if entity in NUMBERED and label.isdecimal() and wanted.isdecimal():
        return int(label) == int(wanted)
    return fnmatch.fnmatchcase(label, wanted)  # no label has a letter that patterns use


def _allowed(path: str | os.PathLike[str], key: str, value: object) -> tuple[str | None, ...]:
    """Make a tuple of labels of what a filter file says of one entity."""
    values = value if isinstance(value, list) else [value]
    bad = [one for one in values if isinstance(one, bool) or not isinstance(one, str | int | None)]
    if bad or not values:
        msg = (
            f"--bids-filter-file {path} gives {key} the value {value!r}, expected a label, a list "
            "of labels, or null for an entity that is absent; mend it."
        )
        raise ParameterError(msg)
    return tuple(None if one is None else str(one) for one in values)
