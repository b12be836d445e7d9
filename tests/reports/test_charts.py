# SPDX-License-Identifier: Apache-2.0
"""Axes and scales: round numbers, at least two of them, and colours that are those drawn."""

import re

import numpy as np
import pytest

from nipype_mapsmasker.reports import palettes
from nipype_mapsmasker.reports.charts import ticks
from nipype_mapsmasker.reports.html import ASSETS


def test_ticks_are_round_and_at_least_two() -> None:
    assert ticks(0, 400, 5) == [0, 100, 200, 300, 400]
    assert ticks(-2.6, 2.7, 3) == [-2, 0, 2]
    assert ticks(-0.17, 0.17, 3) == [-0.1, 0, 0.1]
    assert ticks(1, 1, 3) == []
    rng = np.random.default_rng(0)
    for wanted in (1, 2, 3, 5):
        for low, span in rng.lognormal(0, 4, (200, 2)):
            found = ticks(low, low + span, wanted)
            assert span < 1e-6 * low or 2 <= len(found) <= 2 * wanted + 3
            assert not found or low - 1e-6 * span <= found[0] < found[-1] <= low + 1.000001 * span


def test_keys_take_no_layout_from_their_colours() -> None:
    style = (ASSETS / "style.css").read_text(encoding="utf-8")
    kinds = set(re.findall(r"\.key\.([a-z]+)", style))
    assert {"before", "after", "censored", "pass", "told"} <= kinds
    layouts = set(re.findall(r"(?m)(?:^|})\s*\.([a-z]+) \{ display:", style))
    assert "named" in layouts
    assert not kinds & layouts


@pytest.mark.parametrize(
    ("kind", "palette", "end"),
    [
        ("ramp", palettes.signed_palette, 1),
        ("ramp.share", palettes.share_palette, 1),
        ("ramp.spread", palettes.share_palette, -1),
    ],
)
def test_scales_have_the_colours_of_the_pictures(kind: str, palette, end: int) -> None:
    style = (ASSETS / "style.css").read_text(encoding="utf-8")
    (drawn,) = re.findall(
        rf"\.{re.escape(kind)} {{[^}}]*linear-gradient\((\d+)deg, ([^)]*)\)", style
    )
    stops = drawn[1].split(", ")
    assert drawn[0] == ("90" if end == 1 else "270")
    expected = palette(len(stops))[:-1]
    assert [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in expected.tolist()] == stops
