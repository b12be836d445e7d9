# SPDX-License-Identifier: Apache-2.0
"""The command ``completion``: a script for the shell, made from the parser by shtab."""

from __future__ import annotations

import argparse

from nipype_mapsmasker.cli.parser import build_parser
from nipype_mapsmasker.errors import ParameterError

__all__ = ["completion"]


def completion(arguments: argparse.Namespace) -> int:
    """
    Print the script.

    Parameters
    ----------
    arguments : argparse.Namespace
        Of the command ``completion``.

    Returns
    -------
    int
        Exit code 0.

    Raises
    ------
    ParameterError
        shtab is not installed.
    """
    try:
        import shtab
    except ImportError as error:
        msg = "Completion needs shtab; pip install 'nipype-mapsmasker[completion]'."
        raise ParameterError(msg) from error
    print(shtab.complete(build_parser(), arguments.shell))
    return 0
