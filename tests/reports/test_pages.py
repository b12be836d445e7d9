# SPDX-License-Identifier: Apache-2.0
"""Pages: what they hold, that they repeat to the byte, stay small, and execute no name."""

import base64
import html
import json
import re
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from nipype_mapsmasker.core.cut_volumes import unpack_volume
from nipype_mapsmasker.io.results.provenance import docs_url
from nipype_mapsmasker.reports.cohort import CohortBuilder
from nipype_mapsmasker.reports.html import Html, href, join, number, safe_json, tag
from nipype_mapsmasker.reports.methods import methods_text
from nipype_mapsmasker.reports.packing import pack_columns
from nipype_mapsmasker.reports.page_cohort import cohort_page
from nipype_mapsmasker.reports.page_run import run_page
from nipype_mapsmasker.reports.palettes import background_palette

from .examples import HOSTILE, SHAPE, make_run

HOSTILE_NAMES = [
    HOSTILE, "</script><script>alert(1)</script>", "\" onload=alert(1) '", "日本語 réseau",
    "$x_1$ \\frac{", "a\nb\tc", "<!-- -->", "&amp;", "", " ", "{{ 7*7 }}", "%s %d",
]  # fmt: skip


def page_data(page: str) -> dict:
    """Read what the page's script reads."""
    found = re.search(r'<script type="application/json" id="page-data">(.*?)</script>', page)
    assert found
    return json.loads(found.group(1))


def inflated(text: str) -> bytes:
    """Inflate as the page's script does."""
    return zlib.decompress(base64.b64decode(text))


def shown(packed: dict, column: int, length: int) -> list[str | None]:
    """Write the values of a column as the page does under the pointer."""
    raw = np.frombuffer(inflated(packed["codes"]), dtype=np.uint8)
    half = len(packed["digits"]) * length
    codes = raw[:half].astype(int)
    if packed["bytes"] == 2:
        codes += 256 * raw[half:].astype(int)
    missing = 65535 if packed["bytes"] == 2 else 255
    digits, first = packed["digits"][column], packed["first"][column]
    return [
        None if code == missing else f"{(first + code) / 10.0**digits:.{max(digits, 0)}f}"
        for code in codes[column * length : (column + 1) * length].tolist()
    ]


def test_the_page_holds_what_it_should() -> None:
    page = run_page(make_run(cohort_page="../../report.html"))
    text = html.unescape(page)
    for words in (
        "sub-01_task-rest", "192 of 200", "2 s", "Usable", "Network 12", "Degrees of freedom",
        "Rank of the confounds", "tSNR", "Lindquist", "butterworth", "sha256:abab", "--detrend",
        "differs from the argument", "nipype_mapsmasker 0.1.0", "./../../report.html",
        "Butterworth filter of order 5", "look closer below 80%",
    ):  # fmt: skip
        assert words in text, words
    assert page.count("data:image/png;base64,") > 10
    # One address leads out, in a link that the reader may follow.
    away = f'<a href="{docs_url("explanation/pages.html#the-page-of-a-run")}"'
    assert page.count(away) == 1
    known = rf"http-equiv|http://www.w3.org/2000/svg|{re.escape(docs_url())}"
    assert "http" not in re.sub(known, "", page)


def test_pages_repeat_to_the_byte() -> None:
    first = run_page(make_run())
    assert run_page(make_run()) == first


def test_pages_need_no_drawing_library() -> None:
    code = (
        "import sys; sys.path.insert(0, 'tests/reports'); from examples import make_run\n"
        "from nipype_mapsmasker.reports.page_run import run_page\n"
        "from nipype_mapsmasker.reports.page_cohort import cohort_page\n"
        "from nipype_mapsmasker.reports.cohort import CohortBuilder\n"
        "run = make_run(); builder = CohortBuilder(); builder.add(run)\n"
        "for cmap in ('gray', 'CMRmap_r'): run_page(run, cmap=cmap)\n"
        "cohort_page(builder.finish())\n"
        "print([m for m in ('matplotlib', 'jinja2', 'PIL') if m in sys.modules])"
    )
    root = Path(__file__).resolve().parents[2]
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "[]"


def test_the_cohorts_page_repeats_to_the_byte() -> None:
    def page() -> str:
        builder = CohortBuilder()
        for seed in range(6):
            builder.add(make_run(f"sub-{seed}", seed=seed, with_maps=False), link=f"{seed}.html")
        builder.fail("sub-9", "the image is truncated")
        return cohort_page(builder.finish(command="mapsmasker run"))

    assert page() == page()


