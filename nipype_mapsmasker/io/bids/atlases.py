# SPDX-License-Identifier: Apache-2.0
"""
Atlases by name, from folders on this machine: BIDS atlas datasets and TemplateFlow's.

Nothing is fetched: an atlas that is not there is an error that says how to get it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.bids.companions import VOLUMES
from nipype_mapsmasker.io.bids.index import BidsFile
from nipype_mapsmasker.io.bids.names import format_entities, parse_name
from nipype_mapsmasker.io.decoding import read_object

__all__ = ["AtlasFiles", "find_atlas", "maps_space"]

MAPS_SUFFIXES = ("probseg", "dseg")
"""Kinds of maps: weights are taken before labels where an atlas has both."""

TABLE_SUFFIXES = ("probseg", "dseg", "labels")
"""Suffixes of tables of names; ``labels`` is no longer BIDS's, and common."""

MAX_LISTED = 8
"""Names that a sentence lists."""


@dataclass(frozen=True)
class AtlasFiles:
    """
    Hold the files of an atlas.

    Parameters
    ----------
    name : str
        Its name in the results, with its scale where it has one: ``DiFuMo:64``.
    maps_file : Path
        Its maps.
    labels_file : Path or None
        Their names: a table, or the sidecar with its ``LabelMap``.
    """

    name: str
    maps_file: Path
    labels_file: Path | None


def find_atlas(
    choice: str, folders: Sequence[Path], *, space: str | None = None, res: str | None = None
) -> AtlasFiles:
    """
    Find an atlas by its name.

    Parameters
    ----------
    choice : str
        Its name, as behind ``atlas-``; with a colon the scale or description too: ``DiFuMo:64``.
    folders : sequence of Path
        Atlas datasets, or folders of such.
    space : str, optional
        The template that its maps must be in, with its cohort: ``MNIInfant_cohort-2``.
    res : str, optional
        The resolution to take where there are several; the finest by default.

    Returns
    -------
    AtlasFiles
        Its maps and their names.

    Raises
    ------
    ParameterError
        It is not there, not in that space, or several may be meant.
    """
    name, _, part = choice.partition(":")
    there = [file for folder in folders for file in _maps_in(folder)]
    named = [file for file in there if file.entities["atlas"] == name]
    if not named:
        raise ParameterError(_absent(choice, folders, there))
    chosen = [file for file in named if not part or _is_part(file.entities, part)]
    if not chosen:
        parts = sorted({_part_of(file.entities) for file in named} - {""})
        msg = (
            f"The atlas {name} has no {part!r} in {_list(folders)}, only {_list(parts)}; choose "
            f"one by --atlas {name}:{parts[0] if parts else ''}."
        )
        raise ParameterError(msg)
    fitting = [file for file in chosen if space in (None, _space_of(file.entities))]
    if not fitting:
        spaces = sorted({_space_of(file.entities) for file in chosen})
        msg = (
            f"The atlas {choice} is in {_list(spaces)}, and the images are in {space}; choose "
            "images in its space, or get the atlas in theirs."
        )
        raise ParameterError(msg)
    if len(spaces := sorted({_space_of(file.entities) for file in fitting})) > 1:
        msg = f"The atlas {choice} is in {len(spaces)} spaces, {_list(spaces)}; say --maps-space."
        raise ParameterError(msg)
    file = _best(choice, fitting, res)
    scale = part or file.entities.get("scale", "")
    return AtlasFiles(
        f"{name}:{scale}" if scale else name, Path(file.path), _labels_of(file, folders)
    )


def maps_space(path: str | Path) -> str | None:
    """
    Tell the space of a maps image: from its name, else from its sidecar.

    Parameters
    ----------
    path : str or Path
        The image.

    Returns
    -------
    str or None
        The template, with its cohort; None where nothing tells.
    """
    name = parse_name(Path(path).name)
    if name is not None and (name.entities.keys() & {"tpl", "space"}):
        return _space_of(name.entities)
    reference = _sidecar(path).get("SpatialReference")
    if isinstance(reference, str):
        found = re.search(r"(?:tpl-|space-|^)([A-Za-z0-9+]+)$", reference)
        return found[1] if found else None
    return None


def _maps_in(folder: Path) -> Iterable[BidsFile]:
    """List the maps of a folder: in its templates' folders, or those of the datasets in it."""
    found = []
    for pattern in ("tpl-*/**/*_atlas-*", "*/tpl-*/**/*_atlas-*", "*_atlas-*"):
        for path in folder.glob(pattern):
            name = parse_name(path.name)
            is_maps = name is not None and name.suffix in MAPS_SUFFIXES
            if name is not None and is_maps and name.extension in VOLUMES:
                found.append(BidsFile(str(path), name))
    return sorted(found, key=lambda file: file.path)


