# SPDX-License-Identifier: Apache-2.0
"""Planted faults are flagged, for the right reason, on the run's page and on the cohort's."""

from dataclasses import replace

import numpy as np
import pytest

from nipype_mapsmasker.reports.cohort import CohortBuilder
from nipype_mapsmasker.reports.measures import run_measures
from nipype_mapsmasker.reports.outliers import compare_runs, find_outliers
from nipype_mapsmasker.reports.results import RunResults, RunRow
from nipype_mapsmasker.reports.verdict import judge, thresholds
from nipype_mapsmasker.testing.planted import plant

from .examples import make_run

FAULTS = {"noise": "noise", "half": "coverage", "censored": "censoring"}
EXPECTED_OUTLIER = {"noise": "signal_share", "half": "min_coverage", "censored": "kept_share"}


def about(verdict, level: str) -> list[str]:
    return [finding.about for finding in verdict.findings if finding.level == level]


@pytest.mark.parametrize("seed", range(5))
def test_a_sound_run_is_usable(seed: int) -> None:
    verdict = judge(make_run(seed=seed, with_maps=False))
    assert verdict.level == "good"
    assert about(verdict, "note") == ["warnings"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("n_maps", [5, 12, 100])
def test_planted_faults_are_named(fault: str, n_maps: int) -> None:
    verdict = judge(make_run(fault=fault, n_maps=n_maps, with_maps=False))
    assert verdict.level == "bad"
    assert about(verdict, "bad") == [FAULTS[fault]]


def test_the_cohort_names_the_same_runs() -> None:
    builder = CohortBuilder()
    planted = {5: "noise", 9: "half", 12: "censored"}
    for number in range(15):
        fault = planted.get(number, "")
        builder.add(make_run(f"sub-{number:02d}", seed=number, fault=fault, with_maps=False))
    cohort = builder.finish()
    assert {
        i: row.level for i, row in enumerate(cohort.rows) if row.level != "good"
    } == dict.fromkeys(planted, "bad")
    outliers = find_outliers([row.measures for row in cohort.rows])
    assert {outlier.index for outlier in outliers} == set(planted)
    for number, fault in planted.items():
        named = [outlier.measure for outlier in outliers if outlier.index == number]
        assert EXPECTED_OUTLIER[fault] in named


def test_flat_lost_and_wild_signals_are_named() -> None:
    run = make_run(with_maps=False)
    raw, coverage = run.raw.copy(), np.ones(12)
    raw[:, 2] = 0.0
    coverage[2] = 0.0
    raw[:, 3] = 5.0
    raw[:, 4] *= 1000
    verdict = judge(make_run(raw=raw, coverage=coverage, with_maps=False))
    assert about(verdict, "check") == ["coverage", "flat signals", "wild signals"]
    assert [finding.maps for finding in verdict.findings[:3]] == [
        ("Network 03",), ("Network 04",), ("Network 05",),
    ]  # fmt: skip
    assert verdict.lost_maps == ("Network 03", "Network 04")


def test_a_signal_that_hardly_varies_is_lost() -> None:
    raw = make_run(with_maps=False).raw.copy()
    raw[:, 6] = 800 + (raw[:, 6] - 800) / 100
    verdict = judge(make_run(raw=raw, with_maps=False))
    assert about(verdict, "check") == ["dead signals"]
    assert verdict.lost_maps == ("Network 07",)
    assert "Network 07 varies over 20 times less" in verdict.findings[0].text


def test_start_up_volumes_and_spikes_are_named_by_number() -> None:
    run = make_run(with_maps=False)
    raw, keep = run.raw.copy(), run.kept.copy()
    keep[:3] = True
    spikes = np.flatnonzero(keep)[[60, 100]].tolist()
    raw[:2] += np.array([[10.0], [5.0]]) * raw.std(axis=0)
    raw[spikes] += 9 * raw.std(axis=0)
    verdict = judge(make_run(raw=raw, cleaned=None, keep=keep, with_maps=False))
    assert about(verdict, "check")[:2] == ["start-up volumes", "spikes"]
    assert verdict.startup_volumes == verdict.findings[0].volumes == (0, 1)
    assert verdict.spike_volumes == verdict.findings[1].volumes == tuple(spikes)
    assert "Volumes 0, 1 (counted from 0) are not in steady state" in verdict.findings[0].text
    assert f"Volumes {spikes[0]}, {spikes[1]} (counted from 0) jump" in verdict.findings[1].text


def test_a_spoilt_volume_does_not_turn_the_run_into_noise() -> None:
    run = plant("", np.random.default_rng(5)).run
    raw = run.raw.copy()
    raw[0] += 60 * raw.std(axis=0)
    raw[[70, 71]] -= 40 * raw[5:].std(axis=0)
    before, after = run_measures(run), run_measures(replace(run, raw=raw))
    assert after["signal_share"] == pytest.approx(before["signal_share"], abs=0.05)
    assert after["pace"] == pytest.approx(before["pace"], rel=0.15)
    verdict = judge(replace(run, raw=raw))
    assert {"start-up volumes", "spikes"} <= set(about(verdict, "check"))
    assert about(verdict, "bad") == []


@pytest.mark.parametrize(("error", "is_noise"), [(0.1, True), (0.3, False), (0.5, False)])
def test_an_uncertain_share_needs_a_second_witness(error: float, is_noise: bool) -> None:
    run = make_run(with_maps=False)  # its spectrum falls
    values = {**run_measures(run), "signal_share": 0.3, "signal_error": error}
    assert ("noise" in about(judge(run, values), "bad")) is is_noise
    rng = np.random.default_rng(3)
    noise = replace(run, raw=1000 + rng.standard_normal(run.raw.shape))
    values = {**run_measures(noise), "signal_share": 0.3, "signal_error": error}
    assert ("noise" in about(judge(noise, values), "bad")) is (error < 0.4)


def test_a_lone_repetition_time_without_a_corner_is_doubted() -> None:
    rows = [RunRow(run_id=f"sub-{number}", t_r=3.0) for number in range(12)]
    rows[5] = replace(rows[5], t_r=1.0)
    [(place, [finding])] = compare_runs(rows).items()
    assert (place, finding.about) == (5, "repetition time")
    assert "not borne out" in finding.text
    # A corner of its own, and none to compare it with, says nothing.
    rows[5] = replace(rows[5], measures={"pace": 0.05})
    assert compare_runs(rows) == {}


def test_cleaning_that_changed_nothing_is_named() -> None:
    run = make_run(with_maps=False)
    verdict = judge(make_run(cleaned=run.raw[run.kept], with_maps=False))
    assert about(verdict, "bad") == ["not cleaned"]


def test_a_repetition_time_that_cannot_be_is_named() -> None:
    run = plant("", np.random.default_rng(0), n_volumes=300).run
    found = {t_r: judge(replace(run, t_r=t_r)) for t_r in (2.0, 0.4)}
    assert about(found[2.0], "check") == []
    assert about(found[0.4], "check") == ["repetition time"]
    assert "really 0.4 s?" in found[0.4].findings[0].text


@pytest.mark.parametrize(("dof", "named"), [(200, True), (9, False)])
def test_confounds_that_are_left_are_compared_with_chance(dof: int, named: bool) -> None:
    run = make_run(with_maps=False)
    values = {**run_measures(run), "confounds_after": 0.3, "degrees_of_freedom": float(dof)}
    assert ("confounds" in about(judge(run, values), "check")) is named


def test_spikes_motion_fit_and_confounds_are_named() -> None:
    run = make_run(with_maps=False)
    raw = run.raw.copy()
    raw[10::12] += 150
    verdict = judge(
        make_run(
            raw=raw,
            cleaned=run.confounds[run.kept][:, [6] * 12],
            motion=np.full(200, 0.9),
            r_squared=np.full(200, 0.01),
            variance_inflation=np.full(12, 30.0),
            with_maps=False,
        )
    )
    named = about(verdict, "check")
    assert {"spikes", "motion", "fit", "confounds", "global signal"} <= set(named)
    assert "variance inflation" in about(verdict, "note")


@pytest.mark.parametrize(("share", "is_told"), [(None, True), (0.004, True), (0.05, False)])
def test_maps_with_a_negative_side_are_not_called_misplaced(share, is_told: bool) -> None:
    low = {"r_squared": np.full(200, 0.01), "fluctuation_r_squared": share}
    verdict = judge(make_run(with_maps=False, **low))
    assert ("fit" in about(verdict, "check")) == is_told


def test_small_cohorts_and_equal_runs_have_no_outliers() -> None:
    assert find_outliers([{"motion": value} for value in (0.1, 0.1, 0.1, 9.0)]) == []
    assert find_outliers([{"motion": 0.1}] * 20) == []
    assert find_outliers([]) == []
    [outlier] = find_outliers([{"motion": 0.1}] * 20 + [{"motion": 0.9}])
    assert outlier.index == 20
    assert "far above" in outlier.text


def test_only_the_suspicious_side_counts() -> None:
    rows = [{"min_coverage": value} for value in [0.5, 0.51, 0.52, 0.53, 0.54, 1.0]]
    assert find_outliers(rows) == []


def test_similarity_finds_the_run_that_is_different() -> None:
    builder = CohortBuilder()
    for number in range(8):
        run = make_run(f"sub-{number}", seed=number, with_maps=False)
        if number == 3:
            order = sorted(range(12), key=lambda index: index % 3)
            run = make_run(
                "sub-3", seed=number, raw=run.raw[:, order], cleaned=run.cleaned[:, order],
                with_maps=False,
            )  # fmt: skip
        builder.add(run)
    similarity = [row.measures["similarity"] for row in builder.finish().rows]
    assert int(np.argmin(similarity)) == 3
    assert max(similarity[:3]) > 0.8


def test_mean_and_spread_of_the_correlations() -> None:
    builder = CohortBuilder()
    runs = [make_run(f"sub-{number}", seed=number, with_maps=False) for number in range(4)]
    for run in runs:
        builder.add(run)
    [atlas] = builder.finish().atlases
    matrices = np.array([np.corrcoef(run.cleaned.T) for run in runs])
    with np.errstate(divide="ignore"):
        expected = np.tanh(np.arctanh(np.where(np.eye(12) > 0, 0.0, matrices)).mean(axis=0))
    np.testing.assert_allclose(atlas.mean_correlation, expected + np.eye(12), atol=1e-9)
    np.testing.assert_allclose(atlas.sd_correlation, matrices.std(axis=0), atol=1e-7)
    assert atlas.coverage.shape == (4, 12)


def test_thresholds_are_stated() -> None:
    assert any("80%" in line and "50%" in line for line in thresholds())


@pytest.mark.parametrize("n_volumes", [0, 1, 2, 3, 7, 25])
@pytest.mark.parametrize("n_maps", [0, 1, 2, 6])
@pytest.mark.parametrize("t_r", [None, 0.1, 2.0, 30.0])
@pytest.mark.parametrize(
    "spoilt", ["", "all censored", "NaN", "flat", "ramps", "one confound a volume"]
)
def test_the_smallest_and_the_most_broken_runs_have_a_verdict(n_volumes, n_maps, t_r, spoilt):
    rng = np.random.default_rng(0)
    raw = rng.standard_normal((n_volumes, n_maps))
    if spoilt == "NaN":
        raw[:, ::2] = np.nan
    if spoilt == "flat":
        raw[:] = 3.0
    if spoilt == "ramps":
        raw[:] = np.arange(n_volumes)[:, np.newaxis]
    raw.flags.writeable = False
    keep = np.full(n_volumes, spoilt != "all censored")
    confounds = np.eye(n_volumes) if spoilt == "one confound a volume" else None
    run = RunResults(
        run_id="a",
        names=[f"map_{number}" for number in range(n_maps)],
        raw=raw,
        cleaned=raw[keep],
        keep=keep,
        t_r=t_r,
        confounds=confounds,
    )
    values = run_measures(run)
    assert np.isfinite(list(values.values())).all()
    assert judge(run, values) == judge(run)
    if spoilt == "flat" and n_maps and n_volumes > 1:
        assert about(judge(run), "bad") == ["flat signals"]