def test_the_default_is_no_fault_of_the_user() -> None:
    few = make_run(n_maps=4, with_maps=False)
    page = html.unescape(run_page(few))
    assert "asks for more maps" not in page
    assert "maps are shown" not in page
    assert page_data(run_page(few))["view"] == [0, 1, 2, 3]
    assert "asks for more maps" in html.unescape(run_page(few, displayed_maps=9))
    assert "3 of 4 maps are shown." in html.unescape(run_page(few, displayed_maps=3))


def test_inputs_are_not_changed() -> None:
    run = make_run()
    arrays = [run.raw, run.cleaned, run.keep, run.confounds, run.motion, run.coverage]
    arrays += [run.mean_image, *run.cuts.values()]
    for array in arrays:
        array.flags.writeable = False
    run_page(run)


def test_names_are_text_everywhere() -> None:
    values = dict.fromkeys(("atlas", "strategy", "image", "command"), HOSTILE)
    run = make_run(
        HOSTILE, names=HOSTILE_NAMES, warnings=[HOSTILE], confound_names=[HOSTILE] * 7,
        versions={HOSTILE: HOSTILE}, parameters={HOSTILE: HOSTILE}, **values,
    )  # fmt: skip
    page = run_page(run)
    assert HOSTILE not in page
    assert "<script>alert" not in page
    assert len(re.findall("<script", page)) == 2
    assert page_data(page)["names"] == HOSTILE_NAMES
    builder = CohortBuilder()
    builder.add(run, link=f"{HOSTILE}/javascript:alert(1)#?.html")
    builder.fail(HOSTILE, HOSTILE, link="javascript:alert(1)")
    page = cohort_page(builder.finish(title=HOSTILE, command=HOSTILE))
    assert HOSTILE not in page
    assert 'href="javascript' not in page
    assert len(re.findall("<script", page)) == 2
    table = page_data(page)["table"]
    assert all(link.startswith("./") for link in table["link"])
    assert set(table["run"]) == {HOSTILE}


@pytest.mark.parametrize(
    ("n_maps", "most"),
    [(8, 0.3e6), (39, 0.4e6), (128, 0.7e6), pytest.param(1024, 3e6, marks=pytest.mark.slow)],
)
def test_pages_hold_all_maps_and_stay_small(n_maps: int, most: float) -> None:
    page = run_page(make_run(n_maps=n_maps))
    assert len(page.encode()) < most
    assert sorted(page_data(page)["view"]) == list(range(n_maps))
    assert len(page_data(page)["brain"]["maps"]) == n_maps


@pytest.mark.slow
def test_a_thousand_long_signals_stay_below_five_megabytes() -> None:
    page = run_page(make_run(n_maps=1024, n_volumes=600))
    assert len(page.encode()) < 5e6


@pytest.mark.parametrize("n_maps", [12, 700])
def test_values_under_the_pointer_are_the_files_to_the_digits_shown(n_maps: int) -> None:
    run = make_run(n_maps=n_maps, n_volumes=1200 if n_maps > 12 else 200, with_maps=False)
    data = page_data(run_page(run))
    length = data["volumes"]
    full = np.full(run.raw.shape, np.nan)
    full[run.keep] = run.cleaned
    for kind, signals in (("before", run.raw), ("after", full)):
        packed = data[kind]
        assert packed["bytes"] == (2 if n_maps == 12 else 1)
        for column in (0, 7, n_maps - 1):
            digits = packed["digits"][column]
            assert digits >= (3 if n_maps == 12 else 0)
            expected = [
                None if np.isnan(value) else f"{round(value, digits) + 0.0:.{digits}f}"
                for value in signals[:, column].tolist()
            ]
            assert shown(packed, column, length) == expected
    expected = [f"{x:.{data['series']['motion']['digits'][0]}f}" for x in run.motion.tolist()]
    assert shown(data["series"]["motion"], 0, length) == expected


