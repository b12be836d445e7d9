# SPDX-License-Identifier: Apache-2.0
"""The page of one run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from nipype_mapsmasker.reports import measures as m
from nipype_mapsmasker.reports import verdict as v
from nipype_mapsmasker.reports.brain import Brain, make_brain
from nipype_mapsmasker.reports.display import DEFAULT_DISPLAYED_MAPS, choose_maps
from nipype_mapsmasker.reports.html import Html, counted, document, href, join, number, tag
from nipype_mapsmasker.reports.methods import methods_text
from nipype_mapsmasker.reports.palettes import BACKGROUND, background_palette, check_cmap
from nipype_mapsmasker.reports.parts import (
    badge,
    bullets,
    figure,
    navigation,
    pairs,
    section,
    tiles,
)
from nipype_mapsmasker.reports.results import RunResults
from nipype_mapsmasker.reports.run_charts import fit_section, matrix_section, signal_section
from nipype_mapsmasker.reports.run_data import RunNumbers, page_data, run_numbers

__all__ = ["run_page"]

SCRIPTS = (
    "format.mjs",
    "data.mjs",
    "dom.mjs",
    "chart.mjs",
    "table.mjs",
    "matrix.mjs",
    "brain.mjs",
    "viewer.mjs",
    "run.mjs",
)
"""Scripts of the page, each before those that use it."""


def run_page(
    run: RunResults,
    *,
    displayed_maps: Any = DEFAULT_DISPLAYED_MAPS,
    cmap: str = BACKGROUND,
    palette: Sequence[str] = (),
) -> str:
    """
    Make the page that tells whether a run can be used.

    Parameters
    ----------
    run : RunResults
        The run.
    displayed_maps : int, list of int, ndarray of int or 'all', default='all'
        Maps in the viewer; see `nipype_mapsmasker.reports.display.choose_maps`.
    cmap : str, default='gray'
        Name of the colours of the mean image.
    palette : sequence of str, optional
        These colours, where they are known already, so that nobody has to look them up; from
        `nipype_mapsmasker.reports.palettes.background_palette`.

    Returns
    -------
    str
        One self-contained HTML page; equal results give equal bytes.

    Raises
    ------
    TypeError
        ``displayed_maps`` is none of the above.
    ParameterError
        ``cmap`` is not known.
    """
    indices, warnings = choose_maps(displayed_maps, len(run.names))
    brain = make_brain(run, palette or background_palette(check_cmap(cmap)))
    numbers = run_numbers(run, None if isinstance(displayed_maps, str) else indices)
    if indices and brain is None:
        warnings.append("There are no pictures of the maps: they were not kept.")
    body = join(
        [
            _header(run, numbers),
            _maps(run, numbers, brain, warnings, cmap),
            signal_section(run, numbers),
            matrix_section(run, numbers),
            fit_section(run, numbers),
            _how(run),
        ]
    )
    title = f"{run.run_id} · {numbers.verdict.words}"
    return document(title, body, scripts=SCRIPTS, data=page_data(run, numbers, brain))


def _header(run: RunResults, numbers: RunNumbers) -> Html:
    """Write what stands above everything: which run, and whether it can be used."""
    facts = join(tag("div", tag("dt", name), tag("dd", value)) for name, value in _facts(run))
    parts = [
        _neighbours(run),
        tag("h1", run.run_id),
        _verdict(numbers.verdict),
        tag("dl", facts, class_="facts"),
        tiles(_tiles(numbers)),
        _files(run),
        navigation(
            [
                ("maps", "Maps"),
                ("signals", "Signals"),
                ("correlations", "Correlations"),
                ("fit", "Fit and coverage"),
                ("how", "How"),
            ],
            explained="the-page-of-a-run",
        ),
    ]
    return tag("header", join(parts))


def _neighbours(run: RunResults) -> Html | None:
    """Link to the cohort, and through it to the runs before and after."""
    if not run.cohort_page:
        return None
    up = href(run.cohort_page)
    # The cohort's page knows the order of the runs, which changes when runs are added.
    own = json.dumps([run.run_id, run.atlas, run.strategy])
    links = [tag("a", "↑ All runs", href=up)]
    for step, words in (("previous", "← Previous run"), ("next", "Next run →")):
        links.append(tag("a", words, href=f"{up}#{step}={_quoted(own)}", rel=step[:4]))
    return tag("p", join(links, " "), class_="up")


def _quoted(text: str) -> str:
    """Quote a text for the end of an address."""
    return href(text)[2:].replace("/", "%2F")


def _facts(run: RunResults) -> list[tuple[str, str]]:
    """List what stands under the run's name."""
    n_volumes, n_kept = len(run.kept), int(run.kept.sum())
    atlas = f"{run.atlas} ({counted(len(run.names), 'map')})".strip()
    facts = [("Image", run.image), ("Atlas", atlas)]
    facts.append(("Cleaning", run.strategy))
    facts.append(("Repetition time", f"{run.t_r:g} s" if run.t_r else "not known"))
    facts.append(("Volumes kept", f"{n_kept} of {n_volumes}"))
    if run.t_r:
        seconds = n_kept * run.t_r
        kept = f"{seconds:.3g} s" if seconds < 60 else f"{seconds / 60:.1f} min"
        facts.append(("Time kept", kept))
    return [(name, value) for name, value in facts if value]


