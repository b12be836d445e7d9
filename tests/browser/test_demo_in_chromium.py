# SPDX-License-Identifier: Apache-2.0
"""The pages of ``mapsmasker demo``, and of a cohort with hostile names, in a real browser."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path

import pytest
from nipype import logging as nipype_logging

from nipype_mapsmasker.cli.main import main
from nipype_mapsmasker.io.tables.rows import read_rows, write_rows
from nipype_mapsmasker.testing import make_cohort
from tests.reports.examples import HOSTILE

pytestmark = pytest.mark.browser

ROWS = """
return Array.from(document.querySelectorAll("#runs-table tbody tr[data-row]"),
  (row) => row.cells[0].textContent)
"""

FRAMES = "requestAnimationFrame(() => setTimeout(arguments[0], 60));"
"""Wait until a picture that was asked for is inflated and drawn."""

PAGES = """
return Array.from(document.querySelectorAll("#runs-table tbody th a"),
  (link) => [link.textContent, link.href])
  .filter(([, address]) => address.endsWith(".html"))
"""

HOSTILE_NAMES = [
    HOSTILE, "</script><script>alert(1)</script>", "\" onload='alert(1)'", "日本語 · réseau",
    "{{7*7}}", "javascript:alert(1)", "&lt;b&gt;", "[x](y) <!-- -->",
]  # fmt: skip


def quiet(patch, folder: Path) -> None:
    """Keep Nipype's account of nodes off the screen, its files out of the current folder."""
    patch.chdir(folder)
    for name in ("nipype.workflow", "nipype.utils", "nipype.interface"):
        patch.setattr(nipype_logging.getLogger(name), "disabled", True)


@pytest.fixture(scope="session")
def demo(browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the demo, once; give the page that it names at its end."""
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        quiet(patch, folder)
        said: list[str] = []
        patch.setattr("builtins.print", lambda *words, **_: said.append(" ".join(map(str, words))))
        assert main(["demo", "show", "--n-subjects", "3", "--plugin", "Linear"]) == 0
    [named] = re.findall(r"look at the cohort page: (.*)$", said[-1])
    return folder / named


@pytest.fixture(scope="session")
def hostile(browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run a cohort whose names and paths would be code, were they not text."""
    folder = tmp_path_factory.mktemp("<b onclick=alert(1)> 'q' & \"d\" é")
    cohort = make_cohort(folder / "data", n_subjects=2, grids=1, outliers=["truncated"])
    names = [{"index": i, "name": name} for i, name in enumerate(HOSTILE_NAMES, start=1)]
    write_rows(cohort.labels_file, names, ["index", "name"])
    rows = read_rows(cohort.runs_file)
    ids = ["sub-ü'1'_[x]", 'sub-02_"<b>&amp;', "sub-<img src=x onerror=alert(1)>"]
    for row, run_id in zip(rows, ids, strict=True):
        row["run_id"] = run_id
    write_rows(cohort.runs_file, rows, list(rows[0]))
    with pytest.MonkeyPatch.context() as patch:
        quiet(patch, folder)
        words = ["run", str(cohort.runs_file), "out", "--maps", str(cohort.maps_file)]
        words += ["--atlas-names", "demo", "--labels", str(cohort.labels_file), "--quiet"]
        code = main([*words, "--plugin", "Linear", "--detrend"])
    assert code == 1
    return folder / "out" / "report.html"


def links(browser) -> list:
    return browser.driver.find_elements("css selector", "#runs-table tbody th a")


def assert_quiet(browser, page: Path) -> None:
    """Nothing on the console, nothing asked for but the page itself, no dialog."""
    time.sleep(0.3)
    assert browser.complaints() == []
    assert browser.requests() == [page.as_uri()]
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
    assert not browser.run("return document.querySelectorAll('[onerror],[onload]').length")


def test_the_demos_pages_are_quiet(browser, demo, width) -> None:
    for page in (demo, *sorted(demo.parent.glob("sub-*/**/*report.html"))):
        browser.open(page, width)
        assert_quiet(browser, page)


def test_the_demos_table_sorts_and_filters(browser, demo, width) -> None:
    browser.open(demo, width)
    head = browser.find("#runs-table th button")
    head.click()
    up = browser.run(ROWS)
    assert up == [f"sub-{number:02d}_task-rest" for number in (1, 2, 3)]
    head.click()
    assert browser.run(ROWS) == up[::-1]
    browser.find(".filter").send_keys("SUB-02")
    assert browser.run(ROWS) == ["sub-02_task-rest"]
    assert browser.find(".table-place .count").text == "1 of 3 rows"


def test_the_demos_links_lead_to_runs_and_back(browser, demo, width) -> None:
    browser.open(demo, width)
    for number in range(3):
        link = links(browser)[number]
        name = link.text
        link.click()
        assert browser.find("h1").text == name
        browser.find(".up a").click()
        assert browser.driver.current_url == demo.as_uri()
        browser.wait()


def state(browser) -> tuple[str, str, str]:
    curve = browser.run("return document.querySelector('#series path.after').getAttribute('d')")
    browser.driver.execute_async_script(FRAMES)
    picture = browser.run("return document.querySelector('#brain canvas').toDataURL()")
    return browser.find("#map-name").text, picture, curve


def test_the_demos_slider_works_by_mouse_and_keyboard(browser, demo, width) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    browser.open(demo, width)
    browser.driver.find_element("link text", "sub-01_task-rest").click()
    browser.wait()
    slider = browser.find("#slider")
    start = state(browser)
    assert start[0] == "Region 01"
    slider.send_keys(Keys.ARROW_RIGHT)
    second = state(browser)
    assert second[0] == "Region 02"
    assert all(a != b for a, b in zip(start, second, strict=True))
    slider.send_keys(Keys.HOME)
    assert state(browser) == start
    end = slider.size["width"] // 2 - 9
    ActionChains(browser.driver).move_to_element_with_offset(slider, end, 0).click().perform()
    assert state(browser)[0] == "Region 08"
    assert browser.complaints() == []


def test_hostile_names_come_through_the_command_line_as_text(browser, hostile, width) -> None:
    browser.open(hostile, width)
    assert_quiet(browser, hostile)
    ids = browser.run(ROWS)
    assert sorted(ids) == sorted(row["run_id"] for row in read_rows(hostile.parent / "runs.tsv"))
    text = browser.run("return document.body.textContent")
    assert all(name in text for name in ids)
    pages = browser.run(PAGES)
    assert len(pages) == 2
    for name, address in pages:
        browser.driver.get(address)
        browser.wait()
        assert browser.find("h1").text == name
        seen = set()
        for _ in HOSTILE_NAMES:
            seen.add(browser.run("return document.querySelector('#map-name').textContent"))
            browser.run("document.querySelector('#next').click()")
        assert seen == set(HOSTILE_NAMES)
        assert browser.run("return document.querySelectorAll('b, [onclick]').length") == 0
        assert browser.complaints() == []
        browser.find(".up a").click()
        browser.wait()
        assert browser.run(ROWS) == ids


def test_pages_may_be_moved_together(browser, demo, tmp_path) -> None:
    folder = tmp_path / "else where #2"
    shutil.copytree(demo.parent, folder, ignore=shutil.ignore_patterns("work"))
    browser.open(folder / "report.html", 1400)
    browser.driver.find_element("link text", "sub-02_task-rest").click()
    assert browser.find("h1").text == "sub-02_task-rest"
    browser.find(".up a").click()
    assert browser.find("h1").text == "All runs"