def test_odd_signals_are_packed_too() -> None:
    signals = np.array([[1e9, 5.0, np.nan, 0.0, 1e-7], [-1e9, 5.0, np.nan, 0.0, 3e-7]])
    packed = pack_columns(signals)
    assert shown(packed, 0, 2) == ["1000000000", "-1000000000"]
    assert [float(text) for text in shown(packed, 1, 2)] == [5.0, 5.0]
    assert shown(packed, 2, 2) == [None, None]
    assert [float(text) for text in shown(packed, 4, 2)] == [1e-7, 3e-7]


def test_the_viewers_maps_are_those_of_the_run() -> None:
    run = make_run()
    data = page_data(run_page(run, displayed_maps=[7, 3]))
    assert data["view"] == [7, 3]
    assert data["spectra"]["band"] == [0.01, 0.1]
    assert data["censored"]
    brain = data["brain"]
    for index in (0, 4):
        levels = np.frombuffer(inflated(brain["maps"][index]), dtype=np.int8)
        box = brain["boxes"][index]
        assert levels.size == np.prod(box[3:])
        peak = run.cuts["peak"][index]
        volume = unpack_volume(run.cuts, index)
        assert np.abs(volume).max() == pytest.approx(peak)
        assert np.abs(levels).max() == brain["levels"]
    assert brain["shape"] == list(SHAPE)
    assert len(inflated(brain["mean"])) == np.prod(SHAPE)


def test_maps_that_stand_out_come_first() -> None:
    coverage = np.ones(90)
    coverage[[39, 60]] = 0.0, 0.3
    inflation = np.ones(90)
    inflation[5] = 40.0
    run = make_run(n_maps=90, coverage=coverage, variance_inflation=inflation, with_maps=False)
    page = run_page(run)
    data = page_data(page)
    assert data["view"][:4] == [5, 39, 60, 0]
    assert len(data["view"]) == 90
    assert data["flags"]["39"] == "no usable signal"
    assert "50% of its weight" in data["flags"]["60"]
    assert "3 maps stand out and come first." in page


def test_pixels_are_the_correlations() -> None:
    run = make_run(with_maps=False)
    page = run_page(run)
    [uri] = re.findall(r'src="data:image/png;base64,([^"]*)"[^>]* id="matrix"', page)
    picture = base64.b64decode(uri)
    start = picture.index(b"IDAT") + 4
    size = int.from_bytes(picture[start - 8 : start - 4])
    lines = zlib.decompress(picture[start : start + size])
    codes = np.frombuffer(lines, dtype=np.uint8).reshape(12, 13)[:, 1:]
    expected = np.corrcoef(run.cleaned.T)
    assert [f"{(code - 100) / 100:.2f}" for code in codes.ravel().tolist()] == [
        f"{value:.2f}".replace("-0.00", "0.00") for value in expected.ravel().tolist()
    ]


@pytest.mark.parametrize(
    ("wish", "n_shown", "words"),
    [(3, 3, ""), ([2, 99], 1, "[99]"), (99, 12, "asks for more maps"), (0, 0, "No map")],
)
def test_displayed_maps_reach_the_page(wish, n_shown: int, words: str) -> None:
    page = run_page(make_run(with_maps=False), displayed_maps=wish)
    assert words in html.unescape(page)
    assert len(page_data(page)["view"]) == n_shown


def test_wrong_wishes_are_errors() -> None:
    with pytest.raises(TypeError, match="displayed_maps"):
        run_page(make_run(with_maps=False), displayed_maps=1.5)
    with pytest.raises(ValueError, match="cmap must be"):
        run_page(make_run(with_maps=False), cmap="no such map")


def test_one_map_is_written_as_one() -> None:
    page = run_page(make_run(n_maps=1))
    assert "demo (1 map)" in page
    assert "The map at a glance" in page
    assert "Time series of 1 map of" in page


@pytest.mark.parametrize("cmap", ["gray", "viridis"])
def test_the_background_is_the_users_choice(cmap: str) -> None:
    page = run_page(make_run(), cmap=cmap)
    assert f"mean image ({cmap})" in page
    shades = page_data(page)["brain"]["shades"]
    assert shades == list(background_palette(cmap))
    assert (len({shades[24][i : i + 2] for i in (1, 3, 5)}) == 1) == (cmap == "gray")
    # Who hands the colours over need not look them up.
    assert run_page(make_run(), cmap=cmap, palette=shades) == page


