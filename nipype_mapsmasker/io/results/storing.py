# SPDX-License-Identifier: Apache-2.0
"""Final files: a run's results under their names, the manifest last; then the cohort's tables."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nipype_mapsmasker.errors import TableError
from nipype_mapsmasker.io.atomic import atomic_path, write_json
from nipype_mapsmasker.io.results.analyses import analysis_files, store_analyses
from nipype_mapsmasker.io.results.layout import RunFiles, run_files
from nipype_mapsmasker.io.results.manifests import write_manifest
from nipype_mapsmasker.io.tables.rows import read_rows, write_rows

__all__ = [
    "RUN_COLUMNS",
    "RunResults",
    "failed_row",
    "store_failure",
    "store_run",
    "write_atlas_tables",
    "write_cohort_tables",
]

RUN_COLUMNS = (
    "run_id",
    "status",
    "reason",
    "volumes",
    "kept",
    "t_r",
    "seconds",
    "peak_mb",
    "warnings",
)
"""Columns of ``runs.tsv``: seconds of extraction, peak memory of the process in MB."""


@dataclass(frozen=True, kw_only=True)
class RunResults:
    """
    Name the work files of one run, to be stored.

    Parameters
    ----------
    run_id : str
        The run.
    in_file : str
        Its image.
    key, extraction_key : str
        What the results, and the raw signals, depend on.
    atlases, strategies : sequence of str
        Names; '' for a single strategy without a name.
    checksums : sequence of str
        SHA-256 of the atlases' maps.
    signals_files, coverage_files, fit_quality_files : sequence of str
        One per atlas.
    mean_file : str
        Mean image.
    results : sequence of dict
        Per atlas and strategy, atlas first: work files by what they are ('timeseries',
        'summary', and perhaps 'reconstruction', 'report', 'reportdata').
    t_r : float or None
        Repetition time, s.
    seconds, peak_mb : float
        What the extraction took.
    provenance : dict
        Versions, parameters and command, for the sidecars.
    """

    run_id: str
    in_file: str
    key: str
    extraction_key: str
    atlases: Sequence[str]
    strategies: Sequence[str]
    checksums: Sequence[str]
    signals_files: Sequence[str]
    coverage_files: Sequence[str]
    fit_quality_files: Sequence[str]
    mean_file: str
    results: Sequence[Mapping[str, str | None]]
    t_r: float | None
    seconds: float
    peak_mb: float
    provenance: Mapping[str, Any] = field(default_factory=dict)


def store_run(out_dir: str | Path, run: RunResults) -> Path:
    """
    Copy a run's results to their final names, each whole or not at all, the manifest last.

    Parameters
    ----------
    out_dir : str or Path
        The result folder.
    run : RunResults
        The work files.

    Returns
    -------
    Path
        The manifest.
    """
    names = run_files(out_dir, run.run_id)
    names.folder.mkdir(parents=True, exist_ok=True)
    names.manifest.unlink(missing_ok=True)
    stored = [_copy(run.mean_file, names.mean)]
    for atlas, signals, coverage, quality in zip(
        run.atlases, run.signals_files, run.coverage_files, run.fit_quality_files, strict=True
    ):
        stored.append(_copy(signals, names.raw(atlas)))
        stored.append(_copy(coverage, names.coverage(atlas)))
        stored.append(_copy(quality, names.fit_quality(atlas)))
    warnings: list[str] = []
    summary: dict[str, Any] = {}
    places = [(a, s) for a in range(len(run.atlases)) for s in range(len(run.strategies))]
    for (a, s), files in zip(places, run.results, strict=True):
        summary = json.loads(Path(str(files["summary"])).read_text(encoding="utf-8"))
        warnings += [text for text in summary["warnings"] if text not in warnings]
        made = _store_result(names, run, a, run.strategies[s], files, summary)
        _remove_leftovers(names, run.atlases[a], run.strategies[s], made)
        stored += made
    row = {
        "run_id": run.run_id,
        "status": "done",
        "reason": None,
        "volumes": summary.get("n_volumes"),
        "kept": summary.get("n_kept"),
        "t_r": run.t_r,
        "seconds": round(run.seconds, 3),
        "peak_mb": round(run.peak_mb, 1),
        "warnings": " ".join(warnings) or None,
    }
    names.log.unlink(missing_ok=True)
    write_manifest(
        names.manifest, key=run.key, extraction_key=run.extraction_key, row=row, files=stored
    )
    return names.manifest


def store_failure(
    out_dir: str | Path, run_id: str, fault: Mapping[str, Any], *, keep_manifest: bool = False
) -> Path:
    """
    Write the log of a failed run, and take back its claim to be finished.

    Parameters
    ----------
    out_dir : str or Path
        The result folder.
    run_id : str
        The run.
    fault : mapping
        ``step``, ``reason`` and ``traceback``.
    keep_manifest : bool
        Leave the claim of earlier results: nothing was tried, an input may be away for a while.

    Returns
    -------
    Path
        The log.
    """
    names = run_files(out_dir, run_id)
    if not keep_manifest:
        names.manifest.unlink(missing_ok=True)
    names.log.parent.mkdir(parents=True, exist_ok=True)
    text = f"{run_id}\n{fault['step']}: {fault['reason']}\n\n{fault.get('traceback', '')}\n"
    with atomic_path(names.log) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return names.log


def failed_row(run_id: str, reason: str) -> dict[str, Any]:
    """
    Give the row of a run that failed.

    Parameters
    ----------
    run_id : str
        The run.
    reason : str
        One sentence.

    Returns
    -------
    dict
        A row of ``runs.tsv``.
    """
    return {"run_id": run_id, "status": "failed", "reason": reason}


def write_cohort_tables(
    out_dir: str | Path, rows: Iterable[Mapping[str, Any]], provenance: Mapping[str, Any]
) -> Path:
    """
    Write ``runs.tsv`` and ``dataset_description.json``.

    Parameters
    ----------
    out_dir : str or Path
        The result folder.
    rows : iterable of mapping
        One per run.
    provenance : mapping
        Versions and command.

    Returns
    -------
    Path
        ``runs.tsv``.
    """
    out_dir = Path(out_dir)
    out_dir.mkdir(parents=True, exist_ok=True)
    versions = dict(provenance.get("versions", {}))
    description = {
        "Name": "Region time series from brain maps",
        "BIDSVersion": "1.10.0",
        "DatasetType": "derivative",
        "GeneratedBy": [
            {
                "Name": "nipype-mapsmasker",
                "Version": versions.get("nipype-mapsmasker", ""),
                "Description": provenance.get("command", ""),
            }
        ],
        "Versions": versions,
        "Command": provenance.get("command", ""),
    }
    write_json(out_dir / "dataset_description.json", description)
    return write_rows(out_dir / "runs.tsv", rows, RUN_COLUMNS)


def write_atlas_tables(
    out_dir: str | Path, atlas: str, coverage_files: Sequence[str | Path]
) -> Path | None:
    """
    Write ``atlas-<name>_maps.tsv``: names in order, and their coverage over all fits.

    Parameters
    ----------
    out_dir : str or Path
        The result folder.
    atlas : str
        The atlas.
    coverage_files : sequence of path
        The coverage tables of fits, or of runs; equal ones count once, as the same fit.

    Returns
    -------
    Path or None
        None where no fit succeeded.
    """
    fits: dict[tuple[tuple[float, float], ...], list[dict[str, str | None]]] = {}
    for path in coverage_files:
        try:
            table = read_rows(path)
        except TableError:  # gone since; the run's own manifest tells of it
            continue
        fits[tuple((_coverage(row), _number(row["variance_inflation"])) for row in table)] = table
    if not fits:
        return None
    rows = [
        {
            "index": row["index"],
            "name": row["name"],
            "coverage_min": min(fit[number][0] for fit in fits),
            "coverage_mean": round(sum(fit[number][0] for fit in fits) / len(fits), 6),
            "variance_inflation_max": max(fit[number][1] for fit in fits),
            "fits": len(fits),
        }
        for number, row in enumerate(next(iter(fits.values())))
    ]
    columns = [
        "index", "name", "coverage_min", "coverage_mean", "variance_inflation_max", "fits",
    ]  # fmt: skip
    return write_rows(Path(out_dir) / f"atlas-{atlas}_maps.tsv", rows, columns)


def _coverage(row: Mapping[str, str | None]) -> float:
    """Read a map's coverage by its fit, from the table of a fit or of a run."""
    return _number(row["coverage_fit"] if "coverage_fit" in row else row["coverage"])


