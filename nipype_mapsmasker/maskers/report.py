# SPDX-License-Identifier: Apache-2.0
"""A masker's report: this package's pages of all runs, as one object for notebooks and files."""

from __future__ import annotations

import base64
import html
import io
import tempfile
import warnings
import webbrowser
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.cleaning import CleaningSummary
from nipype_mapsmasker.core.cuts import collect_map_cuts
from nipype_mapsmasker.core.grids import same_grid
from nipype_mapsmasker.core.signal_inputs import as_keep
from nipype_mapsmasker.io.atomic import atomic_path
from nipype_mapsmasker.io.fitted import load_operator
from nipype_mapsmasker.maskers.arguments import summary_of
from nipype_mapsmasker.maskers.extraction import RawRun
from nipype_mapsmasker.maskers.fitted import FittedMaps

__all__ = ["MaskerReport", "ReportedRun", "make_report"]

MIN_VOLUMES = 3
"""Fewer volumes than this have no spectrum and no correlations to draw."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ReportedRun:
    """
    Hold of one run, small, what its page shows.

    Parameters
    ----------
    raw : RawRun
        What was extracted.
    cleaned : (T_kept, K) ndarray of float
        Cleaned signals.
    keep : (T,) ndarray of bool
        Volumes that were kept.
    confounds : (T, C) ndarray of float or None
        What was regressed out.
    confound_names : list of str
        Their names.
    summary : CleaningSummary
        What cleaning did.
    """

    raw: RawRun
    cleaned: NDArray[np.float64]
    keep: NDArray[np.bool_]
    confounds: NDArray[np.float64] | None
    confound_names: list[str]
    summary: CleaningSummary

    @classmethod
    def of(
        cls,
        raw: RawRun,
        cleaned: NDArray[np.float64],
        sample_mask: Any,
        confounds: NDArray[np.float64] | None,
        confound_names: list[str],
        summary: CleaningSummary,
    ) -> ReportedRun:
        """Gather what is known of a run."""
        return cls(
            raw=raw,
            cleaned=cleaned,
            keep=as_keep(sample_mask, len(raw.signals)),
            confounds=confounds,
            confound_names=confound_names,
            summary=summary,
        )


class MaskerReport:
    """
    Hold a page, as the reference's report does.

    Parameters
    ----------
    page : str
        One self-contained HTML page.
    """

    def __init__(self, page: str) -> None:
        self._page = page

    def __str__(self) -> str:
        return self._page

    def get_standalone(self) -> str:
        """Give the page as text."""
        return self._page

    def save_as_html(self, file_name: Any) -> None:
        """
        Write the page.

        Parameters
        ----------
        file_name : path
            The file.
        """
        with atomic_path(Path(file_name).expanduser()) as temporary:
            temporary.write_text(self._page, encoding="utf-8", newline="\n")

    def open_in_browser(self, file_name: Any = None) -> None:
        """
        Write the page and open it.

        Parameters
        ----------
        file_name : path, optional
            The file; None takes a temporary one, which the browser needs after this returns.
        """
        if file_name is None:
            file_name = Path(tempfile.mkdtemp(prefix="mapsmasker-report-"), "report.html")
        self.save_as_html(file_name)
        webbrowser.open(Path(file_name).expanduser().absolute().as_uri())

    def _repr_html_(self) -> str:
        return _frame(self._page)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        del include, exclude
        return {"text/html": self._repr_html_()}


def make_report(
    fitted: FittedMaps | None,
    *,
    title: str,
    displayed_maps: Any,
    cmap: str,
    reports: bool,
    parameters: Mapping[str, Any],
) -> MaskerReport:
    """
    Make a masker's report of what it has.

    Parameters
    ----------
    fitted : FittedMaps or None
        The fit, with the runs of the last transform.
    title : str
        Heading.
    displayed_maps : int, list of int, or 'all'
        Maps in the pages.
    cmap : str
        Colours of the mean images.
    reports : bool
        Whether anything was to be kept for it.
    parameters : mapping
        The masker's arguments.

    Returns
    -------
    MaskerReport
        Of every run; of the maps alone where no run was transformed; else empty, with a warning.
    """
    from nipype_mapsmasker.reports.display import choose_maps

    if fitted is None or not reports:
        reason = (
            "it was made with reports=False" if not reports else "it was not fitted yet: call fit"
        )
        choose_maps(displayed_maps, 0 if fitted is None else fitted.n_maps)
        warnings.warn(f"The report is empty, because {reason}.", UserWarning, stacklevel=3)
        return MaskerReport(_outer(title, f"<p>There is nothing to show: {reason}.</p>"))
    runs: Sequence[ReportedRun] = [
        run for run in fitted.reported if len(run.cleaned) >= MIN_VOLUMES
    ]
    pages = [_run_page(fitted, run, displayed_maps, cmap, parameters) for run in runs]
    if not pages:
        return MaskerReport(_outer(title, _maps_part(fitted, displayed_maps)))
    if len(pages) == 1:
        return MaskerReport(pages[0])
    parts = []
    for number, page in enumerate(pages):
        opened = " open" if number == 0 else ""
        name = html.escape(runs[number].raw.info.path.name)
        parts.append(
            f"<details{opened}><summary>Run {number + 1} of {len(pages)}: {name}</summary>"
            f"{_frame(page)}</details>"
        )
    return MaskerReport(_outer(title, "\n".join(parts)))


def _run_page(
    fitted: FittedMaps,
    run: ReportedRun,
    displayed_maps: Any,
    cmap: str,
    parameters: Mapping[str, Any],
) -> str:
    """Draw the page of one run."""
    from nipype_mapsmasker.reports.page_run import run_page
    from nipype_mapsmasker.reports.results import RunResults

    raw, operator = run.raw, load_operator(run.raw.operator_file)
    t_r = parameters.get("t_r")
    values: dict[str, Any] = {}
    if raw.coverage_data is not None:
        values["coverage_data"] = raw.coverage_data
        values["coverage"] = operator.coverage * raw.coverage_data
    if raw.mean is not None:
        values |= {"mean_image": raw.mean, "affine": raw.info.grid.affine}
    # Cuts are those of the fit's grid, which a run of another one need not share.
    if same_grid(raw.info.grid, fitted.grid):
        values["cuts"] = collect_map_cuts(fitted.matrix())
    results = RunResults(
        run_id=raw.info.path.name,
        names=list(operator.names),
        raw=raw.signals,
        cleaned=run.cleaned,
        keep=run.keep,
        t_r=None if t_r is None else float(t_r),
        image=raw.info.path.name,
        confounds=run.confounds,
        confound_names=run.confound_names,
        coverage_fit=operator.coverage,
        variance_inflation=operator.variance_inflation,
        r_squared=raw.r_squared,
        fluctuation_r_squared=raw.fluctuation_r_squared,
        summary=asdict(run.summary),
        parameters=summary_of(parameters),
        warnings=run.summary.warnings,
        **values,
    )
    return run_page(results, displayed_maps=displayed_maps, cmap=cmap)


def _maps_part(fitted: FittedMaps, displayed_maps: Any) -> str:
    """Draw the maps alone."""
    from nipype_mapsmasker.reports.display import choose_maps
    from nipype_mapsmasker.reports.figures.maps import figure_map

    indices, notes = choose_maps(displayed_maps, fitted.n_maps)
    cuts = collect_map_cuts(fitted.matrix())
    parts = ["<p>No run was transformed yet: these are the maps alone.</p>"]
    if not (isinstance(displayed_maps, int) and displayed_maps == 10):
        parts += [f"<p>{html.escape(note)}</p>" for note in notes]
    for index in indices:
        name = fitted.names[index]
        drawn = io.BytesIO()
        figure_map(cuts, index, name=name).savefig(drawn, format="png", dpi=100)
        data = base64.b64encode(drawn.getvalue()).decode("ascii")
        parts.append(
            f'<p><img src="data:image/png;base64,{data}" alt="Map {html.escape(name)}"></p>'
        )
    return "\n".join(parts)


def _frame(page: str) -> str:
    """Put a page into a frame of its own, so that styles do not mix."""
    return (
        f'<iframe srcdoc="{html.escape(page)}" style="width:100%;height:80vh;border:0" '
        'title="report"></iframe>'
    )


def _outer(title: str, body: str) -> str:
    """Put parts under a heading."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<title>{html.escape(title)}</title></head>\n<body style="font-family:sans-serif">'
        f"<h1>{html.escape(title)}</h1>\n{body}\n</body></html>\n"
    )