def _verdict(verdict: v.Verdict) -> Html:
    """Write the verdict with its reasons."""
    lines = [
        tag(
            "li",
            tag("strong", finding.about),
            " (does not weigh)" if finding.level == "note" else None,
            f": {finding.text}",
            class_=finding.level,
        )
        for finding in verdict.findings
    ]
    reasons = tag("ul", join(lines)) if lines else tag("p", "Nothing stands out.")
    thresholds = tag("details", tag("summary", "Thresholds"), bullets(v.thresholds()))
    word = tag("p", badge(verdict.level, verdict.words), class_="word")
    return tag("div", word, reasons, thresholds, class_=f"verdict {verdict.level}")


def _tiles(numbers: RunNumbers) -> list[tuple[str, str, str]]:
    """List the tiles."""
    return [
        (measure.label, number(numbers.values[name], measure.digits), measure.meaning)
        for name, measure in m.MEASURES.items()
        if name in numbers.values
    ]


def _files(run: RunResults) -> Html | None:
    """Link to the run's own files."""
    if not run.files:
        return None
    links = join((tag("a", name, href=href(path)) for name, path in run.files), " ")
    return tag("p", "Files: ", links, class_="files")


def _maps(
    run: RunResults, numbers: RunNumbers, brain: Brain | None, warnings: list[str], cmap: str
) -> Html:
    """Write the viewer, and all maps at a glance."""
    parts: list[Any] = [tag("p", line, class_="warning", role="note") for line in warnings]
    n_shown, n_maps = len(numbers.view), len(run.names)
    if n_shown < n_maps:
        parts.append(tag("p", f"{n_shown} of {n_maps} maps are shown.", class_="aside"))
    if not numbers.view:
        parts.append(tag("p", "No map was asked for."))
        return section("maps", "Maps", *parts)
    n_flagged = sum(1 for index in numbers.view if numbers.flags.get(index))
    if n_flagged:
        words = "map stands" if n_flagged == 1 else "maps stand"
        parts.append(tag("p", f"{n_flagged} {words} out and come first.", class_="aside"))
    parts.append(_viewer(numbers, brain, cmap))
    if brain is not None and brain.glance:
        parts.append(_glance(brain, len(run.names)))
    return section("maps", "Maps", *parts)


