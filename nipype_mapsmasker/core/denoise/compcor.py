# SPDX-License-Identifier: Apache-2.0
"""
CompCor's columns, told by their metadata.

fMRIPrep up to 20.2 numbers the components of three masks on, ``a_comp_cor_00`` to
``a_comp_cor_125``, and only the JSON beside the table tells which is whose; later ones begin a
new numbering with ``c_`` and ``w_``. Both are read by ``Mask`` here, and components are counted by
the variance that they explain, never by their place in the table.

References
----------
.. [1] Behzadi Y et al. A component based noise correction method (CompCor) for BOLD and perfusion
   based fMRI. NeuroImage 37:90-101, 2007.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from nipype_mapsmasker.core.denoise.vocabulary import CompcorKind
from nipype_mapsmasker.errors import TableError

__all__ = ["compcor_columns"]

_COMPONENT = re.compile(r"([atcw])_comp_cor_(\d+)")
_MASKS: dict[CompcorKind, tuple[str, ...]] = {
    "anat_combined": ("combined",),
    "anat_separated": ("WM", "CSF"),
    "temporal": ("temporal",),
    "temporal_anat_combined": ("temporal", "combined"),
    "temporal_anat_separated": ("temporal", "WM", "CSF"),
}


def compcor_columns(
    name: str,
    kind: CompcorKind,
    n_compcor: int | float | Literal["all"],
    columns: Sequence[str],
    metadata: Mapping[str, Mapping[str, Any]],
) -> list[str]:
    """
    Give the names of the components of each mask that is meant.

    Parameters
    ----------
    name : str
        The strategy's, for messages.
    kind : {'anat_combined', 'anat_separated', 'temporal', ...}
        Which masks.
    n_compcor : int, float or 'all'
        Components per mask; below 1, the share of variance to explain.
    columns : sequence of str
        Columns of the table; anatomical components outside the metadata cannot be used.
    metadata : mapping of str to mapping
        ``Mask``, ``Retained``, ``VarianceExplained`` and ``CumulativeVarianceExplained`` of each.

    Returns
    -------
    list of str
        Names, mask by mask, the component that explains most first.

    Raises
    ------
    TableError
        There is no metadata, or no component of one of the masks.

    Examples
    --------
    One numbering for all masks, as in fMRIPrep 20.2.

    >>> said = {"a_comp_cor_00": {"Mask": "combined"}, "a_comp_cor_01": {"Mask": "WM"},
    ...         "a_comp_cor_02": {"Mask": "CSF"}}
    >>> compcor_columns("mine", "anat_separated", "all", list(said), said)
    ['a_comp_cor_01', 'a_comp_cor_02']
    """
    by_mask: dict[str, list[str]] = {mask: [] for mask in _MASKS[kind]}
    known = {**{column: {} for column in columns if column.startswith("t_comp_cor")}, **metadata}
    for column, facts in known.items():
        mask = _mask(column, facts)
        if mask in by_mask:
            by_mask[mask].append(column)
    for mask, found in by_mask.items():
        if found:
            continue
        seen = sorted({str(f.get("Mask")) for c, f in metadata.items() if _COMPONENT.match(c)})
        said = f"it tells of masks {', '.join(seen)}" if seen else "it tells of none"
        msg = (
            f"The strategy {name!r} needs CompCor components of the mask {mask!r}, which the JSON "
            f"beside the confounds table has to name ({said}); give the table that lies beside "
            "its .json, as fMRIPrep 1.4 and later write it, or take another strategy."
        )
        raise TableError(msg)
    return [column for found in by_mask.values() for column in _first(found, known, n_compcor)]


def _mask(column: str, facts: Mapping[str, Any]) -> str | None:
    """Tell whose component a column is; None for all else, those that were dropped included."""
    match = _COMPONENT.fullmatch(column)
    if match is None or facts.get("Retained") is False:
        return None
    return "temporal" if match[1] == "t" else str(facts.get("Mask"))


def _first(
    found: list[str],
    facts: Mapping[str, Mapping[str, Any]],
    n_compcor: int | float | Literal["all"],
) -> list[str]:
    """Give the components of one mask that explain most, as many as are wanted."""

    def rank(column: str) -> tuple[float, int]:
        explained = facts[column].get("VarianceExplained")
        number = int(column.rsplit("_", 1)[1])
        return (-float(explained) if explained is not None else 0.0, number)

    ordered = sorted(found, key=rank)
    if n_compcor == "all":
        return ordered
    if isinstance(n_compcor, int):
        return ordered[:n_compcor]
    total = 0.0
    for count, column in enumerate(ordered, 1):
        total += float(facts[column].get("VarianceExplained") or 0.0)
        if total >= n_compcor:
            return ordered[:count]
    return ordered
