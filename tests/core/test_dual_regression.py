# SPDX-License-Identifier: Apache-2.0
"""Dual regression beside least squares in closed form, and on planted subject maps."""

import numpy as np
import pytest
from scipy import stats

from nipype_mapsmasker.core.dual_regression import subject_maps, t_to_z
from nipype_mapsmasker.errors import SignalError

T, V, K, C = 60, 37, 4, 3


@pytest.fixture
def made(rng):
    signals = rng.normal(size=(T, K)) @ rng.normal(size=(K, K)) + 50
    confounds = rng.normal(size=(T, C)) * 10.0 ** np.arange(C)
    maps = rng.normal(size=(K, V))
    volumes = 9000 + signals @ maps + confounds @ rng.normal(size=(C, V)) + rng.normal(size=(T, V))
    return volumes, signals, confounds


def closed_form(volumes, signals, confounds):
    """Effects, t values and degrees of freedom of ordinary least squares."""
    design = np.column_stack([signals, np.ones(len(signals)), confounds])
    effect = np.linalg.lstsq(design, volumes)[0]
    pseudo = np.linalg.pinv(design)
    inverse = pseudo @ pseudo.T
    freedom = len(design) - design.shape[1]
    errors = ((volumes - design @ effect) ** 2).sum(axis=0) / freedom
    k = signals.shape[1]
    return effect[:k], effect[:k] / np.sqrt(np.outer(np.diag(inverse)[:k], errors)), freedom


def in_blocks(volumes, sizes=(1, 7, 2, 50)):
    ends = np.cumsum(sizes)
    return np.split(volumes, ends[ends < len(volumes)])


def test_effects_and_z_in_closed_form(made):
    volumes, signals, confounds = made
    found = subject_maps(in_blocks(volumes), signals, confounds=confounds, standardize=False)
    effect, t, freedom = closed_form(volumes, signals, confounds)
    np.testing.assert_allclose(found.effect, effect, rtol=0, atol=1e-10 * np.abs(effect).max())
    assert found.degrees_of_freedom == freedom
    for component in range(K):
        tails = stats.t.cdf(-np.abs(t[component]), freedom)
        expected = -np.sign(t[component]) * stats.norm.ppf(tails)
        np.testing.assert_allclose(found.z(component), expected, rtol=1e-7, atol=1e-9)


def test_standardised_signals_give_the_unit_of_the_image(made):
    volumes, signals, confounds = made
    plain = subject_maps([volumes], signals, confounds=confounds, standardize=False)
    found = subject_maps([volumes], signals, confounds=confounds)
    scale = signals.std(axis=0, ddof=1)[:, None]
    np.testing.assert_allclose(found.effect, plain.effect * scale, rtol=1e-10)
    np.testing.assert_allclose(found.z(1), plain.z(1), rtol=1e-10)


def test_censored_volumes_are_never_read(made):
    volumes, signals, confounds = made
    keep = np.ones(T, bool)
    keep[[0, 1, 20, 59]] = False
    alone = subject_maps([volumes[keep]], signals[keep], confounds=confounds[keep])
    volumes[~keep], signals[~keep], confounds[~keep] = 1e9, np.nan, np.nan
    found = subject_maps(in_blocks(volumes), signals, confounds=confounds, sample_mask=keep)
    np.testing.assert_allclose(found.effect, alone.effect, rtol=1e-9)
    np.testing.assert_allclose(found.error, alone.error, rtol=1e-9)


def test_planted_maps_are_recovered(rng):
    signals = rng.normal(size=(400, 3))
    maps = np.zeros((3, 90))
    maps[0, :30], maps[1, 20:60], maps[2, 60:] = 5, -4, 3
    volumes = 10_000 + signals @ maps + rng.normal(size=(400, 90))
    found = subject_maps(in_blocks(volumes, (100,) * 4), signals)
    for component in range(3):
        assert np.corrcoef(found.effect[component], maps[component])[0, 1] > 0.99
        z = found.z(component)
        assert (np.abs(z[maps[component] != 0]) > 20).all()
        assert (np.abs(z[maps[component] == 0]) < 5).all()


def test_still_voxels_and_lost_components(made):
    volumes, signals, confounds = made
    volumes[:, 5], volumes[:, 6] = 0, 1234.5
    whole = subject_maps([volumes], np.delete(signals, 2, axis=1), confounds=confounds)
    for lost in (np.nan, 7.0):
        signals[:, 2] = lost
        found = subject_maps([volumes], signals, confounds=confounds)
        assert np.isnan(found.effect[2]).all()
        assert np.isnan(found.z(2)).all()
        assert (found.effect[[0, 1, 3]][:, [5, 6]] == 0).all()
        assert (found.z(0)[[5, 6]] == 0).all()
        np.testing.assert_array_equal(np.delete(found.effect, 2, axis=0), whole.effect)


def test_integers_and_holes(made):
    volumes, signals, _ = made
    stored = np.rint(volumes).astype(np.int16)
    np.testing.assert_allclose(
        subject_maps(in_blocks(stored), signals).effect,
        subject_maps([stored.astype(float)], signals).effect,
        rtol=1e-9,
    )
    volumes[3, 4] = np.nan
    assert np.isfinite(subject_maps([volumes], signals).effect).all()


@pytest.mark.parametrize("change", [-1, 1])
def test_another_number_of_volumes_is_refused(made, change):
    volumes, signals, _ = made
    other = volumes[:change] if change < 0 else np.vstack([volumes, volumes[:1]])
    with pytest.raises(SignalError, match="volumes where the signals have 60"):
        subject_maps(in_blocks(other), signals)


def test_no_degree_of_freedom(rng):
    with pytest.raises(SignalError, match="no degree of freedom: 5 volumes are kept, 4 comp"):
        subject_maps([rng.normal(size=(5, 9))], rng.normal(size=(5, 4)))


def test_z_of_any_size():
    t = np.array([-1e300, -80.0, -8.0, 0.0, 3.0, 80.0, 5000.0, np.inf])
    for freedom in (3, 30, 1000):
        z = t_to_z(t, freedom)
        assert np.isfinite(z).all()
        assert (np.diff(z) > 0).all() or (np.diff(z[1:]) > 0).all()
        expected = stats.norm.ppf(stats.t.cdf(-8.0, freedom))
        np.testing.assert_allclose(z[2], expected, rtol=1e-9)
        np.testing.assert_allclose(z[4], stats.norm.isf(stats.t.sf(3.0, freedom)), rtol=1e-9)
    # The two ways to compute a tail meet.
    near = t_to_z(np.linspace(40, 80, 2000), 400)
    steps = np.diff(near)
    assert (steps > 0).all()
    assert np.abs(np.diff(steps)).max() < 1e-5
