# SPDX-License-Identifier: Apache-2.0
"""Traits made of the declared parameters, and the few kinds of input that recur."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from nipype.interfaces.base import BaseInterfaceInputSpec, File, Undefined, traits

from nipype_mapsmasker.core.parameters import Parameter, parameters_of
from nipype_mapsmasker.interfaces.given import (
    Given,
    each_of,
    file_of,
    files_of,
    number_of,
    value_of,
)

__all__ = [
    "made_file",
    "optional",
    "optional_file",
    "optional_files",
    "optional_number",
    "run_file",
    "run_files",
    "trait_of",
    "with_parameters",
]

Spec = TypeVar("Spec", bound=type[BaseInterfaceInputSpec])


def optional(kind: Any, desc: str) -> Any:
    """
    Make an input that may be None, and is by default.

    Parameters
    ----------
    kind : trait
        What it is otherwise.
    desc : str
        What it is for.

    Returns
    -------
    trait
        For the body of a spec.
    """
    return traits.Union(None, kind, default_value=None, usedefault=True, desc=desc)


def optional_file(desc: str) -> Any:
    """
    Make an input of a file that may be absent.

    Parameters
    ----------
    desc : str
        What it is for.

    Returns
    -------
    trait
        That it exists is checked when it is read, so that a vanished file is a fault of its run.
    """
    return Given(file_of, usedefault=True, desc=desc)


def optional_number(desc: str) -> Any:
    """
    Make an input of a number that may be absent.

    Parameters
    ----------
    desc : str
        What it is for.

    Returns
    -------
    trait
        For the body of a spec.
    """
    return Given(number_of, usedefault=True, desc=desc)


def optional_files(desc: str) -> Any:
    """
    Make an input of one file, several, or none.

    Parameters
    ----------
    desc : str
        What it is for.

    Returns
    -------
    trait
        For the body of a spec.
    """
    return Given(files_of, usedefault=True, desc=desc)


def run_file(desc: str) -> Any:
    """
    Make an input of a file that only a failed run does not have.

    Parameters
    ----------
    desc : str
        What it is for.

    Returns
    -------
    trait
        Mandatory; None comes with an ``upstream_fault``.
    """
    return Given(file_of, Undefined, mandatory=True, desc=desc)


def run_files(desc: str) -> Any:
    """
    Make an input of one or more files, which only a failed run does not have.

    Parameters
    ----------
    desc : str
        What it is.

    Returns
    -------
    trait
        Mandatory; a list, with None as its entries where an ``upstream_fault`` comes with it.
    """
    return Given(each_of(file_of, is_needed=True), Undefined, mandatory=True, desc=desc)


def with_parameters(*sources: type, leave_out: Sequence[str] = ()) -> Callable[[Spec], Spec]:
    """
    Add the parameters of dataclasses to an input spec, one trait each.

    Parameters
    ----------
    *sources : type
        Dataclasses of `nipype_mapsmasker.core.parameters`.
    leave_out : sequence of str
        Parameters that the interface does not have.

    Returns
    -------
    callable
        A decorator for the spec's class.
    """

    def decorate(spec: Spec) -> Spec:
        for source in sources:
            for name, declared in parameters_of(source).items():
                if name not in leave_out:
                    spec.add_class_trait(name, trait_of(declared))
        return spec

    return decorate


def trait_of(declared: Parameter) -> Any:
    """
    Make the trait of a declared parameter.

    Parameters
    ----------
    declared : Parameter
        The declaration.

    Returns
    -------
    trait
        With its default, choices, bounds and description.
    """
    words = {"usedefault": True, "desc": declared.sentence}
    kinds = [_kind(member, declared) for member in declared.types]
    if not kinds:
        others = [value for value in declared.choices if value is not declared.default]
        return traits.Enum(declared.default, *others, **words)
    if not declared.choices and len(kinds) == 1:
        return kinds[0](declared.default, **words)
    # Not a union of traits: Nipype's command line skips those, and their errors name no bounds.
    return Given(partial(value_of, declared), declared.default, **words)


def _kind(member: Any, declared: Parameter) -> Callable[..., Any]:
    """Give what makes the trait of one type of an annotation."""
    if member in (int, float) and not (declared.low is None and declared.high is None):
        cast = member

        def ranged(value: Any = None, **words: Any) -> Any:
            low = None if declared.low is None else cast(declared.low)
            high = None if declared.high is None else cast(declared.high)
            return traits.Range(low=low, high=high, value=low if value is None else value, **words)

        return ranged
    plain: Callable[..., Any] = _PLAIN.get(member, traits.Any)
    return plain


_PLAIN: dict[Any, Any] = {
    bool: traits.Bool,
    int: traits.Int,
    float: traits.Float,
    str: traits.Str,
}
"""The trait of each plain type."""


def made_file(desc: str) -> Any:
    """
    Make an output of a file that a failed run does not have.

    Parameters
    ----------
    desc : str
        What it is.

    Returns
    -------
    trait
        For the body of an output spec.
    """
    return traits.Union(None, File(exists=True), desc=desc)
