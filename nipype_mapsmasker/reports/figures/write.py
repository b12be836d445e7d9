# SPDX-License-Identifier: Apache-2.0
"""A result folder to figures on paper: carpets, matrices, and those of the cohort."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from matplotlib.figure import Figure

from nipype_mapsmasker.errors import DataFault, ParameterError
from nipype_mapsmasker.io.atomic import atomic_path
from nipype_mapsmasker.io.results.manifests import WITH_RESULTS
from nipype_mapsmasker.reports import measures as m
from nipype_mapsmasker.reports.cohort import CohortBuilder
from nipype_mapsmasker.reports.figures.cohort import figure_coverage_heat, figure_measures
from nipype_mapsmasker.reports.figures.group import figure_strategies
from nipype_mapsmasker.reports.figures.numbers import figure_correlation, figure_spread
from nipype_mapsmasker.reports.figures.signals import figure_carpet, figure_spectra
from nipype_mapsmasker.reports.figures.style import save_figure
from nipype_mapsmasker.reports.folder import result_runs, stored_pages
from nipype_mapsmasker.reports.load import load_run
from nipype_mapsmasker.reports.ordering import clustered_order
from nipype_mapsmasker.reports.outliers import find_outliers
from nipype_mapsmasker.reports.results import AtlasSummary, CohortResults, RunResults
from nipype_mapsmasker.reports.run_data import pass_band

__all__ = ["FORMATS", "write_figure", "write_figures"]

FORMATS = ("svg", "pdf", "png")
"""What figures can be written as."""

FOLDER = "figures"
"""Folder of the figures in the result folder."""

DPI = 300
"""Of figures that are made of pixels, for print."""


def write_figures(out_dir: str | Path, format: str = "svg") -> list[Path]:
    """
    Draw the figures of a result folder for a paper.

    Parameters
    ----------
    out_dir : str or Path
        The result folder.
    format : {'svg', 'pdf', 'png'}
        What they are written as.

    Returns
    -------
    list of Path
        The figures in ``figures/``: carpet, spectra and correlations of every run, then the
        mean, the spread, the coverage and the measures of the cohort.

    Raises
    ------
    ParameterError
        The folder holds no results, or the format is not known.
    """
    out_dir = Path(out_dir)
    if format not in FORMATS:
        msg = f"format must be one of {', '.join(FORMATS)}; got {format!r}."
        raise ParameterError(msg)
    builder = CohortBuilder()
    made: list[Path] = []
    for row in result_runs(out_dir):
        if row.get("status") not in WITH_RESULTS:
            continue
        run_id = row["run_id"] or ""
        for page, files, sidecar in stored_pages(out_dir, run_id):
            try:
                run = load_run(run_id, files, sidecar, with_pictures=False)
            except (DataFault, OSError, ValueError, KeyError):
                continue  # the cohort's page tells of it
            builder.add(run)
            stem = page.name.removesuffix("_report.html")
            for kind, figure in _run_figures(run):
                made.append(write_figure(out_dir / FOLDER / f"{stem}_{kind}.{format}", figure))
    for name, figure in _cohort_figures(builder.finish()):
        made.append(write_figure(out_dir / FOLDER / f"{name}.{format}", figure))
    return made


def _run_figures(run: RunResults) -> Iterator[tuple[str, Figure]]:
    """Draw what shows one run."""
    high_pass, low_pass = pass_band(run)
    names = [str(name) for name in run.names]
    yield (
        "carpet",
        figure_carpet(run.raw, run.cleaned, run.kept, t_r=run.t_r, names=names, motion=run.motion),
    )
    yield (
        "spectra",
        figure_spectra(
            run.raw, run.cleaned, run.kept, t_r=run.t_r, high_pass=high_pass, low_pass=low_pass
        ),
    )
    final = run.raw[run.kept] if run.cleaned is None else run.cleaned
    yield "correlation", figure_correlation(m.correlation_matrix(final), names)


def _cohort_figures(cohort: CohortResults) -> Iterator[tuple[str, Figure]]:
    """Draw what shows all runs together."""
    compared = [
        (atlas, atlas.comparison)
        for atlas in cohort.atlases
        if atlas.comparison is not None and atlas.comparison.values
    ]
    if compared:
        table = [
            {"atlas": atlas.atlas, "strategy": atlas.strategy, **found.values}
            for atlas, found in compared
        ]
        edges = [
            (atlas.strategy or atlas.atlas, found.distances, found.correlation)
            for atlas, found in compared
        ]
        yield "strategies", figure_strategies(table, edges)
    for atlas in cohort.atlases:
        stem = f"atlas-{atlas.atlas}" + (f"_desc-{atlas.strategy}" if atlas.strategy else "")
        for kind, figure in _atlas_figures(atlas):
            yield f"{stem}_{kind}", figure
        rows = [
            row
            for row in cohort.rows
            if (row.atlas, row.strategy) == (atlas.atlas, atlas.strategy) and not row.failed
        ]
        outliers: dict[str, list[int]] = {}
        for outlier in find_outliers([row.measures for row in rows]):
            outliers.setdefault(outlier.measure, []).append(outlier.index)
        measures = [row.measures for row in rows]
        yield (
            f"{stem}_measures",
            figure_measures(measures, [row.run_id for row in rows], outliers),
        )


def _atlas_figures(atlas: AtlasSummary) -> Iterator[tuple[str, Figure]]:
    """Draw what the runs of one set of maps have in common."""
    names = [str(name) for name in atlas.names]
    if atlas.coverage is not None and atlas.coverage.size:
        yield "coverage", figure_coverage_heat(atlas.coverage, atlas.run_ids, names)
    if atlas.mean_correlation is None:
        return
    order = clustered_order(atlas.mean_correlation)
    yield "mean", figure_correlation(atlas.mean_correlation, names, order=order, title="Mean")
    if atlas.sd_correlation is not None:
        yield "spread", figure_spread(atlas.sd_correlation, names, order=order, title="Spread")


def write_figure(path: Path, figure: Figure) -> Path:
    """
    Write a figure, whole or not at all, without date or version.

    Parameters
    ----------
    path : Path
        Where to; its ending decides the format.
    figure : Figure
        What is drawn.

    Returns
    -------
    Path
        The same.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        save_figure(figure, temporary, format=path.suffix[1:], dpi=DPI)
    return path