def _viewer(numbers: RunNumbers, brain: Brain | None, cmap: str) -> Html:
    """Write the places that the script fills."""
    controls = tag(
        "div",
        tag("button", "‹", type="button", id="previous", aria_label="Previous map"),
        tag(
            "input", type="range", id="slider", min=0, max=len(numbers.view) - 1, value=0,
            aria_label="Map",
        ),
        tag("button", "›", type="button", id="next", aria_label="Next map"),
        tag("select", id="chooser", aria_label="Map by name"),
        class_="controls",
    )  # fmt: skip
    parts = [
        controls,
        tag("h3", "", id="map-name", aria_live="polite"),
        tag("p", "", id="map-facts"),
        tag("p", "", id="map-flag"),
    ]
    if brain is not None:
        behind = f"the run's mean image ({cmap})" if brain.has_mean else "nothing (no mean image)"
        words = (
            "Drag in a picture, or move the sliders by mouse or arrow keys, to turn through the "
            f"brain. Behind: {behind}; L, R: the patient's left and right. {brain.oblique}"
        )
        parts.append(tag("div", id="brain", class_="brain"))
        parts.append(tag("p", "", id="weights", class_="legend"))
        parts.append(tag("p", words, class_="legend screen"))
    charts = [("series", "Time series"), ("spectrum", "Spectrum")]
    parts.append(
        tag(
            "div",
            join(tag("div", tag("h4", words), tag("div", id=name)) for name, words in charts),
            class_="charts",
        )
    )
    parts.append(numbers.key)
    parts.append(
        tag(
            "noscript",
            tag(
                "p",
                "The viewer and the tables need the page's own script, which is switched off. "
                "The figures below do not.",
                class_="warning",
            ),
        )
    )
    return tag("div", *parts, class_="card viewer", id="viewer")


def _glance(brain: Brain, n_maps: int) -> Html:
    """Write the picture of all maps."""
    cuts = join(
        tag(
            "div",
            tag("img", src=cut.back, alt="", class_="back"),
            tag("img", src=cut.over, alt=f"All maps at z = {cut.z:.0f} mm", class_="over"),
            tag("span", f"z = {cut.z:.0f} mm", class_="z", aria_hidden="true"),
            tag("span", "L", class_="end left", aria_hidden="true"),
            tag("span", "R", class_="end right", aria_hidden="true"),
            class_="cut",
            style=f"aspect-ratio: {brain.aspect:.4f}",
        )
        for cut in brain.glance
    )
    caption = (
        f"{'The map' if n_maps == 1 else f'All {n_maps} maps'} at a glance: each voxel has the "
        "colour of the map that is strongest there, relative to its peak. Point at a patch for "
        "its name; click to see the map above."
    )
    return figure(tag("div", cuts, id="glance", class_="glance"), caption=caption)


def _how(run: RunResults) -> Html:
    """Write what was done, by what, to what."""
    text = methods_text(run)
    references = tag("ol", join(tag("li", line) for line in text.references))
    paragraphs = join(tag("p", line) for line in text.paragraphs)
    parts: list[Any] = [
        tag("h3", "Methods"),
        tag("div", paragraphs, references, class_="card methods", id="methods"),
    ]
    steps = [tag("li", step) for step in run.summary.get("steps", ())]
    if steps:
        parts += [tag("h3", "Steps, in order"), tag("ol", join(steps))]
    if run.command:
        parts += [tag("h3", "Command"), tag("pre", run.command, class_="card")]
    parts.append(tag("h3", "Warnings during the run"))
    parts.append(bullets(run.warnings) if run.warnings else tag("p", "None."))
    if run.sources:
        rows = [(s.role, s.path, s.checksum or "–") for s in run.sources]
        parts += [tag("h3", "Input files"), pairs(rows, ["What", "File", "Checksum"])]
    if run.parameters:
        values = [(name, _plain(run.parameters[name])) for name in run.parameters]
        parts += [tag("h3", "Parameters"), pairs(values, ["Parameter", "Value"])]
    if run.versions:
        parts += [tag("h3", "Versions"), pairs(run.versions.items(), ["Software", "Version"])]
    return section("how", "How", *parts)


def _plain(value: Any) -> str:
    """Write a parameter's value."""
    if isinstance(value, str):
        return value
    if isinstance(value, Sequence) and all(isinstance(item, str) for item in value):
        return ", ".join(value) or "none"
    return json.dumps(value, ensure_ascii=False, default=str)
