# SPDX-License-Identifier: Apache-2.0
"""A small part of benchmarks/verdicts.py: rates of false alarms and of faults that are named."""

import sys
from pathlib import Path

import pytest

from nipype_mapsmasker.testing.planted import FAULTS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def benchmark():
    """Import the script as a module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        import verdicts

        yield verdicts
    sys.modules.pop("verdicts", None)


@pytest.fixture(scope="module")
def cases(benchmark):
    """Cohorts at different corners of the conditions."""
    conditions = [
        (0.5, 400, "butterworth", True),
        (0.8, 200, "none", False),
        (1.0, 200, "cosine", True),
        (2.0, 200, "butterworth", False),
        (2.0, 100, "none", True),
        (3.0, 200, "cosine", False),
    ]
    return [
        case
        for number, condition in enumerate(conditions)
        for case in benchmark.run_cohort(*condition, seed=(21, number))
    ]


def test_sound_runs_are_not_reproached(cases):
    wrong = [case for case in cases if not case.fault and not case.right]
    assert len(wrong) <= 0.02 * sum(not case.fault for case in cases), wrong


def test_planted_faults_are_named_with_their_volumes_or_maps(cases):
    missed = [case for case in cases if case.fault and not case.right]
    assert len(missed) <= 0.05 * sum(bool(case.fault) for case in cases), missed
    assert {case.fault for case in cases if case.fault} == set(FAULTS)


def test_the_page_counts_what_is_right(benchmark, cases):
    page = benchmark.page(cases, 6)
    n_right = sum(case.right for case in cases if case.fault == "spikes")
    assert f"| spikes | 6 | {n_right / 6:.1%} |" in page
    assert "| none: false alarms | 96 |" in page
    assert "| repetition time 3.0 s |" in page


def test_the_rates_in_the_documents_are_good_enough():
    text = (ROOT / "docs" / "explanation" / "verdicts.md").read_text(encoding="utf-8")
    cells = [line.strip("|").split("|") for line in text.splitlines() if line.count("|") == 4]
    rates = {name.strip(): rate.strip() for name, _, rate in cells}
    assert float(rates["none: false alarms"].rstrip("%")) <= 2
    for fault in FAULTS:
        assert float(rates[fault].rstrip("%")) >= 95, fault


def test_the_words_of_the_verdicts_are_those_that_faults_are_looked_up_by(benchmark):
    assert set(benchmark.ABOUT) == set(FAULTS)
