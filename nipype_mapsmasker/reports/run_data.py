# SPDX-License-Identifier: Apache-2.0
"""The numbers of a run's page, computed once: for its charts, and for its script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.reports import measures as m
from nipype_mapsmasker.reports import verdict as v
from nipype_mapsmasker.reports.brain import Brain
from nipype_mapsmasker.reports.charts import spans
from nipype_mapsmasker.reports.html import Html, join, tag
from nipype_mapsmasker.reports.judged import judged
from nipype_mapsmasker.reports.limits import CUT_COVERAGE, VARIANCE_INFLATION
from nipype_mapsmasker.reports.ordering import clustered_order
from nipype_mapsmasker.reports.packing import WIDE_POINTS, pack_bytes, pack_columns, rounded
from nipype_mapsmasker.reports.results import RunResults
from nipype_mapsmasker.reports.spectra import signal_spectra

__all__ = ["SPECTRUM_DECADES", "RunNumbers", "page_data", "pass_band", "run_numbers"]

SPECTRUM_DECADES = 5.0
"""Powers of ten below its top that a spectrum shows."""

_SPECTRUM_CODES = 250

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class RunNumbers:
    """
    Hold what several parts of the page need.

    Parameters
    ----------
    values : dict of str to float
        The run's measures.
    verdict : Verdict
        Of the run.
    view : list of int
        The maps of the viewer, those that stand out first.
    flags : dict of int to str
        Why a map stands out.
    before, after : (K, K) ndarray of float
        Correlations before and after cleaning; the same without cleaning.
    frequencies : (F,) ndarray of float
        In Hz; empty without a repetition time.
    power_before, power_after : (F, K) ndarray of float or None
        Spectra.
    columns : list of tuple
        Label, values, digits and meaning of what is known of each map.
    key : Html
        What the colours of the curves mean.
    """

    values: dict[str, float]
    verdict: v.Verdict
    view: list[int]
    flags: dict[int, str]
    before: Array
    after: Array
    frequencies: Array
    power_before: Array | None
    power_after: Array | None
    columns: list[tuple[str, Array, int, str]]
    key: Html


def run_numbers(run: RunResults, indices: Sequence[int] | None) -> RunNumbers:
    """
    Compute what the page shows.

    Parameters
    ----------
    run : RunResults
        The run.
    indices : sequence of int or None
        Maps of the viewer in the order asked for; None for all, those that stand out first.

    Returns
    -------
    RunNumbers
        The numbers.
    """
    run = judged(run)
    assert run.measures is not None
    assert run.verdict is not None
    verdict = run.verdict
    flags = _flags(run, verdict)
    if indices is None:
        view = sorted(range(len(run.names)), key=lambda index: (index not in flags, index))
    else:
        view = list(indices)
    before = m.correlation_matrix(run.raw[run.kept])
    frequencies, power_before, power_after = np.zeros(0), None, None
    if run.t_r:
        frequencies, power_before = signal_spectra(run.raw[run.kept], run.kept, run.t_r)
        if run.cleaned is not None:
            _, power_after = signal_spectra(run.cleaned, run.kept, run.t_r)
    return RunNumbers(
        values=dict(run.measures),
        verdict=verdict,
        view=view,
        flags=flags,
        before=before,
        after=before if run.cleaned is None else m.correlation_matrix(run.cleaned),
        frequencies=frequencies,
        power_before=power_before if frequencies.size else None,
        power_after=power_after if frequencies.size else None,
        columns=_columns(run),
        key=_key(run, verdict),
    )


def page_data(run: RunResults, numbers: RunNumbers, brain: Brain | None) -> dict[str, Any]:
    """
    Collect what the page's script reads.

    Parameters
    ----------
    run : RunResults
        The run.
    numbers : RunNumbers
        From `run_numbers`.
    brain : Brain or None
        Mean image and maps.

    Returns
    -------
    dict
        Plain values for JSON.
    """
    n_volumes, n_maps = run.raw.shape
    wide = 2 * n_volumes * n_maps <= WIDE_POINTS
    after = None
    if run.cleaned is not None:
        full = np.full(run.raw.shape, np.nan)
        full[run.kept] = run.cleaned
        after = pack_columns(full, wide=wide)
    series = {"motion": run.motion}
    return {
        "kind": "run",
        "names": [str(name) for name in run.names],
        "view": numbers.view,
        "flags": {str(index): text for index, text in numbers.flags.items()},
        "volumes": n_volumes,
        "tr": run.t_r,
        "censored": spans(run.kept),
        "named": {
            str(volume): finding.about
            for finding in reversed(numbers.verdict.findings)
            for volume in finding.volumes
        },
        "before": pack_columns(run.raw, wide=wide),
        "after": after,
        "columns": [
            {"label": label, "digits": digits, "title": title, "values": rounded(array, digits)}
            for label, array, digits, title in numbers.columns
        ],
        "series": {
            name: pack_columns(np.asarray(array)[:, np.newaxis])
            for name, array in series.items()
            if array is not None and np.isfinite(array).any()
        },
        "spectra": _packed_spectra(run, numbers),
        "order": clustered_order(numbers.after),
        "brain": None if brain is None else brain.data,
    }


def pass_band(run: RunResults) -> tuple[float | None, float | None]:
    """
    Find the effective ends of the pass band.

    Parameters
    ----------
    run : RunResults
        The run.

    Returns
    -------
    high_pass, low_pass : float or None
        In Hz, as the summary of the cleaning has them, otherwise as the parameters do.
    """
    ends = []
    for name in ("high_pass", "low_pass"):
        value = run.summary.get(name, run.parameters.get(name))
        ends.append(float(value) if value else None)
    return ends[0], ends[1]


def _flags(run: RunResults, verdict: v.Verdict) -> dict[int, str]:
    """Say of each map why it stands out, if it does."""
    places: dict[str, list[int]] = {}
    for index, name in enumerate(run.names):
        places.setdefault(str(name), []).append(index)
    said = dict.fromkeys(verdict.lost_maps, "no usable signal")
    said |= dict.fromkeys(verdict.cut_maps, f"less than {CUT_COVERAGE:.0%} of its weight had data")
    named = list(said.items())
    if run.variance_inflation is not None:
        high = np.flatnonzero(np.nan_to_num(run.variance_inflation) > VARIANCE_INFLATION)
        text = f"variance inflation above {VARIANCE_INFLATION:.0f}"
        named += [(str(run.names[index]), text) for index in high.tolist()]
    named += [(name, f.about) for f in verdict.findings for name in f.maps if name not in said]
    found: dict[int, list[str]] = {}
    for name, text in named:
        for index in places.get(str(name), ()):
            if text not in found.setdefault(index, []):
                found[index].append(text)
    return {index: "; ".join(texts) for index, texts in sorted(found.items())}


def _columns(run: RunResults) -> list[tuple[str, Array, int, str]]:
    """List what is known of each map."""
    kept = run.raw[run.kept]
    spread = m.detrended(kept).std(axis=0) if len(kept) else np.full(len(run.names), np.nan)
    mean = kept.mean(axis=0) if len(kept) else spread
    flat = m.flat_columns(kept)
    ratio = np.where(flat, np.nan, np.abs(mean) / np.where(flat | (spread == 0), 1.0, spread))
    known: list[tuple[str, Array | None, int, str]] = [
        ("Coverage", run.coverage, 3, "Share of the map's weight that counted."),
        ("In the field of view", run.coverage_fit, 3, "Share inside mask and field of view."),
        ("With data", run.coverage_data, 3, "Share that had data in this run's image."),
        ("Variance inflation", run.variance_inflation, 2, "How alike the map is to the others."),
        ("SD before cleaning", spread, -4, "Standard deviation, trend removed."),
        ("tSNR", ratio, 1, "Mean over standard deviation of the signal before cleaning."),
    ]
    return [
        (label, np.asarray(array, dtype=np.float64), digits, title)
        for label, array, digits, title in known
        if array is not None and np.isfinite(array).any()
    ]


def _packed_spectra(run: RunResults, numbers: RunNumbers) -> dict[str, Any] | None:
    """Pack each map's spectra, as powers of ten below the top of all."""
    if numbers.power_before is None or not run.t_r:
        return None
    tables = {"before": numbers.power_before, "after": numbers.power_after}
    finite = [np.nan_to_num(table) for table in tables.values() if table is not None]
    top = max((float(table.max(initial=0.0)) for table in finite), default=0.0)
    if not top > 0:
        return None
    high = float(np.ceil(np.log10(top) * 10) / 10)
    low = high - SPECTRUM_DECADES
    packed: dict[str, Any] = {}
    for name, table in tables.items():
        if table is None:
            packed[name] = None
            continue
        with np.errstate(divide="ignore"):
            power = np.minimum(np.log10(table), high)
        power[~(power >= low)] = np.nan  # below the axis
        scaled = np.rint((power - low) / SPECTRUM_DECADES * _SPECTRUM_CODES)
        codes = np.where(np.isfinite(power), scaled, 255).astype(np.uint8)
        packed[name] = pack_bytes(codes.T)
    high_pass, low_pass = pass_band(run)
    nyquist = 0.5 / run.t_r
    band = None
    if high_pass or low_pass:
        band = [high_pass or 0.0, min(low_pass or nyquist, nyquist)]
    return {
        **packed,
        "frequencies": [round(float(value), 6) for value in numbers.frequencies],
        "nyquist": nyquist,
        "low": low,
        "high": high,
        "codes": _SPECTRUM_CODES,
        "band": band,
    }


def _key(run: RunResults, verdict: v.Verdict) -> Html:
    """Explain the colours of curves."""
    words = [("before", "before cleaning" if run.cleaned is not None else "signal")]
    if run.cleaned is not None:
        words.append(("after", "after cleaning"))
    if not run.kept.all():
        words.append(("censored", "censored"))
    if any(pass_band(run)):
        words.append(("pass", "pass band"))
    if any(finding.volumes for finding in verdict.findings):
        words.append(("told", "named by the verdict"))
    inner = join(
        tag("span", tag("i", class_=f"key {kind}"), f" {text}", class_="entry")
        for kind, text in words
    )
    return tag("p", inner, class_="legend")
