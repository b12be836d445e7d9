# SPDX-License-Identifier: Apache-2.0
"""A result folder to pages: of the cohort, and of every run again without its image."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nipype_mapsmasker.errors import DataFault, ParameterError
from nipype_mapsmasker.io.decoding import read_object
from nipype_mapsmasker.io.results.cohort import PAGE_LOCK
from nipype_mapsmasker.io.results.found import labels_of
from nipype_mapsmasker.io.results.layout import private_folder, run_files
from nipype_mapsmasker.io.results.locking import held
from nipype_mapsmasker.io.results.manifests import WITH_RESULTS, read_manifest
from nipype_mapsmasker.io.tables.rows import read_rows
from nipype_mapsmasker.reports.cohort import CohortBuilder
from nipype_mapsmasker.reports.display import choose_maps
from nipype_mapsmasker.reports.load import PageFiles, load_run, write_page, write_run_page
from nipype_mapsmasker.reports.page_cohort import cohort_page
from nipype_mapsmasker.reports.palettes import BACKGROUND, check_cmap
from nipype_mapsmasker.reports.qc import write_qc_table
from nipype_mapsmasker.reports.results import CohortResults

__all__ = [
    "check_wishes",
    "load_cohort",
    "make_reports",
    "page_links",
    "redraw_run",
    "result_runs",
    "stored_pages",
    "write_cohort_page",
    "write_qc",
]

LOGGER = logging.getLogger("nipype_mapsmasker.interfaces")

COHORT_PAGE = "report.html"
"""Name of the cohort's page in the result folder."""

MAKER = "nipype-mapsmasker"
"""Who must have made a folder before pages are written into it."""

_SUFFIXES = ("tsv", "npy", "parquet")


def stored_pages(out_dir: str | Path, run_id: str) -> Iterator[tuple[Path, PageFiles, dict]]:
    """
    Find what the pages of one run are made of in a result folder.

    Parameters
    ----------
    out_dir : str or Path
        The result folder.
    run_id : str
        The run.

    Yields
    ------
    page : Path
        Where the page belongs.
    files : PageFiles
        What it is made of.
    sidecar : dict
        The JSON beside the cleaned signals.
    """
    names = run_files(out_dir, run_id)
    for path in names.sidecars():
        sidecar = read_object(path)
        atlas, strategy = labels_of(sidecar)
        # Others are of another run, or of raw signals.
        if not atlas or path != names.sidecar(atlas, strategy):
            continue
        candidates = [names.timeseries(atlas, strategy, suffix) for suffix in _SUFFIXES]
        files = PageFiles(
            signals_file=names.raw(atlas),
            timeseries_file=next((p for p in candidates if p.exists()), candidates[0]),
            coverage_file=names.coverage(atlas),
            fit_quality_file=_existing(names.fit_quality(atlas)),
            mean_file=_existing(names.mean),
            data_file=_existing(names.reportdata(atlas, strategy)),
        )
        yield names.report(atlas, strategy), files, sidecar


def page_links(
    out_dir: str | Path, run_id: str, atlas: str, strategy: str = "", suffix: str = "tsv"
) -> dict[str, Any]:
    """
    Say what a run's page links to.

    Parameters
    ----------
    out_dir : str or Path
        The result folder.
    run_id, atlas, strategy : str
        Which signals.
    suffix : str, default='tsv'
        Of the file of the cleaned signals.

    Returns
    -------
    dict
        ``cohort_page``, the path to the page of all runs, and ``files``, pairs of what the run's
        own files are and their paths; relative to the page, with forward slashes.
    """
    names = run_files(out_dir, run_id)
    page = names.report(atlas, strategy)
    files = [
        ("cleaned signals", names.timeseries(atlas, strategy, suffix)),
        ("their JSON", names.sidecar(atlas, strategy)),
        ("signals before cleaning", names.raw(atlas)),
        ("coverage", names.coverage(atlas)),
        ("mean image", names.mean),
    ]
    return {
        "cohort_page": _beside(Path(out_dir) / COHORT_PAGE, page),
        "files": [(what, _beside(path, page)) for what, path in files],
    }


