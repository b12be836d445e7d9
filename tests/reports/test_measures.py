# SPDX-License-Identifier: Apache-2.0
"""Numbers from arrays, against closed forms."""

import numpy as np
import pytest

from nipype_mapsmasker.reports import measures as m

from .examples import make_run, smooth_noise


def read_only(values: np.ndarray) -> np.ndarray:
    values.flags.writeable = False
    return values


def test_correlations_are_pearson_and_flat_signals_have_none() -> None:
    signals = np.random.default_rng(0).standard_normal((50, 4)) * [1, 1e6, 1e-6, 1] + 100
    signals[:, 3] = 7.0
    matrix = m.correlation_matrix(read_only(signals))
    np.testing.assert_allclose(matrix[:3, :3], np.corrcoef(signals[:, :3].T), atol=1e-9)
    assert np.isnan(matrix[3]).all()
    confounds = np.random.default_rng(1).standard_normal((50, 2))
    got = m.confound_correlations(signals, read_only(confounds))
    assert got.shape == (2, 4)
    assert got[1, 0] == pytest.approx(np.corrcoef(confounds[:, 1], signals[:, 0])[0, 1])


def test_flat_columns_are_constant_or_not_finite() -> None:
    signals = np.array([[1.0, 0.0, 1e8, np.nan], [1.0, 1e-3, 1e8 + 1e-4, 1.0]])
    assert m.flat_columns(read_only(signals)).tolist() == [True, False, True, True]


@pytest.mark.parametrize("censored", [0, 60])
def test_spectrum_finds_a_wave_in_spite_of_gaps(censored: int) -> None:
    rng = np.random.default_rng(0)
    keep = np.ones(240, dtype=bool)
    keep[rng.choice(240, censored, replace=False)] = False
    wave = np.sin(2 * np.pi * 0.05 * 2.0 * np.arange(240) + 0.3)[keep, np.newaxis]
    frequencies, power = m.spectrum(read_only(wave), keep, 2.0)
    assert frequencies[-1] == pytest.approx(0.25)
    assert frequencies[np.argmax(power[:, 0])] == pytest.approx(0.05, abs=1 / 480)
    assert power.sum() == pytest.approx(1.0)


def test_full_spectrum_is_the_periodogram() -> None:
    signals = np.random.default_rng(3).standard_normal((101, 2))
    residual = m.detrended(signals)
    expected = np.abs(np.fft.rfft(residual, axis=0))[1:] ** 2
    _, power = m.spectrum(signals, np.ones(101, dtype=bool), 1.0)
    np.testing.assert_allclose(power, expected / expected.sum(axis=0), atol=1e-10)


def test_long_spectra_are_averaged_and_keep_their_sum() -> None:
    signals = np.random.default_rng(3).standard_normal((1000, 1))
    frequencies, power = m.spectrum(signals, np.ones(1000, dtype=bool), 1.0)
    assert len(frequencies) == m.N_FREQUENCIES
    assert power.sum() == pytest.approx(1.0)


def test_noise_has_no_memory_and_drift_does_not_give_it_one() -> None:
    rng = np.random.default_rng(0)
    keep = rng.random(300) > 0.1
    drift = 20 * np.cos(np.pi * np.arange(300) / 300)[:, np.newaxis]
    noise = m.lag_one(rng.standard_normal((300, 5)) + drift, keep, 2.0)
    assert np.abs(noise).max() < 0.2
    assert m.lag_one(smooth_noise(rng, 300, 5), keep, 2.0).min() > 0.5


def test_clustering_puts_like_signals_together_and_lost_ones_last() -> None:
    rng = np.random.default_rng(0)
    signals = rng.standard_normal((100, 3))[:, [0, 1, 2, 0, 1, 2, 0]]
    signals = signals + 0.1 * rng.standard_normal(signals.shape)
    signals[:, 4] = 0.0
    order = m.clustered_order(m.correlation_matrix(signals))
    assert sorted(order) == list(range(7))
    assert order[-1] == 4
    places = [order.index(index) for index in (0, 3, 6)]
    assert max(places) - min(places) == 2


@pytest.mark.parametrize("n_maps", [0, 1, 2])
def test_few_maps_can_be_ordered(n_maps: int) -> None:
    assert sorted(m.clustered_order(np.eye(n_maps))) == list(range(n_maps))


def test_measures_of_a_run_have_no_nan() -> None:
    values = m.run_measures(make_run(with_maps=False))
    assert set(values) <= set(m.MEASURES)
    assert np.isfinite(list(values.values())).all()
    assert values["kept_share"] == 0.96
    assert values["confounds_after"] < 1e-10
