# SPDX-License-Identifier: Apache-2.0
"""What belongs to an image: its source run, its brain mask, its tables of confounds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from nipype_mapsmasker.io.bids.filters import matches
from nipype_mapsmasker.io.bids.index import BidsFile
from nipype_mapsmasker.io.bids.names import format_entities

__all__ = ["Companions", "absent_content", "run_id_of", "source_of"]

NOT_OF_SOURCE = ("echo", "space", "cohort", "res", "den", "desc")
"""Entities that tell the images of one source run apart."""

VOLUMES = (".nii.gz", ".nii", ".nii.zst")
"""Endings of masks."""

CONFOUNDS_SUFFIXES = ("timeseries", "regressors")
"""Suffixes of tables of confounds: today's, and that of fMRIPrep before 20.2."""

MORE_CONFOUNDS = ("aroma",)
"""``desc-`` of tables in other folders that come on top of fMRIPrep's own."""

DEFAULT_DESC = "preproc"
"""``desc-`` of fMRIPrep's images, which need not be said in the results."""


class Companions:
    """
    Find masks and confounds of images.

    Parameters
    ----------
    files : iterable of BidsFile
        All files, those of the first folder first.
    """

    def __init__(self, files: Iterable[BidsFile]) -> None:
        self._by_source: dict[tuple[str, str], list[BidsFile]] = defaultdict(list)
        for file in files:
            if file.name.suffix == "mask" or file.name.suffix in CONFOUNDS_SUFFIXES:
                key = (file.name.suffix, source_of(file.entities))
                self._by_source[key].append(file)

    def masks(
        self, image: BidsFile, conditions: Mapping[str, Sequence[str | None]]
    ) -> list[BidsFile]:
        """
        Find the brain masks of an image: in its own space, cohort, resolution and density.

        Parameters
        ----------
        image : BidsFile
            The image.
        conditions : mapping
            What is asked for instead of the image's own labels and ``desc-brain``.

        Returns
        -------
        list of BidsFile
            One, or none, or several that all meet the conditions.
        """
        expected = {key: value for key, value in image.entities.items() if key != "echo"}
        wanted = {**expected, "desc": "brain"}
        return [
            file
            for file in self._by_source[("mask", source_of(image.entities))]
            if file.name.extension in VOLUMES
            and _agree({k: v for k, v in file.entities.items() if k != "echo"}, wanted, conditions)
        ]

    def confounds(
        self, image: BidsFile, conditions: Mapping[str, Sequence[str | None]]
    ) -> list[BidsFile]:
        """
        Find the tables of confounds of an image's source run.

        Parameters
        ----------
        image : BidsFile
            The image.
        conditions : mapping
            What is asked for instead of ``desc-confounds``.

        Returns
        -------
        list of BidsFile
            One, or none, or several that all meet the conditions.
        """
        return self._tables(image, conditions, "confounds")

    def more_confounds(self, image: BidsFile) -> list[BidsFile]:
        """
        Find tables of other programs that add to fMRIPrep's own, such as fMRIPost-AROMA's.

        Parameters
        ----------
        image : BidsFile
            The image.

        Returns
        -------
        list of BidsFile
            Perhaps none.
        """
        return [file for desc in MORE_CONFOUNDS for file in self._tables(image, {}, desc)]

    def _tables(
        self, image: BidsFile, conditions: Mapping[str, Sequence[str | None]], desc: str
    ) -> list[BidsFile]:
        """Find tables of the source run with a description."""
        source = source_of(image.entities)
        wanted = {k: v for k, v in image.entities.items() if k not in NOT_OF_SOURCE}
        wanted["desc"] = desc
        return [
            file
            for suffix in CONFOUNDS_SUFFIXES
            for file in self._by_source[(suffix, source)]
            if file.name.extension == ".tsv" and _agree(file.entities, wanted, conditions)
        ]


def source_of(entities: Mapping[str, str]) -> str:
    """
    Name the source run of a file.

    Parameters
    ----------
    entities : mapping of str to str
        Of the file.

    Returns
    -------
    str
        Its entities without echo, space, cohort, resolution, density and description.

    Examples
    --------
    >>> source_of({"sub": "01", "task": "rest", "space": "T1w", "desc": "preproc"})
    'sub-01_task-rest'
    """
    return format_entities({k: v for k, v in entities.items() if k not in NOT_OF_SOURCE})


def run_id_of(entities: Mapping[str, str]) -> str:
    """
    Name a run after its image.

    Parameters
    ----------
    entities : mapping of str to str
        Of the image.

    Returns
    -------
    str
        Its entities, without ``desc-preproc``.
    """
    kept = {k: v for k, v in entities.items() if (k, v) != ("desc", DEFAULT_DESC)}
    return format_entities(kept)


def absent_content(path: str) -> str:
    """
    Say why the content of a file is not there, if it is not.

    Parameters
    ----------
    path : str
        A file that a folder lists.

    Returns
    -------
    str
        A sentence; empty where the file can be opened.
    """
    file = Path(path)
    if file.exists():
        return ""
    target = file.readlink() if file.is_symlink() else None
    if target is not None and "annex" in target.parts:
        return (
            f"{path} is a link into DataLad's annex, and its content is not there; get it by "
            f"'datalad get {file.name}' in its folder."
        )
    return f"{path} is a link to {target}, which is not there; mend the link."


def _agree(
    entities: Mapping[str, str],
    wanted: Mapping[str, str],
    conditions: Mapping[str, Sequence[str | None]],
) -> bool:
    """Tell whether entities are those that are wanted, or meet conditions instead."""
    if conditions:
        own = {k: v for k, v in entities.items() if k not in conditions}
        rest = {k: v for k, v in wanted.items() if k not in conditions}
        return own == rest and matches(entities, conditions)
    return entities == wanted
