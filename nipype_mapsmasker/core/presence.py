# SPDX-License-Identifier: Apache-2.0
"""
Where a run has data: which voxels never, and which ones not in some volumes, in one pass.

A voxel has no data in a volume where it is not finite or zero, and none at all where it is so in
every volume or always holds the same value. Volumes are compared with the first one in the type
that they are stored in, so that a run without holes costs one comparison per value; what differs
from the first volume is rare, and only that is kept, one bit per voxel and pattern.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Presence", "PresenceCounter", "look_through"]

NOISE_STEPS = 8
"""Whole numbers as near to zero as this are noise around it, among which zeros are data too."""


@dataclass(frozen=True, eq=False)
class Presence:
    """
    Hold where a run has data.

    Parameters
    ----------
    never : (V,) ndarray of bool
        Voxels without data in the whole run.
    constant : (V,) ndarray of float
        What those of them that are not empty hold in every volume; 0 for all others.
    empty : (T,) ndarray of bool
        Volumes without any data.
    patterns : list of (n,) ndarray of int
        Distinct sets of voxels that have data in the run, but not in some volume.
    lapsed : list of (n,) ndarray of int
        For each pattern the constant voxels that are empty.
    pattern_of : (T,) ndarray of int
        Which one a volume has; -1 where nothing but ``never`` is missing.
    zero : float
        What a value is read as that was stored as zero.
    """

    never: NDArray[np.bool_]
    constant: NDArray[np.float64]
    empty: NDArray[np.bool_]
    patterns: list[NDArray[np.intp]]
    lapsed: list[NDArray[np.intp]]
    pattern_of: NDArray[np.intp]
    zero: float = 0.0

    def known(self, pattern: int) -> NDArray[np.bool_]:
        """Flag the voxels (V,) that have data in the volumes of a pattern, or of none (-1)."""
        known = ~self.never
        if pattern >= 0:
            known[self.patterns[pattern]] = False
        return known

    def values(self, pattern: int) -> NDArray[np.float64]:
        """Give what the voxels (V,) without data are read as in the volumes of a pattern."""
        values = np.where(self.constant != 0, self.constant, self.zero)
        if pattern >= 0:
            values[self.lapsed[pattern]] = self.zero
            values[self.patterns[pattern]] = self.zero
        return values

    def at(self, positions: NDArray[np.intp]) -> Presence:
        """
        Look at some of the voxels only.

        Parameters
        ----------
        positions : (n,) ndarray of int
            Which.

        Returns
        -------
        Presence
            Of those, in their order.
        """
        places = np.empty(0, np.intp)
        if self.patterns:
            places = np.full(self.never.size, -1)
            places[positions] = np.arange(positions.size)

        def moved(indices: NDArray[np.intp]) -> NDArray[np.intp]:
            return np.sort(places[indices][places[indices] >= 0])

        return Presence(
            self.never[positions],
            self.constant[positions],
            self.empty,
            [moved(pattern) for pattern in self.patterns],
            [moved(pattern) for pattern in self.lapsed],
            self.pattern_of,
            self.zero,
        )

    def among(self, positions: NDArray[np.intp], n_voxels: int) -> Presence:
        """
        Put voxels that were looked at alone in their places among all.

        Parameters
        ----------
        positions : (V,) ndarray of int
            Their places, rising.
        n_voxels : int
            Number of all voxels.

        Returns
        -------
        Presence
            Of all; those that were not looked at never have data.
        """
        never, constant = np.ones(n_voxels, np.bool_), np.zeros(n_voxels)
        never[positions], constant[positions] = self.never, self.constant
        return replace(
            self,
            never=never,
            constant=constant,
            patterns=[positions[pattern] for pattern in self.patterns],
            lapsed=[positions[pattern] for pattern in self.lapsed],
        )


class PresenceCounter:
    """
    Find where a run has data, from its volumes as they come.

    Parameters
    ----------
    step : float
        Distance between neighbouring values of scaled integers: zero is stored as the nearest of
        them, so that up to half of it is zero. 0 for all other types.
    """

    def __init__(self, step: float = 0.0) -> None:
        self._step = step
        self._zero = 0.0
        self._empty: list[bool] = []
        self._reference: NDArray[Any] | None = None  # the first value of every voxel
        self._pattern = np.zeros(0, np.bool_)  # voxels with data in the first volume
        self._every = False  # whether all had
        self._ever = self._changed = self._noise = self._pattern
        self._same = np.zeros(0, np.intp)  # voxels that have held their first value so far
        self._odd: dict[int, NDArray[np.bool_]] = {}  # what differs from the pattern, not settled
        self._deviations: dict[int, bytes] = {}
        self._known: dict[bytes, bytes] = {}

    def add(self, block: NDArray[Any], voxels: NDArray[np.intp] | None = None) -> None:
        """
        Take volumes in.

        Parameters
        ----------
        block : (n, V_all) ndarray
            The next volumes, of any numeric type.
        voxels : (V,) ndarray of int, optional
            Those that matter; by default all.
        """
        rows = block if voxels is None else block[:, voxels]
        for row, volume in zip(rows, block, strict=True):
            self.look_at(row, volume)
        self.settle(rows)

    def look_at(self, row: NDArray[Any], volume: NDArray[Any]) -> None:
        """
        Look at one volume, best while it is in the processor's cache.

        Parameters
        ----------
        row : (V,) ndarray
            The next volume at the voxels that matter; to be shown to `settle` among others.
        volume : (V_all,) ndarray
            The whole of it, which tells whether it has data anywhere.
        """
        present = self._present_in(row)
        empty = not present.any() and not self._present(volume).any()
        self._empty.append(empty)
        if self._pattern.size == 0:
            self._pattern = self._ever = np.zeros(row.size, np.bool_)
            self._changed = self._noise = self._pattern
        elif self._pattern.size != row.size:
            msg = f"a block of {row.size} voxels among blocks of {self._pattern.size}"
            raise AssertionError(msg)
        if empty:
            return
        if self._reference is None:
            self._reference = row.copy()
            self._pattern, self._ever = present, present.copy()
            self._every = bool(present.size and present.all())
            self._changed, self._noise = np.zeros((2, row.size), np.bool_)
            self._same = np.flatnonzero(present)
        if self._same.size:
            self._compare(row, present)
        if present is not self._pattern and not np.array_equal(present, self._pattern):
            deviates = (present != self._pattern) & ~self._noise
            if deviates.any():
                self._odd[len(self._empty) - 1] = deviates

    def settle(self, rows: NDArray[Any]) -> None:
        """
        Look closely at voxels that lacked data in some of the volumes that were just looked at.

        Parameters
        ----------
        rows : (n, V) ndarray
            All that `look_at` was shown since the last time.
        """
        if self._odd:
            empty = np.array(self._empty[len(self._empty) - len(rows) :], dtype=bool)
            columns = np.flatnonzero(np.logical_or.reduce(list(self._odd.values())))
            self._look_closely(rows[~empty] if empty.any() else rows, columns)
            for number, deviates in self._odd.items():
                deviates &= ~self._noise
                if deviates.any():
                    bits = np.packbits(deviates).tobytes()
                    self._deviations[number] = self._known.setdefault(bits, bits)
            self._odd.clear()

    def finish(self) -> Presence:
        """
        Tell what was found.

        Returns
        -------
        Presence
            Of all volumes taken in.
        """
        empty = np.array(self._empty, dtype=bool)
        n_voxels = self._pattern.size
        if self._reference is None:
            every = np.ones(n_voxels, np.bool_)
            nothing = np.full(empty.size, -1)
            return Presence(every, np.zeros(n_voxels), empty, [], [], nothing, self._zero)
        # A single value cannot show that it changes.
        fixed = self._ever & ~self._changed
        if fixed.any():
            fixed &= self._times_seen(int((~empty).sum())) > 1
        never = ~self._ever | fixed
        constant = np.where(fixed, self._reference, 0).astype(np.float64)
        varied = ~never & ~self._noise
        patterns: list[NDArray[np.intp]] = []
        lapsed: list[NDArray[np.intp]] = []
        numbers: dict[bytes, int] = {}
        pattern_of = np.full(empty.size, -1)
        deviations = self._deviations | {
            volume: b"" for volume in np.flatnonzero(~empty) if volume not in self._deviations
        }
        for volume, bits in deviations.items():
            if bits not in numbers:
                absent = ~self._pattern
                if bits:
                    absent ^= np.unpackbits(np.frombuffer(bits, np.uint8), count=n_voxels) > 0
                missing, lapse = np.flatnonzero(absent & varied), np.flatnonzero(absent & fixed)
                numbers[bits] = len(patterns) if missing.size or lapse.size else -1
                if missing.size or lapse.size:
                    patterns.append(missing)
                    lapsed.append(lapse)
            pattern_of[volume] = numbers[bits]
        return Presence(never, constant, empty, patterns, lapsed, pattern_of, self._zero)

    def _times_seen(self, n_volumes: int) -> NDArray[np.intp]:
        """Count the volumes in which a voxel (V,) has data; not of use for noise."""
        n_deviations = np.zeros(self._pattern.size, np.intp)
        for bits, times in Counter(self._deviations.values()).items():
            unpacked = np.unpackbits(np.frombuffer(bits, np.uint8), count=n_deviations.size)
            n_deviations += times * unpacked
        return np.where(self._pattern, n_volumes - n_deviations, n_deviations)

    def _present_in(self, row: NDArray[Any]) -> NDArray[np.bool_]:
        """Flag the voxels (V,) with data; where all have some always, that is told at once."""
        if self._every and row.dtype.kind in "iu" and row.view(f"u{row.itemsize}").min() > 0:
            return self._pattern
        return self._present(row)

    def _present(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        """Flag what is finite and not zero."""
        if self._step:
            size = np.abs(values)
            # Half a step, and a bit for the rounding of the scaling itself.
            found = np.asarray(size > 0.5000001 * self._step)
            if not found.all():
                zeros = values[~found & np.isfinite(values)]
                self._zero = float(zeros[0]) if zeros.size else self._zero
        else:
            found = values != 0
        if values.dtype.kind == "f" and not _sum_is_finite(values):
            found &= np.isfinite(values)
        return found

    def _compare(self, row: NDArray[Any], present: NDArray[np.bool_]) -> None:
        """Note which voxels change, of those that have not yet."""
        assert self._reference is not None
        same = self._same
        differs = row[same] != self._reference[same]
        differs &= present[same]
        self._changed[same[differs]] = True
        self._same = same[~differs]

    def _look_closely(self, rows: NDArray[Any], voxels: NDArray[np.intp]) -> None:
        """Look at voxels that have data in some volumes only."""
        assert self._reference is not None
        values = rows[:, voxels]
        present = np.stack([self._present(row) for row in values])
        reference = self._reference[voxels]
        # Those empty at first are compared with their first value from then on.
        fresh = ~self._ever[voxels] & present.any(axis=0)
        first = values[present.argmax(axis=0), np.arange(voxels.size)]
        reference = np.where(fresh, first, reference)
        self._reference[voxels] = reference
        self._ever[voxels] |= fresh
        self._changed[voxels] |= (present & (values != reference)).any(axis=0)
        # Zero is a number like others among small whole ones, as noise outside the head is.
        unit = self._step or 1.0
        numbers = np.where(present, values, reference).astype(np.float64)
        known = present | self._ever[voxels]
        with np.errstate(invalid="ignore"):
            whole = self._step > 0 or (numbers == np.rint(numbers)).all(axis=0)
            near = (known & (np.abs(numbers) <= (NOISE_STEPS + 0.5) * unit)).any(axis=0)
            both = (known & (numbers < 0)).any(axis=0) & (known & (numbers > 0)).any(axis=0)
        noise = whole & (near | both) & self._ever[voxels]
        self._noise[voxels] |= noise
        self._changed[voxels] |= noise


def look_through(blocks: Iterable[NDArray[Any]], step: float = 0.0) -> Presence:
    """
    Find out where a run has data, by a reading of its own.

    Parameters
    ----------
    blocks : iterable of (n, V) ndarray
        Its volumes in order.
    step : float
        As in `PresenceCounter`.

    Returns
    -------
    Presence
        Of all volumes.

    Examples
    --------
    A voxel that never changes, one that does, and one that is lost in the last volume.

    >>> found = look_through([np.array([[5.0, 1.5, 92.5], [5.0, 2.5, 94.5], [5.0, 3.5, 0.0]])])
    >>> found.never.tolist(), [pattern.tolist() for pattern in found.patterns]
    ([True, False, False], [[2]])
    """
    counter = PresenceCounter(step)
    for block in blocks:
        counter.add(block)
    return counter.finish()


def _sum_is_finite(values: NDArray[Any]) -> bool:
    """Tell whether all values (V,) are finite, if their squares add up to a number."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(np.dot(values, values)))
