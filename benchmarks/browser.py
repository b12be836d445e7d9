# SPDX-License-Identifier: Apache-2.0
"""
Measure the page of a cohort of 5,000 rows in Chromium: loading, sorting, scrolling.

    python benchmarks/browser.py [--rows 5000] [--repeats 5] [--to FILE]

Times are those of the page's own clock, from the browser's performance interface: loading until
the script has done its work, sorting until two frames later, and the frames of two seconds of
scrolling, each of which moves the table by more than it shows. CPU seconds, which a busy machine
changes less, are those of all processes of the browser. Needs Linux, Chromium, its driver, and
selenium.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from measure import markdown
from pages import make_cohort
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from nipype_mapsmasker.reports.page_cohort import cohort_page  # noqa: E402

__all__ = ["main"]

OUT = ROOT / "docs" / "benchmarks" / "browser.json"

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")

AIM = {"load, s": 1.0, "sort, s": 0.3, "frames a second while scrolling": 30.0}
"""What the page is to reach on two cores."""

LOAD = "return performance.getEntriesByName('ready')[0]?.startTime ?? 0"

SORT = """
const [place, done] = arguments;
const start = performance.now();
document.querySelectorAll("#runs-table th button")[place].click();
requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - start)));
"""

SCROLL = """
const done = arguments[0];
const box = document.querySelector("#runs-place .scroll");
const start = performance.now();
let frames = 0;
const step = () => {
  const gone = performance.now() - start;
  if (gone > 2000) return done([frames, gone / 1000]);
  frames += 1;
  box.scrollTop = (frames * 997) % box.scrollHeight;
  requestAnimationFrame(step);
};
requestAnimationFrame(step);
"""


def main() -> None:
    """Print and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--rows", type=int, default=5000, help="rows of the table (default 5000)")
    parser.add_argument("--repeats", type=int, default=5, help="openings of the page (default 5)")
    parser.add_argument("--to", type=Path, default=OUT, metavar="FILE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "report.html")
        page.write_text(cohort_page(make_cohort(options.rows)), encoding="utf-8")
        driver = _start(folder)
        try:
            all_of = [_measure(driver, page, folder) for _ in range(options.repeats)]
        finally:
            driver.quit()
    found = {name: round(statistics.median(one[name] for one in all_of), 4) for name in all_of[0]}
    rows = [[name, f"{value:g}", f"{AIM.get(name, '')}"] for name, value in found.items()]
    print(markdown((f"{options.rows:,} rows", "median", "aim"), rows))
    options.to.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _start(folder: str) -> webdriver.Chrome:
    """Start Chromium with an empty profile."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in (*FLAGS, f"--user-data-dir={folder}/profile"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    driver.set_window_size(1400, 900)
    return driver


def _measure(driver: webdriver.Chrome, page: Path, folder: str) -> dict[str, float]:
    """Open the page, and sort and scroll its table."""
    before = _cpu(folder)
    driver.get(page.as_uri())
    driver.set_script_timeout(60)
    ready = (
        "const done = arguments[0]; const look = () => document.documentElement.dataset.ready ?"
    )
    driver.execute_async_script(f"{ready} done() : setTimeout(look, 10); look();")
    found: dict[str, float] = {
        "load, s": driver.execute_script(LOAD) / 1000,
        "load, CPU s": _cpu(folder) - before,
    }
    before = _cpu(folder)
    places = (0, 1, 2, 3)
    spent = [driver.execute_async_script(SORT, place) / 1000 for place in places]
    found |= {"sort, s": max(spent), "sort, CPU s": (_cpu(folder) - before) / len(places)}
    before = _cpu(folder)
    n_frames, seconds = driver.execute_async_script(SCROLL)
    found |= {
        "frames a second while scrolling": n_frames / seconds,
        "a frame, CPU s": (_cpu(folder) - before) / n_frames,
    }
    return found


def _cpu(folder: str) -> float:
    """Sum the CPU seconds of the browser's processes, known by their profile."""
    spent = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_text()
            # Behind the name in brackets, which may hold anything, come user and system time.
            fields = (process / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        if folder in words and "chromedriver" not in words:
            spent += int(fields[11]) + int(fields[12])
    return spent / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
