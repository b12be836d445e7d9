# SPDX-License-Identifier: Apache-2.0
"""``mapsmasker verify`` on the real runs: the same, the documented cause, or found."""

import nibabel as nib
import numpy as np
import pytest

from nipype_mapsmasker.cli.main import main
from nipype_mapsmasker.io.tables.rows import write_rows
from nipype_mapsmasker.io.tables.signals import read_signals, write_signals

# nilearn warns of what it resamples and will change.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def results(real, run_rows, tmp_path_factory):
    """Two real runs, within a mask of another grid, by overlapping maps and by labels."""
    folder = tmp_path_factory.mktemp("verify")
    maps_file = real / "caren5_maps.nii.gz"
    maps = nib.load(maps_file)
    weights = np.abs(maps.get_fdata())
    largest = weights.max(axis=-1)
    labels = (weights.argmax(axis=-1) + 1) * (largest > np.quantile(largest, 0.7))
    nib.Nifti1Image(labels.astype(np.int16), maps.affine).to_filename(folder / "labels.nii")
    mask = largest > np.quantile(largest, 0.4)
    nib.Nifti1Image(mask.astype(np.uint8), maps.affine).to_filename(folder / "mask.nii")
    table = write_rows(folder / "runs.tsv", run_rows[:2], list(run_rows[0]))
    out = folder / "out"
    words = [str(table), str(out), "--maps", str(maps_file), str(folder / "labels.nii")]
    words += ["--mask", str(folder / "mask.nii"), "--standardize", "zscore"]
    assert main(["run", *words, "--plugin", "Linear", "--no-reports", "-q"]) == 0
    return out


def test_the_same_or_the_documented_cause(results, capsys):
    assert main(["verify", str(results), "--runs", "1", "--seed", "0"]) == 0
    maps, labels = capsys.readouterr().out.splitlines()[1:]
    assert maps.endswith(" SD, same")
    assert labels.endswith(("same", "documented: labels are resampled by nearest voxel"))


def test_one_changed_number_is_found(results, capsys):
    file = next(results.rglob("sub-007*caren5_timeseries.tsv"))
    signals, names = read_signals(file)
    signals[7, 3] += 1e-4
    write_signals(file, signals, names)
    assert main(["verify", str(results), "--runs", "1", "--seed", "1"]) == 1
    said = capsys.readouterr().out
    assert f"{file.name}: 1.0e-04 SD, UNEXPLAINED" in said
    assert said.endswith("1 file differs without a documented cause\n")
