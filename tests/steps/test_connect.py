# SPDX-License-Identifier: Apache-2.0
"""Connectomes from files to files."""

import json

import numpy as np

from nipype_mapsmasker.io.tables.relmat import read_relmat
from nipype_mapsmasker.io.tables.signals import write_signals
from nipype_mapsmasker.steps.connect import connect_run


def write(folder, signals, **summary):
    names = [f"r{at}" for at in range(signals.shape[1])]
    (folder / "summary.json").write_text(json.dumps(summary))
    return write_signals(folder / "s.tsv", signals, names), folder / "summary.json"


def test_matrices_and_what_is_said_of_them(tmp_path, rng):
    signals = rng.normal(size=(40, 3))
    signals[:, 1] = np.nan
    file, summary = write(tmp_path, signals, degrees_of_freedom=31)
    found = connect_run(
        tmp_path, file, ["pearson", "covariance"], summary_file=summary, fisher_z=True
    )
    assert set(found.files) == {"pearson", "covariance"}
    matrix, names = read_relmat(found.files["pearson"])
    assert names == ["r0", "r1", "r2"]
    assert np.isnan(matrix[1]).all()
    assert np.isnan(matrix[0, 0])
    assert abs(np.tanh(matrix[0, 2]) - np.corrcoef(signals[:, [0, 2]].T)[0, 1]) < 1e-12
    said = json.loads((tmp_path / "pearson_relmat.json").read_text())
    assert said["FisherZ"] is True
    assert said["RelationshipMeasure"] == "Fisher's z of the Pearson correlation coefficient"
    assert said["DegreesOfFreedom"] == 31
    assert said["RegionsWithoutSignal"] == ["r1"]
    assert (said["Weighted"], said["Directed"], said["ValidDiagonal"]) == (True, False, False)
    other = json.loads((tmp_path / "covariance_relmat.json").read_text())
    assert (other["FisherZ"], other["ValidDiagonal"]) == (False, True)


def test_what_degrees_of_freedom_do_not_carry_is_refused_with_the_reason(tmp_path, rng):
    file, summary = write(tmp_path, rng.normal(size=(40, 6)), degrees_of_freedom=6)
    found = connect_run(tmp_path, file, ["partial", "precision", "pearson"], summary_file=summary)
    assert list(found.files) == ["pearson"]
    assert "6 are left of 40 volumes for 6 regions" in found.refused["partial"]
    assert not (tmp_path / "partial_relmat.tsv").exists()
    shrunk = connect_run(
        tmp_path, file, ["partial"], summary_file=summary, shrinkage="ledoit-wolf"
    )
    assert list(shrunk.files) == ["partial"]


def test_volumes_that_were_filled_in_are_no_observations(tmp_path, rng):
    signals = rng.normal(size=(30, 4))
    kept, summary = write(tmp_path, np.delete(signals, [3, 9], axis=0), degrees_of_freedom=9)
    alone = read_relmat(connect_run(tmp_path, kept, ["pearson"]).files["pearson"])[0]
    whole, summary = write(tmp_path, signals, n_volumes=30, censored=[3, 9])
    found = connect_run(tmp_path, whole, ["pearson"], summary_file=summary)
    np.testing.assert_array_equal(read_relmat(found.files["pearson"])[0], alone)
