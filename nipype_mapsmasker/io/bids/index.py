# SPDX-License-Identifier: Apache-2.0
"""
What lies in a BIDS folder: the files of ``sub-*/[ses-*/]func``, found by one walk.

Nothing is opened but ``dataset_description.json``, and nothing is written: the index of 10,000
files takes tenths of a second, so it is made anew by every call.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.bids.names import BidsName, parse_name
from nipype_mapsmasker.io.decoding import read_object

__all__ = ["BidsFile", "BidsIndex", "index_folder"]

DESCRIPTION = "dataset_description.json"
"""The file at the root that says what a dataset is."""

MAX_LISTED = 8
"""Names that a sentence lists."""


@dataclass(frozen=True, slots=True)
class BidsFile:
    """
    Hold one file of the index.

    Parameters
    ----------
    path : str
        Where it is.
    name : BidsName
        Its name in parts.
    """

    path: str
    name: BidsName

    @property
    def entities(self) -> dict[str, str]:
        """The entities of its name."""
        return self.name.entities


@dataclass(frozen=True)
class BidsIndex:
    """
    Hold what lies in a BIDS folder.

    Parameters
    ----------
    root : Path
        The folder.
    description : dict
        Its ``dataset_description.json``; empty where there is none.
    subjects, looked_at : tuple of str
        Labels of all subjects, and of those that were looked at.
    files : tuple of BidsFile
        Files of the subjects that were looked at, in alphabetical order.
    """

    root: Path
    description: dict[str, Any]
    subjects: tuple[str, ...]
    looked_at: tuple[str, ...]
    files: tuple[BidsFile, ...]


def index_folder(
    root: str | Path, subjects: Sequence[str] = (), *, without: Sequence[str] = ()
) -> BidsIndex:
    """
    Walk a BIDS folder.

    Parameters
    ----------
    root : str or Path
        The folder.
    subjects, without : sequence of str
        Labels of the subjects to look at, or patterns; all by default. Those not to look at.

    Returns
    -------
    BidsIndex
        What is there.

    Raises
    ------
    ParameterError
        There is no such folder, or none of a subject in it.
    """
    root = Path(root)
    try:
        with os.scandir(root) as entries:
            folders = sorted(
                entry.name for entry in entries if entry.name.startswith("sub-") and entry.is_dir()
            )
    except OSError as error:
        msg = f"{root} cannot be read as a folder ({error.strerror}); give a BIDS folder."
        raise ParameterError(msg) from error
    if not folders:
        msg = (
            f"{root} is a folder without sub-*{_nested(root)}; give a BIDS folder of derivatives, "
            "a table of runs, an image or a quoted pattern."
        )
        raise ParameterError(msg)
    labels = tuple(folder.removeprefix("sub-") for folder in folders)
    wanted = [
        label
        for label in labels
        if (not subjects or _is_among(label, subjects)) and not _is_among(label, without)
    ]
    files = tuple(file for label in wanted for file in _files_of(str(root), label))
    return BidsIndex(root, _description(root), labels, tuple(wanted), files)


def _is_among(label: str, wanted: Sequence[str]) -> bool:
    """Tell whether a subject is named by a list of labels or patterns."""
    return any(fnmatch.fnmatchcase(label, name.removeprefix("sub-")) for name in wanted)


def _files_of(root: str, label: str) -> Iterator[BidsFile]:
    """List the files of a subject's ``func`` folders."""
    subject = os.path.join(root, f"sub-{label}")  # noqa: PTH118 - a Path per file costs more
    sessions = [name for name, is_dir in _list(subject) if is_dir and name.startswith("ses-")]
    for parts in [("func",), *((session, "func") for session in sessions)]:
        folder = os.path.join(subject, *parts)  # noqa: PTH118
        for name, is_dir in _list(folder):
            parsed = None if is_dir else parse_name(name)
            if parsed is not None and parsed.entities.get("sub") == label:
                yield BidsFile(f"{folder}/{name}", parsed)


def _list(folder: str) -> list[tuple[str, bool]]:
    """List names in a folder, and which are folders; nothing where there is none."""
    try:
        with os.scandir(folder) as entries:
            return sorted((entry.name, entry.is_dir()) for entry in entries)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _description(root: Path) -> dict[str, Any]:
    """Read what the folder says of itself; what cannot be read says nothing."""
    return read_object(root / DESCRIPTION)


def _nested(root: Path) -> str:
    """Name folders below that look like what is meant, as fMRIPrep 20.2 makes them."""
    nested = sorted({folder.parent.name for folder in root.glob("*/sub-*") if folder.is_dir()})
    if not nested:
        return ""
    return f" (but {', '.join(str(root / name) for name in nested[:MAX_LISTED])} has them)"
