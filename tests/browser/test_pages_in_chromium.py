# SPDX-License-Identifier: Apache-2.0
"""Pages in a real browser: quiet, self-contained, sortable, usable by mouse and keyboard."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from nipype_mapsmasker.reports.measures import MEASURES
from nipype_mapsmasker.reports.page_cohort import cohort_page
from nipype_mapsmasker.reports.results import CohortResults, RunRow

pytestmark = pytest.mark.browser

RUN_IDS = """
return Array.from(document.querySelectorAll("#runs-table tbody tr[data-row]"),
  (row) => row.cells[0].textContent)
"""


def run_page_of(site: Path, number: int) -> Path:
    return site / f"run {number}/ü#%?{number}.html"


def column(browser, name: str) -> int:
    heads = browser.run(
        "return Array.from(document.querySelectorAll('#runs-table th[scope=col]'), "
        "(h) => h.textContent)"
    )
    return heads.index(name)


def show_column(browser, name: str) -> None:
    """Tick a measure in the chooser, unless it is in the table already."""
    browser.run(
        """const box = Array.from(document.querySelectorAll(".chooser label"))
             .find((label) => label.textContent.trim() === arguments[0]).firstChild;
           if (!box.checked) box.click();""",
        name,
    )


def click_head(browser, name: str) -> None:
    browser.run(
        "document.querySelectorAll('#runs-table th[scope=col] button')[arguments[0]].click()",
        column(browser, name),
    )


def values(browser, name: str) -> list[str]:
    script = """return Array.from(document.querySelectorAll("#runs-table tbody tr[data-row]"),
      (row) => row.cells[arguments[0]].textContent)"""
    return browser.run(script, column(browser, name))


@pytest.mark.parametrize("page", ["report.html", 0, 9])
def test_pages_are_quiet_and_ask_for_nothing(browser, site, width, page) -> None:
    path = site / page if isinstance(page, str) else run_page_of(site, page)
    browser.open(path, width)
    time.sleep(0.3)
    assert browser.complaints() == []
    assert browser.requests() == [path.as_uri()]


@pytest.mark.parametrize("page", ["report.html", 0, 9])
def test_nothing_is_wider_than_the_window(browser, site, width, page) -> None:
    browser.open(site / page if isinstance(page, str) else run_page_of(site, page), width)
    assert browser.run("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("page", ["report.html", 9])
def test_hostile_names_are_text(browser, site, width, page) -> None:
    browser.open(site / page if isinstance(page, str) else run_page_of(site, page), width)
    text = browser.run("return document.body.textContent")
    assert "<img src=x onerror=alert(1)>" in text
    assert browser.run("return document.querySelectorAll('img[onerror], [onload]').length") == 0
    assert browser.run("return document.querySelectorAll('body script').length") <= 2
    if page == 9:
        browser.find("#next").click()
        assert browser.find("#map-name").text == "</script><script>alert(1)</script>"
        browser.find("#next").click()
        assert browser.find("#map-name").text == "\" onload='alert(1)'"
    assert browser.complaints() == []


def test_the_policy_stops_foreign_scripts_and_requests(browser, site) -> None:
    browser.open(site / "report.html", 1400)
    browser.run(
        """window.refused = [];
        addEventListener("securitypolicyviolation", (event) =>
          window.refused.push(event.effectiveDirective));
        const script = document.createElement("script"); script.textContent = "window.bad = 1";
        document.body.append(script);
        const image = new Image(); image.src = "http://127.0.0.1:9/x.png";
        document.body.append(image);"""
    )
    time.sleep(0.3)
    assert browser.run("return window.bad") is None
    assert sorted(browser.run("return window.refused")) == ["img-src", "script-src-elem"]


def test_the_table_sorts(browser, site, width) -> None:
    browser.open(site / "report.html", width)
    assert len(browser.run(RUN_IDS)) == 12
    show_column(browser, "Kept")
    click_head(browser, "Kept")
    first = [float(value) for value in values(browser, "Kept") if value != "–"]
    assert first == sorted(first)
    assert first[0] == 0.4
    assert values(browser, "Kept")[-2:] == ["–", "–"]
    click_head(browser, "Kept")
    again = [float(value) for value in values(browser, "Kept") if value != "–"]
    assert again == sorted(first, reverse=True)
    assert values(browser, "Kept")[-2:] == ["–", "–"]
    sorted_by = browser.run(
        "return Array.from(document.querySelectorAll('[aria-sort]'), (h) => h.textContent)"
    )
    assert sorted_by == ["Kept"]
    click_head(browser, "Run")
    click_head(browser, "Run")
    names = browser.run(RUN_IDS)
    assert names.index("sub-08_task-rest") < names.index("sub-00_task-rest")


def test_the_table_sorts_by_keyboard(browser, site) -> None:
    browser.open(site / "report.html", 1400)
    show_column(browser, "Kept")
    heads = browser.driver.find_elements("css selector", "#runs-table th[scope=col] button")
    browser.run("arguments[0].focus()", heads[column(browser, "Kept")])
    browser.driver.switch_to.active_element.send_keys("\ue007")
    assert values(browser, "Kept")[0] == "0.40"


def test_the_table_filters(browser, site, width) -> None:
    browser.open(site / "report.html", width)
    field = browser.find(".filter")
    field.send_keys("57 OF 200")
    assert browser.run(RUN_IDS) == ["sub-20_task-rest"]
    assert browser.find(".count").text == "1 of 12 rows"
    field.clear()
    field.send_keys("rest noise")
    assert browser.run(RUN_IDS) == ["sub-03_task-rest"]
    browser.run("arguments[0].value = ''; arguments[0].dispatchEvent(new Event('input'))", field)
    assert len(browser.run(RUN_IDS)) == 12


def test_the_tiles_count_runs_and_filter(browser, site, width) -> None:
    browser.open(site / "report.html", width)
    tile = browser.find(".tile.bad")
    assert tile.text.split() == ["Do", "not", "use", "as", "it", "is", "3"]
    tile.click()
    expected = {f"sub-{number:02d}_task-rest" for number in (3, 5, 7)}
    assert set(browser.run(RUN_IDS)) == expected
    assert tile.get_attribute("aria-pressed") == "true"
    tile.click()
    assert len(browser.run(RUN_IDS)) == 12


def test_the_worst_runs_come_first_and_say_why(browser, site) -> None:
    browser.open(site / "report.html", 1400)
    rows = browser.run(
        """return Array.from(document.querySelectorAll("#runs-table tbody tr[data-row]"),
             (row) => [row.cells[0].textContent, row.textContent,
                       row.getBoundingClientRect().bottom])"""
    )
    names = [name for name, _, _ in rows]
    assert names[:2] == ["sub-20_task-rest", "sub-21<img src=x onerror=alert(1)>"]
    planted = {"sub-03_task-rest": "noise", "sub-05_task-rest": "coverage"}
    planted |= {"sub-07_task-rest": "censoring", "sub-20_task-rest": "57 of 200 volumes"}
    assert set(names[2:5]) == set(planted) - {"sub-20_task-rest"}
    for name, text, bottom in rows[:5]:
        assert bottom < 900, "not on the first screen"
        assert planted.get(name, "alert(1)") in text


def test_the_card_is_the_run_that_is_looked_at(browser, site) -> None:
    browser.open(site / "report.html", 1400)
    assert browser.find("#card h3").text == "sub-20_task-rest"
    browser.run(
        """document.querySelectorAll("#runs-table tbody tr[data-row]")[3]
             .dispatchEvent(new PointerEvent("pointerenter"))"""
    )
    assert browser.find("#card h3").text.startswith(browser.run(RUN_IDS)[3])
    box = browser.find("#runs-place .scroll")
    box.send_keys("\ue015")
    assert browser.find("#card h3").text.startswith(browser.run(RUN_IDS)[4])
    link = browser.find("#card a").get_attribute("href")
    assert link.endswith(".html")


def test_links_open_the_pages_of_the_runs_and_lead_back(browser, site, width) -> None:
    browser.open(site / "report.html", width)
    links = browser.driver.find_elements("css selector", "#runs-table a")
    assert len(links) == 10
    browser.driver.find_element("link text", "sub-04_task-rest").click()
    assert browser.find("h1").text == "sub-04_task-rest"
    browser.find(".up a").click()
    assert browser.find("h1").text == "Demo"


def test_a_run_leads_to_the_one_before_and_after_it(browser, site) -> None:
    browser.open(site / "report.html", 1400)
    names = browser.run(RUN_IDS)
    place = names.index("sub-04_task-rest")
    browser.driver.find_element("link text", "sub-04_task-rest").click()
    for words, expected in (("Next run →", names[place + 1]), ("← Previous run", names[place])):
        browser.wait()
        browser.driver.find_element("link text", words).click()
        for _ in range(100):
            if browser.driver.current_url.split("#")[0] != (site / "report.html").as_uri():
                break
            time.sleep(0.05)
        assert browser.find("h1").text == expected


def state(browser) -> tuple[str, str, str]:
    curve = browser.run("return document.querySelector('#series path.after').getAttribute('d')")
    browser.driver.execute_async_script(
        "requestAnimationFrame(() => setTimeout(arguments[0], 60));"
    )
    picture = browser.run("return document.querySelector('#brain canvas').toDataURL()")
    return browser.find("#map-name").text, picture, curve


def test_the_slider_works_by_keyboard(browser, site, width) -> None:
    browser.open(run_page_of(site, 0), width)
    start = state(browser)
    slider = browser.find("#slider")
    slider.send_keys("\ue014")
    second = state(browser)
    assert second[0] == "Network 02"
    assert all(a != b for a, b in zip(start, second, strict=True))
    assert slider.get_attribute("aria-valuetext") == "2 of 12: Network 02"
    slider.send_keys("\ue010")
    assert state(browser)[0] == "Network 12"
    slider.send_keys("\ue011")
    assert state(browser) == start


def test_the_slider_works_by_mouse(browser, site, width) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    browser.open(run_page_of(site, 0), width)
    slider = browser.find("#slider")
    start = state(browser)
    half = slider.size["width"] // 2
    ActionChains(browser.driver).move_to_element_with_offset(slider, half - 9, 0).click().perform()
    last = state(browser)
    assert last[0] == "Network 12"
    assert last != start
    assert browser.find("#next").get_attribute("disabled")
    browser.find("#previous").click()
    assert browser.find("#map-name").text == "Network 11"
    browser.find("#chooser option[value='3']").click()
    assert browser.find("#map-name").text == "Network 04"
    assert slider.get_attribute("value") == "3"


def test_all_pictures_are_there_and_have_words(browser, site, width) -> None:
    browser.open(run_page_of(site, 0), width)
    broken = """return Array.from(document.images)
      .filter((image) => !image.complete || !image.naturalWidth).length"""
    assert browser.run(broken) == 0
    silent = """return Array.from(document.querySelectorAll("figure img:not(.back), canvas"))
      .filter((image) => !(image.alt ?? image.getAttribute("aria-label")).trim()).length"""
    assert browser.run(silent) == 0


def test_five_thousand_rows_answer_at_once(browser, tmp_path) -> None:
    rows = []
    for number in range(5000):
        odd = number % 7 == 0
        values = dict.fromkeys(MEASURES, 0.5 + number % 97 / 1000)
        rows.append(
            RunRow(
                run_id=f"sub-{number:04d}_task-rest_run-1",
                level="check" if odd else "good",
                reasons=("Something stands out.",) if odd else (),
                keywords=("noise",) if odd else (),
                link=f"sub-{number:04d}/report.html",
                measures=values,
            )
        )
    path = tmp_path / "report.html"
    path.write_text(cohort_page(CohortResults(rows=rows)), encoding="utf-8")
    assert path.stat().st_size < 2e6
    browser.open(path, 1400)
    assert len(browser.run(RUN_IDS)) < 100, "rows out of sight are in the page"
    # Two frames after the event all is laid out and drawn.
    script = """const [done, act] = [arguments[1], arguments[0]];
      const start = performance.now();
      const box = document.querySelector("#runs-place .scroll");
      if (act === "sort") document.querySelectorAll("#runs-table th button")[0].click();
      else if (act === "scroll") box.scrollTop = 100000;
      else { const field = document.querySelector(".filter"); field.value = "sub-01";
             field.dispatchEvent(new Event("input")); }
      requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - start)));"""
    acts = ("sort", "scroll", "filter")
    spent = {act: browser.driver.execute_async_script(script, act) for act in acts}
    assert browser.find(".count").text == "100 of 5000 rows"
    # A generous bound for a busy machine; each takes about a tenth of it on an idle one.
    assert max(spent.values()) < 3000, spent