def result_runs(out_dir: str | Path) -> list[dict[str, str | None]]:
    """
    Read the table of all runs of a result folder.

    Parameters
    ----------
    out_dir : str or Path
        The result folder.

    Returns
    -------
    list of dict
        Rows of ``runs.tsv``.

    Raises
    ------
    ParameterError
        The folder is not one of results: nothing may be written into it.
    """
    out_dir = Path(out_dir)
    table = out_dir / "runs.tsv"
    if not table.is_file():
        msg = f"{out_dir} holds no runs.tsv: give the result folder of an earlier run."
        raise ParameterError(msg)
    makers = _description(out_dir).get("GeneratedBy")
    named = [maker.get("Name") for maker in makers or () if isinstance(maker, dict)]
    rows = read_rows(table)
    if MAKER not in named or any("status" not in row for row in rows):
        msg = (
            f"{out_dir} holds a runs.tsv but no results: its dataset_description.json does not "
            f"name {MAKER} as what made it. Give the result folder of an earlier run, not the "
            "folder of its input."
        )
        raise ParameterError(msg)
    return rows


def load_cohort(out_dir: str | Path, *, title: str = "All runs") -> CohortResults:
    """
    Read what the page of a cohort and its table of measures show, one run after the other.

    Parameters
    ----------
    out_dir : str or Path
        The result folder, with ``runs.tsv``.
    title : str
        Heading.

    Returns
    -------
    CohortResults
        Rows in the order of ``runs.tsv``; a run whose results cannot be read is a failed one.
    """
    out_dir = Path(out_dir)
    builder = CohortBuilder()
    for row in result_runs(out_dir):
        run_id = row["run_id"] or ""
        log = run_files(out_dir, run_id).log
        link = _relative(log, out_dir) if log.exists() else ""
        if row.get("status") not in WITH_RESULTS:
            builder.fail(run_id, row.get("reason") or "No reason was recorded.", link=link)
            continue
        n_found = 0
        atlases: dict[str, None] = {}
        try:
            for page, files, sidecar in stored_pages(out_dir, run_id):
                run = load_run(run_id, files, sidecar, with_pictures=False)
                builder.add(run, link=_relative(page, out_dir) if page.exists() else "")
                n_found += 1
                atlases[run.atlas] = None
        except (DataFault, ValueError, KeyError, OSError) as error:
            builder.fail(run_id, f"The stored results cannot be read: {error}")
            n_found += 1
        if not n_found:
            builder.fail(run_id, "The results are missing from the result folder.")
        for strategy, reason in _failed(out_dir, run_id).items():
            for atlas in atlases:
                builder.fail(run_id, reason, link=link, atlas=atlas, strategy=strategy)
    made = _description(out_dir)
    return builder.finish(
        title=title,
        command=str(made.get("Command") or ""),
        versions={name: str(value) for name, value in dict(made.get("Versions") or {}).items()},
    )


def write_qc(out_dir: str | Path) -> Path:
    """
    Write ``qc.tsv`` and ``qc.json`` of a result folder from its result files.

    Parameters
    ----------
    out_dir : str or Path
        The result folder, with ``runs.tsv``.

    Returns
    -------
    Path
        ``qc.tsv`` in the folder.
    """
    with held(private_folder(out_dir) / PAGE_LOCK):
        return write_qc_table(out_dir, load_cohort(out_dir))


def write_cohort_page(out_dir: str | Path, *, title: str = "All runs") -> Path:
    """
    Draw the page of a cohort from its result folder, and write its ``qc.tsv``.

    Parameters
    ----------
    out_dir : str or Path
        The result folder, with ``runs.tsv``.
    title : str
        Heading.

    Returns
    -------
    Path
        ``report.html`` in the folder.
    """
    # Whoever draws last reads the table last: of several workflows, none undoes a newer page.
    with held(private_folder(out_dir) / PAGE_LOCK):
        cohort = load_cohort(out_dir, title=title)
        # From the same rows, so that table and page always agree.
        write_qc_table(out_dir, cohort)
        return write_page(Path(out_dir) / COHORT_PAGE, cohort_page(cohort))


