# SPDX-License-Identifier: Apache-2.0
"""The images that each source run has, and how the options narrow them down."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nipype_mapsmasker.core.parameters import SelectionParameters
from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.bids.companions import DEFAULT_DESC, VOLUMES, run_id_of, source_of
from nipype_mapsmasker.io.bids.filters import Filters, has_label, matches
from nipype_mapsmasker.io.bids.index import BidsFile, BidsIndex
from nipype_mapsmasker.io.bids.names import parse_entities

__all__ = ["Candidates", "LeftOut", "narrow"]

Candidates = dict[str, list[BidsFile]]
"""Images by their source run."""

SURFACES = (".dtseries.nii", ".func.gii")
"""Endings of images that are no volumes."""

MAX_LISTED = 12
"""Labels that a sentence lists."""

ABSENT = ("none", "native", "n/a")
"""What options say for an entity that must be absent."""


@dataclass(frozen=True)
class LeftOut:
    """
    Hold a source run that was left out.

    Parameters
    ----------
    name : str
        Its name.
    reason : str
        Why.
    """

    name: str
    reason: str


def narrow(
    indexes: Sequence[BidsIndex], selection: SelectionParameters, filters: Filters
) -> tuple[Candidates, list[LeftOut]]:
    """
    Give the images that each source run has left, and the source runs that have none.

    Parameters
    ----------
    indexes : sequence of BidsIndex
        The folder, then those of other programs beside it.
    selection : SelectionParameters
        What is meant.
    filters : Filters
        What the filter file asks for.

    Returns
    -------
    candidates : Candidates
        At least one image for each source run.
    left_out : list of LeftOut
        The other source runs, and why.

    Raises
    ------
    ParameterError
        The folder has no images that were processed, or a label is not there.
    """
    sources: Candidates = {}
    for index in indexes:
        for file in index.files:
            if file.name.suffix == "bold" and file.name.extension in (*VOLUMES, *SURFACES):
                sources.setdefault(source_of(file.entities), []).append(file)
    _check_folder(indexes[0], sources)
    _check_labels(indexes[0], sources, selection)
    left_out = [
        LeftOut(f"sub-{label}", "left out by --exclude-participant-label")
        for label in indexes[0].subjects
        if any(has_label("sub", label, name) for name in selection.exclude_participant_label or ())
    ]
    candidates: Candidates = {}
    for source, images in sorted(sources.items()):
        reason, rest = _choose(source, images, selection, filters)
        if rest:
            candidates[source] = rest
        elif reason:
            left_out.append(LeftOut(source, reason))
    return candidates, left_out


def _choose(
    source: str, images: list[BidsFile], selection: SelectionParameters, filters: Filters
) -> tuple[str, list[BidsFile]]:
    """Take a source run's images through the options; say which one left none."""
    entities = images[0].entities
    for key, wanted, option in (
        ("ses", selection.session_label, "--session-label"),
        ("task", selection.task_label, "--task-label"),
        ("run", selection.run_label, "--run-label"),
    ):
        if wanted and not any(has_label(key, entities.get(key), label) for label in wanted):
            return f"not chosen by {option}", []
    for entry in selection.exclude_runs or ():
        if _is_named(source, images, entry):
            return f"left out by --exclude-runs {entry}", []
    bold = filters.get("bold", {})
    kept = [image for image in images if matches(image.entities, bold)]
    if not kept:
        return "no image meets the conditions of --bids-filter-file", []
    for key, label, default in (
        ("desc", selection.desc, DEFAULT_DESC),
        ("space", selection.space, "*"),
        ("echo", selection.echo, "none"),
        ("cohort", selection.cohort, "*"),
        ("res", selection.res, "*"),
    ):
        wish = label if label is not None else "*" if key in bold else default
        rest = [image for image in kept if _has(image, key, wish)]
        if key == "desc" and label is None and not rest and not _volumes(kept):
            break  # CIFTI files of fMRIPrep have no desc-: they are refused as what they are
        if not rest:
            return _none_such(key, wish, kept), []
        kept = rest
    volumes = _volumes(kept)
    if not volumes:
        return f"{kept[0].name} lies on the surface, and volumes (.nii, .nii.gz) are needed", []
    return "", volumes


