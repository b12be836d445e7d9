# SPDX-License-Identifier: Apache-2.0
"""Sidecars that an image inherits: the inheritance principle of BIDS."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from nipype_mapsmasker.errors import TableError
from nipype_mapsmasker.io.files import is_file, is_settled
from nipype_mapsmasker.io.images.names import image_stem

__all__ = ["dataset_root", "inherited_sidecars"]

DESCRIPTION = "dataset_description.json"
"""The file that marks the root of a dataset."""


def inherited_sidecars(image: str | Path, root: Path | None = None) -> list[Path]:
    """
    List the JSON files that describe an image.

    Parameters
    ----------
    image : str or Path
        The image; it need not exist.
    root : Path, optional
        The root of its dataset; by default found by `dataset_root`.

    Returns
    -------
    list of Path
        From the root down to the image's folder, one at most per folder: fields of a later one
        replace those of an earlier one.

    Raises
    ------
    TableError
        Two files of one folder apply and neither has the image's own name.

    Notes
    -----
    A file ``[<entities>_]<suffix>.json`` applies if the suffix is the image's and each of its
    entities is one of the image's, with the same label. In the image's own folder, a file with
    exactly the image's name leaves no question: fMRIPrep puts the sidecars of all spaces side by
    side. An image whose name is not of BIDS' form has no other sidecar than that one.
    """
    # Texts rather than paths: tens of thousands of images are asked for.
    place = os.path.abspath(image)  # noqa: PTH100  ('..' must go, links must stay)
    parent = os.path.dirname(place)  # noqa: PTH120
    stem = image_stem(place)
    own = f"{stem}.json"
    entities = _entities(stem)
    if entities is None:
        beside = Path(parent, own)
        return [beside] if is_file(beside) else []
    above = _root_of(place) if root is None else os.path.abspath(root)  # noqa: PTH100
    folders = [parent]
    if above is not None and _is_in(parent, above):
        while folders[-1] != above:
            folders.append(os.path.dirname(folders[-1]))  # noqa: PTH120
    suffix = stem.rpartition("_")[2]
    found = []
    for folder in reversed(folders):
        names = [name for name in _json_names(folder, suffix) if _applies(name, entities)]
        if folder == parent and own in names:
            names = [own]
        if len(names) > 1:
            msg = (
                f"{place} has two sidecars in one folder, {Path(folder, names[0])} and "
                f"{Path(folder, names[1])}, and nothing says which holds; remove or rename one, "
                "or give --t-r."
            )
            raise TableError(msg)
        found += [Path(folder, name) for name in names]
    return found


def dataset_root(image: Path) -> Path | None:
    """
    Find the root of the dataset that an image belongs to.

    Parameters
    ----------
    image : Path
        The image.

    Returns
    -------
    Path or None
        The nearest folder above it with a ``dataset_description.json``, or else the folder that
        holds the folder of its subject; None where there is neither.
    """
    found = _root_of(os.path.abspath(image))  # noqa: PTH100
    return None if found is None else Path(found)


def _root_of(image: str) -> str | None:
    """Find the root of the dataset of an image, of which the absolute path is given."""
    folder, _, name = image.rpartition(os.sep)
    subject = name.partition("_")[0]
    named = None
    while True:
        if is_file(f"{folder}{os.sep}{DESCRIPTION}"):
            return folder or os.sep
        above, _, own = folder.rpartition(os.sep)
        if own == subject and subject.startswith("sub-"):
            named = above or os.sep
        if not folder:
            return named
        folder = above


def _is_in(folder: str, above: str) -> bool:
    """Tell whether a folder is another one, or lies in it."""
    return folder == above or folder.startswith(f"{above.rstrip(os.sep)}{os.sep}")


def _entities(stem: str) -> dict[str, str] | None:
    """Take a name of BIDS apart, without its suffix; None for any other name."""
    pairs = [part.partition("-") for part in stem.split("_")[:-1]]
    if not all(key and dash and label for key, dash, label in pairs):
        return None
    return {key: label for key, _, label in pairs} if pairs else None


def _applies(name: str, entities: dict[str, str]) -> bool:
    """Tell whether a JSON file describes an image with these entities."""
    stem = name.removesuffix(".json")
    theirs = _entities(stem) if "_" in stem else {}
    return theirs is not None and theirs.items() <= entities.items()


def _json_names(folder: str, suffix: str) -> tuple[str, ...]:
    """List the JSON files of a folder that describe images with a suffix."""
    try:
        changed = os.stat(folder).st_mtime_ns  # noqa: PTH116
    except (OSError, ValueError):
        return ()
    # Of a folder that has just changed, the time cannot tell whether it changes once more.
    return (_listed if is_settled(changed) else _listed.__wrapped__)(folder, suffix, changed)


# Thousands of runs share the folders above them, and ask at about the same time.
@lru_cache(maxsize=1024)
def _listed(folder: str, suffix: str, _changed: int) -> tuple[str, ...]:
    """List them once, as long as the folder stays as it is."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries]
    except OSError:
        return ()
    ending = f"_{suffix}.json"
    found = [name for name in names if name == ending[1:] or name.endswith(ending)]
    return tuple(sorted(name for name in found if is_file(Path(folder, name))))
