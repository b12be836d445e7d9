# SPDX-License-Identifier: Apache-2.0
"""Options from a file (``--config``), and a call written as such a file (``--write-config``)."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nipype_mapsmasker.errors import ParameterError

__all__ = ["without_config", "write_config"]

OWN = ("analysis_level", "command", "command_line", "config", "input", "out_dir", "write_config")
"""What is in the arguments and no option of a file."""

HEADER = """\
# Options of mapsmasker run, by their names; what the command line says wins.
#     mapsmasker run INPUT OUT --config {name}
"""
"""How a written file begins."""


def without_config(words: Sequence[str], command: argparse.ArgumentParser) -> list[str]:
    """
    Put the options of a configuration file in the place of ``--config FILE``.

    Parameters
    ----------
    words : sequence of str
        The words of a call, after the command's name.
    command : ArgumentParser
        The command, which knows its options.

    Returns
    -------
    list of str
        The words, and behind them those of the file whose option is not among them.

    Raises
    ------
    ParameterError
        The file cannot be read, or has a name that is no option, or a value of a strange kind.
    """
    if "--config" not in command._option_string_actions:
        return list(words)
    rest, path = list(words), None
    for number, word in enumerate(words):
        if word == "--":
            break
        if word == "--config" and number + 1 < len(words):
            path = words[number + 1]
            del rest[number : number + 2]
            break
        if word.startswith("--config="):
            path = word.partition("=")[2]
            del rest[number]
            break
    if path is None:
        return rest
    given = {word.partition("=")[0] for word in rest if word.startswith("-")}
    known = command._option_string_actions
    said = {id(known[word]) for word in given if word in known}
    more: list[str] = []
    for name, value in _read(path).items():
        action = known.get("--" + name.replace("_", "-"))
        if action is None or action.dest in OWN or action.dest == "help":
            msg = f"{path}: {name!r} is not an option; '{command.prog} --help-all' lists them."
            raise ParameterError(msg)
        if id(action) not in said:
            more += _words(path, name, value, action)
    at = rest.index("--") if "--" in rest else len(rest)
    return [*rest[:at], *more, *rest[at:]]


def _read(path: str) -> dict[str, Any]:
    """Read the file."""
    import tomllib

    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path} is not TOML, such as 'smoothing-fwhm = 6': {error}."
        raise ParameterError(msg) from error


def _words(path: str, name: str, value: Any, action: argparse.Action) -> list[str]:
    """Say one entry in the words of the command line."""
    flag = "--" + name.replace("_", "-")
    if isinstance(value, bool) and action.nargs == 0:
        if isinstance(action, argparse.BooleanOptionalAction):
            return [flag if value else f"--no-{flag[2:]}"]
        return [flag] if value else []
    values = value if isinstance(value, list) else [value]
    if (
        action.nargs == 0
        or (isinstance(value, list) and action.nargs != "+")
        or not values
        or any(isinstance(one, bool) or not isinstance(one, str | int | float) for one in values)
    ):
        wanted = "true or false" if action.nargs == 0 else "a number or text"
        wanted += ", or a list of them" if action.nargs == "+" else ""
        msg = f"{path}: {name} is {value!r}; expected {wanted}."
        raise ParameterError(msg)
    if action.nargs == "+":
        return [flag, *map(str, values)]
    return [f"{flag}={values[0]}"]


def write_config(
    path: str, arguments: argparse.Namespace, command: argparse.ArgumentParser
) -> Path:
    """
    Write what a call means as a configuration file.

    Parameters
    ----------
    path : str
        The ``.toml``.
    arguments : argparse.Namespace
        Of the command.
    command : ArgumentParser
        The command, which knows its options.

    Returns
    -------
    Path
        The file; the same call with ``--config`` in the place of its options means the same.
    """
    from nipype_mapsmasker.io.atomic import atomic_path  # loads NumPy

    lines = [HEADER.format(name=Path(path).name)]
    for action in command._actions:
        value = getattr(arguments, action.dest, None)
        is_switch = action.nargs == 0 and not isinstance(action, argparse.BooleanOptionalAction)
        if action.dest in OWN or value is None or value in ((), []) or (is_switch and not value):
            continue
        line = f"{action.dest.replace('_', '-')} = {json.dumps(value, ensure_ascii=False)}\n"
        if line not in lines:  # some options have a second name
            lines.append(line)
    with atomic_path(Path(path)) as temporary:
        temporary.write_text("".join(lines), encoding="utf-8")
    return Path(path)
