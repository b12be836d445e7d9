# SPDX-License-Identifier: Apache-2.0
"""
What the runs of a result folder were made of, where their sidecars do not say it.

A sidecar names the image, confounds and sample mask of its run; the mask and the files of the
maps are kept here, so that results can be made again without knowing how they were asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nipype_mapsmasker.errors import TableError
from nipype_mapsmasker.io.atomic import write_json
from nipype_mapsmasker.io.decoding import read_json
from nipype_mapsmasker.io.results.layout import private_folder
from nipype_mapsmasker.io.results.locking import held

__all__ = ["AtlasInputs", "read_inputs", "write_inputs"]

INPUTS_FILE = "inputs.json"
"""Its name in the private folder."""

INPUTS_LOCK = "inputs.lock"
"""Held while it is read, changed and written."""


@dataclass(frozen=True)
class AtlasInputs:
    """
    Hold what an atlas was made of.

    Parameters
    ----------
    maps_file : str
        Its maps.
    labels_file : str or None
        Table of their names.
    names : sequence of str
        The names, one per map.
    """

    maps_file: str
    labels_file: str | None
    names: Sequence[str]


def write_inputs(
    out_dir: str | Path, masks: Mapping[str, str | None], atlases: Mapping[str, AtlasInputs]
) -> Path:
    """
    Note what runs are made of, and leave what is noted of others.

    Parameters
    ----------
    out_dir : str or Path
        The result folder.
    masks : mapping of str to str or None
        Per run its mask; None where it has none.
    atlases : mapping of str to AtlasInputs
        The atlases that are fitted to each of these runs.

    Returns
    -------
    Path
        The file.
    """
    path = private_folder(out_dir) / INPUTS_FILE
    fitted = {
        name: {
            "maps_file": _absolute(atlas.maps_file),
            "labels_file": _absolute(atlas.labels_file),
            "names": list(atlas.names),
        }
        for name, atlas in atlases.items()
    }
    own = {run_id: _absolute(mask) for run_id, mask in masks.items()}
    with held(private_folder(out_dir) / INPUTS_LOCK):
        before = _read(path)
        # Calls with other atlases may take other masks.
        all_masks = {name: before["masks"].get(name, {}) | own for name in atlases}
        after = {
            "atlases": before["atlases"] | fitted,
            "masks": before["masks"] | all_masks,
        }
        return path if after == before else write_json(path, after)


def read_inputs(
    out_dir: str | Path,
) -> tuple[dict[str, dict[str, str | None]], dict[str, AtlasInputs]]:
    """
    Read what the runs of a result folder were made of.

    Parameters
    ----------
    out_dir : str or Path
        The result folder.

    Returns
    -------
    masks : dict of str to dict of str to str or None
        For each atlas, per run its mask.
    atlases : dict of str to AtlasInputs
        The atlases; none where nothing was noted.
    """
    found = _read(private_folder(out_dir) / INPUTS_FILE)
    return found["masks"], {name: AtlasInputs(**one) for name, one in found["atlases"].items()}


def _read(path: Path) -> dict[str, Any]:
    """Read the file; one that is not there, or not whole, says nothing."""
    try:
        found = read_json(path)
        return {"atlases": dict(found["atlases"]), "masks": dict(found["masks"])}
    except (TableError, OSError, KeyError, TypeError, ValueError):
        return {"atlases": {}, "masks": {}}


def _absolute(file: str | None) -> str | None:
    """Name a file so that the folder of the call need not be known."""
    return None if file is None else str(Path(file).absolute())
