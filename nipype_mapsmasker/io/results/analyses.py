# SPDX-License-Identifier: Apache-2.0
"""Results beside the signals: volumes that were kept, connectomes, maps of a dual regression."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nipype_mapsmasker.core.parameters.denoising import MEASURE_NAMES
from nipype_mapsmasker.io.atomic import atomic_path, write_json
from nipype_mapsmasker.io.results.layout import RunFiles

__all__ = [
    "ANALYSIS_KINDS",
    "OUTLIER_COLUMNS",
    "analysis_files",
    "refused_measures",
    "store_analyses",
]

MAP_KINDS = ("effect", "z")
"""What a dual regression gives."""

ANALYSIS_KINDS = ("outliers", "regressors", *MEASURE_NAMES, "refused", *MAP_KINDS)
"""What there may be of one atlas and strategy."""

OUTLIER_COLUMNS = {
    "volume": {"Description": "Number of the volume, from 0; there is a row for every volume."},
    "keep": {
        "Description": "Whether the volume was kept.",
        "Levels": {"1": "kept", "0": "censored"},
    },
    "reason": {
        "Description": "Why it was censored, joined by + where there are several reasons.",
        "Levels": {
            "dummy_scan": "before the steady state",
            "no_data": "no value in any region",
            "framewise_displacement": "above the threshold",
            "std_dvars": "above the threshold",
            "short_segment": "in too short a run of volumes between censored ones",
            "sample_mask": "left out by the sample mask that was given",
        },
    },
    "framewise_displacement": {"Description": "Framewise displacement.", "Units": "mm"},
    "std_dvars": {"Description": "Standardised DVARS."},
}
"""Descriptions of the columns of ``outliers.tsv``."""


def store_analyses(
    names: RunFiles,
    atlas: str,
    strategy: str,
    files: Mapping[str, str | None],
    words: Mapping[str, Any],
) -> list[Path]:
    """
    Copy what was made besides signals to its final names, and describe it.

    Parameters
    ----------
    names : RunFiles
        The run's names.
    atlas, strategy : str
        What it was made of.
    files : mapping of str to str or None
        Work files by kind.
    words : mapping
        What every sidecar says.

    Returns
    -------
    list of Path
        The files.
    """
    stored: list[Path] = []
    if files.get("outliers"):
        # One per strategy; every atlas writes the same.
        stored.append(_copy(str(files["outliers"]), names.outliers(strategy)))
        stored.append(write_json(names.outliers(strategy, "json"), OUTLIER_COLUMNS))
    if files.get("regressors"):
        stored.append(_copy(str(files["regressors"]), names.regressors(strategy)))
    for measure in MEASURE_NAMES:
        if not files.get(measure):
            continue
        source = Path(str(files[measure]))
        stored.append(_copy(source, names.relmat(measure, atlas, strategy)))
        said = json.loads(source.with_suffix(".json").read_text(encoding="utf-8"))
        sidecar = names.relmat(measure, atlas, strategy, "json")
        stored.append(write_json(sidecar, {**said, **words}))
    for kind in MAP_KINDS:
        if not files.get(kind):
            continue
        source = Path(str(files[kind]))
        stored.append(_copy(source, names.statmap(kind, atlas, strategy)))
        summary = source.with_name("dualregression.json")
        said = json.loads(summary.read_text(encoding="utf-8"))
        sidecar = names.statmap(kind, atlas, strategy, "json")
        stored.append(write_json(sidecar, {**said, **words}))
    return stored


def refused_measures(files: Mapping[str, str | None]) -> list[str]:
    """
    Say which measures of connectivity were refused, and why.

    Parameters
    ----------
    files : mapping of str to str or None
        Work files by kind.

    Returns
    -------
    list of str
        One sentence each.
    """
    if not files.get("refused"):
        return []
    return list(json.loads(Path(str(files["refused"])).read_text(encoding="utf-8")).values())


def analysis_files(names: RunFiles, atlas: str, strategy: str) -> list[Path]:
    """
    List what there may be besides signals.

    Parameters
    ----------
    names : RunFiles
        The run's names.
    atlas, strategy : str
        What it was made of.

    Returns
    -------
    list of Path
        Whether they are there or not.
    """
    files = [names.outliers(strategy), names.outliers(strategy, "json")]
    files.append(names.regressors(strategy))
    for suffix in ("tsv", "json"):
        files += [names.relmat(measure, atlas, strategy, suffix) for measure in MEASURE_NAMES]
    for suffix in ("nii.gz", "json"):
        files += [names.statmap(kind, atlas, strategy, suffix) for kind in MAP_KINDS]
    return files


def _copy(source: str | Path, target: Path) -> Path:
    """Copy a file, whole or not at all."""
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)
    return target
