# SPDX-License-Identifier: Apache-2.0
"""What is declared is what is used: dependencies, package data, the README's commands."""

import ast
import configparser
import re
import sys
import tomllib

import pytest

from .conftest import ROOT, library_files

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

OPTIONAL = {"nilearn", "polars", "pyarrow", "shtab", "sklearn", "yaml", "zstandard"}
"""Imported only where the user asks for what it does."""

INDIRECT = {"traits"}
"""Used through the names under which Nipype hands it on."""


IMPORTED_AS = {"PIL": "pillow"}
"""Names of distributions that differ from what is imported."""


def distribution(requirement):
    return re.match(r"[\w.-]+", requirement).group().lower()


def imported_packages():
    """Return the top-level names of all that the package imports from elsewhere."""
    names = set()
    for path in library_files():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.split(".")[0])
    foreign = names - set(sys.stdlib_module_names) - {"nipype_mapsmasker"}
    return {IMPORTED_AS.get(name, name) for name in foreign}


def test_what_is_imported_is_declared():
    declared = {distribution(line) for line in PYPROJECT["project"]["dependencies"]}
    assert imported_packages() - OPTIONAL <= declared


def test_what_is_declared_is_imported():
    declared = {distribution(line) for line in PYPROJECT["project"]["dependencies"]}
    assert declared - INDIRECT <= imported_packages()


def test_the_readme_says_what_each_dependency_is_for():
    readme = (ROOT / "README.md").read_text().lower()
    named = [distribution(line) for line in PYPROJECT["project"]["dependencies"]]
    assert not [name for name in named if name not in readme]


def test_package_data_exist():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    for pattern in config["options.package_data"]["nipype_mapsmasker"].split():
        assert list((ROOT / "nipype_mapsmasker").glob(pattern)), f"nothing matches {pattern}"


def test_every_package_folder_has_an_init():
    folders = {path.parent for path in library_files()}
    assert all((folder / "__init__.py").is_file() for folder in folders)


@pytest.mark.parametrize("marker", ["ci:demo", "ci:test"])
def test_the_readme_marks_the_command_that_ci_runs(marker):
    readme = (ROOT / "README.md").read_text()
    assert readme.count(f"<!-- {marker} -->\n```sh\n") == 1