def _number(cell: str | None) -> float:
    """Read a number; NaN where there is none, and equal to itself as a key."""
    return math.nan if cell is None else float(cell)


def _store_result(
    names: RunFiles,
    run: RunResults,
    atlas_number: int,
    strategy: str,
    files: Mapping[str, str | None],
    summary: Mapping[str, Any],
) -> list[Path]:
    """Store what one strategy made of one atlas."""
    atlas = run.atlases[atlas_number]
    source = Path(str(files["timeseries"]))
    stored = [_copy(source, names.timeseries(atlas, strategy, source.suffix.lstrip(".")))]
    sidecar = {
        "RepetitionTime": run.t_r,
        "SamplingFrequency": None if run.t_r is None else 1.0 / run.t_r,
        "Sources": [str(Path(run.in_file).absolute())],
        "Atlas": {"Name": atlas, "SHA256": run.checksums[atlas_number]},
        "Strategy": strategy or None,
        "VolumesKept": summary["n_kept"],
        **{key: value for key, value in summary.items() if key != "run_id"},
        **run.provenance,
    }
    stored.append(write_json(names.sidecar(atlas, strategy), sidecar))
    stored += store_analyses(
        names, atlas, strategy, files, {"Sources": [stored[0].name], **run.provenance}
    )
    stored += [
        _copy(str(files[kind]), getattr(names, kind)(atlas, strategy))
        for kind in ("reconstruction", "report", "reportdata")
        if files.get(kind)
    ]
    return stored


def _remove_leftovers(names: RunFiles, atlas: str, strategy: str, made: Iterable[Path]) -> None:
    """Remove what an earlier call made of the same signals and this one did not."""
    kinds = [names.timeseries(atlas, strategy, suffix) for suffix in ("tsv", "npy", "parquet")]
    kinds += [
        names.reconstruction(atlas, strategy),
        names.report(atlas, strategy),
        names.reportdata(atlas, strategy),
        *analysis_files(names, atlas, strategy),
    ]
    for path in set(kinds).difference(made):
        path.unlink(missing_ok=True)


def _copy(source: str | Path, target: Path) -> Path:
    """Copy a file, whole or not at all."""
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)
    return target
