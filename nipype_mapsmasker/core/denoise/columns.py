# SPDX-License-Identifier: Apache-2.0
"""Columns of a confounds table that a strategy asks for, from their names and metadata alone."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from nipype_mapsmasker.core.denoise.compcor import compcor_columns
from nipype_mapsmasker.core.denoise.vocabulary import ConfoundStrategy, Model
from nipype_mapsmasker.errors import TableError

__all__ = ["OUTLIER_PREFIXES", "Selection", "select_columns"]

OUTLIER_PREFIXES = ("motion_outlier", "non_steady_state")
"""Starts of columns that flag one volume each; volumes are censored, not regressed."""

MOTION = ("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z")
TISSUES = ("csf", "white_matter")

_ENDINGS: dict[Model, tuple[str, ...]] = {
    "basic": ("",),
    "power2": ("", "_power2"),
    "derivatives": ("", "_derivative1"),
    "full": ("", "_derivative1", "_power2", "_derivative1_power2"),
}
_WILDCARDS = "*?["


@dataclass(frozen=True)
class Selection:
    """
    Hold which columns were chosen.

    Parameters
    ----------
    columns : tuple of str
        Their names, sorted.
    groups : dict of str to int
        How many each group of the strategy gave.
    warnings : list of str
        What the user should know.
    """

    columns: tuple[str, ...]
    groups: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def select_columns(
    strategy: ConfoundStrategy,
    names: Sequence[str],
    metadata: Mapping[str, Mapping[str, Any]] | None = None,
    tedana: Mapping[str, str] | None = None,
) -> Selection:
    """
    Choose the columns that a strategy regresses.

    Parameters
    ----------
    strategy : ConfoundStrategy
        The strategy.
    names : sequence of str
        All columns that there are.
    metadata : mapping, optional
        What the JSON beside the table says of each column; CompCor needs it.
    tedana : mapping of str to str, optional
        Columns of tedana's mixing table to their classification.

    Returns
    -------
    Selection
        Each column once, sorted by name, as nilearn has them.

    Raises
    ------
    TableError
        A group lacks columns; the message names every one, and those that come near.

    Examples
    --------
    >>> six = ConfoundStrategy(name="six", strategy=("motion",), motion="basic")
    >>> select_columns(six, ["rot_x", "rot_y", "rot_z", "trans_x", "trans_y"]).columns
    Traceback (most recent call last):
    ...
    nipype_mapsmasker.errors.TableError: The strategy 'six' needs the column trans_z, which ...
    """
    chosen: dict[str, None] = {}
    groups: dict[str, int] = {}
    warnings: list[str] = []
    for word in strategy.strategy:
        if word in ("scrub", "non_steady_state"):
            continue
        found = _group(word, strategy, names, metadata, tedana)
        _check_there(strategy, found, names)
        if word == "high_pass" and not found:
            warnings.append("The table has no cosines, as those of short runs; none was used.")
        groups[word] = len(found)
        chosen.update(dict.fromkeys(found))
    for pattern in strategy.columns:
        hits = _matching(pattern, names)
        if not hits and not any(mark in pattern for mark in _WILDCARDS):
            _check_there(strategy, [pattern], names)
        groups["columns"] = groups.get("columns", 0) + len(hits)
        warnings += _unmatched(pattern, hits)
        chosen.update(dict.fromkeys(hits))
    for pattern in strategy.regex:
        hits = [name for name in names if re.search(pattern, name)]
        groups["regex"] = groups.get("regex", 0) + len(hits)
        warnings += _unmatched(pattern, hits)
        chosen.update(dict.fromkeys(hits))
    return Selection(tuple(sorted(chosen)), groups, warnings)


def _group(
    word: str,
    strategy: ConfoundStrategy,
    names: Sequence[str],
    metadata: Mapping[str, Mapping[str, Any]] | None,
    tedana: Mapping[str, str] | None,
) -> list[str]:
    """Give the columns of one group, whether they are there or not."""
    if word == "motion":
        return _expanded(MOTION, strategy.motion)
    if word == "wm_csf":
        return _expanded(TISSUES, strategy.wm_csf)
    if word == "global_signal":
        return _expanded(("global_signal",), strategy.global_signal)
    if word == "high_pass":
        return [name for name in names if "cosine" in name]
    if word == "compcor":
        return compcor_columns(
            strategy.name, strategy.compcor, strategy.n_compcor, names, metadata or {}
        )
    if word == "ica_aroma":
        return _aroma(strategy, names)
    return _tedana(strategy, tedana)


def _expanded(bases: Sequence[str], model: Model) -> list[str]:
    """Give the names of signals and of what is derived from them."""
    return [base + ending for base in bases for ending in _ENDINGS[model]]


def _aroma(strategy: ConfoundStrategy, names: Sequence[str]) -> list[str]:
    """Give ICA-AROMA's motion components; none where the image is free of them already."""
    if strategy.ica_aroma == "full":
        return []
    mark = "aroma" if strategy.ica_aroma == "basic" else "aroma_orth_motion_"
    found = [name for name in names if mark in name]
    if not found:
        source = (
            "fMRIPrep up to 23.2 with ICA-AROMA writes them"
            if strategy.ica_aroma == "basic"
            else "give fMRIPost-AROMA's table beside fMRIPrep's"
        )
        msg = (
            f"The strategy {strategy.name!r} needs columns with {mark!r} in their names, and "
            f"there is none among {len(names)}; {source}, or take another strategy."
        )
        raise TableError(msg)
    return found


def _tedana(strategy: ConfoundStrategy, classified: Mapping[str, str] | None) -> list[str]:
    """Give tedana's components."""
    if classified is None:
        msg = (
            f"The strategy {strategy.name!r} needs tedana's tables (desc-ICA_mixing.tsv and "
            "desc-tedana_metrics.tsv), and they were not given; give both."
        )
        raise TableError(msg)
    wanted = {"rejected"} if strategy.tedana == "aggressive" else {"rejected", "accepted"}
    return [name for name, label in classified.items() if label in wanted]


def _matching(pattern: str, names: Sequence[str]) -> list[str]:
    """Give the columns of a name or, where no column has it, of a pattern."""
    return [name for name in names if name == pattern] or [
        name for name in names if fnmatchcase(name, pattern)
    ]


def _unmatched(pattern: str, hits: Sequence[str]) -> list[str]:
    """Tell of a pattern that matched nothing."""
    return [] if hits else [f"No column of the confounds matches {pattern!r}, so it added none."]


def _check_there(strategy: ConfoundStrategy, wanted: Sequence[str], names: Sequence[str]) -> None:
    """Refuse a group of which columns are missing, naming them all."""
    there = set(names)
    missing = [name for name in wanted if name not in there]
    if not missing:
        return
    near = difflib.get_close_matches(missing[0], names, n=3, cutoff=0.6)
    hint = f" (the nearest to the first: {', '.join(near)})" if near else ""
    word = "column" if len(missing) == 1 else f"{len(missing)} columns"
    msg = (
        f"The strategy {strategy.name!r} needs the {word} {', '.join(missing)}, which the table "
        f"of {len(names)} columns does not have{hint}; take another strategy, or name columns."
    )
    raise TableError(msg)
