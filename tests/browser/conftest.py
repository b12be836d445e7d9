# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium of the system, and pages for it to open."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nipype_mapsmasker.reports.cohort import CohortBuilder
from nipype_mapsmasker.reports.page_cohort import cohort_page
from nipype_mapsmasker.reports.page_run import run_page
from tests.reports.examples import HOSTILE, make_run

INSTALL = (
    "needs a browser: apt-get install chromium chromium-driver, and pip install selenium "
    "(MAPSMASKER_REQUIRE_BROWSER=1 makes this a failure)"
)

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage",
)  # fmt: skip


class Browser:
    """Drive Chromium, and keep what it says and asks for."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, page: Path, width: int) -> None:
        """Open a page in a window of this width."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.get_log("browser")
        self.driver.get_log("performance")
        self.driver.get(page.as_uri())
        self.wait()

    def wait(self) -> None:
        """Wait until the page's script has done its work."""
        ready = "return document.documentElement.dataset.ready === 'true'"
        for _ in range(200):
            if self.run(ready):
                return
            time.sleep(0.05)
        pytest.fail(f"The page's script did not finish: {self.complaints()}")

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a script in the page."""
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str) -> Any:
        """Find the first element."""
        return self.driver.find_element("css selector", selector)

    def complaints(self) -> list[str]:
        """Give all that is on the console."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """Give the addresses that were asked for since the page was opened, data: left out."""
        messages = [
            json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")
        ]
        urls = [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in urls if not url.startswith("data:")]


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Start Chromium with an empty profile; skip, or fail, where there is none."""
    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    try:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
    except ImportError:
        chromium = None
    if not chromium or not chromedriver:
        if os.environ.get("MAPSMASKER_REQUIRE_BROWSER") == "1":
            pytest.fail(INSTALL)
        pytest.skip(INSTALL)
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(chromedriver))
    try:
        yield Browser(driver)
    finally:
        driver.quit()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a cohort of twelve runs, two of them failed, one of them hostile, with their pages."""
    folder = tmp_path_factory.mktemp("out put #1")
    builder = CohortBuilder()
    faults = {3: "noise", 5: "half", 7: "censored"}
    for number in range(10):
        run_id = HOSTILE if number == 9 else f"sub-{number:02d}_task-rest"
        hostile = dict.fromkeys(("atlas", "image", "command"), HOSTILE) if number == 9 else {}
        names = [HOSTILE, "</script><script>alert(1)</script>", "\" onload='alert(1)'", "日本語"]
        if number == 9:
            hostile |= {"names": names + [f"n{index}" for index in range(8)]}
        run = make_run(
            run_id,
            seed=number,
            fault=faults.get(number, ""),
            cohort_page="../report.html",
            **{"atlas": "demo", **hostile},
        )
        link = f"run {number}/ü#%?{number}.html"
        (folder / link).parent.mkdir()
        (folder / link).write_text(run_page(run), encoding="utf-8")
        builder.add(run, link=link)
    builder.fail("sub-20_task-rest", "the image holds 57 of 200 volumes")
    builder.fail(f"sub-21{HOSTILE}", HOSTILE)
    page = cohort_page(builder.finish(title="Demo", command="mapsmasker demo"))
    (folder / "report.html").write_text(page, encoding="utf-8")
    return folder


@pytest.fixture(params=[1400, 420])
def width(request: pytest.FixtureRequest) -> int:
    """Give a desk's and a telephone's width in pixels."""
    return int(request.param)
