# SPDX-License-Identifier: Apache-2.0
"""What stands beside an image: its JSON sidecar, its repetition time, its identity on disk."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nipype_mapsmasker.errors import ParameterError, TableError

__all__ = [
    "T_R_WARNING",
    "RepetitionTime",
    "checksum",
    "fingerprint",
    "image_stem",
    "read_json_object",
    "read_sidecar",
    "resolve_t_r",
    "run_identity",
]

T_R_TOLERANCE = 0.01
"""Relative disagreement between sources of the repetition time that is worth a warning."""

T_R_WARNING = "The repetition time of "
"""How every such warning begins; it is made anew from what the files say now."""

IMAGE_SUFFIXES = (".nii.gz", ".nii", ".img.gz", ".hdr.gz", ".img", ".hdr")
"""Endings that are taken off an image's name to find its sidecar, longest first."""

CHUNK_BYTES = 1 << 20
"""Bytes read at once for a checksum."""


@dataclass(frozen=True)
class RepetitionTime:
    """
    Hold a run's repetition time and where it came from.

    Parameters
    ----------
    seconds : float or None
        The time between volumes, s; None where nobody knows it.
    origin : str
        'argument', 'sidecar', 'header' or 'unknown'.
    warnings : tuple of str
        Sentences about sources that disagree by more than 1 %.
    """

    seconds: float | None
    origin: str
    warnings: tuple[str, ...] = ()


def read_sidecar(image: str | Path) -> dict[str, Any]:
    """
    Read the JSON file that stands beside an image under the same name.

    Parameters
    ----------
    image : str or Path
        The image.

    Returns
    -------
    dict
        Its fields; empty where there is no sidecar.

    Raises
    ------
    TableError
        The sidecar is not a JSON object.
    """
    sidecar = _sidecar_of(image)
    if not sidecar.is_file():
        return {}
    try:
        fields = json.loads(sidecar.read_text(encoding="utf-8"))
    # RecursionError: brackets without end, which the parser follows into the depth.
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        msg = f"{sidecar} is not JSON ({error}); mend it or take it away."
        raise TableError(msg) from error
    if not isinstance(fields, dict):
        msg = f"{sidecar} holds a {type(fields).__name__}, expected a JSON object; mend it."
        raise TableError(msg)
    return fields


def read_json_object(path: str, option: str) -> dict[str, Any]:
    """
    Read a JSON object from a file.

    Parameters
    ----------
    path : str
        The file.
    option : str
        The option that named it, for the error.

    Returns
    -------
    dict
        Its fields.

    Raises
    ------
    ParameterError
        No such file, or something else in it.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"{option} {path} cannot be read as JSON ({error}); give a file with an object."
        raise ParameterError(msg) from error
    if not isinstance(content, dict):
        msg = f"{option} {path} holds a {type(content).__name__}, expected a JSON object."
        raise ParameterError(msg)
    return content


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
        The name up to ``.nii.gz`` and its like.

    Examples
    --------
    >>> image_stem("sub-01/func/sub-01_bold.nii.gz")
    'sub-01_bold'
    """
    path = Path(image)
    return next(
        (path.name[: -len(end)] for end in IMAGE_SUFFIXES if path.name.endswith(end)), path.stem
    )


def resolve_t_r(
    image: str | Path, header: float | None, argument: float | None = None
) -> RepetitionTime:
    """
    Decide a run's repetition time: the argument, else its sidecar, else its header.

    Parameters
    ----------
    image : str or Path
        The run's image, beside which the sidecar is looked for.
    header : float or None
        What the image's header says, s.
    argument : float or None
        What the user says, s.

    Returns
    -------
    RepetitionTime
        With a warning for every source that disagrees with the one that decided.

    Raises
    ------
    ParameterError
        The argument is not a positive number.
    TableError
        The sidecar's ``RepetitionTime`` is not a positive number.
    """
    if argument is not None and not 0 < argument < float("inf"):
        msg = f"t_r must be a positive number of seconds; got {argument!r} for {image}."
        raise ParameterError(msg)
    field = read_sidecar(image).get("RepetitionTime")
    if field is not None and (
        isinstance(field, bool) or not isinstance(field, int | float) or not 0 < field < math.inf
    ):
        msg = (
            f"{_sidecar_of(image)} gives RepetitionTime {field!r}, expected a positive number of "
            "seconds; mend it."
        )
        raise TableError(msg)
    sidecar = None if field is None else float(field)
    sources = {"argument": argument, "sidecar": sidecar, "header": header}
    known = {name: value for name, value in sources.items() if value is not None}
    if not known:
        return RepetitionTime(None, "unknown")
    origin, seconds = next(iter(known.items()))
    warnings = tuple(
        f"{T_R_WARNING}{Path(image).name} is {seconds:g} s by its {origin}, "
        f"but {value:g} s by its {name}; {seconds:g} s is used."
        for name, value in known.items()
        if abs(value - seconds) > T_R_TOLERANCE * seconds
    )
    return RepetitionTime(seconds, origin, warnings)


def fingerprint(path: str | Path) -> str:
    """
    Describe a file's identity on disk in one line, without reading it.

    Parameters
    ----------
    path : str or Path
        The file; of a .hdr/.img pair, either.

    Returns
    -------
    str
        Absolute path, size, and times of modification and of change in ns, of both files of a
        pair. The time of change cannot be set back, so a file replaced by one of the same size
        and date shows.
    """
    lines = []
    for member in _members(Path(path).absolute()):
        try:
            status = member.stat()
        except OSError:
            lines.append(f"{member} (absent)")
            continue
        lines.append(f"{member} {status.st_size} B {status.st_mtime_ns} {status.st_ctime_ns}")
    return "; ".join(lines)


def run_identity(image: str | Path) -> str:
    """
    Describe the identity on disk of a run's image and of its sidecar, in one line.

    Parameters
    ----------
    image : str or Path
        The image.

    Returns
    -------
    str
        The `fingerprint` of both; of the image alone where there is no sidecar.
    """
    sidecar = _sidecar_of(image)
    prints = [fingerprint(image)]
    if sidecar.is_file():
        prints.append(fingerprint(sidecar))
    return "; ".join(prints)


def checksum(path: str | Path) -> str:
    """
    Give the SHA-256 of a file, or of both files of a .hdr/.img pair.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for member in _members(Path(path)):
        with member.open("rb") as stream:
            while chunk := stream.read(CHUNK_BYTES):
                digest.update(chunk)
    return digest.hexdigest()


def _sidecar_of(image: str | Path) -> Path:
    """Name the JSON file that may stand beside an image."""
    return Path(image).with_name(image_stem(image) + ".json")


def _members(path: Path) -> list[Path]:
    """List the files that make up an image: two for a pair that is there."""
    stem = image_stem(path)
    ending = path.name[len(stem) :]
    if ending.removesuffix(".gz") not in (".hdr", ".img"):
        return [path]
    other = ending.replace("hdr", "img") if "hdr" in ending else ending.replace("img", "hdr")
    companions = [path.with_name(stem + end) for end in (other, _other_zip(other))]
    return [path, *[file for file in companions if file.is_file()][:1]]


def _other_zip(ending: str) -> str:
    """Give the ending with .gz where it has none, and without where it has."""
    return ending.removesuffix(".gz") if ending.endswith(".gz") else ending + ".gz"
