# SPDX-License-Identifier: Apache-2.0
"""Signal is told from noise whatever the repetition time, length and gaps; so is its pace."""

import numpy as np
import pytest

from nipype_mapsmasker.reports.spectral import evidence, find_pace, mean_power, signal_share


def kept(n_volumes: int, n_censored: int) -> np.ndarray:
    keep = np.ones(n_volumes, dtype=bool)
    keep[np.random.default_rng(1).choice(n_volumes, n_censored, replace=False)] = False
    return keep


def coloured(n_volumes, n_signals, t_r, corner, seed=0):
    """Signals whose spectrum is the model's: 1 / (1 + (f / corner)^4)."""
    rng = np.random.default_rng(seed)
    n_long = 4 * n_volumes
    frequencies = np.fft.rfftfreq(n_long, t_r)[:, np.newaxis]
    shape = (len(frequencies), n_signals)
    waves = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    waves *= np.sqrt(1 / (1 + (frequencies / corner) ** 4))
    signals = np.fft.irfft(waves, n_long, axis=0)[:n_volumes]
    return signals / signals.std(axis=0)


@pytest.mark.parametrize("n_censored", [0, 25])
def test_what_is_left_of_white_noise_is_known_in_closed_form(n_censored):
    n_volumes, t_r, keep = 120, 2.0, kept(120, n_censored)
    confounds = np.cumsum(np.random.default_rng(2).standard_normal((n_volumes, 6)), axis=0)
    power = mean_power(
        np.random.default_rng(3).standard_normal((n_volumes, 4)), keep, t_r, confounds
    )
    # The same by brute force: project unit waves of two phases on what is removed.
    time = np.linspace(-1, 1, n_volumes)[keep]
    removed = np.hstack([np.polynomial.legendre.legvander(time, 2), confounds[keep]])
    basis = np.linalg.qr(removed)[0]
    for place in (0, 3, 20, 50):
        angle = 2 * np.pi * power.frequencies[place] * np.flatnonzero(keep) * t_r
        waves = np.linalg.qr(np.column_stack([np.cos(angle), np.sin(angle)]))[0]
        left = 1 - (np.linalg.norm(basis.T @ waves) ** 2) / 2
        assert power.white[place] == pytest.approx(max(left, 0.02), abs=1e-9)


@pytest.mark.parametrize("t_r", [0.5, 1.0, 2.0, 3.0])
@pytest.mark.parametrize(("n_volumes", "n_censored"), [(200, 0), (200, 30), (600, 0)])
def test_noise_has_no_share_and_drifts_or_confounds_do_not_give_it_one(t_r, n_volumes, n_censored):
    rng = np.random.default_rng(4)
    confounds = np.cumsum(rng.standard_normal((n_volumes, 6)), axis=0)
    noise = rng.standard_normal((n_volumes, 30)) + 0.1 * confounds @ rng.normal(size=(6, 30))
    noise += 8 * np.linspace(-1, 1, n_volumes)[:, np.newaxis] ** [1, 2] @ rng.normal(size=(2, 30))
    noise.flags.writeable = False
    share, error = signal_share(mean_power(noise, kept(n_volumes, n_censored), t_r, confounds))
    assert error < 0.25
    assert abs(share) < 3 * error


@pytest.mark.parametrize("t_r", [0.7, 2.0])
def test_the_share_is_that_of_the_mixture(t_r):
    n_volumes = 1000
    noise = np.random.default_rng(5).standard_normal((n_volumes, 40))
    times = t_r * np.arange(n_volumes)[:, np.newaxis]
    rng = np.random.default_rng(6)
    frequencies = np.arange(10, 65) / (n_volumes * t_r)
    frequencies = frequencies[(frequencies > 0.012) & (frequencies < 0.095)]
    signal = np.sin(2 * np.pi * times * frequencies) @ rng.standard_normal((len(frequencies), 40))
    signal /= signal.std(axis=0)
    power = mean_power(signal + noise, kept(n_volumes, 0), t_r)
    band = (0.1 - 0.01) * 2 * t_r
    expected = (1 / band) / (1 / band + 1)
    assert signal_share(power)[0] == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("t_r", [0.8, 2.0])
@pytest.mark.parametrize("corner", [0.04, 0.06, 0.12])
@pytest.mark.parametrize("n_censored", [0, 40])
def test_the_corner_of_the_spectrum_is_found(t_r, corner, n_censored):
    signals = coloured(400, 30, t_r, corner)
    signals += 0.7 * np.random.default_rng(7).standard_normal(signals.shape)
    pace = find_pace(mean_power(signals, kept(400, n_censored), t_r))
    assert pace.corner == pytest.approx(corner, rel=0.25)
    assert pace.lowest <= pace.corner <= pace.highest


def test_a_wrong_repetition_time_moves_the_corner_as_much():
    signals = coloured(400, 30, 2.0, 0.05)
    signals += 0.7 * np.random.default_rng(7).standard_normal(signals.shape)
    found = [find_pace(mean_power(signals, kept(400, 0), t_r)).corner for t_r in (2.0, 1.0)]
    assert found[1] / found[0] == pytest.approx(2.0, rel=0.15)


@pytest.mark.parametrize("slope", [1.0, 2.0])
def test_a_spectrum_without_a_corner_has_no_pace(slope):
    rng = np.random.default_rng(11)
    frequencies = np.fft.rfftfreq(4096, 0.5)[1:, np.newaxis]
    waves = rng.standard_normal((2048, 20)) + 1j * rng.standard_normal((2048, 20))
    waves = np.vstack([np.zeros((1, 20)), waves * frequencies ** (-slope / 2)])
    signals = np.fft.irfft(waves, 4096, axis=0)[:600]
    assert find_pace(mean_power(signals, kept(600, 0), 0.5)) is None


def test_noise_has_no_pace():
    noise = np.random.default_rng(8).standard_normal((300, 20))
    assert find_pace(mean_power(noise, kept(300, 0), 2.0)) is None


def test_what_cannot_be_told_is_none():
    rng = np.random.default_rng(9)
    assert mean_power(rng.standard_normal((15, 3)), kept(15, 0), 2.0) is None
    assert mean_power(np.ones((100, 3)), kept(100, 0), 2.0) is None
    assert mean_power(np.full((100, 3), np.nan), kept(100, 0), 2.0) is None
    # No frequency above 0.12 Hz.
    assert signal_share(mean_power(rng.standard_normal((100, 3)), kept(100, 0), 5.0)) is None


def test_more_confounds_than_volumes_are_not_removed():
    rng = np.random.default_rng(10)
    noise, confounds = rng.standard_normal((60, 5)), rng.standard_normal((60, 80))
    assert mean_power(noise, kept(60, 0), 2.0, confounds) is not None


def test_a_spectrum_with_a_shape_is_told_from_a_flat_one():
    keep = kept(100, 0)
    noise = np.random.default_rng(8).standard_normal((100, 5))
    assert evidence(mean_power(noise, keep, 3.0)) < 5
    assert evidence(mean_power(coloured(100, 5, 3.0, 0.05) + 0.7 * noise, keep, 3.0)) > 15
    assert evidence(mean_power(noise[:24], keep[:24], 30.0)) is None
