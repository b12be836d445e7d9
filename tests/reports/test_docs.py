# SPDX-License-Identifier: Apache-2.0
"""The documents of the pages say what the code does."""

import ast
from pathlib import Path

import pytest

from nipype_mapsmasker.reports.verdict import thresholds

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGE = DOCS / "how-to" / "gallery.md"
MAX_BYTES = 60_000


def figure_functions() -> list[str]:
    return [
        node.name
        for path in sorted((ROOT / "nipype_mapsmasker" / "reports" / "figures").glob("*.py"))
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("figure_")
    ]


@pytest.mark.parametrize("name", figure_functions())
def test_every_figure_is_in_the_gallery(name: str) -> None:
    assert f"## `{name}`" in (PAGE).read_text(encoding="utf-8")


def test_the_gallerys_pictures_are_there_and_small() -> None:
    text = (PAGE).read_text(encoding="utf-8")
    shown = [line.split("(")[-1].rstrip(")") for line in text.splitlines() if line[:2] == "!["]
    assert len(shown) == len(figure_functions())
    assert all((PAGE.parent / path).stat().st_size < MAX_BYTES for path in shown)
    assert {(PAGE.parent / path).name for path in shown} == {
        path.name for path in (DOCS / "figures" / "gallery").iterdir()
    }


def test_the_thresholds_are_those_of_the_code() -> None:
    text = (DOCS / "explanation" / "pages.md").read_text(encoding="utf-8")
    inside = text.split("<!-- thresholds -->")[1].split("<!-- end of thresholds -->")[0]
    assert inside.strip().splitlines() == [f"- {line}" for line in thresholds()]


def test_what_the_pages_link_to_is_there() -> None:
    text = (DOCS / "explanation" / "pages.md").read_text(encoding="utf-8")
    headings = {
        line[3:].lower().replace(" ", "-") for line in text.splitlines() if line[:3] == "## "
    }
    linked = {"the-page-of-a-run", "the-page-of-a-cohort"}
    assert linked <= headings
    sources = [
        (ROOT / "nipype_mapsmasker" / "reports" / f"page_{kind}.py") for kind in ("run", "cohort")
    ]
    for name, path in zip(sorted(linked, reverse=True), sources, strict=True):
        assert f'"{name}"' in path.read_text(encoding="utf-8")
