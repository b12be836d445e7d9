# SPDX-License-Identifier: Apache-2.0
"""
The data of the viewer: for each map that is shown its pictures, time series and spectrum.

Backgrounds are shared between maps, map layers are palette pictures of a few hundred bytes, and
curves are one byte a point, which is finer than the chart's pixels: 1,024 maps fit into a page.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.cuts import Orientation, cuts_at, nearest_ras, unpack_cuts
from nipype_mapsmasker.reports import pictures
from nipype_mapsmasker.reports.measures import spectrum
from nipype_mapsmasker.reports.render import number
from nipype_mapsmasker.reports.results import RunResults
from nipype_mapsmasker.reports.style import data_uri

__all__ = ["background", "pass_band", "viewer_data"]

MAX_POINTS = 1200
"""Points of a time series; longer runs are averaged over consecutive volumes."""

MAX_POINTS_IN_PAGE = 400_000
"""Points of all time series together before averaging sets in, for pages of very many maps."""

TILT_DEGREES = 1.0
"""A grid turned by more than this is called oblique."""

_CODES = 250
_MISSING = 255
_NO_PICTURE = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
_PLANES = (
    ("sagittal", 1, 2, ("P", "A")),
    ("coronal", 0, 2, ("L", "R")),
    ("axial", 0, 1, ("L", "R")),
)

Array = NDArray[Any]


def viewer_data(run: RunResults, indices: Sequence[int], cmap: str) -> dict[str, Any]:
    """
    Collect what the viewer shows.

    Parameters
    ----------
    run : RunResults
        The run.
    indices : sequence of int
        The maps, in the order in which they are shown.
    cmap : str
        Colour map of the mean image behind them.

    Returns
    -------
    dict
        Plain values for JSON and the template.
    """
    factor = _averaging(len(run.kept), len(indices))
    viewer: dict[str, Any] = {
        "maps": [_facts(run, index) for index in indices],
        "planes": [],
        "backgrounds": {"none": _NO_PICTURE},
        "binned": factor,
        "end": len(run.kept) * (run.t_r or 1.0),
        "unit": "time (s)" if run.t_r else "volume",
        "points": -(-len(run.kept) // factor),
        "censored": _spans(run.kept, run.t_r or 1.0),
        "band": None,
        "nyquist": None,
        "frequencies": [],
        "threshold": f"{pictures.OVERLAY_THRESHOLD:.0%}",
        "colours": pictures.legend_colours(),
        "any_negative": False,
        "behind": f"the run's mean image ({cmap})",
        "oblique": "",
    }
    _add_series(viewer["maps"], run, indices, factor)
    if run.t_r:
        _add_spectra(viewer, run, indices)
    if run.cuts is not None and len(run.cuts["peak"]) == len(run.names):
        _add_pictures(viewer, run, indices, cmap)
    return viewer


def background(run: RunResults) -> Array | None:
    """
    Give the mean image on the grid of the maps.

    Parameters
    ----------
    run : RunResults
        The run.

    Returns
    -------
    3D ndarray or None
        None without a mean image, or without cuts.
    """
    if run.mean_image is None or run.affine is None or run.cuts is None:
        return None
    return pictures.on_grid(run.mean_image, run.affine, run.cuts)


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


def _facts(run: RunResults, index: int) -> dict[str, Any]:
    """Say in a line what is known of a map."""
    facts = [f"map {index}"]
    for text, values, digits in (
        ("coverage", run.coverage, 3),
        ("variance inflation", run.variance_inflation, 2),
    ):
        if values is not None:
            facts.append(f"{text} {number(float(values[index]), digits)}")
    return {"index": index, "name": str(run.names[index]), "facts": " · ".join(facts)}


def _averaging(n_volumes: int, n_maps: int) -> int:
    """Give the number of volumes that share a point."""
    allowed = min(MAX_POINTS, max(100, MAX_POINTS_IN_PAGE // max(n_maps, 1)))
    return -(-n_volumes // allowed)


def _add_series(
    maps: list[dict[str, Any]], run: RunResults, indices: Sequence[int], factor: int
) -> None:
    """Add each map's time series before and after cleaning."""
    for entry, index in zip(maps, indices, strict=True):
        entry["before"] = _encode(_average(run.raw[:, index], factor))
        entry["after"] = None
        if run.cleaned is not None:
            full = np.full(len(run.kept), np.nan)
            full[run.kept] = run.cleaned[:, index]
            entry["after"] = _encode(_average(full, factor))


def _add_spectra(viewer: dict[str, Any], run: RunResults, indices: Sequence[int]) -> None:
    """Add each map's spectra, as powers of ten."""
    assert run.t_r
    chosen = list(indices)
    sets = [("spectrumBefore", run.raw[run.kept])]
    if run.cleaned is not None:
        sets.append(("spectrumAfter", run.cleaned))
    for name, signals in sets:
        frequencies, power = spectrum(signals[:, chosen], run.kept, run.t_r)
        with np.errstate(divide="ignore"):
            log_power = np.log10(power)
        log_power[~np.isfinite(log_power)] = np.nan
        # Five powers of ten below its top a spectrum is of no interest, and would cost precision.
        tops = np.where(np.isfinite(log_power), log_power, -np.inf).max(axis=0, initial=-np.inf)
        log_power = np.maximum(log_power, np.where(np.isfinite(tops), tops, 0.0) - 6.0)
        for column, entry in enumerate(viewer["maps"]):
            entry[name] = _encode(log_power[:, column]) if len(frequencies) else None
        viewer["frequencies"] = [round(float(value), 6) for value in frequencies]
    for entry in viewer["maps"]:
        entry.setdefault("spectrumAfter", None)
    viewer["nyquist"] = 0.5 / run.t_r
    viewer["band"] = _band(run, viewer["nyquist"])