def _has(image: BidsFile, key: str, wish: str) -> bool:
    """Tell whether an image has a label that an option asks for."""
    label = image.entities.get(key)
    if wish == "*":
        return True
    return label is None if wish in ABSENT else has_label(key, label, wish)


def _volumes(images: Iterable[BidsFile]) -> list[BidsFile]:
    """Leave out images on surfaces."""
    return [image for image in images if image.name.extension in VOLUMES]


def _none_such(key: str, wish: str, images: Iterable[BidsFile]) -> str:
    """Say that a run has no image with a label."""
    absent = "native space" if key == "space" else f"none without {key}-"
    found = sorted({image.entities.get(key, "") for image in _volumes(images)})
    text = ", ".join(f"{key}-{label}" if label else absent for label in found[:MAX_LISTED])
    if wish in ABSENT:
        return f"no image without {key}-, only {text}"
    label = wish.removeprefix(f"{key}-")
    return f"no image {key}-{label}, only {text or 'images on the surface'}"


def _is_named(source: str, images: Sequence[BidsFile], entry: str) -> bool:
    """Tell whether an entry of ``--exclude-runs`` means a source run."""
    names = {source, *(run_id_of(image.entities) for image in images)}
    names |= {str(image.name) for image in images}
    if any(fnmatch.fnmatchcase(name, entry) for name in names):
        return True
    # sub-06_run-2 means every run of that subject with that label, and 02 is 2.
    wanted, entities = parse_entities(entry), images[0].entities
    return wanted is not None and all(
        has_label(key, entities.get(key), label) for key, label in wanted.items()
    )


def _check_folder(index: BidsIndex, sources: Candidates) -> None:
    """Refuse a folder without images, and one of raw data."""
    images = [image for group in sources.values() for image in group]
    told_raw = str(index.description.get("DatasetType", "")).lower() == "raw"
    looks_raw = bool(images) and not any(
        "desc" in image.entities or "space" in image.entities for image in images
    )
    if told_raw or looks_raw:
        msg = (
            f"{index.root} is a raw BIDS dataset: its images were not processed; give the folder "
            "of derivatives, such as that of fMRIPrep."
        )
        raise ParameterError(msg)
    if not images and index.files:
        msg = f"{index.root} holds no image *_bold.nii.gz in its func folders; give another one."
        raise ParameterError(msg)


def _check_labels(index: BidsIndex, sources: Candidates, selection: SelectionParameters) -> None:
    """Refuse labels that are not there: a typing error must not cost runs in silence."""
    known = {"sub": set(index.subjects), "ses": set[str](), "task": set[str](), "run": set[str]()}
    for images in sources.values():
        for key in ("ses", "task", "run"):
            label = images[0].entities.get(key)
            known[key] |= {label} if label else set()
    asked = (
        ("sub", "--participant-label", selection.participant_label),
        ("sub", "--exclude-participant-label", selection.exclude_participant_label),
        ("ses", "--session-label", selection.session_label),
        ("task", "--task-label", selection.task_label),
        ("run", "--run-label", selection.run_label),
    )
    for key, option, labels in asked:
        for wanted in labels or ():
            if not any(has_label(key, label, wanted) for label in known[key]):
                there = sorted(known[key])
                more = ", ..." if len(there) > MAX_LISTED else ""
                text = ", ".join(there[:MAX_LISTED]) + more if there else "none"
                msg = (
                    f"{option} {wanted} is not in {index.root}, where there is {text}; mend the "
                    "label."
                )
                raise ParameterError(msg)
    if index.looked_at != index.subjects:
        return  # the list may speak of subjects that are not looked at
    for entry in selection.exclude_runs or ():
        if not any(_is_named(source, images, entry) for source, images in sources.items()):
            msg = f"--exclude-runs {entry} means no run of {index.root}; mend the name."
            raise ParameterError(msg)
