# SPDX-License-Identifier: Apache-2.0
"""A few mutants of every kind; `.ci/run` has a stage of ninety seconds, and an hour is by hand."""

from tests.fuzz.mutants import KINDS, fuzz


def test_some_mutants(tmp_path):
    counts = fuzz(tmp_path, seed=0, seconds=3600, n_cases=3 * len(KINDS))
    assert counts.total() == 3 * len(KINDS)
    assert not [outcome for outcome in counts if outcome.endswith("BAD")]
