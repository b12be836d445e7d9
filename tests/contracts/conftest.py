# SPDX-License-Identifier: Apache-2.0
"""Walk the package: whatever module, interface or builder is added falls under the house rules."""

import importlib
import inspect
import pkgutil
import subprocess
from pathlib import Path

import nipype_mapsmasker

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""

SKIPPED_FOLDERS = {"build", "dist", "htmlcov", "node_modules"}
"""Folders of the checkout that are never tracked."""


def tracked_files():
    """List the files under version control; without git, all but hidden and built ones."""
    answer = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True, check=False
    )
    if answer.returncode == 0 and answer.stdout:
        paths = [ROOT / name for name in answer.stdout.split("\0") if name]
        return [path for path in paths if path.is_file()]
    paths = [path.relative_to(ROOT) for path in sorted(ROOT.rglob("*")) if path.is_file()]
    return [ROOT / path for path in paths if not _is_untracked(path)]


def _is_untracked(path):
    parts = path.parts
    hidden = (
        any(part.startswith((".", "__pycache__")) for part in parts[:-1]) and parts[0] != ".ci"
    )
    return (
        hidden or bool(SKIPPED_FOLDERS & set(parts)) or any("egg-info" in part for part in parts)
    )


def python_files():
    """List the tracked Python files."""
    return [path for path in tracked_files() if path.suffix == ".py"]


def library_files():
    """List the package's own Python files."""
    return [path for path in python_files() if path.is_relative_to(ROOT / "nipype_mapsmasker")]


def modules(package):
    """Import every module below a package of the package."""
    top = importlib.import_module(f"{nipype_mapsmasker.__name__}.{package}")
    names = [info.name for info in pkgutil.walk_packages(top.__path__, f"{top.__name__}.")]
    return [top, *(importlib.import_module(name) for name in names)]


def interface_classes():
    """List every interface that the package defines."""
    from nipype.interfaces.base import BaseInterface

    found = {
        value
        for module in modules("interfaces")
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, BaseInterface)
        and value.__module__.startswith(nipype_mapsmasker.__name__)
        and value.input_spec is not BaseInterface.input_spec
    }
    return sorted(found, key=lambda cls: cls.__name__)


def builders():
    """List every workflow builder that the package defines."""
    found = {
        value
        for module in modules("workflows")
        for name, value in vars(module).items()
        if inspect.isfunction(value) and name.startswith("init_") and name.endswith("_wf")
    }
    return sorted(found, key=lambda function: function.__name__)


def pytest_generate_tests(metafunc):
    """Give a test one case for each file, interface or builder that it asks for by name."""
    sources = {
        "tracked_file": tracked_files,
        "python_file": python_files,
        "library_file": library_files,
        "interface": interface_classes,
        "builder": builders,
    }
    for name, find in sources.items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, find(), ids=_name_of)


def _name_of(value):
    return value.relative_to(ROOT).as_posix() if isinstance(value, Path) else value.__name__
