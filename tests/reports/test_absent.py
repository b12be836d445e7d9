# SPDX-License-Identifier: Apache-2.0
"""Pages name what is there, and say in words what is not."""

import re
from dataclasses import replace

import numpy as np

from nipype_mapsmasker.reports.cohort import CohortBuilder
from nipype_mapsmasker.reports.page_cohort import cohort_page
from nipype_mapsmasker.reports.page_run import run_page

from .examples import make_run


def test_what_is_not_there_is_said_in_words() -> None:
    long = make_run(cleaned=None, coverage=np.ones(12), r_squared=None)
    assert long.motion is not None
    assert long.confounds is not None
    first = {"raw": long.raw[:1], "motion": long.motion[:1], "confounds": long.confounds[:1]}
    run = replace(long, keep=np.ones(1, dtype=bool), **first)
    page = run_page(run)
    assert "No correlations with the confounds: too few volumes" in page
    assert "Least:" not in page
    assert "All have about the same." in page
    builder = CohortBuilder()
    builder.add(run)
    page = cohort_page(builder.finish())
    assert "No correlations: fewer than two signals vary." in page
    assert 'class="matrix"' not in page


def test_the_least_covered_maps_are_named() -> None:
    coverage = np.ones(12)
    coverage[[3, 8]] = 0.7, 0.6
    run = make_run(coverage=coverage, parameters={"connectivity": [], "clip": True})
    page = run_page(run)
    assert f"Least: {run.names[8]}, {run.names[3]}. Point" in page
    assert re.search(r"connectivity</th><td>none<", page)
    # A line that the bars hid would be no threshold.
    assert page.index('class="after bar thick"') < page.index('class="warn over"')
