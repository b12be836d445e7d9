# SPDX-License-Identifier: Apache-2.0
"""How many runs a node does."""

import heapq
import math

import pytest

from nipype_mapsmasker.cohort import CohortRequest, engine


@pytest.mark.parametrize("n_workers", [1, 2, 3, 8, 50])
def test_batches_of_equal_runs_end_no_later_than_single_runs(n_workers: int) -> None:
    request = CohortRequest(input="a.tsv", out_dir="b", maps=["c.nii"], n_procs=n_workers)
    fewest, most = engine.BATCHES_PER_WORKER
    for n_runs in [*range(1, 200), 997, 10_000]:
        size = engine.batch_size_of(request, n_runs)
        assert 1 <= size <= max(1, min(engine.MAX_BATCH, n_runs // (fewest * n_workers)))
        if size > max(1, n_runs // (most * n_workers)):
            free = [0] * n_workers
            for first in range(0, n_runs, size):
                heapq.heapreplace(free, free[0] + min(size, n_runs - first))
            assert max(free) == math.ceil(n_runs / n_workers)


@pytest.mark.parametrize(
    ("n_runs", "size"), [(1, 1), (15, 1), (16, 2), (17, 1), (100, 10), (400, 25), (10_000, 25)]
)
def test_batches_of_two_workers(n_runs: int, size: int) -> None:
    request = CohortRequest(input="a.tsv", out_dir="b", maps=["c.nii"], n_procs=2)
    assert engine.batch_size_of(request, n_runs) == size
