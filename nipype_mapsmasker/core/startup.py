# SPDX-License-Identifier: Apache-2.0
"""
Volumes that the signals themselves give away: start-up volumes and spikes.

Both compare a volume with its neighbours in time, take the root mean square of the difference
over all signals, each in units of its own robust spread, and ask how far out that is of what the
rest of the run does. Nothing is assumed about repetition time, smoothness or drift: whatever the
run does all the time is its own measure.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["find_spikes", "find_startup"]

STARTUP_SECONDS = 10.0
"""Magnetisation has settled after a few T1 (up to 2 s in grey matter, 4 s in fluid)."""

MIN_STARTUP, MAX_STARTUP = 4, 20
"""Fewest and most volumes that are looked at for it."""

RATIO = 2.5
"""A volume stands out when it is this many times as far off as the run's median volume ..."""

SPREADS, SHORT_SPREADS, SHORT_RUN = 6.0, 5.0, 100
"""... and this many spreads of the volumes above it: for spikes in a run of a hundred volumes the
second number, to which each doubling of the run adds a half: it has as many more chances ..."""

LEAST, SPIKE_LEAST = 1.5, 2.1
"""... and, on average over signals, this many of their standard deviations: signals that were
smoothed depart from their neighbours by so little that all departures look large."""

FOLLOWING_SPREADS, FOLLOWING_SHARE = 3.0, 0.2
"""Behind a first volume that stands out, those belong to the start-up that are this many spreads
off, and off by this share of what the first one is: the way back is short, not a slow drift."""

HALF_WINDOW = 3
"""A spike is compared with the median of as many volumes on either side."""

MAX_SIGNALS = 128
"""Of more signals, as many are looked at: what spoils a volume spoils more than one region."""

Array = NDArray[np.float64]


def find_startup(
    signals: Array, t_r: float | None = None, keep: NDArray[np.bool_] | None = None
) -> int:
    r"""
    Count the volumes at the start that do not belong to the steady state.

    .. math:: q_{b,i} = \sqrt{\frac1K \sum_k \left(
              \frac{s_{b+i,k} - \mathrm{med}_j\, s_{b+n+j,k}}{\sigma_{i,k}} \right)^2},
              \quad 0 \le i, j < n

    The stretch at the start (b = 0) is compared with the n volumes behind it; so is every later
    stretch of the run, which tells what is usual. Where that finds nothing, a spike in the first
    volume counts, too.

    Parameters
    ----------
    signals : (T, K) ndarray of float
        Signals as extracted, of all volumes.
    t_r : float, optional
        Repetition time in seconds; it says how many volumes n settling can take.
    keep : (T,) ndarray of bool, optional
        Volumes that are not known to be bad; the others are bridged.

    Returns
    -------
    int
        The first so many volumes stand out; 0 for none, and for runs too short to tell.

    Examples
    --------
    >>> signals = np.random.default_rng(0).standard_normal((100, 8))
    >>> find_startup(signals, 2.0)
    0
    >>> signals[:2] += [[9.0], [4.0]]
    >>> find_startup(signals, 2.0)
    2
    """
    start = _unsettled(signals, t_r, keep)
    if start:
        return start
    spikes = find_spikes(signals, keep)
    return int((spikes == np.arange(len(spikes))).sum())


def find_spikes(
    signals: Array, keep: NDArray[np.bool_] | None = None, start: int = 0
) -> NDArray[np.intp]:
    r"""
    Find single volumes that jump out of the course of most signals.

    .. math:: q_t = \sqrt{\frac1K \sum_k \left(
              \frac{s_{t,k} - \mathrm{med}_{|j| \le 3}\, s_{t+j,k}}{\sigma_k} \right)^2}

    Parameters
    ----------
    signals : (T, K) ndarray of float
        Signals of all volumes, not filtered.
    keep : (T,) ndarray of bool, optional
        Volumes to look at; the others are neither found nor compared with.
    start : int, default=0
        Volumes before this one are not looked at either; see `find_startup`.

    Returns
    -------
    (n,) ndarray of int
        Volume numbers, from 0. Up to three volumes in a row can be found.

    Examples
    --------
    >>> signals = np.random.default_rng(0).standard_normal((100, 8))
    >>> signals[[40, 41]] += 7.0
    >>> find_spikes(signals).tolist()
    [40, 41]
    """
    good = np.ones(len(signals), dtype=bool) if keep is None else keep.copy()
    good[:start] = False
    places = np.flatnonzero(good)
    values = _usable(signals)[places]
    width = 2 * HALF_WINDOW + 1
    if len(values) < 3 * width or not values.shape[1]:
        return places[:0]
    padded = np.pad(values, ((HALF_WINDOW, HALF_WINDOW), (0, 0)), mode="reflect")
    apart = values - _running_median(padded, width)
    distance = np.sqrt(np.mean((apart / _spread(apart)) ** 2, axis=1))
    found = distance > _limit(distance, _spike_spreads(len(distance)))
    # Neighbours on one side alone are farther off: at the ends that is what is usual.
    found[0], found[-1] = _jumps_first(values), _jumps_first(values[::-1])
    return np.asarray(places[found & (_size(apart, values) > SPIKE_LEAST)])


