# SPDX-License-Identifier: Apache-2.0
"""The time between a run's volumes, from whoever says it: argument, sidecar or header."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nipype_mapsmasker.errors import ImageHeaderError, ParameterError, TableError
from nipype_mapsmasker.io.sidecars import read_sidecar

__all__ = ["T_R_WARNING", "RepetitionTime", "resolve_t_r"]

T_R_TOLERANCE = 0.01
"""Relative disagreement between sources of the repetition time that is a fault."""

MIN_T_R_S, MAX_T_R_S = 0.1, 30.0
"""Repetition times that a scanner may have, s."""

UNKNOWING_HEADERS_S = (0.0, 1.0)
"""What programs write into a header that do not know the repetition time, s."""

T_R_WARNING = "The repetition time of "
"""How every such warning begins; it is made anew from what the files say now."""


@dataclass(frozen=True)
class RepetitionTime:
    """
    Hold a run's repetition time and where it came from.

    Parameters
    ----------
    seconds : float or None
        The time between volumes, s; None where nobody knows it, or there is no such one.
    origin : str
        'argument', 'sidecar', 'header' or 'unknown'.
    warnings : tuple of str
        Sentences about sources that disagree with the one that decided.
    problem : str
        Why there is none, where a sidecar says that volumes are not equally spaced.
    """

    seconds: float | None
    origin: str
    warnings: tuple[str, ...] = ()
    problem: str = ""


def resolve_t_r(
    image: str | Path,
    header: float | None,
    argument: float | None = None,
    n_volumes: int | None = None,
) -> RepetitionTime:
    """
    Decide a run's repetition time: the argument, else its sidecar, else its header.

    Parameters
    ----------
    image : str or Path
        The run's image, by which sidecars are found.
    header : float or None
        What the image's header says, s.
    argument : float or None
        What the user says, s.
    n_volumes : int or None
        T, with which the number of a sidecar's ``VolumeTiming`` is compared.

    Returns
    -------
    RepetitionTime
        With a warning for every source that disagrees with the one that decided.

    Raises
    ------
    ParameterError
        The argument is not a positive number.
    TableError
        The sidecar's ``RepetitionTime`` or ``VolumeTiming`` is not such; or, without an argument,
        it is a time that no scanner has, or more than 1 % off the header's.
    ImageHeaderError
        Without argument and sidecar, the header's time is one that no scanner has.

    Notes
    -----
    A header of 0 or 1 s never contradicts a sidecar: programs write that which do not know.
    """
    name = Path(image).name
    if argument is not None and not (_is_number(argument) and 0 < argument < math.inf):
        msg = f"t_r must be a positive number of seconds; got {argument!r} for {image}."
        raise ParameterError(msg)
    if argument is not None:
        return _by_argument(image, float(argument), header, n_volumes)
    sidecar, path, problem = _read_times(image, n_volumes)
    if problem:
        return RepetitionTime(None, "sidecar", problem=problem)
    if sidecar is None:
        if header is None:
            return RepetitionTime(None, "unknown")
        if not MIN_T_R_S <= header <= MAX_T_R_S:
            msg = f"{image} has a header with a repetition time of {_impossible(header)}"
            raise ImageHeaderError(msg)
        return RepetitionTime(header, "header")
    if not MIN_T_R_S <= sidecar <= MAX_T_R_S:
        msg = f"{path} gives {image} a repetition time of {_impossible(sidecar)}"
        raise TableError(msg)
    if header is None or (header in UNKNOWING_HEADERS_S and _differ(header, sidecar)):
        said = "nothing" if header is None else f"{header:g} s"
        warning = (
            f"{T_R_WARNING}{name} is {sidecar:g} s by its sidecar and {said} by its header, as "
            "programs write it that do not know it; the sidecar's is used."
        )
        return RepetitionTime(sidecar, "sidecar", (warning,))
    if _differ(header, sidecar):
        msg = (
            f"{image} has a repetition time of {sidecar:g} s by its sidecar {path}, but "
            f"{header:g} s by its header; give the right one with --t-r or in a column t_r, or "
            "mend the file that is wrong."
        )
        raise TableError(msg)
    return RepetitionTime(sidecar, "sidecar")


def _by_argument(
    image: str | Path, argument: float, header: float | None, n_volumes: int | None
) -> RepetitionTime:
    """Let the user decide, and tell of those who disagree."""
    name = Path(image).name
    warnings = []
    try:
        sidecar, _, problem = _read_times(image, n_volumes)
    except TableError as error:
        sidecar, problem = None, str(error)
    if problem:
        warnings.append(f"{T_R_WARNING}{name} is {argument:g} s by its argument, but {problem}")
    warnings += [
        f"{T_R_WARNING}{name} is {argument:g} s by its argument, but {value:g} s by its "
        f"{source}; {argument:g} s is used."
        for source, value in (("sidecar", sidecar), ("header", header))
        if value is not None and _differ(value, argument)
    ]
    if not MIN_T_R_S <= argument <= MAX_T_R_S:
        warnings.append(
            f"{T_R_WARNING}{name} is {argument:g} s by its argument, where scanners take "
            f"{MIN_T_R_S:g} to {MAX_T_R_S:g} s; it is used as it was given."
        )
    return RepetitionTime(argument, "argument", tuple(warnings))


def _read_times(image: str | Path, n_volumes: int | None) -> tuple[float | None, Path | None, str]:
    """Give the sidecars' time between volumes, the file, and why there is none."""
    fields, sources = read_sidecar(image)
    step = _positive(fields.get("RepetitionTime"), "RepetitionTime", sources)
    if fields.get("VolumeTiming") is None:
        return step, sources.get("RepetitionTime"), ""
    path = sources["VolumeTiming"]
    times = _checked_times(fields["VolumeTiming"], path)
    if n_volumes is not None and len(times) != n_volumes:
        return None, path, (
            f"{path} lists {len(times)} times in VolumeTiming, where {Path(image).name} has "
            f"{n_volumes} volumes, so that their spacing is not known."
        )  # fmt: skip
    spacings = np.diff(times)
    typical = float(np.median(spacings)) if len(spacings) else None
    if typical is None:
        return step, sources.get("RepetitionTime"), ""
    if float(np.abs(spacings - typical).max()) > T_R_TOLERANCE * typical:
        return None, path, (
            f"{path} says in VolumeTiming that the volumes of {Path(image).name} are not equally "
            f"spaced ({float(spacings.min()):g} to {float(spacings.max()):g} s)."
        )  # fmt: skip
    mean = round((times[-1] - times[0]) / (len(times) - 1), 9)
    if step is not None and _differ(step, mean):
        msg = (
            f"{image} has a volume every {mean:g} s by VolumeTiming in {path}, but every "
            f"{step:g} s by RepetitionTime in {sources['RepetitionTime']}; give the right one "
            "with --t-r or in a column t_r, or mend the file that is wrong."
        )
        raise TableError(msg)
    return mean, path, ""