def make_reports(
    out_dir: str | Path, displayed_maps: Any = None, cmap: str | None = None
) -> list[Path]:
    """
    Make all pages again from a result folder, without the images, in this process.

    Parameters
    ----------
    out_dir : str or Path
        The result folder, with ``runs.tsv``.
    displayed_maps, cmap
        As in `nipype_mapsmasker.reports.page_run.run_page`; None for what was asked for when the
        results were made, so that the pages become what they were.

    Returns
    -------
    list of Path
        The pages of the runs, then that of the cohort. A run whose page cannot be drawn is
        warned of and left out.

    Raises
    ------
    ParameterError
        The folder holds no results, or ``displayed_maps`` or ``cmap`` makes no sense.

    See Also
    --------
    nipype_mapsmasker.cohort.pages.make_pages : the same through an engine.
    """
    out_dir = Path(out_dir)
    rows = result_runs(out_dir)
    check_wishes(displayed_maps, cmap)
    pages = []
    for row in rows:
        if row.get("status") in WITH_RESULTS:
            made, warnings = redraw_run(out_dir, row["run_id"] or "", displayed_maps, cmap)
            pages += made
            for text in warnings:
                LOGGER.warning(text)
    return [*pages, write_cohort_page(out_dir)]


def redraw_run(
    out_dir: str | Path, run_id: str, displayed_maps: Any = None, cmap: str | None = None
) -> tuple[list[Path], list[str]]:
    """
    Make the pages of one run again.

    Parameters
    ----------
    out_dir : str or Path
        The result folder.
    run_id : str
        The run.
    displayed_maps, cmap
        As in `make_reports`.

    Returns
    -------
    pages : list of Path
        One per set of maps and strategy.
    warnings : list of str
        What could not be drawn, and why; only faults of the system, such as a full disk, are
        raised.
    """
    pages, warnings = [], []
    for page, files, sidecar in stored_pages(out_dir, run_id):
        asked = dict(sidecar.get("masker") or {})
        wish = asked.get("displayed_maps", "all") if displayed_maps is None else displayed_maps
        colours = cmap or asked.get("cmap", BACKGROUND)
        atlas, strategy = sidecar["Atlas"]["Name"], sidecar.get("Strategy") or ""
        suffix = files.timeseries_file.suffix[1:]
        linked = {**sidecar, **page_links(out_dir, run_id, atlas, strategy, suffix)}
        try:
            run = load_run(run_id, files, linked)
            pages.append(write_run_page(page, run, displayed_maps=wish, cmap=colours))
        except Exception as error:
            # Where a result is missing or broken the cohort's page says so, too.
            if isinstance(error, MemoryError) or _is_full_disk(error):
                raise
            kind = type(error).__name__
            warnings.append(f"{run_id}: the page could not be drawn ({kind}: {error}).")
    return pages, warnings


def check_wishes(displayed_maps: Any, cmap: str | None) -> None:
    """
    Refuse what no page can show, before the first one is drawn.

    Parameters
    ----------
    displayed_maps, cmap
        As in `make_reports`.

    Raises
    ------
    ParameterError
        Either makes no sense.
    """
    try:
        if displayed_maps is not None:
            choose_maps(displayed_maps, 0)
        if cmap is not None:
            check_cmap(cmap)
    except (TypeError, ValueError) as error:
        raise ParameterError(str(error)) from error


def _is_full_disk(error: Exception) -> bool:
    """Tell a fault of the system from a result that is missing."""
    return isinstance(error, OSError) and not isinstance(error, DataFault | FileNotFoundError)


def _description(out_dir: Path) -> dict[str, Any]:
    """Read what made the folder, if it says so."""
    return read_object(out_dir / "dataset_description.json")


def _failed(out_dir: Path, run_id: str) -> dict[str, str]:
    """Read which strategies made nothing of a run, and why."""
    manifest = read_manifest(run_files(out_dir, run_id).manifest)
    return {} if manifest is None else manifest.failed


def _existing(path: Path) -> Path | None:
    """Give a path that exists, or None."""
    return path if path.exists() else None


def _relative(path: Path, folder: Path) -> str:
    """Give the path from a folder below which it lies."""
    return path.relative_to(folder).as_posix()


def _beside(path: Path, page: Path) -> str:
    """Give the path from a page to another file."""
    return Path(os.path.relpath(path, page.parent)).as_posix()
