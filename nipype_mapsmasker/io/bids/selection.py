# SPDX-License-Identifier: Apache-2.0
"""
Which images of a BIDS folder are the runs: exactly one for each source run, or an error.

Everything here works on an index; no file is opened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nipype_mapsmasker.core.parameters import SelectionParameters
from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.bids.candidates import Candidates, LeftOut, narrow
from nipype_mapsmasker.io.bids.companions import Companions, absent_content, run_id_of, source_of
from nipype_mapsmasker.io.bids.filters import Filters
from nipype_mapsmasker.io.bids.index import BidsFile, BidsIndex

__all__ = ["Choice", "ChosenRun", "choose_runs", "space_of"]

MAX_LISTED = 8
"""Names that a sentence lists."""

MAX_REASONS = 3
"""Reasons that a sentence lists."""


@dataclass(frozen=True, kw_only=True)
class ChosenRun:
    """
    Hold one run of a BIDS folder.

    Parameters
    ----------
    run_id : str
        Its name.
    image : BidsFile
        Its image.
    mask : str or None
        Its own brain mask.
    confounds : tuple of str
        Its tables of confounds.
    fault : str
        Why it cannot be done, if so.
    """

    run_id: str
    image: BidsFile
    mask: str | None = None
    confounds: tuple[str, ...] = ()
    fault: str = ""


@dataclass(frozen=True)
class Choice:
    """
    Hold what was chosen, and what was not.

    Parameters
    ----------
    runs : tuple of ChosenRun
        The runs, in alphabetical order.
    left_out : tuple of LeftOut
        The source runs that are not among them, and why.
    """

    runs: tuple[ChosenRun, ...]
    left_out: tuple[LeftOut, ...]


def choose_runs(
    indexes: Sequence[BidsIndex],
    selection: SelectionParameters,
    filters: Filters | None = None,
    *,
    needs_confounds: bool = False,
    needs_mask: bool = True,
) -> Choice:
    """
    Choose the runs.

    Parameters
    ----------
    indexes : sequence of BidsIndex
        The folder, then those of other programs beside it.
    selection : SelectionParameters
        What is meant.
    filters : Filters, optional
        What the filter file asks for.
    needs_confounds, needs_mask : bool
        A run without a table of confounds, or with ``mask_from='run'`` without a mask of its own,
        is at fault.

    Returns
    -------
    Choice
        The runs, and what was left out.

    Raises
    ------
    ParameterError
        A label that is not there; several images for one run; no run at all.
    """
    candidates, left_out = narrow(indexes, selection, filters or {})
    if not candidates:
        raise ParameterError(_nothing_left(indexes[0], left_out))
    _check_spaces(candidates)
    for acquisition, images in _by_acquisition(candidates).items():
        if len(images) > 1:
            raise ParameterError(_several(acquisition, images))
    companions = Companions(file for index in indexes for file in index.files)
    needs = {"confounds": needs_confounds, "mask": needs_mask and selection.mask_from == "run"}
    runs = [_run(images[0], companions, filters or {}, needs) for images in candidates.values()]
    return Choice(tuple(sorted(runs, key=lambda run: run.run_id)), tuple(left_out))


def space_of(entities: Mapping[str, str]) -> str:
    """
    Name the space of an image, with its cohort.

    Parameters
    ----------
    entities : mapping of str to str
        Of the image.

    Returns
    -------
    str
        Such as ``MNIInfant_cohort-2``; ``native`` for an image without ``space-``.
    """
    cohort = entities.get("cohort")
    return entities.get("space", "native") + (f"_cohort-{cohort}" if cohort else "")


def _run(
    image: BidsFile, companions: Companions, filters: Filters, needs: Mapping[str, bool]
) -> ChosenRun:
    """Find what belongs to an image."""
    masks = companions.masks(image, filters.get("mask", {}))
    tables = companions.confounds(image, filters.get("confounds", {}))
    fault = absent_content(image.path)
    if len(masks) > 1:
        fault = fault or _two("brain masks", image, masks, "mask")
    if len(tables) > 1:
        fault = fault or _two("tables of confounds", image, tables, "confounds")
    if not tables and needs["confounds"]:
        fault = fault or (
            f"{image.path} has no table of confounds (desc-confounds_timeseries.tsv) beside it; "
            "name the folder that has it by --derivatives NAME=DIR, ask for no confounds, or "
            "leave the run out."
        )
    if not masks and needs["mask"]:
        fault = fault or (
            f"{image.path} has no brain mask (desc-brain_mask) in its own space and resolution; "
            "choose --mask-from cohort, --mask-from none, or --mask-from FILE."
        )
    files = [*masks[:1], *tables[:1], *companions.more_confounds(image)]
    fault = fault or next((text for file in files if (text := absent_content(file.path))), "")
    return ChosenRun(
        run_id=run_id_of(image.entities),
        image=image,
        mask=masks[0].path if masks else None,
        confounds=tuple(file.path for file in files[len(masks[:1]) :]),
        fault=fault,
    )


def _check_spaces(candidates: Candidates) -> None:
    """Refuse images in several spaces under one set of maps."""
    images = [image for group in candidates.values() for image in group]
    labels = {image.entities.get("space", "native") for image in images}
    if len(labels) > 1:
        text = " and ".join(sorted(labels))
        msg = f"The images are in {len(labels)} spaces, {text}; choose one by --space."
        raise ParameterError(msg)
    cohorts = {image.entities.get("cohort", "none") for image in images}
    if len(cohorts) > 1:
        text = " and ".join(sorted(cohorts))
        msg = (
            f"The images in space {labels.pop()} are of {len(cohorts)} cohorts of the template, "
            f"{text}, each with a shape of its own; choose one by --cohort."
        )
        raise ParameterError(msg)


def _by_acquisition(candidates: Candidates) -> Candidates:
    """Put the images together that are of one acquisition: magnitude and phase are of the same."""
    found: Candidates = {}
    for images in candidates.values():
        for image in images:
            entities = {k: v for k, v in image.entities.items() if k != "part"}
            found.setdefault(source_of(entities), []).append(image)
    return found


DECIDING = {"res": "--res", "den": "", "desc": "--desc", "echo": "--echo", "part": ""}
"""Entities that tell images of one run apart, and the options that decide; else a filter file."""


def _several(source: str, images: Sequence[BidsFile]) -> str:
    """Say that a run has several images, and which option decides."""
    differing = [key for key in DECIDING if len({one.entities.get(key) for one in images}) > 1]
    option = DECIDING[differing[0]] if differing else "--derivatives"
    option = option or f'--bids-filter-file with {{"bold": {{"{differing[0]}": ...}}}}'
    names = [str(image.name) for image in images]
    names = names if len(set(names)) == len(names) else [image.path for image in images]
    listed = ", ".join(names[:MAX_LISTED])
    return f"{source} has {len(images)} images that may be meant, {listed}; choose by {option}."


def _two(kind: str, image: BidsFile, files: Sequence[BidsFile], key: str) -> str:
    """Say that an image has two companions of a kind."""
    names = " and ".join(file.path for file in files[:MAX_LISTED])
    return (
        f"{image.path} has {len(files)} {kind}, {names}; take one away, or choose by {key!r} in "
        "a --bids-filter-file."
    )


def _nothing_left(index: BidsIndex, left_out: Sequence[LeftOut]) -> str:
    """Say why no run is left."""
    reasons = list(dict.fromkeys(one.reason for one in left_out))
    text = "; ".join(reasons[:MAX_REASONS])
    return f"No run of {index.root} is left: {text}." if text else f"{index.root} holds no run."
