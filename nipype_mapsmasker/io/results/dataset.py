# SPDX-License-Identifier: Apache-2.0
"""
What makes a result folder a BIDS dataset: its description, its links, what each file says.

Sources are BIDS URIs (``bids:fmriprep:sub-01/func/...``); ``DatasetLinks`` of
``dataset_description.json`` tells where each dataset lies, relative to the result folder.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nipype_mapsmasker.errors import DataFault
from nipype_mapsmasker.io.atomic import atomic_path, write_json
from nipype_mapsmasker.io.bids.inheritance import dataset_root
from nipype_mapsmasker.io.bids.names import parse_name
from nipype_mapsmasker.io.decoding import read_object
from nipype_mapsmasker.io.results.layout import atlas_entities
from nipype_mapsmasker.io.results.provenance import code_url
from nipype_mapsmasker.io.sidecars import read_sidecar
from nipype_mapsmasker.io.tables.text import read_text

__all__ = [
    "BIDS_VERSION",
    "bids_uri",
    "describe_atlas",
    "image_fields",
    "link_of",
    "name_fields",
    "write_dataset_files",
]

BIDS_VERSION = "1.11.1"
"""Version of BIDS that the names and descriptions follow."""

IGNORED = (
    "*.html",
    "figures",
    "runs.tsv",
    "qc.*",
    "atlas-*_maps.tsv",
    "*_outliers.*",
    "*_boldref.*",
    "*stat-coverage*",
    "*_timeseries.tsv",
    "*_timeseries.json",
    "*_timeseries.npy",
    "*_timeseries.parquet",
    # A plain line would stay behind where somebody lets validators see time series again, by
    # taking out the lines that have that word, and hide the description that they need then.
    "# Only time series refer to an atlas's description: while they are ignored, it is taken for",
    "# a sidecar without a file. The brackets let a search for 'timeseries' find the line.",
    "atlas-*_descriptio[timeseriesn].json",
    "*_relmat.tsv",
    "*_relmat.json",
    "*_statmap.*",
    "group",
    "group_*",
    "*.nii.zst",
)
"""
Lines of ``.bidsignore``: pages and tables for people, names of BIDS's drafts, and images in a
compression that BIDS has not.
"""

README = """\
# Region time series

Made by nipype-mapsmasker. `report.html` shows all runs, `runs.tsv` lists them.

Of every run, in `sub-<label>/[ses-<label>/]func`:

- `*_timeseries.tsv`: one column per map, one row per volume that was kept; `desc-raw` before
  cleaning. The JSON beside it says what was done, and which volumes were left out.
- `*_stat-coverage_bold.tsv`: how much of each map the run has.
- `*_boldref.nii.gz`: its mean image.

Pages of single runs are in `figures`. Names follow BIDS 1.11.1 and, for time series, its draft
BEP012. The folder `.mapsmasker` holds what the program needs to go on from here; results do not
depend on it, but without it everything is done anew.
"""

_FROM_IMAGE = ("SpatialReference", "Resolution", "TaskName", "SkullStripped", "StartTime")
"""Fields of an image's sidecar that hold for what is made of it."""


def link_of(path: str | Path) -> tuple[str, Path]:
    """
    Name the dataset that a file lies in.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    name : str
        Its name in BIDS URIs.
    root : Path
        Its root; of a file that lies in no dataset, the file's folder.

    Notes
    -----
    A name depends on the root alone, so that runs which know nothing of each other agree on it.
    """
    path = Path(os.path.abspath(path))  # noqa: PTH100  ('..' must go, links must stay)
    root = dataset_root(path)
    is_dataset = root is not None and (root / "dataset_description.json").is_file()
    root = path.parent if root is None else root
    name = re.sub(r"[^A-Za-z0-9]", "", root.name) or "data"
    # Folders called "data" are many; datasets go by their names.
    digest = hashlib.sha256(str(root).encode("utf-8", "surrogateescape")).hexdigest()
    return (name if is_dataset else f"{name}{digest[:6]}"), root


def bids_uri(path: str | Path, out_dir: str | Path) -> str:
    """
    Give the BIDS URI of a file.

    Parameters
    ----------
    path : str or Path
        The file.
    out_dir : str or Path
        The result folder, whose own files need no name.

    Returns
    -------
    str
        Such as ``bids:fmriprep:sub-01/func/sub-01_task-rest_bold.nii.gz``.
    """
    path, out_dir = (Path(os.path.abspath(one)) for one in (path, out_dir))  # noqa: PTH100
    if path.is_relative_to(out_dir):
        return f"bids::{path.relative_to(out_dir).as_posix()}"
    name, root = link_of(path)
    return f"bids:{name}:{path.relative_to(root).as_posix()}"


def image_fields(image: str | Path) -> dict[str, Any]:
    """
    Take from an image's sidecars what holds for its results, too.

    Parameters
    ----------
    image : str or Path
        The image.

    Returns
    -------
    dict
        Some of ``SpatialReference``, ``Resolution``, ``TaskName`` and the like; nothing where
        the sidecars cannot be read.
    """
    try:
        fields, _ = read_sidecar(image)
    except (DataFault, OSError):
        return {}
    return {name: fields[name] for name in _FROM_IMAGE if name in fields}


