# SPDX-License-Identifier: Apache-2.0
"""What runs, atlases and strategies may be called."""

from __future__ import annotations

import re

from nipype_mapsmasker.errors import ParameterError

__all__ = ["MAX_NAME_BYTES", "check_label", "check_name", "node_label"]

MAX_NAME_BYTES = 200
"""Bytes of a run's name that leave room for the endings of its files in 255 bytes."""

# Surrogates stand for bytes that are no text, which tables and pages cannot hold.
_NO_NAME = re.compile(r"[\x00-\x1f/\\\x7f\ud800-\udfff]")


def check_name(kind: str, name: str) -> None:
    """
    Refuse a name that cannot be part of a file's name.

    Parameters
    ----------
    kind : str
        What it names, for the error.
    name : str
        The name.

    Raises
    ------
    ParameterError
        Empty, too long, or with a slash, a backslash or a control character.
    """
    bad = not name or name in {".", ".."} or name != name.strip()
    if bad or _NO_NAME.search(name) or len(name.encode(errors="replace")) > MAX_NAME_BYTES:
        msg = (
            f"The {kind} {name!r} cannot be part of a file name: expected 1 to {MAX_NAME_BYTES} "
            "bytes of UTF-8 without slashes, control characters or blanks at the ends; rename it."
        )
        raise ParameterError(msg)


def check_label(kind: str, name: str) -> None:
    """
    Refuse a name that cannot be the value of a BIDS-like entity.

    Parameters
    ----------
    kind : str
        What it names.
    name : str
        The name.

    Raises
    ------
    ParameterError
        Not made of letters, digits, '+' and '-', or reserved.
    """
    check_name(kind, name)
    if not all(letter.isalnum() or letter in "+-" for letter in name) or name == "raw":
        msg = (
            f"The {kind} name {name!r} cannot be part of a result's name: expected letters, "
            "digits, '+' or '-', and not 'raw'; rename it."
        )
        raise ParameterError(msg)


def node_label(name: str) -> str:
    """
    Make a name that Nipype takes for a node.

    Parameters
    ----------
    name : str
        The name of an atlas or a strategy.

    Returns
    -------
    str
        Letters, digits and underscores.
    """
    return "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in name)
