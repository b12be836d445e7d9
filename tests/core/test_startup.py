# SPDX-License-Identifier: Apache-2.0
"""Start-up volumes and spikes are found in the signals, with their numbers."""

import numpy as np
import pytest

from nipype_mapsmasker.core.startup import find_spikes, find_startup


def smooth(n_volumes: int = 200, n_signals: int = 12, seed: int = 0, memory: float = 0.6):
    """Signals that remember, with something in common and a drift, as scanners give them."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((n_volumes + 30, n_signals + 1))
    for volume in range(1, len(noise)):
        noise[volume] += memory * noise[volume - 1]
    signals = noise[30:, :-1] + 0.7 * noise[30:, -1:]
    time = np.linspace(-1, 1, n_volumes)[:, np.newaxis]
    signals = signals / signals.std(axis=0) + rng.normal(0, 1.5, n_signals) * time + time**2
    return 800 + 5 * signals


def starting(signals: np.ndarray, heights: list[float]) -> np.ndarray:
    """Raise the first volumes by so many standard deviations."""
    raised = signals.copy()
    raised[: len(heights)] += np.outer(heights, signals[20:].std(axis=0))
    raised.flags.writeable = False
    return raised


@pytest.mark.parametrize("t_r", [None, 0.5, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("heights", [[7.0], [10.0], [9.0, 4.0], [10.0, 7.0, 4.0], [-8.0, -4.0]])
@pytest.mark.parametrize("n_signals", [3, 12, 200])
def test_start_up_volumes_are_counted(t_r, heights, n_signals):
    for seed in range(3):
        signals = smooth(n_signals=n_signals, seed=seed)
        assert find_startup(starting(signals, heights), t_r) == len(heights)


@pytest.mark.parametrize("n_volumes", [100, 400])
@pytest.mark.parametrize("memory", [0.0, 0.6, 0.9])
def test_sound_runs_have_neither(n_volumes, memory):
    found = []
    for seed in range(20):
        signals = smooth(n_volumes, seed=seed, memory=memory)
        found.append(find_startup(signals, 2.0) + len(find_spikes(signals)))
    assert sum(count > 0 for count in found) <= 1


@pytest.mark.parametrize("t_r", [0.5, 2.0])
def test_signals_that_were_smoothed_have_no_odd_volumes(t_r):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        frequencies = np.fft.rfftfreq(512, t_r)[:, np.newaxis]
        shape = (len(frequencies), 10)
        waves = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) * (
            frequencies < 0.1
        )
        signals = np.fft.irfft(waves, 512, axis=0)[:200]
        assert find_startup(signals, t_r) == 0
        assert find_spikes(signals).tolist() == []


def test_a_slow_settling_of_the_scanner_is_drift_not_start_up():
    settle = 3 * 5 * np.exp(-np.arange(200) / 60)[:, np.newaxis]
    assert find_startup(smooth() + settle, 2.0) == 0


def test_censored_start_up_volumes_are_not_missed_behind_the_mask():
    signals = starting(smooth(), [10.0, 8.0, 6.0])
    keep = np.ones(200, dtype=bool)
    keep[:3] = False
    assert find_startup(signals, 2.0, keep) == 0
    keep[2] = True
    assert find_startup(signals, 2.0, keep) == 3


def test_bad_volumes_that_are_known_do_not_hide_the_start():
    signals, keep = smooth(100, seed=3).copy(), np.ones(100, dtype=bool)
    bad = np.random.default_rng(0).choice(np.arange(5, 99), 15, replace=False)
    signals[bad] += 40 * signals.std(axis=0)
    keep[bad] = False
    assert find_startup(signals, 3.0, keep) == 0
    assert find_startup(starting(signals, [2.0]), 3.0, keep) == 1


@pytest.mark.parametrize("volumes", [[50], [20, 21], [30, 80, 81, 82, 150], [198]])
@pytest.mark.parametrize("share", [1, 2])
def test_spikes_are_named(volumes, share):
    for seed in range(3):
        signals = smooth(seed=seed)
        size = signals.std(axis=0) * np.where(np.arange(12) % 4 < 2, 1, -1)
        size[np.arange(12) % share > 0] = 0
        signals[volumes] += 7 * size
        signals.flags.writeable = False
        assert find_spikes(signals).tolist() == volumes


def test_censored_volumes_are_no_spikes_and_do_not_hide_others():
    signals, keep = smooth(), np.ones(200, dtype=bool)
    signals[[60, 61, 63]] += 7 * signals.std(axis=0)
    keep[[60, 61]] = False
    assert find_spikes(signals, keep).tolist() == [63]
    assert find_spikes(signals, keep, start=64).tolist() == []


def test_a_spike_in_one_signal_is_not_one_of_the_volume():
    signals = smooth(n_signals=40)
    signals[70, 3] += 10 * signals[:, 3].std()
    assert find_spikes(signals).tolist() == []


def test_units_and_offsets_do_not_matter():
    signals = starting(smooth(), [9.0, 4.0]).copy()
    signals[90] += 8 * signals.std(axis=0)
    other = 1e-7 * signals * np.geomspace(1, 1e4, 12) - 3
    assert find_startup(other, 2.0) == find_startup(signals, 2.0) == 2
    assert find_spikes(other, None, 2).tolist() == find_spikes(signals, None, 2).tolist() == [90]


def test_lost_maps_are_looked_past():
    signals = starting(smooth(), [9.0, 4.0]).copy()
    signals[:, 0] = 0.0
    signals[:, 1] = np.nan
    assert find_startup(signals, 2.0) == 2
    signals[100] += 50
    assert find_spikes(signals, None, 2).tolist() == [100]


@pytest.mark.parametrize("shape", [(0, 3), (1, 3), (5, 3), (12, 3), (100, 0)])
def test_too_little_to_tell(shape):
    signals = np.random.default_rng(0).standard_normal(shape)
    assert find_startup(signals, 2.0) == 0
    assert find_spikes(signals).tolist() == []
    assert find_startup(np.zeros(shape), 2.0) == 0


def test_nothing_kept():
    signals = smooth()
    assert find_startup(signals, 2.0, np.zeros(200, dtype=bool)) == 0
    assert find_spikes(signals, np.zeros(200, dtype=bool)).tolist() == []
