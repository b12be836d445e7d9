# SPDX-License-Identifier: Apache-2.0
"""Pages: what they hold, that they repeat to the byte, stay small, and execute no name."""

import base64
import html
import json
import re

import matplotlib as mpl
import numpy as np
import pytest

from nipype_mapsmasker.reports.cohort import CohortBuilder
from nipype_mapsmasker.reports.methods import methods_text
from nipype_mapsmasker.reports.page_cohort import cohort_page
from nipype_mapsmasker.reports.page_run import run_page
from nipype_mapsmasker.reports.render import href, number, safe_json

from .examples import HOSTILE, make_run

HOSTILE_NAMES = [
    HOSTILE, "</script><script>alert(1)</script>", "\" onload=alert(1) '", "日本語 réseau",
    "$x_1$ \\frac{", "a\nb\tc", "<!-- -->", "&amp;", "", " ", "{{ 7*7 }}", "%s %d",
]  # fmt: skip


@pytest.fixture
def coarse(monkeypatch) -> None:
    """Draw few pixels, for tests that look at words alone."""
    monkeypatch.setattr("nipype_mapsmasker.reports.render.DPI", 20)


def viewer_data(page: str) -> dict:
    found = re.search(r'<script type="application/json" id="viewer-data">(.*?)</script>', page)
    assert found
    return json.loads(found.group(1))


@pytest.mark.usefixtures("coarse")
def test_the_page_holds_what_it_should() -> None:
    page = run_page(make_run(cohort_page="../../report.html"))
    text = html.unescape(page)
    for words in (
        "sub-01_task-rest", "192 of 200", "2 s", "Usable", "Network 12", "Degrees of freedom",
        "Rank of the confounds", "Lindquist", "butterworth", "sha256:abab", "--detrend",
        "differs from the argument", "nipype_mapsmasker 0.1.0", "./../../report.html",
        "Butterworth filter of order 5", "look closer below 80%",
    ):  # fmt: skip
        assert words in text, words
    assert page.count("data:image/png;base64,") > 10
    assert "http" not in re.sub(r"http-equiv|http://www.w3.org/2000/svg", "", page)


def test_pages_repeat_to_the_byte_and_leave_no_settings_behind() -> None:
    before = dict(mpl.rcParams)
    first = run_page(make_run())
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "pink"}):
        assert run_page(make_run()) == first
    assert dict(mpl.rcParams) == before


@pytest.mark.usefixtures("coarse")
def test_the_cohorts_page_repeats_to_the_byte() -> None:
    def page() -> str:
        builder = CohortBuilder()
        for seed in range(6):
            builder.add(make_run(f"sub-{seed}", seed=seed, with_maps=False), link=f"{seed}.html")
        builder.fail("sub-9", "the image is truncated")
        return cohort_page(builder.finish(command="mapsmasker run"))

    assert page() == page()


@pytest.mark.usefixtures("coarse")
def test_the_default_is_no_fault_of_the_user() -> None:
    few = make_run(n_maps=4, with_maps=False)
    page = html.unescape(run_page(few))
    assert "asks for more maps" not in page
    assert "All 4 maps are shown." in page
    assert "asks for more maps" in html.unescape(run_page(few, displayed_maps=9))
    assert "3 of 4 maps are shown." in html.unescape(run_page(few, displayed_maps=3))


@pytest.mark.usefixtures("coarse")
def test_inputs_are_not_changed() -> None:
    run = make_run()
    arrays = [run.raw, run.cleaned, run.keep, run.confounds, run.motion, run.coverage]
    arrays += [run.mean_image, *run.cuts.values()]
    for array in arrays:
        array.flags.writeable = False
    run_page(run)


@pytest.mark.usefixtures("coarse")
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
    assert [entry["name"] for entry in viewer_data(page)["maps"]] == HOSTILE_NAMES[:10]
    builder = CohortBuilder()
    builder.add(run, link=f"{HOSTILE}/javascript:alert(1)#?.html")
    builder.fail(HOSTILE, HOSTILE, link="javascript:alert(1)")
    page = cohort_page(builder.finish(title=HOSTILE, command=HOSTILE))
    assert HOSTILE not in page
    assert 'href="javascript' not in page
    assert len(re.findall("<script", page)) == 1