def name_fields(path: Path, source: Mapping[str, Any], what: str) -> dict[str, Any]:
    """
    Give the fields that BIDS asks for because of a file's name.

    Parameters
    ----------
    path : Path
        The file.
    source : mapping
        From `image_fields`.
    what : str
        What it is, for people.

    Returns
    -------
    dict
        ``Description``; ``SpatialReference`` and ``Resolution`` where the name has a space and a
        resolution.
    """
    name = parse_name(path.name)
    entities = {} if name is None else name.entities
    fields: dict[str, Any] = {"Description": what}
    if "space" in entities:
        fields["SpatialReference"] = source.get("SpatialReference", entities["space"])
    if "res" in entities:
        told = f"As in the images that it is made of (res-{entities['res']})."
        fields["Resolution"] = source.get("Resolution", told)
    return fields


def describe_atlas(
    maps_file: str | Path | None, atlas: str, out_dir: Path, names: Sequence[str | None]
) -> Path:
    """
    Write ``atlas-<name>_description.json``.

    Parameters
    ----------
    maps_file : str or Path or None
        The maps, beside or above which the atlas may describe itself.
    atlas : str
        Its name, perhaps with a scale.
    out_dir : Path
        The result folder.
    names : sequence of str
        The maps' names.

    Returns
    -------
    Path
        The file. Names of other scales that are there already stay.
    """
    name, scale = (atlas_entities(atlas).get(key, "") for key in ("atlas", "scale"))
    path = out_dir / f"atlas-{name}_description.json"
    earlier = read_object(path).get("LabelMap")
    label_map: Any = list(names)
    if scale:  # several sizes of an atlas share its description
        label_map = {**(earlier if isinstance(earlier, dict) else {}), scale: label_map}
    fields: dict[str, Any] = {"Name": name}
    if maps_file is not None:
        _, root = link_of(maps_file)
        fields |= read_object(root / path.name)
        fields["Sources"] = [bids_uri(maps_file, out_dir)]
    fields["LabelMap"] = label_map
    return write_json(path, fields)


def write_dataset_files(
    out_dir: Path,
    provenance: Mapping[str, Any],
    sources: Sequence[str | Path],
    own_folders: Sequence[str] = (),
) -> Path:
    """
    Write ``dataset_description.json``, ``README.md`` and ``.bidsignore``.

    Parameters
    ----------
    out_dir : Path
        The result folder.
    provenance : mapping
        Versions and command.
    sources : sequence of path
        Files that results were made of: one of each dataset is enough.
    own_folders : sequence of str
        Folders of runs without a BIDS name, as ``/img``, which BIDS tools shall pass over.

    Returns
    -------
    Path
        ``dataset_description.json``. A README of somebody's own, and links of earlier calls, stay.
    """
    path = out_dir / "dataset_description.json"
    earlier = read_object(path)
    links = dict(earlier.get("DatasetLinks") or {})
    datasets = list(earlier.get("SourceDatasets") or [])
    roots = {Path(source).parent: source for source in sources}
    for name, root in dict.fromkeys(link_of(source) for source in roots.values()):
        links.setdefault(name, os.path.relpath(root, os.path.abspath(out_dir)))  # noqa: PTH100
        told = {"URL": f"file://{root}"} if not read_object(root / path.name) else _reference(root)
        if told not in datasets:
            datasets.append(told)
    versions = dict(provenance.get("versions", {}))
    command = provenance.get("command", "")
    description = {
        "Name": "Region time series from brain maps",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [
            {
                "Name": "nipype-mapsmasker",
                "Version": versions.get("nipype-mapsmasker", ""),
                "CodeURL": code_url(),
                "Description": command,
            }
        ],
        "SourceDatasets": datasets,
        "DatasetLinks": links,
        "Versions": versions,
        "Command": command,
    }
    readme, ignore = out_dir / "README.md", out_dir / ".bidsignore"
    if not readme.exists():
        _write_text(readme, README)
    lines = _lines(ignore)
    more = [line for line in (*IGNORED, *own_folders) if line not in lines]
    if more:
        _write_text(ignore, "\n".join([*lines, *more]) + "\n")
    return write_json(path, description)


def _reference(root: Path) -> dict[str, str]:
    """Refer to a dataset that describes itself."""
    content = read_object(root / "dataset_description.json")
    told = {"URL": f"file://{root}"}
    if doi := content.get("DatasetDOI"):
        told["DOI"] = str(doi)
    return told


def _lines(path: Path) -> list[str]:
    """Read the lines of a text, which need not be there, nor be text."""
    try:
        return read_text(path, errors="surrogateescape").splitlines()
    except DataFault:
        return []


def _write_text(path: Path, text: str) -> None:
    """Write text, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
