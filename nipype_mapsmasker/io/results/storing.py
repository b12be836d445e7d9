# SPDX-License-Identifier: Apache-2.0
"""Final files: a run's results under their names, the manifest last."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nipype_mapsmasker.io.atomic import atomic_path, write_json
from nipype_mapsmasker.io.decoding import read_json
from nipype_mapsmasker.io.images.zstd import ZSTD_SUFFIX
from nipype_mapsmasker.io.results.analyses import (
    analysis_files,
    refused_measures,
    store_analyses,
)
from nipype_mapsmasker.io.results.cohort import failed_row
from nipype_mapsmasker.io.results.descriptions import Descriptions
from nipype_mapsmasker.io.results.layout import RunFiles, run_files
from nipype_mapsmasker.io.results.manifests import (
    DONE,
    INCOMPLETE,
    Manifest,
    read_manifests,
    shared_strategies,
    write_manifest,
)
from nipype_mapsmasker.io.results.sidecar import compose_sidecar
from nipype_mapsmasker.io.results.summary import read_summary

__all__ = [
    "EXTRACTION_WARNINGS",
    "RunToStore",
    "store_failure",
    "store_run",
]

EXTRACTION_WARNINGS = "extraction_warnings"
"""Where the sidecar of raw signals has what is to be known of them."""


@dataclass(frozen=True, kw_only=True)
class RunToStore:
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
    kept : sequence of str
        Strategies that an earlier call finished: their files stay.
    messages : sequence of str
        Warnings of the extraction, which a later call's cleaning tells again.
    failed : mapping of str to str
        Strategies that made nothing of the run, and why.
    fault : mapping
        ``step``, ``reason`` and ``traceback`` of that, of all of them together.
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
    kept: Sequence[str] = ()
    messages: Sequence[str] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    fault: Mapping[str, Any] = field(default_factory=dict)


def store_run(out_dir: str | Path, run: RunToStore) -> Path:
    """
    Copy a run's results to their final names, each whole or not at all, the manifest last.

    Parameters
    ----------
    out_dir : str or Path
        The result folder.
    run : RunToStore
        The work files.

    Returns
    -------
    Path
        The manifest.
    """
    names = run_files(out_dir, run.run_id)
    for folder in names.folders:
        folder.mkdir(parents=True, exist_ok=True)
    earlier = read_manifests(names.manifest)  # of other atlases, which stay as they are
    names.manifest.unlink(missing_ok=True)
    about = Descriptions(Path(out_dir), run.in_file, run.t_r)
    stored = [_copy(run.mean_file, names.mean)]
    stored.append(write_json(names.mean_sidecar, about.mean(names.mean)))
    for atlas, signals, coverage, quality in zip(
        run.atlases, run.signals_files, run.coverage_files, run.fit_quality_files, strict=True
    ):
        stored.append(_copy(signals, names.raw(atlas)))
        told = about.raw(stored[-1], atlas, _header(signals))
        told |= {EXTRACTION_WARNINGS: list(run.messages)}
        stored.append(write_json(names.raw_sidecar(atlas), told))
        stored.append(_copy(coverage, names.coverage(atlas)))
        told = about.coverage(stored[-1], atlas)
        stored.append(write_json(names.coverage_sidecar(atlas), told))
        stored.append(_copy(quality, names.fit_quality(atlas)))
    kept = _files_to_keep(names, run, earlier)
    warnings: list[str] = []
    summary: dict[str, Any] = {}
    places = [(a, s) for a in range(len(run.atlases)) for s in range(len(run.strategies))]
    for (a, s), files in zip(places, run.results, strict=True):
        atlas, strategy = run.atlases[a], run.strategies[s]
        if strategy in run.failed:
            _remove_leftovers(names, atlas, strategy, ())
            continue
        if strategy in run.kept:
            summary = read_json(names.sidecar(atlas, strategy))
        else:
            summary = read_summary(
                files["summary"], str(run.signals_files[a]), str(files["timeseries"])
            )
            summary["warnings"] = [*summary["warnings"], *refused_measures(files)]
            made = _store_result(names, run, (a, strategy), files, summary, about)
            _remove_leftovers(names, atlas, strategy, made)
            stored += made
        warnings += [text for text in summary["warnings"] if text not in warnings]
    row = {
        "run_id": run.run_id,
        "status": INCOMPLETE if run.failed else DONE,
        "reason": run.fault.get("reason"),
        "volumes": summary.get("n_volumes"),
        "kept": summary.get("n_kept"),
        "t_r": run.t_r,
        "seconds": round(run.seconds, 3),
        "peak_mb": round(run.peak_mb, 1),
        "warnings": " ".join(warnings) or None,
    }
    if len(run.failed) == len(run.strategies):
        row = failed_row(run.run_id, run.fault["reason"])
    names.log.unlink(missing_ok=True)
    if run.failed:
        _write_log(names, run.fault)
    write_manifest(
        names.manifest,
        key=run.key,
        extraction_key=run.extraction_key,
        row=row,
        files=[*stored, *kept],
        source=run.in_file,
        failed=run.failed,
        earlier=earlier,
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
    return _write_log(names, fault)


def _write_log(names: RunFiles, fault: Mapping[str, Any]) -> Path:
    """Write down what a run failed of, wholly or in part."""
    names.log.parent.mkdir(parents=True, exist_ok=True)
    told = f"{fault['step']}: {fault['reason']}\n\n{fault.get('traceback', '')}"
    with atomic_path(names.log) as temporary:
        temporary.write_text(f"{names.run_id}\n{told}\n", "utf-8", "backslashreplace")
    return names.log


def _files_to_keep(names: RunFiles, run: RunToStore, earlier: Sequence[Manifest]) -> list[Path]:
    """List the files of strategies that an earlier call finished, as its record has them."""
    kept = set(run.kept)
    for one in earlier:
        if kept.issubset(shared_strategies(run.key, one.key)):
            return [
                path
                for atlas in run.atlases
                for strategy in run.kept
                for path in _possible_files(names, atlas, strategy)
                if one.lists(path)
            ]
    return []


def _store_result(
    names: RunFiles,
    run: RunToStore,
    place: tuple[int, str],
    files: Mapping[str, str | None],
    summary: Mapping[str, Any],
    about: Descriptions,
) -> list[Path]:
    """Store what one strategy made of one atlas."""
    atlas_number, strategy = place
    atlas = run.atlases[atlas_number]
    source = Path(str(files["timeseries"]))
    stored = [_copy(source, names.timeseries(atlas, strategy, source.suffix.lstrip(".")))]
    sidecar = compose_sidecar(
        summary,
        in_file=run.in_file,
        t_r=run.t_r,
        atlas=atlas,
        checksum=run.checksums[atlas_number],
        strategy=strategy,
        provenance=run.provenance,
    )
    told = about.cleaned(stored[0], atlas, strategy, summary["names"], names.raw(atlas))
    sidecar = told | sidecar  # what a column is called must not hide what was done
    if files.get("outliers"):  # made on the way: what is named has to stay
        chosen = names.regressors(strategy) if files.get("regressors") else None
        sidecar["inputs"] = {
            "confounds_files": None if chosen is None else str(chosen.absolute()),
            "sample_mask_file": str(names.outliers(strategy).absolute()),
        }
    stored.append(write_json(names.sidecar(atlas, strategy), sidecar))
    stored += store_analyses(
        names, atlas, strategy, files, {"Sources": [stored[0].name], **run.provenance}
    )
    if files.get("reconstruction"):
        rebuilt = str(files["reconstruction"])
        suffix = "nii.zst" if rebuilt.endswith(ZSTD_SUFFIX) else "nii.gz"
        image = names.reconstruction(atlas, strategy, suffix)
        stored.append(_copy(rebuilt, image))
        told = about.reconstruction(image, atlas, names.timeseries(atlas, strategy))
        stored.append(write_json(names.reconstruction_sidecar(atlas, strategy), told))
    stored += [
        _copy(str(files[kind]), getattr(names, kind)(atlas, strategy))
        for kind in ("report", "reportdata")
        if files.get(kind)
    ]
    return stored


def _remove_leftovers(names: RunFiles, atlas: str, strategy: str, made: Iterable[Path]) -> None:
    """Remove what an earlier call made of the same signals and this one did not."""
    for path in _possible_files(names, atlas, strategy).difference(made):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:  # no such file can be there
                raise


def _possible_files(names: RunFiles, atlas: str, strategy: str) -> set[Path]:
    """List what there may be of one strategy and atlas, whether it is there or not."""
    kinds = [names.timeseries(atlas, strategy, suffix) for suffix in ("tsv", "npy", "parquet")]
    kinds += [
        names.reconstruction(atlas, strategy),
        names.reconstruction(atlas, strategy, "nii.zst"),
        names.reconstruction_sidecar(atlas, strategy),
        names.report(atlas, strategy),
        names.reportdata(atlas, strategy),
        *analysis_files(names, atlas, strategy),
        names.sidecar(atlas, strategy),
    ]
    return set(kinds)


def _header(table: str | Path) -> list[str]:
    """Read the names of a table's columns."""
    with Path(table).open(encoding="utf-8") as stream:
        return stream.readline().rstrip("\n").split("\t")


def _copy(source: str | Path, target: Path) -> Path:
    """Copy a file, whole or not at all."""
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)
    return target