def _checked_times(value: Any, path: Path) -> list[float]:
    """Give the times of volumes, or say that they are none."""
    is_list = isinstance(value, list) and value and all(_is_number(item) for item in value)
    times = [_as_float(item) for item in value] if is_list else []
    if not times or not all(map(math.isfinite, times)) or (np.diff(times) <= 0).any():
        msg = (
            f"{path} gives VolumeTiming {_short(value)}, expected a list of growing numbers of "
            "seconds, one per volume; mend it."
        )
        raise TableError(msg)
    return times


def _positive(value: Any, field: str, sources: dict[str, Path]) -> float | None:
    """Give a positive number of seconds, or say that it is none."""
    if value is None:
        return None
    number = _as_float(value) if _is_number(value) else math.nan
    if not 0 < number < math.inf:
        msg = (
            f"{sources[field]} gives {field} {_short(value)}, expected a positive number of "
            "seconds; mend it."
        )
        raise TableError(msg)
    return number


def _is_number(value: Any) -> bool:
    """Tell whether a value of JSON is a number."""
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _as_float(value: Any) -> float:
    """Give a number as a float; infinity for one that none can hold."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _differ(one: float, other: float) -> bool:
    """Tell whether two repetition times are not the same."""
    return abs(one - other) > T_R_TOLERANCE * max(one, other)


def _impossible(seconds: float) -> str:
    """End a sentence about a time that no scanner has."""
    return (
        f"{seconds:g} s, where {MIN_T_R_S:g} to {MAX_T_R_S:g} s are expected; give the right one "
        "with --t-r or in a column t_r, or correct the file."
    )


def _short(value: Any) -> str:
    """Show a value of JSON, not at length."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
