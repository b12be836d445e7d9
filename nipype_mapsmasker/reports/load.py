# SPDX-License-Identifier: Apache-2.0
"""
A run's small result files to its page.

The interfaces and ``mapsmasker report`` both come through here, so that a page made again is the
page that was made.
"""

from __future__ import annotations

import functools
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.cut_volumes import select_cuts
from nipype_mapsmasker.errors import TableError
from nipype_mapsmasker.io.arrays import load_arrays
from nipype_mapsmasker.io.atomic import atomic_path
from nipype_mapsmasker.io.means import read_mean
from nipype_mapsmasker.io.sidecars import checksum
from nipype_mapsmasker.io.tables.confounds import read_confounds
from nipype_mapsmasker.io.tables.fmriprep import read_tedana, split_tedana
from nipype_mapsmasker.io.tables.rows import read_rows
from nipype_mapsmasker.io.tables.signals import read_signals
from nipype_mapsmasker.reports.judged import with_judged
from nipype_mapsmasker.reports.palettes import BACKGROUND
from nipype_mapsmasker.reports.results import RunResults, Source

__all__ = [
    "PageFiles",
    "load_run",
    "report_data",
    "write_page",
    "write_run_page",
]

MOTION_COLUMN = "framewise_displacement"
"""fMRIPrep's name of the column that is drawn above the carpet, in mm."""

CUTS = "cuts"
"""The file of `FitMaps` as bytes, which most runs of a cohort have in common."""

_NOT_PARAMETERS = ("atlases", "strategies", "reports", "displayed_maps", "cmap", "on_error")


@dataclass(frozen=True, kw_only=True)
class PageFiles:
    """
    Name the files that a run's page is made of.

    Parameters
    ----------
    signals_file, timeseries_file, coverage_file : Path
        Raw signals, cleaned signals, coverage of the maps.
    fit_quality_file, mean_file, data_file : Path or None
        Quality of the fit, mean image, and the file with what `report_data` gathers.
    """

    signals_file: Path
    timeseries_file: Path
    coverage_file: Path
    fit_quality_file: Path | None = None
    mean_file: Path | None = None
    data_file: Path | None = None


def report_data(
    *,
    n_volumes: int,
    summary: Mapping[str, Any],
    cuts_file: str | None = None,
    fit_coverage_file: str | None = None,
    confounds_files: str | Sequence[str] | None = None,
    high_variance_file: str | None = None,
    sample_mask_file: str | None = None,
) -> dict[str, NDArray[Any]]:
    """
    Gather, small, what a page needs and no other result holds.

    Parameters
    ----------
    n_volumes : int
        T.
    summary : mapping
        What cleaning wrote: names and treatment of the confounds.
    cuts_file, fit_coverage_file : str, optional
        Cuts of the maps and coverage of the fit.
    confounds_files, high_variance_file, sample_mask_file : str or list of str, optional
        What cleaning used.

    Returns
    -------
    dict of str to ndarray
        For `nipype_mapsmasker.io.arrays.save_arrays`.
    """
    given = [confounds_files] if isinstance(confounds_files, str) else list(confounds_files or [])
    arrays: dict[str, NDArray[Any]] = {}
    roles = [("confounds", file) for file in given]
    given, tedana = split_tedana(given)
    tables, names = _confounds(given, high_variance_file, n_volumes, summary, tedana)
    if names:
        arrays["confounds"] = np.hstack(tables)
        arrays["confound_names"] = np.array(names, dtype=np.str_)
    motion = _motion(given, n_volumes)
    if motion is not None:
        arrays["motion"] = motion
    if fit_coverage_file is not None:
        rows = read_rows(fit_coverage_file)
        inflation = [float(row["variance_inflation"] or "nan") for row in rows]
        arrays["variance_inflation"] = np.array(inflation)
    roles += [("sample mask", sample_mask_file)] if sample_mask_file else []
    used = [[role, str(Path(file).absolute()), f"sha256:{checksum(file)}"] for role, file in roles]
    arrays["sources"] = np.array(json.dumps(used))
    if cuts_file is not None:
        arrays[CUTS] = np.frombuffer(Path(cuts_file).read_bytes(), dtype=np.uint8)
    return arrays