def _add_pictures(
    viewer: dict[str, Any], run: RunResults, indices: Sequence[int], cmap: str
) -> None:
    """Add three layers to each map, and the backgrounds that they need."""
    assert run.cuts is not None
    # An open .npz file would inflate a whole array for every map.
    cuts = {name: run.cuts[name] for name in run.cuts}
    orientation = nearest_ras(cuts["affine"])
    shape = [int(size) for size in cuts["shape"]]
    for name, wide, high, ends in _PLANES:
        width, height = (
            shape[orientation.axes[axis]] * orientation.sizes[axis] for axis in (wide, high)
        )
        viewer["planes"].append(
            {"name": name, "width": round(width, 2), "height": round(height, 2), "ends": ends}
        )
    if orientation.tilt > TILT_DEGREES:
        viewer["oblique"] = (
            f" · the grid is oblique: pictures follow its axes, turned by up to "
            f"{orientation.tilt:.0f}° against the head's"
        )
    mean = background(run)
    if mean is None:
        viewer["behind"] = "nothing (no mean image)"
    limit = 1.0 if mean is None else pictures.background_limit(mean)
    for entry, index in zip(viewer["maps"], indices, strict=True):
        cut = unpack_cuts(cuts, index)
        layers = [getattr(cut, name) for name, *_ in _PLANES]
        entry["over"] = [data_uri(pictures.overlay_png(layer, cut.peak)) for layer in layers]
        entry["places"] = [
            f"{letter} = {place:.0f} mm" for letter, place in zip("xyz", cut.centre, strict=True)
        ]
        entry["cross"] = _crossings(cut.voxel, shape, orientation)
        entry["back"] = ["none"] * 3
        if any((layer < -pictures.OVERLAY_THRESHOLD * cut.peak).any() for layer in layers):
            viewer["any_negative"] = True
        if mean is not None:
            behind = None
            for plane, (name, *_) in enumerate(_PLANES):
                key = f"{name}{cut.voxel[orientation.axes[plane]]}"
                entry["back"][plane] = key
                if key not in viewer["backgrounds"]:
                    if behind is None:
                        step = int(cuts["step"])
                        behind = cuts_at(mean, cuts["affine"], cut.voxel, step=step)
                    png = pictures.background_png(getattr(behind, name), limit, cmap)
                    viewer["backgrounds"][key] = data_uri(png)


def _crossings(
    voxel: tuple[int, int, int], shape: list[int], orientation: Orientation
) -> list[list[float]]:
    """Say where in each picture the other two cuts lie, as shares of width and height."""
    shares = []
    for axis, flip in zip(orientation.axes, orientation.flips, strict=True):
        place = (voxel[axis] + 0.5) / shape[axis]
        shares.append(1 - place if flip else place)
    return [[round(shares[wide], 4), round(1 - shares[high], 4)] for _, wide, high, _ in _PLANES]


def _average(series: Array, factor: int) -> Array:
    """Average consecutive points, as far as they are known."""
    if factor == 1:
        return series
    padded = np.full(-(-len(series) // factor) * factor, np.nan)
    padded[: len(series)] = series
    groups = padded.reshape(-1, factor)
    known = np.isfinite(groups)
    counts = known.sum(axis=1)
    sums = np.where(known, groups, 0.0).sum(axis=1)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _encode(curve: Array) -> dict[str, Any]:
    """Write a curve with one byte a point."""
    known = np.isfinite(curve)
    codes = np.full(len(curve), _MISSING, dtype=np.uint8)
    low = high = 0.0
    if known.any():
        low, high = float(curve[known].min()), float(curve[known].max())
        scale = _CODES / (high - low) if high > low else 0.0
        codes[known] = np.rint((curve[known] - low) * scale).astype(np.uint8)
    text = base64.b64encode(codes.tobytes()).decode("ascii")
    return {"low": float(f"{low:.8g}"), "high": float(f"{high:.8g}"), "codes": text}


def _spans(keep: Array, step: float) -> list[list[float]]:
    """Give start and end of each stretch of censored volumes."""
    edges = np.diff(np.concatenate([[False], ~keep, [False]]).astype(int))
    starts, stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return [
        [round(float(a) * step, 3), round(float(b) * step, 3)]
        for a, b in zip(starts, stops, strict=True)
    ]


def _band(run: RunResults, nyquist: float) -> list[float] | None:
    """Give the pass band in Hz, if there was one."""
    low, high = pass_band(run)
    if low is None and high is None:
        return None
    return [low or 0.0, min(high or nyquist, nyquist)]
