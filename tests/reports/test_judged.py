# SPDX-License-Identifier: Apache-2.0
"""Measures and verdicts that are kept for the page of all runs."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from nipype_mapsmasker.reports import judged as j
from tests.reports.examples import make_run


@pytest.fixture(scope="module")
def spiky():
    """Make a run with findings, volumes and maps named."""
    run = make_run(n_maps=12, with_maps=False)
    raw = run.raw.copy()
    raw[60] += 30 * raw.std(axis=0)
    raw[:, 3] = 1.0
    return replace(run, raw=raw)


def test_what_is_kept_comes_back_whole(spiky) -> None:
    found = j.judged(spiky)
    back = j.with_judged(spiky, j.keep_judged(found))
    assert found.verdict.spike_volumes == (60,)
    assert found.verdict.lost_maps == (spiky.names[3],)
    assert back.verdict == found.verdict
    assert back.measures == found.measures
    assert j.judged(back) is back


@pytest.mark.parametrize(
    "change",
    [
        lambda run: {"raw": run.raw + np.eye(*run.raw.shape)},
        lambda run: {"t_r": run.t_r * 2},
        lambda run: {"coverage": run.coverage / 2},
        lambda run: {"summary": {**run.summary, "degrees_of_freedom": 5}},
        lambda run: {"warnings": [*run.warnings, "another"]},
    ],
)
def test_other_numbers_are_judged_anew(spiky, change) -> None:
    kept = j.keep_judged(j.judged(spiky))
    other = replace(spiky, **change(spiky))
    assert j.with_judged(other, kept) is other
    assert other.verdict is None


def test_another_version_judges_anew(spiky, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = j.keep_judged(j.judged(spiky))
    monkeypatch.setattr(j, "__version__", "0.0.1")
    assert j.with_judged(spiky, kept) is spiky


@pytest.mark.parametrize("kept", ["", "[]", "{}", "3", '{"of": 1, "verdict": 2}'])
def test_what_others_wrote_is_not_believed(spiky, kept: str) -> None:
    assert j.with_judged(spiky, kept) is spiky


def test_a_broken_verdict_is_judged_anew(spiky) -> None:
    kept = json.loads(j.keep_judged(j.judged(spiky)))
    kept["verdict"]["findings"] = [{"level": "good", "why": "so"}]
    assert j.with_judged(spiky, json.dumps(kept)) is spiky
