# SPDX-License-Identifier: Apache-2.0
"""One run as it is handed over: its name, and lists that have one entry per atlas."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.images.names import image_stem
from nipype_mapsmasker.io.results.layout import check_run_ids

__all__ = ["name_of_run", "per_atlas"]

_SUBJECT = re.compile(r"sub-[A-Za-z0-9]+_")

_ENDINGS = ("_bold", "_desc-preproc")
"""Ends of an image's name that its run's name does not have."""


def name_of_run(run_id: str | None, in_file: str, *, is_stored: bool) -> str:
    """
    Give a run's name, from its image where the user gave none.

    Parameters
    ----------
    run_id : str or None
        What the user calls it.
    in_file : str
        Its image.
    is_stored : bool
        Whether results are named after it.

    Returns
    -------
    str
        The name.

    Raises
    ------
    ParameterError
        A name that cannot name files; or none, and an image whose own name does not say whose it
        is: other subjects' images may be called the same, and would write the same files.

    Examples
    --------
    >>> name_of_run(None, "/data/sub-01_task-rest_desc-preproc_bold.nii.gz", is_stored=True)
    'sub-01_task-rest'
    """
    if run_id:
        check_run_ids([run_id])
        return run_id
    stem = image_stem(in_file)
    for ending in _ENDINGS:
        stem = stem.removesuffix(ending)
    if is_stored and not _SUBJECT.match(stem):
        msg = (
            f"run_id is not set, and {in_file} has no name of the form sub-XX_... to take one "
            "from: results of several images would overwrite each other. Set inputnode.run_id."
        )
        raise ParameterError(msg)
    return stem


def per_atlas(
    field: str, values: Sequence[str | None] | None, atlases: Sequence[str]
) -> list[str | None]:
    """
    Give one entry per atlas.

    Parameters
    ----------
    field : str
        Name of the list.
    values : sequence of str or None
        The entries; None for none at all.
    atlases : sequence of str
        The atlases.

    Returns
    -------
    list of str or None
        As many as there are atlases.

    Raises
    ------
    ParameterError
        Another number of entries.
    """
    if values is None:
        return [None] * len(atlases)
    if len(values) != len(atlases):
        msg = (
            f"{field} has {len(values)} entries, and there are {len(atlases)} atlases "
            f"({', '.join(atlases)}); give one entry per atlas, in this order."
        )
        raise ParameterError(msg)
    return list(values)
