# SPDX-License-Identifier: Apache-2.0
"""What made a result: versions, parameters and command, as plain values."""

from __future__ import annotations

import platform
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, metadata, version
from typing import Any

from nipype_mapsmasker import __version__
from nipype_mapsmasker.core.parameters import ALGORITHM, MaskerParameters

__all__ = ["code_url", "docs_url", "package_versions", "provenance_of"]

PACKAGES = ("nipype", "numpy", "scipy", "nibabel", "pandas", "matplotlib", "isal")
"""Packages whose versions are kept with the results."""

DISTRIBUTION = "nipype-mapsmasker"
"""Name under which the package is installed."""

CODE_LABELS = ("source", "source code", "repository", "code", "homepage")
"""Labels that ``project.urls`` of ``pyproject.toml`` may give to where the code is, best first."""

PACKAGE_PAGE = f"https://pypi.org/project/{DISTRIBUTION}/"
"""Where the code can be had, as long as ``pyproject.toml`` names no better place."""


DOCS_LABELS = ("documentation", "docs")
"""Labels that it may give to where the documentation is."""

DOCS_PAGE = f"https://{DISTRIBUTION}.readthedocs.io/en/stable/"
"""Where the documentation is to be read, as long as it names no better place."""


def code_url() -> str:
    """
    Tell where the program's code is, as ``project.urls`` of ``pyproject.toml`` declares it.

    Returns
    -------
    str
        A URL.
    """
    return _declared(CODE_LABELS, PACKAGE_PAGE)


@lru_cache
def docs_url(page: str = "") -> str:
    """
    Tell where the documentation is, likewise.

    Parameters
    ----------
    page : str
        Path of a page within it, with its anchor.

    Returns
    -------
    str
        A URL.
    """
    return f"{_declared(DOCS_LABELS, DOCS_PAGE).rstrip('/')}/{page}"


def _declared(labels: tuple[str, ...], default: str) -> str:
    """Give the URL that the installed package declares under the first of some labels."""
    try:
        declared = metadata(DISTRIBUTION).get_all("Project-URL") or []
    except PackageNotFoundError:  # a checkout that was not installed
        declared = []
    urls = {
        label.strip().lower(): url.strip()
        for label, _, url in (x.partition(",") for x in declared)
    }
    return next((urls[label] for label in labels if label in urls), default)


@lru_cache
def package_versions() -> dict[str, str]:
    """
    List the versions that a result may depend on; they are looked up once.

    Returns
    -------
    dict of str to str
        By package.
    """
    versions = {DISTRIBUTION: __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "absent"
    return versions


def provenance_of(params: MaskerParameters, command: str = "") -> dict[str, Any]:
    """
    Describe what makes the results of a workflow.

    Parameters
    ----------
    params : MaskerParameters
        Its parameters.
    command : str
        The command that runs it.

    Returns
    -------
    dict
        Versions, parameters, algorithm and command.
    """
    return {
        "algorithm": ALGORITHM,
        "versions": package_versions(),
        "masker": params.record(),
        "command": command,
    }
