# SPDX-License-Identifier: Apache-2.0
"""What made a result: versions, parameters and command, as plain values."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from nipype_mapsmasker import __version__
from nipype_mapsmasker.core.parameters import ALGORITHM, MaskerParameters

__all__ = ["package_versions", "provenance_of"]

PACKAGES = ("nipype", "numpy", "scipy", "nibabel", "pandas", "matplotlib", "isal")
"""Packages whose versions are kept with the results."""


def package_versions() -> dict[str, str]:
    """
    List the versions that a result may depend on.

    Returns
    -------
    dict of str to str
        By package.
    """
    versions = {"nipype-mapsmasker": __version__, "python": platform.python_version()}
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