def load_run(
    run_id: str,
    files: PageFiles,
    sidecar: Mapping[str, Any],
    *,
    data: Mapping[str, NDArray[Any]] | None = None,
    with_pictures: bool = True,
) -> RunResults:
    """
    Read what the page of a run shows.

    Parameters
    ----------
    run_id : str
        The run.
    files : PageFiles
        Its small files.
    sidecar : mapping
        The JSON beside the cleaned signals.
    data : mapping of str to ndarray, optional
        What `report_data` gathered; by default read from its file.
    with_pictures : bool
        Whether to read the mean image and the cuts of the maps, which a cohort's page does
        not need.

    Returns
    -------
    RunResults
        Arrays and values.
    """
    raw, names = read_signals(files.signals_file)
    cleaned, _ = read_signals(files.timeseries_file)
    keep = np.ones(len(raw), dtype=bool)
    keep[list(sidecar.get("censored") or [])] = False
    if len(cleaned) == len(raw):  # censored volumes are gaps, or filled in
        cleaned = cleaned[keep]
    rows = read_rows(files.coverage_file)
    place = {row["Node"]: index for index, row in enumerate(rows)}
    chosen = [place[name] for name in names]
    if data is None:
        unread = "" if with_pictures else CUTS
        data = {} if files.data_file is None else load_arrays(files.data_file, without=unread)
    inflation = data.get("variance_inflation")
    values: dict[str, Any] = {
        "confounds": data.get("confounds"),
        "confound_names": [str(name) for name in data.get("confound_names", ())],
        "motion": data.get("motion"),
        "variance_inflation": None if inflation is None else inflation[chosen],
    }
    for column in ("coverage", "coverage_fit", "coverage_data"):
        known = np.array([float(row[column] or "nan") for row in rows])
        values[column] = known[chosen]
    if rows and all(row.get(axis) is not None for axis in "xyz" for row in rows):
        places = np.array([[float(row[axis] or "nan") for axis in "xyz"] for row in rows])
        values["centres"] = places[chosen]
    if files.fit_quality_file is not None:
        fit, columns = read_signals(files.fit_quality_file)
        values["r_squared"] = fit[:, columns.index("r_squared")]
        # One number of the run, the same in every row.
        values["fluctuation_r_squared"] = float(fit[0, columns.index("fluctuation_r_squared")])
    if with_pictures and files.mean_file is not None:
        values["mean_image"], values["affine"] = read_mean(files.mean_file)
    if with_pictures and CUTS in data:
        cuts = _unpacked(data[CUTS].tobytes())
        if len(cuts["peak"]) == len(rows):
            values["cuts"] = select_cuts(cuts, chosen)
    run = RunResults(
        run_id=run_id,
        names=names,
        raw=raw,
        cleaned=cleaned,
        keep=keep,
        **values,
        **_facts(sidecar, data),
    )
    return with_judged(run, str(data["judged"])) if "judged" in data else run


def write_run_page(
    path: str | Path,
    run: RunResults,
    *,
    displayed_maps: Any = "all",
    cmap: str = BACKGROUND,
    palette: Sequence[str] = (),
) -> Path:
    """
    Draw the page of a run.

    Parameters
    ----------
    path : str or Path
        The page.
    run : RunResults
        The run.
    displayed_maps, cmap, palette
        As in `nipype_mapsmasker.reports.page_run.run_page`.

    Returns
    -------
    Path
        The page.
    """
    from nipype_mapsmasker.reports.page_run import run_page

    page = run_page(run, displayed_maps=displayed_maps, cmap=cmap, palette=palette)
    return write_page(Path(path), page)


