# SPDX-License-Identifier: Apache-2.0
"""Words that reach the shell, and sbatch, as the user gave them, whatever is in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

from nipype_mapsmasker.errors import ParameterError

__all__ = ["is_plain", "option_line", "sbatch_word", "shell_join", "shell_word"]

_PLAIN = re.compile(r"[\w./%+=:,@-]+", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\udc80-\udcff\u0085\u2028\u2029]")


def shell_word(text: str) -> str:
    r"""
    Quote a word for bash, on one line.

    Parameters
    ----------
    text : str
        The word; bytes that are no UTF-8 as `os.fsdecode` gives them.

    Returns
    -------
    str
        One word for bash. Line breaks and other control characters are spelt out, so that no line
        of a script, comments included, ends where the user's text does.

    Examples
    --------
    >>> print(shell_word("it is\n#"))
    $'it is\012#'
    """
    if not _CONTROL.search(text):
        return shlex.quote(text)
    spelt = text.replace("\\", "\\\\").replace("'", "\\'")
    return "$'" + _CONTROL.sub(_spell, spelt) + "'"


def shell_join(words: Iterable[str]) -> str:
    """
    Quote words for bash.

    Parameters
    ----------
    words : iterable of str
        The words.

    Returns
    -------
    str
        With blanks between them.
    """
    return " ".join(shell_word(word) for word in words)


def sbatch_word(text: str) -> str:
    r"""
    Quote a word for a line of options in a script that sbatch reads.

    Parameters
    ----------
    text : str
        The word.

    Returns
    -------
    str
        The word, in quotes where it needs them.

    Raises
    ------
    ParameterError
        It has a line break, which no line can hold.

    Examples
    --------
    >>> print(sbatch_word('--comment=two "words"'))
    "--comment=two \"words\""
    """
    if _CONTROL.search(text):
        msg = (
            f"sbatch_args has a line break or another control character in {text!r}, and no line "
            "of a script for sbatch can hold one; take it out."
        )
        raise ParameterError(msg)
    if is_plain(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def option_line(mark: str, name: str, text: str) -> str:
    """
    Put options on a line of a script that a cluster's command reads.

    Parameters
    ----------
    mark : str
        What such lines begin with, as ``#PBS``.
    name : str
        What the user gave them as, for messages.
    text : str
        The options.

    Returns
    -------
    str
        The line.

    Raises
    ------
    ParameterError
        It has a line break, which no line can hold.
    """
    if _CONTROL.search(text):
        msg = (
            f"{name} has a line break or another control character in {text!r}, and no line of a "
            "script can hold one; take it out."
        )
        raise ParameterError(msg)
    return f"{mark} {text}"


def is_plain(text: str) -> bool:
    """
    Tell whether a word needs no quotes anywhere.

    Parameters
    ----------
    text : str
        The word.

    Returns
    -------
    bool
        Whether it is of letters, digits and harmless signs only.
    """
    return _PLAIN.fullmatch(text) is not None


def _spell(match: re.Match[str]) -> str:
    """Spell out a character by its bytes."""
    return "".join(f"\\{byte:03o}" for byte in match[0].encode("utf-8", "surrogateescape"))
