# SPDX-License-Identifier: Apache-2.0
"""Fitted operators on disk, and the tables of coverage."""

from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from nipype_mapsmasker.core.fitting import MapsOperator, fit_maps
from nipype_mapsmasker.core.grids import Grid
from nipype_mapsmasker.core.maps import MapsMatrix
from nipype_mapsmasker.errors import ImageFileError
from nipype_mapsmasker.io.fitted import load_operator, save_operator
from nipype_mapsmasker.io.tables.coverage import write_fit_coverage, write_run_coverage
from nipype_mapsmasker.io.tables.rows import read_rows
from tests.conftest import AFFINES, SHAPE

GRID = Grid(SHAPE, AFFINES["oblique"])


def make(rng: np.random.Generator, kind: str, **kwargs: object) -> MapsOperator:
    matrix = rng.standard_normal((GRID.n_voxels, 4))
    if kind == "sparse":
        matrix[rng.random(matrix.shape) < 0.95] = 0.0
    if kind == "near":
        matrix[:, 3] = matrix[:, 0] * (1 + 1e-7 * matrix[:, 3])
    weights = sparse.csc_array(matrix) if kind == "sparse" else matrix
    maps = MapsMatrix(GRID, np.arange(GRID.n_voxels), weights, np.array([1.0, 0.5, 0.25, 1.0]))
    return fit_maps(maps, ["a", "Région é", "c,\td", ""], **kwargs)  # type: ignore[arg-type]


@pytest.mark.parametrize("fwhm", [None, 5.0, (4.0, 0.0, 6.0)])
@pytest.mark.parametrize("kind", ["dense", "sparse", "near"])
def test_a_round_trip_keeps_every_bit(
    tmp_path: Path, rng: np.random.Generator, kind: str, fwhm: object
) -> None:
    saved = make(rng, kind, smoothing_fwhm=fwhm)
    loaded = load_operator(save_operator(tmp_path / "operator.npz", saved))
    for part in ("n_rows", "starts", "row_starts", "rows", "values"):
        assert np.array_equal(getattr(loaded.basis, part), getattr(saved.basis, part))
    for name in ("voxels", "mixing", "factor", "coverage", "n_voxels", "centres"):
        assert np.array_equal(getattr(loaded, name), getattr(saved, name))
    assert np.array_equal(loaded.variance_inflation, saved.variance_inflation, equal_nan=True)
    for name in ("names", "rank", "folded", "smoothing_fwhm"):
        assert getattr(loaded, name) == getattr(saved, name)
    assert loaded.grid.shape == GRID.shape
    assert np.array_equal(loaded.grid.affine, GRID.affine)


def test_the_maps_are_mapped_not_read(tmp_path: Path, rng: np.random.Generator) -> None:
    loaded = load_operator(save_operator(tmp_path / "operator.npz", make(rng, "dense")))
    assert isinstance(loaded.basis.values.base, np.memmap)
    assert not loaded.basis.values.flags.writeable


def test_an_operator_is_read_once_until_its_file_changes(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    path = save_operator(tmp_path / "operator.npz", make(rng, "dense"))
    first = load_operator(path)
    assert load_operator(str(path)) is first
    assert not first.mixing.flags.writeable
    own = load_operator(path, own=True)
    own.mixing[:] = 7.0
    own.basis.values[:] = 7.0
    assert not (first.mixing == 7.0).any()
    assert not (first.basis.values == 7.0).any()
    changed = make(rng, "dense")
    save_operator(path, changed)
    assert np.array_equal(load_operator(path).mixing, changed.mixing)


def test_files_that_are_no_operators_are_refused(tmp_path: Path, rng: np.random.Generator) -> None:
    whole = save_operator(tmp_path / "operator.npz", make(rng, "dense"))
    cut = tmp_path / "cut.npz"
    cut.write_bytes(whole.read_bytes()[:-2000])
    other = tmp_path / "other.npz"
    np.savez(other, a=np.ones(3))
    packed = tmp_path / "packed.npz"
    with np.load(whole) as archive:
        np.savez_compressed(packed, **archive)
    for path in (tmp_path / "missing.npz", cut, other, packed):
        with pytest.raises(ImageFileError, match=r"is not a whole operator file .*fit the maps"):
            load_operator(path)
    later = tmp_path / "later.npz"
    with np.load(whole) as archive:
        np.savez(later, **(dict(archive) | {"format": np.array(99)}))
    with pytest.raises(ImageFileError, match="is an operator of format 99, and this version"):
        load_operator(later)


def test_tables_of_coverage(tmp_path: Path, rng: np.random.Generator) -> None:
    operator = make(rng, "dense")
    fit = read_rows(write_fit_coverage(tmp_path / "fit.tsv", operator))
    assert [row["coverage"] for row in fit] == ["1.0", "0.5", "0.25", "1.0"]
    assert [row["n_voxels"] for row in fit] == ["504"] * 4
    assert float(fit[2]["x"] or "nan") == pytest.approx(operator.centres[2, 0], abs=0.01)
    run = read_rows(
        write_run_coverage(tmp_path / "run.tsv", operator, np.array([1.0, 0.5, 1.0, 0.0]))
    )
    assert [row["coverage"] for row in run] == ["1.0", "0.25", "0.25", "0.0"]
    assert [row["coverage_fit"] for row in run] == ["1.0", "0.5", "0.25", "1.0"]
    assert [row["coverage_data"] for row in run] == ["1.0", "0.5", "1.0", "0.0"]
