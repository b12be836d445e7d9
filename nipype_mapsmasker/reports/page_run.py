# SPDX-License-Identifier: Apache-2.0
"""The page of one run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from nipype_mapsmasker.reports import measures as m
from nipype_mapsmasker.reports import verdict as v
from nipype_mapsmasker.reports.display import DEFAULT_DISPLAYED_MAPS, choose_maps
from nipype_mapsmasker.reports.figures_maps import figure_glance
from nipype_mapsmasker.reports.figures_numbers import (
    figure_correlation,
    figure_coverage,
    figure_distribution,
)
from nipype_mapsmasker.reports.figures_signals import (
    MAX_CONFOUNDS,
    figure_carpet,
    figure_confounds,
    figure_fit,
    figure_spectra,
)
from nipype_mapsmasker.reports.methods import methods_text
from nipype_mapsmasker.reports.pictures import check_cmap
from nipype_mapsmasker.reports.render import (
    Cell,
    Column,
    Picture,
    href,
    number,
    picture,
    render,
    safe_json,
)
from nipype_mapsmasker.reports.results import RunResults
from nipype_mapsmasker.reports.viewer import background, pass_band, viewer_data

__all__ = ["run_page"]


def run_page(
    run: RunResults, *, displayed_maps: Any = DEFAULT_DISPLAYED_MAPS, cmap: str = "CMRmap_r"
) -> str:
    """
    Make the page that tells whether a run can be used.

    Parameters
    ----------
    run : RunResults
        The run.
    displayed_maps : int, list of int, ndarray of int or 'all', default=10
        Maps in the viewer; see `nipype_mapsmasker.reports.display.choose_maps`.
    cmap : str, default='CMRmap_r'
        matplotlib's name of the colour map of the mean image.

    Returns
    -------
    str
        One self-contained HTML page; equal results give equal bytes.

    Raises
    ------
    TypeError
        ``displayed_maps`` is none of the above.
    ValueError
        ``cmap`` is not known.
    """
    indices, map_warnings = choose_maps(displayed_maps, len(run.names))
    map_note = ""
    if isinstance(displayed_maps, int) and displayed_maps == DEFAULT_DISPLAYED_MAPS:
        # The reference warns of its own default, too; who asked for nothing did nothing wrong.
        map_note = f"All {len(run.names)} maps are shown." if map_warnings else ""
        map_warnings = []
    viewer = viewer_data(run, indices, check_cmap(cmap))
    if indices and not viewer["planes"]:
        map_warnings.append("There are no pictures of the maps: their cuts were not kept.")
    values = m.run_measures(run)
    inner = ("planes", "threshold", "colours", "any_negative", "behind", "oblique", "binned")
    return render(
        "run.html",
        {
            "run": run,
            "cohort_href": href(run.cohort_page),
            "verdict": v.judge(run, values),
            "thresholds": v.thresholds(),
            "facts": _facts(run),
            "map_warnings": map_warnings,
            "map_note": map_note or _shown(len(indices), len(run.names)),
            "viewer": viewer,
            "viewer_json": safe_json({k: x for k, x in viewer.items() if k not in inner}),
            "figures": _figures(run),
            "numbers": _numbers(run, values),
            "coverage": _coverage_table(run),
            "methods": methods_text(run),
            "steps": list(run.summary.get("steps", ())),
            "sources": [(s.role, s.path, s.checksum or "–") for s in run.sources],
            "parameters": [(name, _plain(run.parameters[name])) for name in run.parameters],
            "versions": list(run.versions.items()),
        },
    )


def _shown(n_shown: int, n_maps: int) -> str:
    """Say how many maps there are to look at."""
    return f"{n_shown} of {n_maps} maps are shown." if 0 < n_shown < n_maps else ""


def _facts(run: RunResults) -> list[tuple[str, str]]:
    """List what stands under the run's name."""
    n_volumes, n_kept = len(run.kept), int(run.kept.sum())
    facts = [("Image", run.image), ("Atlas", f"{run.atlas} ({len(run.names)} maps)".strip())]
    facts.append(("Cleaning", run.strategy))
    facts.append(("Repetition time", f"{run.t_r:g} s" if run.t_r else "not known"))
    facts.append(("Volumes kept", f"{n_kept} of {n_volumes}"))
    if run.t_r:
        facts.append(("Time kept", f"{n_kept * run.t_r / 60:.1f} min"))
    return [(name, value) for name, value in facts if value]


def _figures(run: RunResults) -> dict[str, list[Picture]]:
    """Draw all figures, by the part of the page that they stand in."""
    before = m.correlation_matrix(run.raw[run.kept])
    after = before if run.cleaned is None else m.correlation_matrix(run.cleaned)
    return {
        "maps": _map_figures(run),
        "signals": _signal_figures(run),
        "matrices": _matrix_figures(run, after),
        "numbers": _number_figures(run, before, after),
        "coverage": _coverage_figures(run),
    }


def _map_figures(run: RunResults) -> list[Picture]:
    """Draw all maps at a glance."""
    if run.cuts is None:
        return []
    caption = (
        "All maps at a glance: each voxel has the colour of the map that is strongest there, "
        "relative to the map's peak. Numbers are those of the maps, from 0."
    )
    alt = f"Axial cuts through the brain with {len(run.names)} maps in different colours."
    figure = figure_glance(run.cuts, run.names, mean_image=background(run))
    return [picture(figure, caption, alt, many_colours=True)]