def test_fifty_maps_stay_below_one_and_a_half_megabytes() -> None:
    page = run_page(make_run(n_maps=50, n_volumes=300), displayed_maps="all")
    assert len(page.encode()) < 1.5e6
    assert len(viewer_data(page)["maps"]) == 50


@pytest.mark.slow
@pytest.mark.parametrize("displayed_maps", [10, "all"])
def test_a_thousand_maps_stay_below_five_megabytes(displayed_maps) -> None:
    page = run_page(make_run(n_maps=1024, n_volumes=600), displayed_maps=displayed_maps)
    assert len(page.encode()) < 5e6


@pytest.mark.usefixtures("coarse")
def test_curves_come_back_from_the_page() -> None:
    run = make_run()
    data = viewer_data(run_page(run, displayed_maps=[7, 3]))
    assert [entry["index"] for entry in data["maps"]] == [7, 3]
    curve = data["maps"][0]["after"]
    codes = np.frombuffer(base64.b64decode(curve["codes"]), dtype=np.uint8)
    values = curve["low"] + codes / 250 * (curve["high"] - curve["low"])
    assert ((codes == 255) == ~run.keep).all()
    step = (curve["high"] - curve["low"]) / 250
    np.testing.assert_allclose(values[run.keep], run.cleaned[:, 7], atol=0.51 * step)
    assert data["band"] == [0.01, 0.1]
    assert data["censored"]


@pytest.mark.parametrize(
    ("wish", "shown", "words"),
    [(3, 3, ""), ([2, 99], 1, "[99]"), (99, 12, "asks for more maps"), (0, 0, "No map")],
)
@pytest.mark.usefixtures("coarse")
def test_displayed_maps_reach_the_page(wish, shown: int, words: str) -> None:
    page = run_page(make_run(with_maps=False), displayed_maps=wish)
    assert words in html.unescape(page)
    assert len(re.findall("<option", page)) == shown


def test_wrong_wishes_are_errors() -> None:
    with pytest.raises(TypeError, match="displayed_maps"):
        run_page(make_run(with_maps=False), displayed_maps=1.5)
    with pytest.raises(ValueError, match="cmap must be"):
        run_page(make_run(with_maps=False), cmap="no such map")


@pytest.mark.parametrize("cmap", ["gray", "viridis"])
@pytest.mark.usefixtures("coarse")
def test_the_background_is_the_users_choice(cmap: str) -> None:
    page = run_page(make_run(), cmap=cmap)
    assert f"mean image ({cmap})" in page
    assert page != run_page(make_run())


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
@pytest.mark.usefixtures("coarse")
def test_whatever_is_not_known_may_be_absent(missing: dict) -> None:
    assert "</html>" in run_page(make_run(**missing))


@pytest.mark.parametrize(("n_maps", "n_volumes"), [(1, 200), (2, 30), (3, 12)])
@pytest.mark.usefixtures("coarse")
def test_small_runs_have_a_page(n_maps: int, n_volumes: int) -> None:
    assert "</html>" in run_page(make_run(n_maps=n_maps, n_volumes=n_volumes))


@pytest.mark.usefixtures("coarse")
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
    assert page.count("the image is truncated") == 3
    assert "Every run failed" in page
    assert "</html>" in cohort_page(CohortBuilder().finish())


@pytest.mark.usefixtures("coarse")
def test_several_atlases_and_strategies_stand_apart() -> None:
    builder = CohortBuilder()
    for atlas in ("a", "b"):
        for number_ in range(3):
            run = make_run(f"sub-{number_}", seed=number_, atlas=atlas, with_maps=False)
            builder.add(run, link=f"sub-{number_}/{atlas}.html")
    page = cohort_page(builder.finish())
    assert "Atlas a · scrub" in page
    assert "Atlas b · scrub" in page
    assert 'href="./sub-0/a.html"' in page
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
