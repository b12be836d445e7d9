# SPDX-License-Identifier: Apache-2.0
"""qc.tsv holds what the pages show, described, and readable by pandas."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from nipype_mapsmasker.reports import qc
from nipype_mapsmasker.reports.cohort import CohortBuilder
from nipype_mapsmasker.reports.limits import thresholds
from nipype_mapsmasker.reports.measures import MEASURES, run_measures
from nipype_mapsmasker.reports.outliers import cohort_outliers
from nipype_mapsmasker.reports.results import CohortResults, RunRow
from nipype_mapsmasker.reports.verdict import judge

from .examples import make_run

FAULTS = {3: "noise", 5: "half", 7: "censored"}


def runs(strategies=("scrub",)):
    return [
        make_run(
            f"sub-{number:02d}",
            seed=number,
            fault=FAULTS.get(number, ""),
            with_maps=False,
            strategy=strategy,
        )
        for number in range(10)
        for strategy in strategies
    ]


@pytest.fixture(scope="module")
def cohort():
    builder = CohortBuilder()
    for run in runs(("scrub", "none")):
        builder.add(run)
    builder.fail("sub-99", "The image is truncated:\tsend it again.")
    return builder.finish()


@pytest.fixture(scope="module")
def table(cohort, tmp_path_factory):
    path = qc.write_qc_table(tmp_path_factory.mktemp("out"), cohort)
    return pd.read_csv(path, sep="\t")


def test_one_row_per_run_maps_and_strategy(table):
    assert list(table.columns) == list(qc.QC_COLUMNS)
    assert len(table) == 21
    assert not table.duplicated(["run_id", "atlas", "strategy"]).any()


def test_every_number_of_the_pages_is_in_it_unrounded(cohort, tmp_path):
    # As text, since pandas rounds what it reads, but for its newest versions.
    table = pd.read_csv(qc.write_qc_table(tmp_path, cohort), sep="\t", dtype=str)
    for place, run in enumerate(runs(("scrub", "none"))):
        expected = {**run_measures(run), "similarity": cohort.rows[place].measures["similarity"]}
        for name in MEASURES:
            got = float(table[name][place])
            assert (math.isnan(got) and name not in expected) or got == expected[name], name


def test_every_verdict_of_the_pages_is_in_it(table, cohort):
    for place, run in enumerate(runs(("scrub", "none"))):
        verdict = judge(run)
        assert table["own_verdict"][place] == qc.VERDICTS[verdict.level]
        row = cohort.rows[place]
        assert table["verdict"][place] == qc.VERDICTS[row.level]
        reasons = " ".join(row.reasons)
        assert (table["reasons"][place] == reasons) or (
            not reasons and table["reasons"].isna()[place]
        )
        lost = ", ".join(verdict.cut_maps)
        assert table["cut_maps"].fillna("")[place] == lost
    failed = table.iloc[-1]
    assert (failed["run_id"], failed["verdict"]) == ("sub-99", "failed")
    assert failed["reasons"] == "The image is truncated: send it again."


def test_what_stands_out_is_named_by_column(table, cohort):
    expected = {}
    for outlier in cohort_outliers(cohort.rows):
        expected.setdefault(outlier.index, []).append(outlier.measure)
    got = {
        place: cell.split(", ") for place, cell in enumerate(table["stands_out"]) if cell == cell
    }
    assert got == expected
    assert "signal_share" in got[6]


def test_volumes_are_named_by_number(tmp_path):
    row = RunRow(run_id="a", level="check", startup_volumes=(0, 1), spike_volumes=(40,))
    found = pd.read_csv(qc.write_qc_table(tmp_path, CohortResults(rows=[row])), sep="\t")
    assert found["startup_volume_numbers"][0] == "0, 1"
    assert found["spike_volume_numbers"][0] == 40


def test_the_json_describes_each_column_and_no_other(tmp_path):
    qc.write_qc_table(tmp_path, CohortResults(rows=[]))
    described = json.loads((tmp_path / "qc.json").read_text(encoding="utf-8"))
    assert list(described) == list(qc.QC_COLUMNS)
    assert all(entry["Description"] and entry["LongName"] for entry in described.values())
    assert described["motion"]["Units"] == "mm"
    assert described["t_r"]["Units"] == "s"
    assert described["verdict"]["Thresholds"] == thresholds()
    assert list(described["verdict"]["Levels"]) == list(qc.VERDICTS.values())


def test_an_empty_cohort_has_a_table_too(tmp_path):
    assert pd.read_csv(qc.write_qc_table(tmp_path, CohortResults(rows=[])), sep="\t").empty


def test_the_line_counts_runs_by_their_worst_verdict(cohort):
    assert qc.verdict_line(qc.qc_rows(cohort)) == "7 usable, 0 look closer, 3 do not use, 1 failed"
    rows = [{"run_id": f"{n}", "verdict": "usable"} for n in range(56)]
    rows += [{"run_id": "0", "verdict": "usable"}, {"run_id": "x", "verdict": "look closer"}]
    rows += [{"run_id": f"bad{n}", "verdict": "do not use"} for n in range(3)]
    assert qc.verdict_line(rows) == "56 usable, 1 look closer, 3 do not use"
    assert qc.verdict_line([]) == "0 usable, 0 look closer, 0 do not use"


def test_the_same_cohort_gives_the_same_bytes(cohort, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, two = (qc.write_qc_table(tmp_path / name, cohort).read_bytes() for name in "ab")
    assert one == two


def test_numbers_keep_their_digits(tmp_path):
    value = float(np.nextafter(0.1, 1))
    row = RunRow(run_id="a", level="good", measures={"motion": value, "n_volumes": 200.0})
    path = qc.write_qc_table(tmp_path, CohortResults(rows=[row]))
    line = path.read_text(encoding="utf-8").splitlines()[1].split("\t")
    assert line[qc.QC_COLUMNS.index("motion")] == repr(value)
    assert line[qc.QC_COLUMNS.index("n_volumes")] == "200"
