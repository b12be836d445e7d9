# SPDX-License-Identifier: Apache-2.0
"""Faults planted in images are found by the command line's pages, for the right reason."""

import html
import json
import re

import pandas as pd
import pytest
from nipype import logging as nipype_logging

from nipype_mapsmasker.cli.main import main
from nipype_mapsmasker.reports.folder import write_qc
from nipype_mapsmasker.reports.html import number
from nipype_mapsmasker.reports.measures import MEASURES
from nipype_mapsmasker.reports.qc import verdict_line
from nipype_mapsmasker.testing import OUTLIERS, make_cohort

FOUND = {"noise": "noise", "half_fov": "coverage", "censored": "censoring"}
"""What the verdict says it is about, for each fault that leaves signals."""

WORDS = {
    "noise": "look like noise",
    "half_fov": "outside the image, the mask or the field of view",
    "censored": "Only 79 of 200 volumes were kept",
}


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Six sound runs and one with each fault, through the command line."""
    folder = tmp_path_factory.mktemp("planted")
    cohort = make_cohort(folder / "data", n_subjects=6, grids=1, outliers=OUTLIERS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in ("nipype.workflow", "nipype.utils", "nipype.interface"):
            patch.setattr(nipype_logging.getLogger(name), "disabled", True)
        words = ["run", str(cohort.runs_file), str(folder / "out"), "--quiet"]
        words += ["--maps", str(cohort.maps_file), "--atlas-names", "demo", "--detrend"]
        words += ["--standardize", "zscore_sample", "--high-pass", "0.01", "--low-pass", "0.1"]
        words += ["--plugin", "Linear"]
        assert main(words) == 1
    return cohort, folder / "out"


@pytest.fixture(scope="module")
def table(planted):
    """The table of measures and verdicts, made again from the result files alone."""
    first = (planted[1] / "qc.tsv").read_bytes()
    assert write_qc(planted[1]).read_bytes() == first
    return pd.read_csv(write_qc(planted[1]), sep="\t", index_col="run_id")


def row_of(out, run_id):
    """Give what the cohort's page says of a run."""
    page = (out / "report.html").read_text(encoding="utf-8")
    [data] = re.findall(r'id="page-data">(.*?)</script>', page)
    table = json.loads(data)["table"]
    place = table["run"].index(run_id)
    fields = ("level", "keywords", "reasons", "link")
    row = {field: table[field][place] for field in fields}
    row["level"] = table["levels"][row["level"]]["level"]
    row["values"] = {m["name"]: m["values"][place] for m in table["measures"]}
    row["odd"] = [m["name"] for m in table["measures"] if str(place) in m["odd"]]
    return row


def page_of(out, run_id):
    [path] = out.glob(f"{run_id.split('_')[0]}/**/*report.html")
    return html.unescape(path.read_text(encoding="utf-8"))


def by_fault(cohort, fault):
    return next(run_id for run_id, planted in cohort.outliers.items() if planted == fault)


@pytest.mark.parametrize("fault", FOUND)
def test_the_runs_own_page_names_the_fault(planted, fault):
    cohort, out = planted
    page = page_of(out, by_fault(cohort, fault))
    assert '<div class="verdict bad">' in page
    assert re.findall(r'<li class="bad"><strong>(.*?)</strong>', page) == [FOUND[fault]]
    assert WORDS[fault] in page


@pytest.mark.parametrize("fault", FOUND)
def test_the_cohorts_page_names_the_fault(planted, fault):
    cohort, out = planted
    row = row_of(out, by_fault(cohort, fault))
    assert row["level"] == "bad"
    assert row["keywords"].split(", ")[0] == FOUND[fault]
    assert any(WORDS[fault] in reason for reason in row["reasons"])
    # It also stands out of the others, and is named among the outliers.
    assert row["odd"]
    outliers = (out / "report.html").read_text(encoding="utf-8").split('id="outliers"')[1]
    assert by_fault(cohort, fault) in outliers.split("</section>")[0]


def test_a_truncated_image_has_a_failed_row(planted):
    cohort, out = planted
    row = row_of(out, by_fault(cohort, "truncated"))
    assert row["level"] == "failed"
    assert "_bold.nii.gz" in row["reasons"][0]
    assert "volumes" in row["reasons"][0]


def test_sound_runs_are_not_flagged(planted):
    cohort, out = planted
    for run_id in set(cohort.run_ids) - set(cohort.outliers):
        assert row_of(out, run_id)["level"] == "good"
        assert '<div class="verdict good">' in page_of(out, run_id)


@pytest.mark.parametrize("fault", FOUND)
def test_the_table_of_measures_names_the_fault(planted, table, fault):
    cohort, _ = planted
    row = table.loc[by_fault(cohort, fault)]
    assert (row["verdict"], row["own_verdict"]) == ("do not use", "do not use")
    assert row["keywords"].split(", ")[0] == FOUND[fault]
    assert WORDS[fault] in row["reasons"]


def test_the_table_of_measures_has_the_numbers_of_the_page(planted, table):
    _, out = planted
    for run_id in table.index[table["verdict"] != "failed"]:
        shown = row_of(out, run_id)
        for name in ("signal_share", "min_coverage", "mean_correlation", "degrees_of_freedom"):
            digits = MEASURES[name].digits
            assert number(shown["values"][name], digits) == number(
                table.loc[run_id, name], digits
            ), name


def test_the_verdicts_in_one_line(planted, table):
    assert verdict_line(table.reset_index().to_dict("records")) == (
        "6 usable, 0 look closer, 3 do not use, 1 failed"
    )
