# SPDX-License-Identifier: Apache-2.0
"""
Names of files as BIDS composes them: entities, suffix, extension.

Labels stay as they are written (``run-01`` is not ``run-1``), and entities that BIDS does not know
are kept, so that a name can be taken apart and put together again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = [
    "ENTITIES",
    "LONG_NAMES",
    "BidsName",
    "format_entities",
    "parse_entities",
    "parse_name",
]

ENTITIES = (
    "sub",
    "tpl",
    "ses",
    "sample",
    "task",
    "tracksys",
    "acq",
    "nuc",
    "voi",
    "ce",
    "trc",
    "stain",
    "rec",
    "dir",
    "run",
    "mod",
    "echo",
    "flip",
    "inv",
    "mt",
    "part",
    "proc",
    "hemi",
    "space",
    "cohort",
    "split",
    "recording",
    "chunk",
    "atlas",
    "seg",
    "scale",
    "res",
    "den",
    "label",
    "stat",
    "desc",
)
"""Entities in the order of BIDS 1.11; ``cohort`` after ``space``, where fMRIPrep writes it."""

LONG_NAMES = {
    "subject": "sub",
    "participant": "sub",
    "template": "tpl",
    "session": "ses",
    "acquisition": "acq",
    "ceagent": "ce",
    "tracer": "trc",
    "reconstruction": "rec",
    "direction": "dir",
    "modality": "mod",
    "inversion": "inv",
    "mtransfer": "mt",
    "processing": "proc",
    "hemisphere": "hemi",
    "segmentation": "seg",
    "resolution": "res",
    "density": "den",
    "statistic": "stat",
    "description": "desc",
}
"""Entities by the names that filter files use."""

_RANKS = {entity: rank for rank, entity in enumerate(ENTITIES)}


@dataclass(frozen=True)
class BidsName:
    """
    Hold a file's name in parts.

    Parameters
    ----------
    entities : dict of str to str
        Labels by entity, in the order of the name.
    suffix : str
        What kind of file it is, such as ``bold``.
    extension : str
        From the first dot on, such as ``.nii.gz``.
    """

    entities: dict[str, str]
    suffix: str
    extension: str

    def __str__(self) -> str:
        """Compose the name, the entities in BIDS's order."""
        return "_".join([format_entities(self.entities), self.suffix]) + self.extension


def parse_name(name: str) -> BidsName | None:
    """
    Take a file's name apart.

    Parameters
    ----------
    name : str
        Without folders.

    Returns
    -------
    BidsName or None
        None where it is not made of entities and a suffix.

    Examples
    --------
    >>> parts = parse_name("sub-01_run-01_space-T1w_bold.nii.gz")
    >>> parts.entities, parts.suffix, parts.extension
    ({'sub': '01', 'run': '01', 'space': 'T1w'}, 'bold', '.nii.gz')
    """
    stem, dot, extension = name.partition(".")
    head, _, suffix = stem.rpartition("_")
    if not suffix or "-" in suffix:
        return None
    entities = parse_entities(head)
    return None if entities is None else BidsName(entities, suffix, dot + extension)


def parse_entities(text: str) -> dict[str, str] | None:
    """
    Take entities apart.

    Parameters
    ----------
    text : str
        Such as ``sub-01_task-rest``.

    Returns
    -------
    dict of str to str or None
        In the order of the text; None where a part is no entity, or one comes twice.
    """
    entities: dict[str, str] = {}
    for part in text.split("_"):
        key, dash, label = part.partition("-")
        if not (dash and key and label) or "-" in label or key in entities:
            return None
        entities[key] = label
    return entities


def format_entities(entities: Mapping[str, str]) -> str:
    """
    Put entities together, in BIDS's order.

    Parameters
    ----------
    entities : mapping of str to str
        Labels by entity. One that BIDS does not know stays behind the one that it follows.

    Returns
    -------
    str
        Such as ``sub-01_task-rest``.

    Examples
    --------
    >>> format_entities({"res": "2", "atlas": "Toy", "sub": "01"})
    'sub-01_atlas-Toy_res-2'
    """
    ranked = []
    rank = -1
    for key, label in entities.items():
        rank = _RANKS.get(key, rank)
        ranked.append((rank, f"{key}-{label}"))
    ranked.sort(key=lambda pair: pair[0])
    return "_".join(text for _, text in ranked)
