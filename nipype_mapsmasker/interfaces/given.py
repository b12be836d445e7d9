# SPDX-License-Identifier: Apache-2.0
"""
What users of Nipype hand over as files, names and numbers, brought into one form.

A node before may give one path where a list of one is meant (``SelectFiles`` with one hit), a
list of one where a path is meant, `Path` objects, tuples, arrays of names, or paths relative to
the folder that the workflow is started in. All of these are taken; anything else is refused by one
sentence that names the field.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from nipype.interfaces.base import Undefined, isdefined, traits

from nipype_mapsmasker.core.parameters import Parameter
from nipype_mapsmasker.errors import ParameterError

__all__ = [
    "Given",
    "each_of",
    "file_of",
    "files_of",
    "mapping_of",
    "number_of",
    "one_or_each",
    "text_of",
    "value_of",
]


class Given(traits.TraitType):
    """
    An input that is read as its users mean it.

    Parameters
    ----------
    read : callable
        Takes the field's name and a value, and returns the value that is kept, or raises.
    default : object
        What an absent value is: None, or Undefined for one that Nipype shall ask for.
    **metadata
        As of any trait.
    """

    def __init__(
        self, read: Callable[[str, Any], Any], default: Any = None, **metadata: Any
    ) -> None:
        self._read = read
        self._absent = default
        super().__init__(default, **metadata)

    def validate(self, owner: Any, name: str, value: Any) -> Any:
        """Read a value as it is set; a `TraitError` would have ten lines."""
        return self._read(name, value)

    def post_setattr(self, owner: Any, name: str, value: Any) -> None:
        """Take what a node before left undefined for absent; that is set without being read."""
        if not isdefined(value):
            owner.__dict__[name] = self._absent


def file_of(name: str, value: Any) -> str | None:
    """
    Read the path of one file.

    Parameters
    ----------
    name : str
        The field.
    value : object
        A text, a `Path`, a list, tuple or array of one of these, or None.

    Returns
    -------
    str or None
        The absolute path; Nipype runs every node in a folder of its own. That the file exists is
        checked when it is read, so that a vanished file is a fault of its run alone.

    Raises
    ------
    ParameterError
        Several files, none in a list, or no path at all.

    Examples
    --------
    >>> file_of("in_file", ("/data/bold.nii.gz",))
    '/data/bold.nii.gz'
    """
    value = _plain(value)
    if isinstance(value, list):
        if len(value) == 1:
            return file_of(name, value[0])
        found = f"{len(value)} entries, {value[0]!r} ..." if value else "an empty list"
        msg = f"{name} takes one file; got {found}. Give one path."
        raise ParameterError(msg)
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        msg = f"{name} takes the path of a file; got {value!r}. Give a text or a Path, or None."
        raise ParameterError(msg)
    return os.path.abspath(value)  # noqa: PTH100 - keeps what is no path, to be told by the reader


def files_of(name: str, value: Any) -> list[str] | None:
    """
    Read the paths of one file, several, or none.

    Parameters
    ----------
    name : str
        The field.
    value : object
        As `file_of`, or several of these; an empty list is none.

    Returns
    -------
    list of str or None
        Absolute paths.

    Raises
    ------
    ParameterError
        Something else than paths.
    """
    value = _plain(value)
    if value is None or value == []:
        return None
    entries = value if isinstance(value, list) else [value]
    return [file for file in (file_of(name, entry) for entry in entries) if file is not None]


def text_of(name: str, value: Any) -> str | None:
    """
    Read a name.

    Parameters
    ----------
    name : str
        The field.
    value : object
        A text, or None.

    Returns
    -------
    str or None
        The name.

    Raises
    ------
    ParameterError
        Anything else, such as a number, of which nobody knows how many zeros it began with.
    """
    value = _plain(value)
    if value is not None and not isinstance(value, str):
        msg = f"{name} takes texts; got {value!r}. Write it as a text."
        raise ParameterError(msg)
    return value


def number_of(name: str, value: Any) -> float | None:
    """
    Read a number.

    Parameters
    ----------
    name : str
        The field.
    value : object
        A number, also as a text, as which all values come from Nipype's own command line; or None.

    Returns
    -------
    float or None
        The number.

    Raises
    ------
    ParameterError
        Anything else.
    """
    value = _plain(value)
    if value is None:
        return None
    if not isinstance(value, bool):
        with suppress(ValueError, TypeError):
            return float(value)
    msg = f"{name} takes numbers; got {value!r}."
    raise ParameterError(msg)


def value_of(declared: Parameter, name: str, value: Any) -> Any:
    """
    Read the value of a parameter.

    Parameters
    ----------
    declared : Parameter
        Its declaration.
    name : str
        The field.
    value : object
        The value; from Nipype's own command line all values come as texts.

    Returns
    -------
    object
        The value, checked by itself.

    Raises
    ------
    ParameterError
        It is of another type, or out of bounds.
    """
    value = _plain(value)
    if isinstance(value, str) and str not in declared.types and value not in declared.choices:
        with suppress(ValueError):
            value = json.loads(value)
    declared.check(value)
    return value


def mapping_of(name: str, value: Any) -> dict[Any, Any] | None:
    """
    Read a mapping.

    Parameters
    ----------
    name : str
        The field.
    value : object
        A mapping, or None.

    Returns
    -------
    dict or None
        The mapping.

    Raises
    ------
    ParameterError
        Anything else.
    """
    if value is not None and not isinstance(value, Mapping):
        msg = f"{name} takes a mapping of names to values; got {value!r}."
        raise ParameterError(msg)
    return None if value is None else dict(value)


def _each(read: Callable[[str, Any], Any], is_needed: bool, name: str, value: Any) -> Any:
    value = _plain(value)
    if not is_needed and (value is None or value == []):
        return None
    if value is None or value == []:
        found = "None" if value is None else "an empty list"
        msg = f"{name} needs at least one entry; got {found}: did the node before find nothing?"
        raise ParameterError(msg)
    return [read(name, entry) for entry in (value if isinstance(value, list) else [value])]


def each_of(read: Callable[[str, Any], Any], *, is_needed: bool) -> Callable[[str, Any], Any]:
    """
    Read a list, of which one entry may come alone.

    Parameters
    ----------
    read : callable
        Reads an entry.
    is_needed : bool
        Whether None and an empty list are refused.

    Returns
    -------
    callable
        Reads the list.
    """
    return partial(_each, read, is_needed)


def _one_or_each(read: Callable[[str, Any], Any], name: str, value: Any) -> Any:
    value = _plain(value)
    if isinstance(value, list):
        return [read(name, entry) for entry in value] or None
    return read(name, value)


def one_or_each(read: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    """
    Read one value that stands for all runs, or one per run.

    Parameters
    ----------
    read : callable
        Reads a value.

    Returns
    -------
    callable
        Reads either.
    """
    return partial(_one_or_each, read)


def _plain(value: Any) -> Any:
    """Turn arrays, tuples, paths and what is not defined into lists, texts and None."""
    if value is Undefined or not isdefined(value):
        return None
    if hasattr(value, "tolist"):  # an array, or a number or text out of one
        value = value.tolist()
    if isinstance(value, os.PathLike | bytes):
        return os.fsdecode(value)
    return list(value) if isinstance(value, list | tuple) else value
