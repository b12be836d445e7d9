# SPDX-License-Identifier: Apache-2.0
"""What only the other runs give away: cleaning left out, a wrong repetition time."""

from dataclasses import replace

import numpy as np
import pytest

from nipype_mapsmasker.reports.cohort import CohortBuilder
from nipype_mapsmasker.reports.outliers import cohort_outliers, compare_runs
from nipype_mapsmasker.reports.results import RunRow
from nipype_mapsmasker.testing.planted import plant

STEPS = ("detrend", "butterworth", "regress confounds")


def rows(n: int = 12, **changes) -> list[RunRow]:
    """Rows of sound runs, alike but for what chance does."""
    rng = np.random.default_rng(0)
    return [
        RunRow(
            run_id=f"sub-{number:02d}",
            level="good",
            measures={
                "removed": 0.5 + 0.1 * rng.standard_normal(),
                "pace": 0.05 * np.exp(0.15 * rng.standard_normal()),
                **changes,
            },
            t_r=2.0,
            steps=STEPS,
        )
        for number in range(n)
    ]


def test_sound_runs_are_alike():
    assert compare_runs(rows()) == {}


def test_the_uncleaned_run_among_cleaned_ones_is_named():
    cohort = rows()
    raw = {**cohort[4].measures, "removed": 1e-5}
    # That it missed a step is said by that, and not once more.
    cohort[4] = replace(cohort[4], measures=raw, steps=STEPS[:1])
    [(place, [finding])] = compare_runs(cohort).items()
    assert (place, finding.level, finding.about) == (4, "bad", "not cleaned")


def test_a_cohort_that_nothing_was_removed_from_is_no_reproach():
    assert compare_runs(rows(removed=0.0)) == {}


def test_steps_that_the_others_went_through_are_named():
    cohort = rows()
    cohort[2] = replace(cohort[2], steps=("detrend", "butterworth"))
    cohort[3] = replace(cohort[3], steps=(*STEPS, "censor", "interpolate censored volumes"))
    [(place, [finding])] = compare_runs(cohort).items()
    assert (place, finding.level, finding.about) == (2, "check", "not cleaned")
    assert "had also: regress confounds." in finding.text


def test_half_of_the_cohort_without_confounds_is_nobodys_fault():
    cohort = [
        replace(row, steps=STEPS if number % 2 else STEPS[:2]) for number, row in enumerate(rows())
    ]
    assert compare_runs(cohort) == {}


@pytest.mark.parametrize("factor", [1 / 3, 0.5, 2.0, 3.0])
@pytest.mark.parametrize("says", ["its own", "that of the others"])
def test_a_wrong_repetition_time_is_named(factor, says):
    cohort = rows()
    own = 2.0 * factor if says == "its own" else 2.0
    cohort[6] = replace(cohort[6], t_r=own, measures={**cohort[6].measures, "pace": 0.05 / factor})
    [(place, [finding])] = compare_runs(cohort).items()
    assert (place, finding.level, finding.about) == (6, "check", "repetition time")
    assert f"{own:g} s" in finding.text


def test_another_scanner_is_no_reproach():
    cohort = [
        replace(row, t_r=0.8 if number % 3 == 0 else 2.0) for number, row in enumerate(rows())
    ]
    assert compare_runs(cohort) == {}
    # Nor are as many repetition times as runs.
    many = [replace(row, t_r=0.5 + 0.2 * number) for number, row in enumerate(rows())]
    assert compare_runs(many) == {}


def test_a_lone_repetition_time_must_be_borne_out():
    cohort = rows(20)
    cohort[5] = replace(cohort[5], t_r=1.0, measures={"removed": 0.5})
    [(place, [finding])] = compare_runs(cohort).items()
    assert place == 5
    assert "not borne out" in finding.text
    cohort[5] = replace(cohort[5], measures={"removed": 0.5, "pace": 0.05})
    assert compare_runs(cohort) == {}


def test_few_runs_are_not_compared():
    cohort = rows(4)
    cohort[1] = replace(cohort[1], steps=(), measures={"removed": 0.0})
    assert compare_runs(cohort) == {}


def test_runs_are_compared_with_those_of_the_same_maps_and_strategy():
    cohort = [
        *rows(6),
        RunRow(run_id="broken", failed=True),
        *(replace(row, strategy="none", steps=("detrend",)) for row in rows(6, removed=0.0)),
    ]
    odd = replace(cohort[9], measures={**cohort[9].measures, "motion": 3.0})
    cohort = [replace(row, measures={"motion": 0.1, **row.measures}) for row in cohort]
    cohort[9] = odd
    assert [(found.index, found.measure) for found in cohort_outliers(cohort)] == [(9, "motion")]


def test_the_builder_adds_what_the_comparison_tells():
    builder = CohortBuilder()
    rng = np.random.default_rng(3)
    for number in range(8):
        fault = "uncleaned" if number == 5 else ""
        run = plant(fault, rng, run_id=f"sub-{number}").run
        # Without a word about regression, the run alone cannot know.
        builder.add(replace(run, summary={"degrees_of_freedom": 190}, confounds=None))
    found = builder.finish().rows
    assert [row.level for row in found] == ["good"] * 5 + ["bad"] + ["good"] * 2
    assert {row.own_level for row in found} == {"good"}
    assert found[5].keywords == ("not cleaned",)
    assert "Not cleaned like the others" in found[5].reasons[0]
