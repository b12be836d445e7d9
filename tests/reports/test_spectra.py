# SPDX-License-Identifier: Apache-2.0
"""Spectra in spite of gaps: no leakage, nothing lost, closed forms without gaps."""

import numpy as np
import pytest
from scipy import signal

from nipype_mapsmasker.reports.spectra import N_FREQUENCIES, signal_spectra

T_R = 2.0


def band_passed(rng: np.random.Generator, n_volumes: int, n_maps: int) -> np.ndarray:
    """Filter noise to 0.01 to 0.1 Hz, as cleaning does."""
    ends = [2 * T_R * 0.01, 2 * T_R * 0.1]
    sections = signal.butter(5, ends, "bandpass", output="sos")
    return signal.sosfiltfilt(sections, rng.standard_normal((n_volumes, n_maps)), axis=0)


@pytest.mark.parametrize(("censored", "most"), [(0.0, 1e-5), (0.04, 1e-4), (0.2, 5e-3)])
@pytest.mark.parametrize("n_volumes", [150, 200, 600])
def test_a_band_passed_signal_looks_band_passed(censored, most, n_volumes) -> None:
    rng = np.random.default_rng(0)
    signals = band_passed(rng, n_volumes, 12)
    keep = rng.random(n_volumes) >= censored
    frequencies, power = signal_spectra(signals[keep], keep, T_R)
    outside = power[frequencies > 0.14].sum(axis=0)
    assert np.median(outside) < most
    # Lomb and Scargle's periodogram of the same signals leaks a per cent and more.
    np.testing.assert_allclose(power.sum(axis=0), 1.0)


@pytest.mark.parametrize("censored", [0.0, 0.1, 0.3])
def test_noise_stays_white(censored: float) -> None:
    rng = np.random.default_rng(1)
    keep = rng.random(400) >= censored
    frequencies, power = signal_spectra(rng.standard_normal((int(keep.sum()), 40)), keep, T_R)
    middle = power.mean(axis=1)
    assert middle[frequencies > 0.125].mean() / middle[frequencies < 0.125].mean() == (
        pytest.approx(1.0, abs=0.15)
    )


def test_a_wave_is_where_it_is() -> None:
    keep = np.ones(240, dtype=bool)
    keep[np.random.default_rng(0).choice(240, 40, replace=False)] = False
    wave = np.sin(2 * np.pi * 0.05 * T_R * np.arange(240) + 0.3)[keep, np.newaxis]
    wave.flags.writeable = False
    frequencies, power = signal_spectra(wave, keep, T_R)
    assert frequencies[-1] == pytest.approx(0.25)
    assert frequencies[np.argmax(power[:, 0])] == pytest.approx(0.05, abs=1 / 480)


def test_without_gaps_it_is_the_tapered_periodogram() -> None:
    signals = np.random.default_rng(3).standard_normal((101, 2))
    line = np.polynomial.polynomial.polyfit(np.arange(101), signals, 1)
    rest = signals - np.polynomial.polynomial.polyval(np.arange(101), line).T
    taper = np.hanning(103)[1:-1, np.newaxis]
    expected = np.abs(np.fft.rfft(rest * taper, axis=0))[1:] ** 2
    _, power = signal_spectra(signals, np.ones(101, dtype=bool), 1.0)
    np.testing.assert_allclose(power, expected / expected.sum(axis=0), atol=1e-12)


def test_flat_and_short_signals_have_none() -> None:
    signals = np.random.default_rng(3).standard_normal((1000, 2))
    signals[:, 1] = 7.0
    frequencies, power = signal_spectra(signals, np.ones(1000, dtype=bool), 1.0)
    assert len(frequencies) == N_FREQUENCIES
    assert np.isnan(power[:, 1]).all()
    assert power[:, 0].sum() == pytest.approx(1.0)
    assert signal_spectra(signals[:1], np.ones(1, dtype=bool), 1.0)[0].size == 0
