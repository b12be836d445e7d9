# SPDX-License-Identifier: Apache-2.0
"""Options made of the declared parameters, and parameters made of the parsed options."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any, get_args, get_origin

from nipype_mapsmasker.core.parameters import MaskerParameters, Parameter, parameters_of
from nipype_mapsmasker.errors import ParameterError

__all__ = ["add_options", "masker_parameters", "value_of"]

METAVARS = {"mm": "MM", "Hz": "HZ", "seconds": "S", "percent": "P", "GB": "GB"}
"""What stands for a number of each unit in the help."""


def add_options(
    group: argparse._ArgumentGroup,
    source: type,
    *,
    only: Sequence[str] | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> None:
    """
    Add an option for every parameter of a dataclass.

    Parameters
    ----------
    group : argparse group
        Gets the options.
    source : type
        A dataclass of `nipype_mapsmasker.core.parameters`.
    only : sequence of str, optional
        The parameters that become options, in this order; all by default.
    defaults : mapping, optional
        Defaults of the command that are others than those of the parameters.
    """
    declared = parameters_of(source)
    for name in declared if only is None else only:
        _add_option(group, declared[name], (defaults or {}).get(name, declared[name].default))


def _add_option(group: argparse._ArgumentGroup, declared: Parameter, default: Any) -> None:
    """Add the option of one parameter."""
    flag = "--" + declared.name.replace("_", "-")
    sentence = declared.sentence.replace("%", "%%").replace("None", "none")
    if declared.types == (bool,):
        group.add_argument(
            flag,
            action=argparse.BooleanOptionalAction,
            default=default,
            help=f"{sentence} (default: {'yes' if default else 'no'})",
        )
        return
    if default is not None:
        sentence += f" (default: {default})"
    elif declared.choices and not declared.types:
        sentence += " (default: none)"
    if not declared.types:
        words = [_word(value) for value in declared.choices if not isinstance(value, bool)]
        group.add_argument(flag, choices=words, default=default, help=sentence)
        return
    several = [kind for kind in declared.types if get_origin(kind) is not None]
    kind = get_args(several[0])[0] if several else declared.types[0]
    is_open = bool(set(declared.choices) - {None})  # a word may stand for numbers
    group.add_argument(
        flag,
        type=str if is_open else kind,
        nargs="+" if several else None,
        default=default,
        metavar=METAVARS.get(declared.unit, "N" if kind in (int, float) else "NAME"),
        help=sentence,
    )


def value_of(declared: Parameter, given: Any) -> Any:
    """
    Turn what argparse gives for an option into the parameter's value.

    Parameters
    ----------
    declared : Parameter
        The parameter.
    given : object
        Words or numbers.

    Returns
    -------
    object
        'none' as None, one word or number of several as such, numbers as numbers.

    Raises
    ------
    ParameterError
        A word where a number is expected.
    """
    if given == "none" and declared.is_optional:
        return None
    if not isinstance(given, list):
        return _number_or_word(declared, given)
    if len(given) == 1 and given[0] in declared.choices:
        return given[0]
    several = next(kind for kind in declared.types if get_origin(kind) is not None)
    kind = get_args(several)[0]
    try:
        values = [kind(item) for item in given]
    except ValueError as error:
        words = " or ".join(repr(choice) for choice in declared.choices if choice is not None)
        flag = "--" + declared.name.replace("_", "-")
        msg = f"{flag} takes numbers{words and f' or {words}'}; got {' '.join(map(str, given))!r}."
        raise ParameterError(msg) from error
    return values[0] if len(values) == 1 and kind in declared.types else values


def _number_or_word(declared: Parameter, given: Any) -> Any:
    """Take a number for one where words may stand for it."""
    if not isinstance(given, str) or given in declared.choices or str in declared.types:
        return given
    kinds = [kind for kind in declared.types if kind in (int, float)]
    if not kinds:
        return given
    try:
        return kinds[0](given)
    except ValueError as error:
        words = " or ".join(repr(choice) for choice in declared.choices if choice is not None)
        flag = "--" + declared.name.replace("_", "-")
        msg = f"{flag} takes a number or {words}; got {given!r}."
        raise ParameterError(msg) from error


def masker_parameters(arguments: argparse.Namespace) -> MaskerParameters:
    """
    Gather and check the parameters.

    Parameters
    ----------
    arguments : argparse.Namespace
        Of the command ``run``.

    Returns
    -------
    MaskerParameters
        Checked alone and together.

    Raises
    ------
    ParameterError
        They make no sense.
    """
    # Not needed by the help of a command.
    from nipype_mapsmasker.cohort.request import atlas_names
    from nipype_mapsmasker.io.strategies import read_strategies

    values = {
        name: value_of(declared, getattr(arguments, name))
        for name, declared in parameters_of(MaskerParameters).items()
        if name not in ("atlases", "denoise", "strategies")
    }
    return MaskerParameters(
        atlases=atlas_names(arguments.maps or ["maps"], arguments.atlas_names),
        denoise=None if arguments.denoise is None else read_strategies(arguments.denoise),
        strategies=_strategies(arguments.strategies),
        **values,
    )


def _strategies(path: str | None) -> dict[str, dict[str, Any]] | None:
    """Read the strategies of a file."""
    if path is None:
        return None
    from nipype_mapsmasker.io.sidecars import read_json_object

    strategies = read_json_object(path, "--strategies")
    for name, fields in strategies.items():
        if not isinstance(fields, dict):
            msg = (
                f"--strategies {path}: {name!r} is {fields!r}, expected an object of cleaning "
                "options."
            )
            raise ParameterError(msg)
    declared = parameters_of(MaskerParameters)
    return {
        # The word none, as the options have it.
        name: {
            key: value_of(declared[key], value) if key in declared and value == "none" else value
            for key, value in fields.items()
        }
        for name, fields in strategies.items()
    }


def _word(value: Any) -> str:
    """Give the word that the command line has for a choice."""
    return "none" if value is None else str(value)
