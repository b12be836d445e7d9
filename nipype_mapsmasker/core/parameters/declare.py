# SPDX-License-Identifier: Apache-2.0
"""
How a parameter is declared: once, as a field of a dataclass, with all that others make from it.

The annotation holds the type and the closed choices, the default stands where a default stands,
and `parameter` adds the sentence, the unit and the bounds. Traits, options, manifest keys and
docstrings are made from `parameters_of`.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from numbers import Integral, Real
from textwrap import wrap
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from nipype_mapsmasker.errors import ParameterError

__all__ = [
    "Parameter",
    "check_values",
    "document",
    "parameter",
    "parameters_of",
    "values_of",
]

DOC_WIDTH = 99
"""Columns of a docstring."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """
    Hold everything that is said of a parameter.

    Parameters
    ----------
    name : str
        Its name, in nilearn's words where it has one.
    default : object
        Its default.
    types : tuple
        The types that a value may have, without None and the closed choices: ``bool``, ``int``,
        ``float``, ``str`` or an annotation such as ``Sequence[float]``.
    choices : tuple
        The values that a `Literal` names, and None where it is allowed.
    sentence : str
        What it is, in words that go on after its name.
    unit : str
        Unit of its numbers.
    low, high : float or None
        Bounds that a number may reach.
    above : float or None
        A bound that a number may not reach.
    because : str
        Why other choices are refused.
    annotation : str
        The annotation as it is written, for docstrings.
    """

    name: str
    default: Any
    types: tuple[Any, ...]
    choices: tuple[Any, ...]
    sentence: str
    unit: str
    low: float | None
    high: float | None
    above: float | None
    because: str
    annotation: str

    @property
    def is_optional(self) -> bool:
        """Whether None is allowed."""
        return None in self.choices

    def check(self, value: object) -> None:
        """
        Refuse a value of another type, or out of bounds.

        Parameters
        ----------
        value : object
            The value.

        Raises
        ------
        ParameterError
            In one sentence; sequences and mappings are left to the class that knows their sense.
        """
        # 1 equals True and 0 False, which are not meant by them.
        same = [c for c in self.choices if type(value) is type(c) and value == c]
        if same or any(get_origin(kind) is not None for kind in self.types):
            return
        if str(getattr(value, "dtype", "")) == "bool":  # NumPy's, which is not loaded for this
            value = bool(value)
            if value in [c for c in self.choices if isinstance(c, bool)]:
                return
        if not self.types:
            known = ", ".join(map(repr, self.choices))
            self._refuse(f"one of {known}", value)
        kind = self.types[0]
        if kind is bool and not isinstance(value, bool):
            self._refuse("True or False", value)
        if kind is str and not isinstance(value, self.types):  # a path may be a text or a Path
            self._refuse("a text", value)
        if kind in (int, float) and not self._is_number(value, kind):
            self._refuse(self._expected_number(kind), value)

    def _is_number(self, value: object, kind: type) -> bool:
        """Tell whether a value is a number of a kind within the bounds."""
        wanted = Integral if kind is int else Real
        if isinstance(value, bool) or not isinstance(value, wanted):
            return False
        number = float(value)
        return (
            math.isfinite(number)
            and (self.low is None or number >= self.low)
            and (self.high is None or number <= self.high)
            and (self.above is None or number > self.above)
        )

    def _expected_number(self, kind: type) -> str:
        """Say what number is expected."""
        unit = f" of {self.unit}" if self.unit else ""
        if self.low is not None and self.high is not None:
            whole = "a whole number" if kind is int else "a number"
            text = f"{whole}{unit} between {self.low:g} and {self.high:g}"
        elif kind is int:
            text = f"a whole number{unit}"
            text += "" if self.low is None else f" of at least {self.low:g}"
        else:
            text = f"a positive number{unit}" if self.above == 0 else f"a finite number{unit}"
        return text + (", or None for none" if self.is_optional else "")

    def _refuse(self, expected: str, value: object) -> None:
        reason = f": {self.because}" if self.because else ""
        msg = f"{self.name} must be {expected}; got {value!r}{reason}."
        raise ParameterError(msg)


def parameter(
    default: Any,
    sentence: str,
    *,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    because: str = "",
) -> Any:
    """
    Declare a parameter as a field of a dataclass.

    Parameters
    ----------
    default : object
        Its default, which must be immutable; `dataclasses.MISSING` where it must be given.
    sentence : str
        What it is.
    unit : str
        Unit of its numbers, such as 'mm', 'Hz' or 'seconds'.
    low, high : float or None
        Bounds that a number may reach.
    above : float or None
        A bound that a number may not reach.
    because : str
        Why other choices are refused.

    Returns
    -------
    dataclasses.Field
        Typed as anything, so that the annotation beside it is what counts.
    """
    words = {"sentence": sentence, "unit": unit, "because": because}
    return field(default=default, metadata=words | {"low": low, "high": high, "above": above})


@lru_cache(maxsize=64)
def _declared(cls: Hashable) -> Mapping[str, Parameter]:
    """Read the declarations of a class, once."""
    assert isinstance(cls, type)
    hints = get_type_hints(cls)
    return {
        item.name: _read(item.name, item.default, hints[item.name], str(item.type), item.metadata)
        for item in fields(cls)
        if "sentence" in item.metadata
    }


def parameters_of(cls: type) -> dict[str, Parameter]:
    """
    List what a dataclass declares.

    Parameters
    ----------
    cls : type
        A dataclass whose fields are made by `parameter`; other fields are left out.

    Returns
    -------
    dict of str to Parameter
        By name, in their order.
    """
    return dict(_declared(cls))


def values_of(source: object, *classes: type) -> dict[str, Any]:
    """
    Take from an object the parameters that some dataclasses declare.

    Parameters
    ----------
    source : object
        Has them as attributes: parameters, a request, or an interface's inputs.
    *classes : type
        The dataclasses.

    Returns
    -------
    dict
        Values by name.
    """
    found = {name: getattr(source, name) for cls in classes for name in parameters_of(cls)}
    # The lists of interfaces are watched by their traits and cannot be copied.
    return {name: list(v) if isinstance(v, list) else v for name, v in found.items()}


def check_values(given: object) -> None:
    """
    Check every parameter of a dataclass by itself.

    Parameters
    ----------
    given : object
        The dataclass's instance.

    Raises
    ------
    ParameterError
        A value is unknown, of the wrong type or out of bounds.
    """
    for name, declared in parameters_of(type(given)).items():
        declared.check(getattr(given, name))


def document(cls: type, indent: int = 4) -> str:
    """
    Write the entries of a docstring's section "Parameters".

    Parameters
    ----------
    cls : type
        The dataclass.
    indent : int
        Blanks before each line.

    Returns
    -------
    str
        One entry per parameter.
    """
    blanks = " " * indent
    entries = []
    for declared in parameters_of(cls).values():
        sentence = f"{declared.sentence[0].upper()}{declared.sentence[1:]}."
        margin = f"{blanks}    "
        lines = wrap(sentence, DOC_WIDTH, initial_indent=margin, subsequent_indent=margin)
        kind = declared.annotation.replace('"', "'")
        entries.append(
            "\n".join([f"{declared.name} : {kind}, default {declared.default!r}", *lines])
        )
    return f"\n{blanks}".join(entries)


def _read(
    name: str, default: Any, hint: Any, annotation: str, metadata: Mapping[str, Any]
) -> Parameter:
    """Take a declaration apart."""
    members = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    choices: list[Any] = []
    types: list[Any] = []
    for member in members:
        if member is NoneType:
            continue
        if get_origin(member) is Literal:
            choices += get_args(member)
        else:
            types.append(member)
    if bool in types and choices:
        types.remove(bool)
        choices += [True, False]
    if NoneType in members:
        choices.append(None)
    return Parameter(
        name=name,
        default=default,
        types=tuple(types),
        choices=tuple(choices),
        annotation=annotation,
        **metadata,
    )
