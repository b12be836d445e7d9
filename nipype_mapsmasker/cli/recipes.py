# SPDX-License-Identifier: Apache-2.0
"""The command ``recipes``: the scripts of ``workflows/``, also for those who have no checkout."""

from __future__ import annotations

import argparse
import ast
from importlib.metadata import Distribution
from pathlib import Path

import nipype_mapsmasker
from nipype_mapsmasker.errors import ParameterError

__all__ = ["find_recipes", "recipes"]

INSTALLED_FOLDER = "share/nipype_mapsmasker/recipes"
"""Where setup.cfg has the scripts installed, below the environment's top."""


def recipes(arguments: argparse.Namespace) -> int:
    """
    List the recipes, or print one.

    Parameters
    ----------
    arguments : argparse.Namespace
        Of the command ``recipes``.

    Returns
    -------
    int
        Exit code 0.

    Raises
    ------
    ParameterError
        There is no recipe of that name, or none at all.
    """
    found = find_recipes()
    if not found:
        msg = "This installation has no recipes; install the package again with pip."
        raise ParameterError(msg)
    if arguments.name is None:
        width = max(map(len, found))
        for name, path in found.items():
            print(f"{name:<{width}}  {_first_line(path)}")
        return 0
    name = arguments.name.removesuffix(".py")
    if name not in found:
        msg = f"There is no recipe {arguments.name!r}; expected one of {', '.join(found)}."
        raise ParameterError(msg)
    print(found[name].read_text(encoding="utf-8"), end="")
    return 0


def find_recipes() -> dict[str, Path]:
    """
    Find the scripts: beside the package in a checkout, else where pip has put them.

    Returns
    -------
    dict of str to Path
        By name, in alphabetical order.
    """
    beside = Path(nipype_mapsmasker.__file__).parents[1]
    if (beside / "pyproject.toml").is_file():
        paths = list((beside / "workflows").glob("*.py"))
    else:
        paths = _installed(beside)
    return {path.stem: path for path in sorted(paths)}


def _installed(site: Path) -> list[Path]:
    """List what pip wrote down beside the package; the folder differs between environments."""
    listed = [
        Path(str(file.locate()))
        for record in Distribution.discover(name="nipype-mapsmasker", path=[str(site)])
        for file in record.files or []
        if file.suffix == ".py" and file.parent.as_posix().endswith(INSTALLED_FOLDER)
    ]
    return [path for path in listed if path.is_file()]


def _first_line(path: Path) -> str:
    """Give what a script says of itself."""
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n")[0]
