# SPDX-License-Identifier: Apache-2.0
"""What no strategy may do, seen before any data are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from nipype_mapsmasker.core.denoise.presets import PRESETS, strategy_label
from nipype_mapsmasker.core.denoise.vocabulary import ConfoundStrategy
from nipype_mapsmasker.errors import ParameterError, TableError

__all__ = ["check_chosen", "check_filter", "check_labels"]

_FMRIPREP = {"framewise_displacement", "std_dvars", "trans_x", "rot_z"}
"""Columns by which fMRIPrep's table is known; with them come quality measures and flags."""

_A_COSINE = "cosine00"
_A_COMPONENT = ("a_comp_cor_00", "w_comp_cor_00", "c_comp_cor_00", "t_comp_cor_00")


def check_labels(strategies: Sequence[ConfoundStrategy]) -> None:
    """
    Refuse strategies that would write the same files.

    Parameters
    ----------
    strategies : sequence of ConfoundStrategy
        All of one call.

    Raises
    ------
    ParameterError
        A name leaves nothing for a label, is reserved, or comes to the same label as another.
    """
    seen: dict[str, str] = {}
    for strategy in strategies:
        label = strategy_label(strategy.name)
        if not label.strip("+") or label == "raw":
            msg = (
                f"The strategy {strategy.name!r} cannot name its results: its label would be "
                f"{label!r}; give it a name with letters or digits, other than 'raw'."
            )
            raise ParameterError(msg)
        if label in seen:
            both = f"{seen[label]!r} and {strategy.name!r}"
            msg = (
                f"The strategies {both} would both write files named {label!r}, because a label "
                "keeps letters, digits and '+' alone; leave one out, or rename it."
            )
            raise ParameterError(msg)
        seen[label] = strategy.name


def check_chosen(table: str, names: Sequence[str]) -> None:
    """
    Refuse fMRIPrep's table as it is: nobody wants all of its 100 to 200 columns regressed.

    Parameters
    ----------
    table : str
        The file, for the message.
    names : sequence of str
        Its columns, none of which was chosen.

    Raises
    ------
    TableError
        It is such a table.
    """
    if set(names) >= _FMRIPREP:
        msg = (
            f"{table} is a table of fMRIPrep, and its {len(names)} columns are not meant to be "
            "regressed together; say which with a strategy "
            f"({', '.join(list(PRESETS)[:4])}, 36P ...), or name columns."
        )
        raise TableError(msg)


def check_filter(strategy: ConfoundStrategy, high_pass: float | None) -> None:
    """
    Refuse a strategy that does not go with the filter.

    Parameters
    ----------
    strategy : ConfoundStrategy
        The strategy.
    high_pass : float or None
        Cut-off in Hz of the filter that signals go through, if they do.

    Raises
    ------
    ParameterError
        Cosines and a high-pass filter would do the same work twice; or CompCor's components,
        which come from high-passed data, would meet data that are not.

    Notes
    -----
    fMRIPrep computes CompCor after regressing its cosines out; its documentation asks to use both
    or neither.
    """
    cosines = "high_pass" in strategy.strategy or _chooses(strategy, _A_COSINE)
    if cosines and high_pass is not None:
        msg = (
            f"The strategy {strategy.name!r} regresses the cosines of fMRIPrep's high-pass, and "
            f"high_pass={high_pass} Hz asks for another one; drop high_pass, or take a strategy "
            "without 'high_pass' among its words."
        )
        raise ParameterError(msg)
    compcor = "compcor" in strategy.strategy
    compcor = compcor or any(_chooses(strategy, name) for name in _A_COMPONENT)
    if compcor and not cosines and high_pass is None:
        msg = (
            f"The strategy {strategy.name!r} has CompCor's components without the cosines that "
            "the data were high-passed with before them; add 'high_pass' (or the columns "
            "cosine*), or filter with high_pass."
        )
        raise ParameterError(msg)


def _chooses(strategy: ConfoundStrategy, column: str) -> bool:
    """Tell whether a column would be among those that are asked for one by one."""
    named = any(fnmatchcase(column, pattern) for pattern in strategy.columns)
    return named or any(re.search(pattern, column) for pattern in strategy.regex)
