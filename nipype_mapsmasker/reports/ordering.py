# SPDX-License-Identifier: Apache-2.0
"""The order in which maps stand in a matrix: those with like signals side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["clustered_order"]

Array = NDArray[Any]


def clustered_order(matrix: Array) -> list[int]:
    """
    Order maps so that those with like signals stand together.

    Parameters
    ----------
    matrix : (K, K) ndarray of float
        Correlations.

    Returns
    -------
    list of int
        Leaves of average linkage on 1 - r, each branch turned so that the most alike ends meet;
        flat signals, which have no place, come last.

    Notes
    -----
    SciPy's own clustering brings 0.1 s of imports into every process that draws pages, which is
    more than a page.
    """
    known = np.flatnonzero(np.isfinite(matrix).sum(axis=0) > 1)
    lost = np.setdiff1d(np.arange(len(matrix)), known).tolist()
    if len(known) < 3:
        return [*known.tolist(), *lost]
    distance = 1.0 - np.nan_to_num(matrix[np.ix_(known, known)])
    return [*known[_leaves((distance + distance.T) / 2)].tolist(), *lost]


def _leaves(distance: Array) -> list[int]:
    """Merge nearest neighbours, found by following a chain of them; give the leaves' order."""
    # Between clusters, each in the place of one of its leaves.
    between = distance.astype(np.float32)
    np.fill_diagonal(between, np.inf)
    branches = {place: [place] for place in range(len(between))}
    chain: list[int] = []
    while len(branches) > 1:
        if not chain:
            chain.append(next(iter(branches)))
        here = chain[-1]
        nearest = int(between[here].argmin())
        # Among equals the one before, so that the chain comes to an end.
        if len(chain) < 2 or between[here, chain[-2]] > between[here, nearest]:
            chain.append(nearest)
            continue
        other = chain[-2]
        del chain[-2:]
        sizes = len(branches[here]), len(branches[other])
        merged = (sizes[0] * between[here] + sizes[1] * between[other]) / sum(sizes)
        between[here] = between[:, here] = merged
        between[other] = between[:, other] = np.inf
        branches[here] = _joined(branches[here], branches.pop(other), distance)
    return next(iter(branches.values()))


def _joined(left: list[int], right: list[int], distance: Array) -> list[int]:
    """Put two branches side by side, turned so that the most alike ends meet."""
    ends = distance[np.ix_((left[-1], left[0]), (right[0], right[-1]))]
    turn_left, turn_right = divmod(int(ends.argmin()), 2)
    return left[:: -1 if turn_left else 1] + right[:: -1 if turn_right else 1]
