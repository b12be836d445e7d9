# SPDX-License-Identifier: Apache-2.0
"""From a BIDS folder and what is asked for to its runs: reads names and small files only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from nipype_mapsmasker.core.parameters import SelectionParameters
from nipype_mapsmasker.io.bids.filters import read_exclusions, read_filters
from nipype_mapsmasker.io.bids.index import BidsIndex, index_folder
from nipype_mapsmasker.io.bids.selection import Choice, choose_runs

__all__ = ["find_runs", "index_all"]


def index_all(root: str | Path, selection: SelectionParameters) -> list[BidsIndex]:
    """
    Index a folder and those of other programs beside it.

    Parameters
    ----------
    root : str or Path
        The folder.
    selection : SelectionParameters
        Which subjects, and which other folders.

    Returns
    -------
    list of BidsIndex
        The folder first.

    Raises
    ------
    ParameterError
        A folder holds no subjects.
    """
    others = [entry.partition("=")[2] for entry in selection.derivatives or ()]
    return [
        index_folder(
            folder,
            selection.participant_label or (),
            without=selection.exclude_participant_label or (),
        )
        for folder in (root, *others)
    ]


def find_runs(
    root: str | Path,
    selection: SelectionParameters,
    *,
    needs_confounds: bool = False,
    needs_mask: bool = True,
) -> Choice:
    """
    Find the runs of a BIDS folder.

    Parameters
    ----------
    root : str or Path
        The folder.
    selection : SelectionParameters
        Which runs are meant.
    needs_confounds, needs_mask : bool
        As in `choose_runs`.

    Returns
    -------
    Choice
        The runs, and what was left out.

    Raises
    ------
    ParameterError
        The call cannot be meant; see `choose_runs`.
    """
    filters = (
        None if selection.bids_filter_file is None else read_filters(selection.bids_filter_file)
    )
    named = replace(selection, exclude_runs=read_exclusions(selection.exclude_runs or ()))
    return choose_runs(
        index_all(root, selection),
        named,
        filters,
        needs_confounds=needs_confounds,
        needs_mask=needs_mask,
    )