def _jumps_first(values: Array) -> bool:
    """Tell whether the first volume departs from those behind it as no other does."""
    apart = values[:-HALF_WINDOW] - _running_median(values[1:], HALF_WINDOW)
    distance = np.sqrt(np.mean((apart / _spread(apart)) ** 2, axis=1))
    return bool(distance[0] > _limit(distance[1:], _spike_spreads(len(distance))))


def _spike_spreads(n_volumes: int) -> float:
    """Say how many spreads a spike is off."""
    doublings = math.log2(n_volumes / SHORT_RUN)
    return min(SPREADS, max(SHORT_SPREADS, SHORT_SPREADS + 0.5 * doublings))


def _unsettled(signals: Array, t_r: float | None, keep: NDArray[np.bool_] | None) -> int:
    """Count volumes of the first stretch that depart from the one behind as no later ones do."""
    values = _usable(signals)
    n_volumes = len(values)
    length = MAX_STARTUP if t_r is None else math.ceil(STARTUP_SECONDS / t_r)
    length = min(max(length, MIN_STARTUP), MAX_STARTUP, n_volumes // 5)
    if length < 2 or not values.shape[1]:
        return 0
    good = np.ones(n_volumes, dtype=bool) if keep is None else keep
    if not good.any():
        return 0
    values = _bridged(values, good)
    levels = _running_median(values, length)
    starts = n_volumes - 2 * length + 1
    count, first = 0, 0.0
    for place in range(length):
        apart = values[place : place + starts] - levels[length : length + starts]
        usual = good[place : place + starts].copy()
        usual[:length] = False
        if usual.sum() < MIN_STARTUP:
            break
        scale = _spread(apart[usual])
        distance = np.sqrt(np.mean((apart / scale) ** 2, axis=1))
        if place == 0:
            first, limit = float(distance[0]), _limit(distance[usual], SPREADS)
        else:
            limit = _following_limit(distance[usual], first)
        if distance[0] <= limit or (place == 0 and _size(apart[:1], values)[0] < LEAST):
            break
        count += 1
    return count


def _bridged(values: Array, good: NDArray[np.bool_]) -> Array:
    """Lay straight lines over volumes that are not good; at the ends, repeat the nearest."""
    if good.all():
        return values
    places = np.flatnonzero(good)
    volumes = np.arange(len(values))
    right = np.clip(np.searchsorted(places, volumes), 0, len(places) - 1)
    left = np.clip(np.searchsorted(places, volumes, side="right") - 1, 0, len(places) - 1)
    gap = np.maximum(places[right] - places[left], 1)
    share = np.clip((volumes - places[left]) / gap, 0.0, 1.0)[:, np.newaxis]
    return np.asarray((1 - share) * values[places[left]] + share * values[places[right]])


def _usable(signals: Array) -> Array:
    """Take at most `MAX_SIGNALS` signals that are finite and vary."""
    known = np.isfinite(signals).all(axis=0)
    if len(signals):
        known &= np.ptp(np.where(known, signals, 0.0), axis=0) > 0
    places = np.flatnonzero(known)
    places = places[:: -(-len(places) // MAX_SIGNALS) or 1]
    return np.asarray(signals[:, places], dtype=np.float64)


def _running_median(values: Array, width: int) -> Array:
    """
    Give the median of each ``width`` rows from one on, as many as there are.

    Of just over half of the rows, neither the least nor the largest can be the median: both go,
    and the next row comes in. On whole tables that is five times as fast as to partition windows.
    """
    n_windows = len(values) - width + 1
    rows = [values[start : start + n_windows] for start in range(width)]
    held, waiting = rows[: width // 2 + 2], rows[width // 2 + 2 :]
    while len(held) > 2:
        low, *held = held
        for place, row in enumerate(held):
            held[place], low = np.maximum(low, row), np.minimum(low, row)
        high, *held = held
        for place, row in enumerate(held):
            held[place], high = np.minimum(high, row), np.maximum(high, row)
        held += waiting[:1]
        waiting = waiting[1:]
    return np.asarray(held[0] if width % 2 else (held[0] + held[1]) / 2)


def _size(apart: Array, values: Array) -> Array:
    """Give the root mean square of rows in robust standard deviations of the whole signals."""
    line = np.linspace(-1, 1, len(values))
    centred = values - np.median(values, axis=0)
    centred = centred - np.outer(line, line @ centred / (line @ line))
    return np.asarray(np.sqrt(np.mean((apart / _spread(centred)) ** 2, axis=1)))


def _spread(values: Array) -> Array:
    """Give the robust standard deviation of columns around zero, never zero itself."""
    spread = 1.4826 * np.median(np.abs(values), axis=0)
    return np.asarray(np.where(spread > 0, spread, np.sqrt(np.mean(values**2, axis=0)) + 1e-300))


def _following_limit(distances: Array, first: float) -> float:
    """Say how far off a volume behind the first must be to belong to the start-up."""
    median, upper = np.quantile(distances, [0.5, 0.84])
    share = FOLLOWING_SHARE * (first - median)
    return float(median + max(FOLLOWING_SPREADS * (upper - median), share))


def _limit(distances: Array, spreads: float) -> float:
    """Say how far off a volume must be, from what most volumes do."""
    median, upper = np.quantile(distances, [0.5, 0.84])
    return float(max(RATIO * median, median + spreads * (upper - median)))
