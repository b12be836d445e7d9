# SPDX-License-Identifier: Apache-2.0
"""Names of image files: their endings, and the files that make up one image."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["image_files", "image_stem", "may_have_companions"]

_ZIPS = (".gz", ".bz2", ".zst")

_ENDINGS = (".nii", ".img", ".hdr", ".head", ".brik", ".mnc", ".mgh", ".par", ".rec")

IMAGE_SUFFIXES = (*(end + zipped for end in _ENDINGS for zipped in _ZIPS), *_ENDINGS, ".mgz")
"""Endings that are taken off an image's name, in lower case, those of two parts first."""

COMPANIONS = {
    ".hdr": (".img", ".mat"),  # SPM's older images keep their orientation in a .mat
    ".img": (".hdr", ".mat"),
    ".head": (".brik",),
    ".brik": (".head",),
    ".par": (".rec",),
    ".rec": (".par",),
}
"""Endings of the files that make up one image, by the ending of the one that was named."""

_PARTS = tuple(end + zipped for end in COMPANIONS for zipped in ("", *_ZIPS))
"""Endings of images that may have other files."""


def image_stem(image: str | Path) -> str:
    """
    Give an image's name without its ending.

    Parameters
    ----------
    image : str or Path
        The image.

    Returns
    -------
    str
        The name up to ``.nii.gz`` and its like, in any case.

    Examples
    --------
    >>> image_stem("sub-01/func/sub-01_bold.nii.gz")
    'sub-01_bold'
    >>> image_stem("run+tlrc.BRIK.gz")
    'run+tlrc'
    """
    # Texts rather than paths: tens of thousands of images are asked for.
    name = image.name if isinstance(image, Path) else image.rstrip("/").rpartition("/")[2]
    lower = name.lower()
    if lower.endswith(IMAGE_SUFFIXES):
        for end in IMAGE_SUFFIXES:
            if lower.endswith(end) and len(lower) > len(end):
                return name[: -len(end)]
    return Path(name).stem


def may_have_companions(path: str | os.PathLike[str]) -> bool:
    """
    Tell whether an image of such a name may consist of several files.

    Parameters
    ----------
    path : path_like
        The file that was named.

    Returns
    -------
    bool
        Whether `image_files` may list others.
    """
    return os.fspath(path).lower().endswith(_PARTS)


def image_files(path: Path) -> list[Path]:
    """
    List the files that make up an image.

    Parameters
    ----------
    path : Path
        The file that was named; of a format of several files, any of them.

    Returns
    -------
    list of Path
        The named file first, then those beside it that exist and belong to it: the ``.img`` of a
        ``.hdr``, the ``.BRIK`` of a ``.HEAD``, compressed or not.
    """
    if not may_have_companions(path):
        return [path]
    stem = image_stem(path)
    named = path.name[len(stem) :]
    kind = next((end for end in COMPANIONS if named.lower().startswith(end)), None)
    if kind is None:
        return [path]
    files = [path]
    for other in COMPANIONS[kind]:
        # As the named one is written: .BRIK beside .HEAD, .img beside .hdr.
        ending = other.upper() if named[: len(kind)].isupper() else other
        candidates = (path.with_name(stem + ending + zipped) for zipped in ("", *_ZIPS))
        files += [file for file in candidates if file.is_file()]
    return files
