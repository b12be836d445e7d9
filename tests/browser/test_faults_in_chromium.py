# SPDX-License-Identifier: Apache-2.0
"""Faults that were found on the pages, each as a test, and what every page must keep to."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest

from nipype_mapsmasker.reports.cohort import CohortBuilder
from nipype_mapsmasker.reports.page_cohort import cohort_page
from nipype_mapsmasker.reports.page_run import run_page
from tests.reports.examples import make_run

pytestmark = pytest.mark.browser

POINT = """
const [selector, x, y] = arguments;
const node = document.querySelector(selector);
const box = node.getBoundingClientRect();
node.dispatchEvent(new PointerEvent("pointermove", {bubbles: true,
  clientX: box.left + x * box.width, clientY: box.top + y * box.height}));
return document.getElementById("tip").textContent;
"""
"""Point at a place of an element, given as shares of its width and height; give the words."""

OVERLAPS = """
const found = [];
for (const group of document.querySelectorAll(arguments[0])) {
  const boxes = Array.from(group.querySelectorAll(arguments[1]), (node) => [
    node.textContent, node.getBoundingClientRect()]).filter(([, box]) => box.width);
  boxes.forEach(([a, p], i) => boxes.slice(i + 1).forEach(([b, q]) => {
    const across = Math.min(p.right, q.right) - Math.max(p.left, q.left);
    const down = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
    if (across > 1 && down > 2) found.push([a, b]);
  }));
}
return found;
"""
"""Find words that lie on each other, within each element of the first kind."""


def opened(browser, folder: Path, page: str, width: int = 1400) -> None:
    """Open a page that is made of text."""
    path = folder / "page.html"
    path.write_text(page, encoding="utf-8")
    browser.open(path, width)


def test_maps_with_little_coverage_leave_the_viewer_whole(browser, tmp_path, width) -> None:
    coverage = np.linspace(0.05, 1.0, 12)
    opened(browser, tmp_path, run_page(make_run(coverage=coverage)), width)
    assert browser.complaints() == []
    assert browser.find("#map-flag").text
    inked = """const c = document.querySelector("#brain canvas");
      const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
      return new Set(Array.from({length: d.length / 4},
        (_, i) => d.slice(4 * i, 4 * i + 3).join())).size"""
    assert browser.run(inked) > 10


def test_the_map_that_the_verdict_names_is_in_the_viewer(browser, tmp_path) -> None:
    coverage = np.ones(90)
    coverage[39] = 0.2
    opened(browser, tmp_path, run_page(make_run(n_maps=90, coverage=coverage, with_maps=False)))
    assert browser.find("#map-name").text == "Network 40"
    assert "50% of its weight" in browser.find("#map-flag").text
    options = browser.run("return document.querySelectorAll('#chooser option').length")
    assert options == 90


@pytest.mark.parametrize("n_maps", [12, 100])
def test_every_map_has_its_name_under_the_pointer(browser, tmp_path, n_maps: int) -> None:
    run = make_run(n_maps=n_maps, with_maps=n_maps == 12)
    opened(browser, tmp_path, run_page(run))
    correlations = np.corrcoef(run.cleaned.T)
    place = [(0.5 + index) / n_maps for index in (2, 7)]
    words = browser.run(POINT, "#matrix", *place)
    assert words == f"Network 08 – Network 03: r = {correlations[7, 2]:.2f}"
    words = browser.run(POINT, "[data-carpet=before]", 0.5 + 0.5 / 200, place[1])
    assert words.startswith("Network 08, 200 s (volume 100)")
    assert float(words.split(": ")[1]) == pytest.approx(run.raw[100, 7], abs=1e-3)
    assert words.split(": ")[1] == f"{run.raw[100, 7]:.3f}"
    assert browser.run("return document.querySelectorAll('.names span').length") > 40


def test_words_do_not_lie_on_each_other(browser, tmp_path, width) -> None:
    for n_maps in (12, 100):
        page = run_page(make_run(n_maps=n_maps, with_maps=False))
        opened(browser, tmp_path, page, width)
        assert browser.run(OVERLAPS, ".chart", ".plot > span, .yl, .xl") == []
        assert browser.run(OVERLAPS, ".names", "span") == []


def test_words_of_a_large_cohort_are_whole(browser, tmp_path, width) -> None:
    builder = CohortBuilder()
    for number in range(59):
        run = make_run(f"sub-{number:02d}", seed=number, n_maps=5, n_volumes=60, with_maps=False)
        builder.add(run, link=f"{number}.html")
    opened(browser, tmp_path, cohort_page(builder.finish()), width)
    assert browser.run(OVERLAPS, ".chart", ".plot > span, .yl, .xl") == []
    assert browser.run(OVERLAPS, ".names", "span") == []
    outside = """return Array.from(document.querySelectorAll("figure .chart span, .heads span"))
      .filter((n) => { const card = n.closest("figure").getBoundingClientRect();
        const box = n.getBoundingClientRect();
        return box.width && (box.left < card.left - 1 || box.right > card.right + 1); }).length"""
    assert browser.run(outside) == 0


def test_the_cohorts_table_fits_the_window(browser, site) -> None:
    for width in (1198, 1400):
        browser.open(site / "report.html", width)
        wide = browser.run(
            "const b = document.querySelector('#runs-place .scroll');"
            "return [b.scrollWidth, b.clientWidth]"
        )
        assert wide[0] <= wide[1] + 1
        # All others can be had.
        count = "JSON.parse(document.getElementById('page-data').textContent).table.measures"
        boxes = "document.querySelectorAll('.chooser input').length"
        assert browser.run(f"return {boxes} === {count}.length && {boxes} > 10")


def test_print_is_short_and_has_the_worst_runs(browser, tmp_path) -> None:
    builder = CohortBuilder()
    for number in range(60):
        fault = "noise" if number == 40 else ""
        builder.add(make_run(f"sub-{number:02d}", seed=number, fault=fault, n_maps=8,
                             n_volumes=100, with_maps=False), link="x.html")  # fmt: skip
    opened(browser, tmp_path, cohort_page(builder.finish()))
    paper = {"printBackground": True, "paperWidth": 8.27, "paperHeight": 11.69}
    printed = browser.driver.execute_cdp_cmd("Page.printToPDF", paper)
    n_sheets = pdf_text(printed["data"]).count(b"/Type /Page\n") or pdf_pages(printed["data"])
    assert n_sheets <= 7


def test_printed_names_do_not_lie_on_each_other(browser, tmp_path) -> None:
    opened(browser, tmp_path, run_page(make_run(n_maps=100, with_maps=False)))
    # A sheet of paper is about as wide as such a window.
    browser.open(tmp_path / "page.html", 720)
    try:
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        shown = (
            "return Array.from(document.querySelectorAll('.names span'), (n) => n.offsetHeight)"
        )
        assert sum(height > 0 for height in browser.run(shown)) >= 4 * 9
        assert browser.run(OVERLAPS, ".names", "span") == []
        assert browser.run(OVERLAPS, ".chart", ".plot > span, .yl, .xl") == []
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_a_single_volume_has_an_axis_that_can_be_read(browser, tmp_path) -> None:
    run = make_run(n_volumes=30, n_maps=3)
    one = dataclasses.replace(
        run, raw=run.raw[:1], cleaned=run.raw[:1], keep=np.ones(1, dtype=bool),
        confounds=None, confound_names=(), motion=None, r_squared=None,
    )  # fmt: skip
    opened(browser, tmp_path, run_page(one))
    assert browser.complaints() == []
    for plot in browser.driver.find_elements("css selector", "#series .plot"):
        places = [word.text for word in plot.find_elements("css selector", ".yt")]
        assert len(places) > 1
        assert len(set(places)) == len(places)
    assert browser.run("return document.querySelectorAll('#series path.lone').length") == 2


def pdf_text(data: str) -> bytes:
    """Give the bytes of a printed file."""
    import base64

    return base64.b64decode(data)


def pdf_pages(data: str) -> int:
    """Count the sheets of a printed file."""
    import re

    return len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf_text(data)))


def test_the_brain_turns_by_pointer_and_keyboard(browser, tmp_path, width) -> None:
    opened(browser, tmp_path, run_page(make_run()), width)
    places = "return Array.from(document.querySelectorAll('.turn .place'), (p) => p.textContent)"
    start = browser.run(places)
    slider = browser.driver.find_elements("css selector", ".turn input")[2]
    slider.send_keys("\ue014")  # arrow right
    turned = browser.run(places)
    assert turned[:2] == start[:2]
    assert turned[2] != start[2]
    browser.run(
        """const canvas = document.querySelectorAll("#brain canvas")[2];
           const box = canvas.getBoundingClientRect();
           canvas.setPointerCapture = () => undefined;
           canvas.dispatchEvent(new PointerEvent("pointerdown", {buttons: 1,
             clientX: box.left + 0.1 * box.width, clientY: box.top + 0.1 * box.height}));"""
    )
    moved = browser.run(places)
    assert moved[2] == turned[2]
    assert float(moved[0].split()[2]) < -60  # the patient's left is on the left
    assert float(moved[1].split()[2]) > 40  # anterior is on top
    assert browser.complaints() == []


@pytest.mark.parametrize("page", ["report.html", "run"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_the_pages(browser, site, width, page, scheme) -> None:
    axe = os.environ.get("MAPSMASKER_AXE", "")
    if not Path(axe).is_file():
        if os.environ.get("MAPSMASKER_REQUIRE_BROWSER") == "1":
            pytest.fail("MAPSMASKER_AXE must name axe.min.js; .ci/javascript fetches it.")
        pytest.skip(
            "needs axe-core: .ci/javascript FOLDER, then MAPSMASKER_AXE=FOLDER/…/axe.min.js"
        )
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.open(site / page if page != "run" else next(site.glob("run 5/*.html")), width)
    browser.run(Path(axe).read_text(encoding="utf-8"))
    found = browser.driver.execute_async_script(
        """const done = arguments[0];
           axe.run({resultTypes: ["violations"]}).then(({violations}) => done(violations.map(
             ({id, nodes}) => [id, nodes.slice(0, 3).map(({html}) => html.slice(0, 160))])));"""
    )
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert found == []
