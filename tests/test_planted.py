# SPDX-License-Identifier: Apache-2.0
"""Planted runs are what they say they are."""

import numpy as np
import pytest

from nipype_mapsmasker.testing.planted import FAULTS, TR_FACTORS, plant


def planted(fault, seed=0, **changes):
    return plant(fault, np.random.default_rng(seed), **changes)


def odd_size(truth, volume):
    """Give the median departure of a volume from its neighbours, in deviations of the run."""
    raw = truth.run.raw
    others = np.setdiff1d(np.arange(len(raw)), [*truth.volumes, *truth.spared])
    return np.median(
        np.abs(raw[volume] - np.median(raw[others], axis=0)) / raw[others].std(axis=0)
    )


def test_the_same_seed_gives_the_same_run():
    one, two, other = planted("", 1), planted("", 1), planted("", 2)
    np.testing.assert_array_equal(one.run.raw, two.run.raw)
    assert not np.array_equal(one.run.raw, other.run.raw)


@pytest.mark.parametrize("filtering", ["none", "butterworth", "cosine"])
@pytest.mark.parametrize("censored", [False, True])
def test_cleaning_is_the_packages_own(filtering, censored):
    run = planted("", filtering=filtering, censored=censored, n_volumes=150, n_maps=9).run
    assert run.cleaned.shape == (int(run.kept.sum()), 9)
    assert run.kept.all() != censored
    assert ("butterworth" in run.summary["steps"]) == (filtering == "butterworth")
    assert ("cosine" in run.summary["steps"]) == (filtering == "cosine")
    assert run.summary["confound_rank"] >= 6


def test_start_up_volumes_stand_out_and_the_last_ones_hardly():
    for seed in range(5):
        truth = planted("start-up volumes", seed)
        assert truth.volumes[0] == 0
        assert all(odd_size(truth, volume) > 2 for volume in truth.volumes)


def test_spikes_stand_out():
    truth = planted("spikes", 3)
    jumps = np.abs(np.diff(truth.run.raw, axis=0)).max(axis=1)
    assert {int(place) for place in truth.volumes} <= {
        int(place) + shift for place in np.argsort(jumps)[-12:] for shift in (0, 1)
    }


def test_dead_regions_and_missing_halves_are_named():
    for seed in range(6):
        truth = planted("dead region", seed)
        places = [list(truth.run.names).index(name) for name in truth.maps]
        spread = truth.run.raw.std(axis=0)
        dead = spread[places] < 0.05 * np.median(spread)
        assert (dead | (truth.run.coverage[places] < 0.05)).all()
    half = planted("half field of view")
    assert len(half.maps) == 10
    assert (half.run.coverage[:10] < 0.5).all()


def test_the_other_faults():
    assert planted("wrong repetition time", t_r=2.0).run.t_r / 2.0 in TR_FACTORS
    run = planted("uncleaned").run
    kept = run.raw[run.kept]
    assert np.corrcoef(kept[:, 0], run.cleaned[:, 0])[0, 1] == pytest.approx(1.0)
    assert planted("too few degrees of freedom").run.summary["degrees_of_freedom"] < 10
    noise = planted("noise only", n_volumes=1200).run
    steps = np.diff(noise.raw[:, 0] - noise.raw[:, 0].mean())
    assert np.corrcoef(steps[1:], steps[:-1])[0, 1] < -0.3


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("n_maps", [3, 5])
def test_few_maps_will_do(fault, n_maps):
    run = planted(fault, n_maps=n_maps, n_volumes=100, t_r=3.0, censored=True).run
    assert run.raw.shape == (100, n_maps)
    assert np.isfinite(run.raw).all()