def write_page(path: Path, page: str) -> Path:
    """
    Write a page, whole or not at all.

    Parameters
    ----------
    path : Path
        The file to write.
    page : str
        What.

    Returns
    -------
    Path
        The page.
    """
    with atomic_path(path) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="backslashreplace", newline="\n")
    return path


@functools.lru_cache(maxsize=4)
def _unpacked(cuts: bytes) -> dict[str, NDArray[Any]]:
    """Unpack the small copies of an atlas's maps, once for all runs that have the same."""
    return load_arrays(io.BytesIO(cuts))


def _facts(sidecar: Mapping[str, Any], data: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Take from the sidecar what the page says in words."""
    atlas = sidecar.get("Atlas") or {}
    masker = dict(sidecar.get("masker") or {})
    shared = {name: value for name, value in masker.items() if name not in _NOT_PARAMETERS}
    images = [str(sidecar["SourceFile"])] if sidecar.get("SourceFile") else []
    return {
        "atlas": str(atlas.get("Name") or ""),
        "strategy": str(sidecar.get("Strategy") or ""),
        "t_r": sidecar.get("RepetitionTime"),
        "image": images[0] if images else "",
        "summary": sidecar,
        "parameters": {**shared, **dict(sidecar.get("parameters") or {})},
        "versions": {k: str(value) for k, value in dict(sidecar.get("versions") or {}).items()},
        "sources": _sources(images, atlas, data),
        "command": str(sidecar.get("command") or ""),
        "warnings": [str(text) for text in sidecar.get("warnings") or ()],
        "cohort_page": str(sidecar.get("cohort_page") or ""),
        "files": [(str(name), str(path)) for name, path in sidecar.get("files") or ()],
    }


def _sources(
    images: Sequence[str], atlas: Mapping[str, Any], data: Mapping[str, NDArray[Any]]
) -> list[Source]:
    """List the input files, with checksums of those that were read for one."""
    found = [Source(role="image", path=path) for path in images]
    if atlas:
        digest = f"sha256:{atlas['SHA256']}" if atlas.get("SHA256") else ""
        found.append(Source(role="maps", path=str(atlas.get("Name")), checksum=digest))
    used = json.loads(str(data["sources"])) if "sources" in data else []
    return found + [Source(role=role, path=path, checksum=digest) for role, path, digest in used]


def _confounds(
    given: Sequence[str],
    high_variance_file: str | None,
    n_volumes: int,
    summary: Mapping[str, Any],
    tedana: tuple[str, str] | None = None,
) -> tuple[list[NDArray[np.float64]], list[str]]:
    """Read the confounds that were regressed, as cleaning read them."""
    tables, names = [], []
    if high_variance_file is not None:
        values, columns = read_confounds([high_variance_file], n_volumes)
        tables.append(values)
        names += columns
    used = [name for name in summary.get("confound_names", ()) if name not in names]
    mixing = read_tedana(*tedana, n_volumes)[0] if tedana and used else {}
    components = [name for name in used if name in mixing]
    if components:
        tables.append(np.column_stack([mixing[name] for name in components]))
        names += components
        used = [name for name in used if name not in mixing]
    if given and used:
        # Names are patterns to the reader; in brackets, special letters stand for themselves.
        patterns = ["".join(f"[{x}]" if x in "*?[" else x for x in name) for name in used]
        treatment = dict(summary.get("parameters") or {}).get("confounds_na", "next")
        values, columns = read_confounds(list(given), n_volumes, columns=patterns, na=treatment)
        tables.append(values)
        names += columns
    return tables, names


def _motion(given: Sequence[str], n_volumes: int) -> NDArray[np.float64] | None:
    """Look for framewise displacement in the tables of confounds."""
    for file in given:
        try:
            values, _ = read_confounds([file], n_volumes, columns=[MOTION_COLUMN], na="zero")
        except TableError:
            continue
        return values[:, 0]
    return None