def _space_of(entities: Mapping[str, str]) -> str:
    """Name the template of maps, with its cohort."""
    cohort = entities.get("cohort")
    template = entities.get("tpl") or entities.get("space") or "native"
    return template + (f"_cohort-{cohort}" if cohort else "")


def _part_of(entities: Mapping[str, str]) -> str:
    """Name which of an atlas's sizes maps are."""
    return next((entities[key] for key in ("scale", "desc", "seg") if key in entities), "")


def _is_part(entities: Mapping[str, str], part: str) -> bool:
    """Tell whether maps are of a size: 64 means scale-64, and desc-64dimensions too."""
    labels = [entities[key] for key in ("scale", "desc", "seg") if key in entities]
    return any(re.fullmatch(re.escape(part) + r"(?!\d)[A-Za-z0-9+]*", label) for label in labels)


def _best(choice: str, files: Sequence[BidsFile], res: str | None) -> BidsFile:
    """Take weights before labels, the resolution that is asked for, else the finest."""

    def rest(file: BidsFile) -> str:
        return format_entities({k: v for k, v in file.entities.items() if k != "res"})

    if len({rest(file) for file in files}) > 1:
        names = _list([str(file.name) for file in files])
        parts = sorted({_part_of(file.entities) for file in files} - {""})
        msg = (
            f"The atlas {choice} may be any of {names}; choose one, as by --atlas "
            f"{choice.partition(':')[0]}:{parts[0] if parts else 'SCALE'}, or name it by --maps."
        )
        raise ParameterError(msg)

    def rank(file: BidsFile) -> tuple[int, bool, int, str]:
        label = file.entities.get("res", "")
        number = int(label) if label.isdecimal() else 0
        wanted = int(res) if res and res.isdecimal() else res
        fits = (number if label.isdecimal() else label) == wanted
        return MAPS_SUFFIXES.index(file.name.suffix), not fits, number, file.path

    best = min(files, key=rank)
    if not Path(best.path).exists() or not Path(best.path).stat().st_size:
        msg = (
            f"{best.path} is listed, and its content is not there; get it, as by "
            "templateflow.api.get or 'datalad get'."
        )
        raise ParameterError(msg)
    return best


def _labels_of(file: BidsFile, folders: Sequence[Path]) -> Path | None:
    """Find the names of maps: a table by BIDS's inheritance, else the sidecar's LabelMap."""
    path = Path(file.path)
    sidecar = path.with_name(path.name.removesuffix(file.name.extension) + ".json")
    if _sidecar(path).get("LabelMap"):
        return sidecar
    roots = {folder.resolve() for folder in folders}
    for folder in path.resolve().parents:
        tables = []
        for table in sorted(folder.glob("*.tsv")):
            name = parse_name(table.name)
            if name is None or name.suffix not in TABLE_SUFFIXES or "atlas" not in name.entities:
                continue
            if name.entities.items() <= file.entities.items():
                tables.append((-len(name.entities), table))
        if tables:
            return min(tables)[1]
        if folder in roots:
            break
    return None


def _sidecar(path: str | Path) -> dict[str, Any]:
    """Read the JSON beside maps; empty where it says nothing."""
    path = Path(path)
    stem = path.name.removesuffix(".gz").removesuffix(".zst").removesuffix(".nii")
    return read_object(path.with_name(f"{stem}.json"))


def _absent(choice: str, folders: Sequence[Path], there: Sequence[BidsFile]) -> str:
    """Say that an atlas is not there, what is, and how to get it."""
    names = sorted({file.entities["atlas"] for file in there})
    found = f"there {'are' if len(names) > 1 else 'is'} {_list(names)}" if names else "nothing"
    where = _list(folders) if folders else "no folder"
    return (
        f"There is no atlas {choice!r} in {where} ({found}); nothing is fetched: get it, as by "
        f"templateflow.api.get(TEMPLATE, atlas={choice.partition(':')[0]!r}) with "
        "TEMPLATEFLOW_HOME set, name its folder by --atlas-dir, or its image by --maps."
    )


def _list(names: Iterable[object]) -> str:
    """List names in a sentence."""
    texts = [str(name) for name in names]
    return ", ".join(texts[:MAX_LISTED]) + (", ..." if len(texts) > MAX_LISTED else "")