@pytest.mark.parametrize(
    "missing",
    [
        {"t_r": None}, {"motion": None}, {"coverage": None}, {"r_squared": None},
        {"r_squared": np.full(200, np.nan)}, {"confounds": None, "confound_names": ()},
        {"mean_image": None}, {"cuts": None}, {"cleaned": None}, {"variance_inflation": None},
        {"summary": {}, "parameters": {}, "versions": {}, "sources": (), "command": ""},
    ],
    ids=lambda missing: ",".join(missing),
)  # fmt: skip
def test_whatever_is_not_known_may_be_absent(missing: dict) -> None:
    assert "</html>" in run_page(make_run(**missing))


@pytest.mark.parametrize(("n_maps", "n_volumes"), [(1, 200), (2, 30), (3, 12)])
def test_small_runs_have_a_page(n_maps: int, n_volumes: int) -> None:
    assert "</html>" in run_page(make_run(n_maps=n_maps, n_volumes=n_volumes))


def test_a_run_without_any_signal_has_a_page() -> None:
    raw = np.zeros((200, 12))
    page = run_page(make_run(raw=raw, cleaned=np.zeros((192, 12)), coverage=np.zeros(12)))
    assert "Do not use" in page


def test_signals_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit 192 kept volumes"):
        make_run(cleaned=np.zeros((7, 12)), with_maps=False)
    with pytest.raises(ValueError, match="11 names"):
        make_run(names=["x"] * 11, with_maps=False)


def test_a_cohort_of_failures_has_a_page() -> None:
    builder = CohortBuilder()
    for number_ in range(3):
        builder.fail(f"sub-{number_}", "the image is truncated")
    page = cohort_page(builder.finish())
    table = page_data(page)["table"]
    assert table["reasons"] == [["the image is truncated."]] * 3
    assert "Every run failed" in page
    assert "</html>" in cohort_page(CohortBuilder().finish())


def test_several_atlases_and_strategies_stand_apart() -> None:
    builder = CohortBuilder()
    for atlas in ("a", "b"):
        for number_ in range(3):
            run = make_run(f"sub-{number_}", seed=number_, atlas=atlas, with_maps=False)
            builder.add(run, link=f"sub-{number_}/{atlas}.html")
    page = cohort_page(builder.finish())
    assert "Atlas a · scrub" in page
    assert "Atlas b · scrub" in page
    assert "./sub-0/a.html" in page_data(page)["table"]["link"]
    assert page_data(page)["table"]["telling"] == ["atlas"]
    assert re.findall("<span>Runs</span><strong>(.*?)</strong>", page) == ["3"]
    assert page == cohort_page(builder.finish())


def test_methods_say_what_was_done_and_nothing_else() -> None:
    text = " ".join(methods_text(make_run(with_maps=False)).paragraphs)
    assert "pass band 0.01 to 0.1 Hz" in text
    assert "8 of 200 volumes (4%) were censored" in text
    plain = make_run(
        parameters={}, summary={}, cleaned=None, confounds=None, keep=None, with_maps=False
    )
    text = " ".join(methods_text(plain).paragraphs)
    assert "filter" not in text
    assert "censored" not in text
    cited = set(re.findall(r"\[(\d+)\]", text))
    assert cited == {str(n + 1) for n in range(len(methods_text(plain).references))}


def test_text_is_escaped_unless_it_is_markup() -> None:
    inner = tag("b", "<&>", title='"', class_="x y", hidden=True, id=None)
    assert inner == '<b title="&quot;" class="x y" hidden>&lt;&amp;&gt;</b>'
    assert tag("p", inner, "<i>") == f"<p>{inner}&lt;i&gt;</p>"
    assert join(["<", Html("<br>")], "&") == "&lt;&amp;<br>"
    with pytest.raises(ValueError, match="cannot be called"):
        tag("p", **{"x onclick=alert(1)": "y"})


def test_json_and_links_are_inert() -> None:
    assert json.loads(str(safe_json({"</script>": "<!--&\u2028"}))) == {"</script>": "<!--&\u2028"}
    assert "<" not in safe_json(["</script>"])
    assert href("a b/#1?.html") == "./a%20b/%231%3F.html"
    assert href("") == ""


def test_numbers_are_written_for_people() -> None:
    assert number(None, 2) == "–"
    assert number(float("nan"), 2) == "–"
    assert number(1e-14, 3) == "0"
    assert number(0.00012, 2) == "1.2e-04"
    assert number(35.0107, -4) == "35.01"
    assert number(150.0, 0) == "150"
