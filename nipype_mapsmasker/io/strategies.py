# SPDX-License-Identifier: Apache-2.0
"""Strategies of denoising from names and from files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nipype_mapsmasker.core.parameters import STRATEGY, parameters_of
from nipype_mapsmasker.core.parameters.denoising import denoising_strategies
from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.decoding import decode_json
from nipype_mapsmasker.io.tables.text import read_bytes

__all__ = ["STRATEGY_SUFFIXES", "read_strategies"]

STRATEGY_SUFFIXES = (".json", ".yaml", ".yml")
"""Endings of files that hold strategies."""


def read_strategies(
    said: Sequence[str | os.PathLike[str] | Mapping[str, Any]],
) -> list[str | dict[str, Any]]:
    """
    Give strategies by their names, or as files hold them.

    Parameters
    ----------
    said : sequence of str, path_like or mapping
        Names of presets, or .json and .yaml files: one strategy (a mapping of the words of
        `ConfoundStrategy` and of cleaning, with ``preset`` for one to start from), a list of
        such, or the files of giga_connectome and XCP-D. Mappings are taken as they are.

    Returns
    -------
    list of str or dict
        The parameter ``denoise``: names, and words.

    Raises
    ------
    ParameterError
        A word is not known, or cannot be meant.
    TableError
        A file cannot be read.
    """
    strategies: list[str | dict[str, Any]] = []
    for item in said:
        if isinstance(item, Mapping):
            strategies.append(dict(item))
        elif Path(item).suffix.lower() in STRATEGY_SUFFIXES:
            strategies += _from_file(Path(item))
        else:
            strategies.append(os.fspath(item))
    return strategies


def _from_file(path: Path) -> list[dict[str, Any]]:
    """Read the strategies of one file."""
    content = _parsed(path)
    listed = content if isinstance(content, list) else [content]
    cleaning = [name for cls in STRATEGY for name in parameters_of(cls)]
    strategies = []
    for item in listed:
        if not isinstance(item, Mapping) or not item:
            msg = (
                f"{path} holds {type(item).__name__} {str(item)[:60]!r}, where a strategy is "
                "expected: words such as strategy, motion, columns, each with its value."
            )
            raise ParameterError(msg)
        try:
            words = _words(item, path.stem)
            denoising_strategies([words], cleaning)
        except ParameterError as error:
            msg = f"{path}: {error}"
            raise ParameterError(msg) from error
        strategies.append(words)
    return strategies


def _parsed(path: Path) -> Any:
    """Parse JSON or YAML."""
    try:
        data = read_bytes(path)
        if path.suffix.lower() == ".json":
            return decode_json(data)
        return _import_yaml(path).safe_load(data.decode("utf-8-sig"))
    except ValueError as error:  # UnicodeDecodeError and JSONDecodeError are such
        msg = f"{path} is not a file of strategies: {' '.join(str(error).split())}; correct it."
        raise ParameterError(msg) from error


def _import_yaml(path: Path) -> Any:
    """Import PyYAML with its faults as ValueError, or say how to get it."""
    try:
        import yaml
    except ImportError as error:
        msg = f"{path} needs PyYAML: pip install 'nipype-mapsmasker[yaml]', or write JSON."
        raise ParameterError(msg) from error

    class _Loader:
        @staticmethod
        def safe_load(text: str) -> Any:
            try:
                return yaml.safe_load(text)
            except yaml.YAMLError as error:
                raise ValueError(str(error)) from error
            except RecursionError as error:
                msg = "its brackets are nested too deeply"
                raise ValueError(msg) from error

    return _Loader


def _words(words: Mapping[str, Any], stem: str) -> dict[str, Any]:
    """Bring the three kinds of files to the words that strategies have here."""
    name = str(words.get("name", stem))
    if "parameters" in words:  # giga_connectome: a call of nilearn's functions
        inner = words["parameters"]
        if not isinstance(inner, Mapping):
            msg = f"The strategy {name!r} has 'parameters' that are no words with values."
            raise ParameterError(msg)
        words = {"name": name, **inner}
        if "denoise_strategy" not in words and "strategy" not in words:
            words = {**words, "strategy": ["motion", "high_pass", "wm_csf"]}
    elif isinstance(words.get("confounds"), Mapping):  # XCP-D
        groups = words["confounds"].values()
        columns = [column for group in groups for column in dict(group).get("columns", [])]
        words = {
            "name": name,
            "columns": [column for column in columns if not column.startswith("^")],
            "regex": [column for column in columns if column.startswith("^")],
        }
    rest = {key: value for key, value in words.items() if key != "description"}
    if "denoise_strategy" in rest:
        rest["preset"] = rest.pop("denoise_strategy")
    return {"name": name, **rest}