def _signal_figures(run: RunResults) -> list[Picture]:
    """Draw carpet, spectra and confounds."""
    n_censored = int((~run.kept).sum())
    high_pass, low_pass = pass_band(run)
    carpet = figure_carpet(
        run.raw, run.cleaned, run.kept, t_r=run.t_r, names=run.names, motion=run.motion
    )
    spectra = figure_spectra(
        run.raw, run.cleaned, run.kept, t_r=run.t_r, high_pass=high_pass, low_pass=low_pass
    )
    shown = [
        picture(
            carpet,
            "All signals over time, one row per map, grey in units of its standard deviation. "
            "Vertical bands in all rows are global; purple volumes were censored.",
            f"Carpet of {len(run.names)} signals over {len(run.kept)} volumes before and after "
            f"cleaning; {n_censored} volumes are censored.",
        ),
        picture(
            spectra,
            "Spectra: median over maps (line) and middle 80 % of the maps (band). Gaps from "
            "censoring are allowed for (Lomb-Scargle).",
            "Spectra of the signals before and after cleaning with the pass band.",
        ),
    ]
    if run.confounds is not None and run.confounds.shape[1]:
        confounds = figure_confounds(
            run.raw, run.cleaned, run.kept, run.confounds, run.confound_names
        )
        caption = "Correlation of the signals with the confounds, before and after cleaning."
        if run.confounds.shape[1] > MAX_CONFOUNDS:
            caption += f" The {MAX_CONFOUNDS} strongest of {run.confounds.shape[1]} are shown."
        left = _mean_abs(run)
        shown.append(picture(confounds, caption, f"Mean |r| with each confound; {left}."))
    return shown


def _matrix_figures(run: RunResults, after: m.Array) -> list[Picture]:
    """Draw the correlation matrix twice."""
    what = "Correlation of the signals" + (" after cleaning" if run.cleaned is not None else "")
    alt = f"{what}: matrix of {len(run.names)} by {len(run.names)} maps from -1 to 1"
    atlas = figure_correlation(after, run.names, title="In the order of the atlas")
    order = m.clustered_order(after)
    clustered = figure_correlation(after, run.names, order=order, title="Ordered by clustering")
    return [
        picture(atlas, f"{what}, in the order of the atlas.", f"{alt}, in the atlas's order."),
        picture(
            clustered,
            f"{what}, like signals side by side (average linkage).",
            f"{alt}, ordered by clustering.",
        ),
    ]


def _number_figures(run: RunResults, before: m.Array, after: m.Array) -> list[Picture]:
    """Draw fit and distribution of correlations."""
    cleaned = None if run.cleaned is None else after
    shown = [
        picture(
            figure_distribution(before, cleaned),
            "Correlations between all pairs of signals.",
            "Histogram of the correlations before and after cleaning.",
        )
    ]
    if run.r_squared is not None:
        shown.append(
            picture(
                figure_fit(run.r_squared, run.kept, t_r=run.t_r),
                "Share of each volume's energy that the maps explain (R² of the spatial fit).",
                "R² of the spatial fit over time.",
            )
        )
    return shown


def _coverage_figures(run: RunResults) -> list[Picture]:
    """Draw the coverage of the maps."""
    if run.coverage is None:
        return []
    low = int((np.nan_to_num(run.coverage) < v.CUT_COVERAGE).sum())
    return [
        picture(
            figure_coverage(run.coverage, run.names),
            "Share of each map's weight that had data, in the atlas's order.",
            f"Coverage of {len(run.names)} maps; {low} are below {v.CUT_COVERAGE:.0%}.",
        )
    ]


def _numbers(run: RunResults, values: dict[str, float]) -> list[tuple[str, str, str]]:
    """List the tiles."""
    tiles = [
        (measure.label, number(values[name], measure.digits), measure.meaning)
        for name, measure in m.MEASURES.items()
        if name in values
    ]
    rank = run.summary.get("confound_rank")
    if rank is not None:
        tiles.append(("Rank of the confounds", f"{rank:g}", "Confounds that are not redundant."))
    return tiles


def _coverage_table(run: RunResults) -> dict[str, Any]:
    """Make the table of the maps."""
    optional: list[tuple[str, m.Array | None, int, str]] = [
        ("Coverage", run.coverage, 3, "Share of the map's weight that counted."),
        ("in mask and field of view", run.coverage_fit, 3, "Known from the grid and the mask."),
        ("with data", run.coverage_data, 3, "Known from this run's image."),
        ("Variance inflation", run.variance_inflation, 2, "How alike the map is to the others."),
    ]
    known = [
        (name, array, digits, why) for name, array, digits, why in optional if array is not None
    ]
    spread = m.detrended(run.raw[run.kept]).std(axis=0)
    known.append(("SD before cleaning", spread, -4, "Trend removed."))
    columns = [Column("Map"), Column("Name", "text")]
    columns += [Column(name, title=why) for name, _, _, why in known]
    lost = np.zeros(len(run.names)) if run.coverage is None else 1 - np.nan_to_num(run.coverage)
    rows = []
    for index, name in enumerate(run.names):
        cells = [Cell(str(index), index), Cell(str(name))]
        cells += [_cell(float(array[index]), digits) for _, array, digits, _ in known]
        flag = "cut" if lost[index] > 1 - v.CUT_COVERAGE else ""
        flag = "lost" if lost[index] > 1 - m.LOST_COVERAGE else flag
        rows.append({"cells": cells, "flag": flag})
    return {"columns": columns, "rows": rows}


def _cell(value: float, digits: int) -> Cell:
    """Make a cell of a number that may not be known."""
    return Cell(number(value, digits), value if np.isfinite(value) else None)


def _mean_abs(run: RunResults) -> str:
    """Say how much of the confounds is left."""
    left = m.run_measures(run).get("confounds_after")
    return "not cleaned" if left is None else f"mean after cleaning {left:.3f}"


def _plain(value: Any) -> str:
    """Write a parameter's value."""
    if isinstance(value, str):
        return value
    if isinstance(value, Sequence) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False, default=str)
