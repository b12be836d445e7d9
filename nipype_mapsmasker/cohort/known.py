# SPDX-License-Identifier: Apache-2.0
"""
What earlier plans found of runs, as long as no file that they looked at has changed.

A second call on a finished cohort has to see that nothing changed, which size and times of the
files tell; header, sidecars and tables need not be read for that. What is kept is no more than a
plan: whether the results are there and whole is asked of the manifest as ever. It may be lost at
any time, and whatever is not as expected in it counts as not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nipype_mapsmasker.cohort.request import RunSpec
from nipype_mapsmasker.core.grids import Grid
from nipype_mapsmasker.errors import DataFault
from nipype_mapsmasker.io.atomic import write_json
from nipype_mapsmasker.io.bids.inheritance import inherited_sidecars
from nipype_mapsmasker.io.decoding import read_object
from nipype_mapsmasker.io.files import is_settled
from nipype_mapsmasker.io.images.checks import checked_grid
from nipype_mapsmasker.io.results.layout import private_folder
from nipype_mapsmasker.io.results.locking import held
from nipype_mapsmasker.io.results.manifests import make_key
from nipype_mapsmasker.io.sidecars import file_states
from nipype_mapsmasker.io.tables.fmriprep import tables_with_metadata
from nipype_mapsmasker.io.timing import RepetitionTime

__all__ = ["KnownRun", "known_run", "look_at", "read_known", "write_known"]

KNOWN_FILE = "plans.json"
"""Its name in the private folder."""

KNOWN_LOCK = "plans.lock"
"""Held while it is read, changed and written."""

KNOWN_FORMAT = 1
"""Version of its layout; another one counts as absent."""


@dataclass(frozen=True, slots=True)
class KnownRun:
    """
    Hold what a plan found of a run.

    Parameters
    ----------
    look : str
        From `look_at`: what it was found of.
    key, extraction_key : str
        What its results, and its raw signals, depend on.
    grid : Grid
        Of its image.
    n_volumes : int
        Its number of volumes.
    t_r : RepetitionTime
        Its repetition time.
    """

    look: str
    key: str
    extraction_key: str
    grid: Grid
    n_volumes: int
    t_r: RepetitionTime


def look_at(run: RunSpec, wanted: str) -> str:
    """
    Condense everything that the plan of a run depends on, without opening a file.

    Parameters
    ----------
    run : RunSpec
        The run.
    wanted : str
        A key of all that is wanted of every run: version, atlases and parameters.

    Returns
    -------
    str
        Equal only as long as size and times of all files are, and no other sidecar applies; empty
        where times cannot tell, as a file has just changed, or it is not clear what applies.
    """
    try:
        sidecars = inherited_sidecars(run.in_file)
    except (DataFault, OSError, ValueError):
        return ""
    confounds = tables_with_metadata(run.confounds)
    others = [path for path in (run.mask, run.sample_mask) if path is not None]
    states = file_states((run.in_file, *others, *sidecars, *confounds))
    if states is None:
        return ""
    if not is_settled(max(max(modified, changed) for _, _, modified, changed in states)):
        return ""
    given = run.run_id, run.t_r, run.mask, run.sample_mask, len(sidecars), len(confounds)
    return make_key({"wanted": wanted, "run": given, "files": states})


def read_known(out_dir: str | Path) -> dict[str, Any]:
    """
    Read what earlier plans found.

    Parameters
    ----------
    out_dir : str or Path
        The result folder.

    Returns
    -------
    dict
        By run, for `known_run`; empty where there is nothing, or nothing that can be read.
    """
    found = read_object(private_folder(out_dir) / KNOWN_FILE)
    runs = found.get("runs")
    return runs if found.get("format") == KNOWN_FORMAT and isinstance(runs, dict) else {}


def known_run(entry: Any, look: str) -> KnownRun | None:
    """
    Take what was found of a run, if it was found of the files as they are.

    Parameters
    ----------
    entry : object
        From `read_known`; anybody may have changed it.
    look : str
        From `look_at`.

    Returns
    -------
    KnownRun or None
        None where nothing is known.
    """
    if not look or not isinstance(entry, list) or entry[:1] != [look]:
        return None
    try:
        _, key, extraction_key, shape, affine, n_volumes, (seconds, origin, warnings, problem) = (
            entry
        )
        texts = (key, extraction_key, origin, problem, *warnings)
        numbers = (*shape, n_volumes)
        if not all(isinstance(text, str) for text in texts) or not all(
            type(number) is int and number > 0 for number in numbers
        ):
            return None
        if seconds is not None and not (isinstance(seconds, float) and 0 < seconds < np.inf):
            return None
        x, y, z = shape
        grid = checked_grid(
            (x, y, z), np.array(affine, dtype=np.float64).reshape(4, 4), KNOWN_FILE
        )
    except (TypeError, ValueError, DataFault):
        return None
    t_r = RepetitionTime(seconds, origin, tuple(warnings), problem)
    return KnownRun(look, key, extraction_key, grid, n_volumes, t_r)


def write_known(out_dir: str | Path, runs: Mapping[str, KnownRun]) -> None:
    """
    Keep what a plan found, beside what is kept of other runs.

    Parameters
    ----------
    out_dir : str or Path
        The result folder.
    runs : mapping of str to KnownRun
        By run.
    """
    path = private_folder(out_dir) / KNOWN_FILE
    entries = {run_id: _entry(known) for run_id, known in runs.items()}
    if not entries:
        return
    with held(private_folder(out_dir) / KNOWN_LOCK):
        before = read_known(out_dir)
        after = before | entries
        if after != before:
            write_json(path, {"format": KNOWN_FORMAT, "runs": after}, indent=False)


def _entry(known: KnownRun) -> list[Any]:
    """Write down what is known of a run."""
    return [
        known.look,
        known.key,
        known.extraction_key,
        list(known.grid.shape),
        known.grid.affine.ravel().tolist(),
        known.n_volumes,
        [known.t_r.seconds, known.t_r.origin, list(known.t_r.warnings), known.t_r.problem],
    ]
