# SPDX-License-Identifier: Apache-2.0
"""The synthetic data are what they say: the same for one seed, recoverable, faulty where asked."""

import csv
import gzip
import json

import nibabel
import numpy as np
import pytest

from nipype_mapsmasker import testing
from nipype_mapsmasker.core.grids import is_axis_aligned, voxel_sizes, voxel_transform
from nipype_mapsmasker.errors import ParameterError


def read_table(path):
    with path.open() as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cohort")
    return testing.make_cohort(
        folder, n_subjects=2, n_volumes=160, seed=5, outliers=testing.OUTLIERS
    )


def files_of(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_one_seed_gives_one_set_of_bytes(tmp_path):
    options = {"n_subjects": 2, "n_volumes": 160, "outliers": ("noise",)}
    testing.make_cohort(tmp_path / "a", seed=3, **options)
    testing.make_cohort(tmp_path / "b", seed=3, **options)
    testing.make_cohort(tmp_path / "c", seed=4, **options)
    first, again, other = (files_of(tmp_path / name) for name in "abc")
    assert first == again
    assert first != other


def test_a_run_does_not_depend_on_the_number_of_runs(tmp_path):
    testing.make_cohort(tmp_path / "few", n_subjects=1, n_volumes=160)
    testing.make_cohort(tmp_path / "many", n_subjects=3, n_volumes=160)
    few, many = files_of(tmp_path / "few"), files_of(tmp_path / "many")
    name = "sub-01/func/sub-01_task-rest_bold.nii.gz"
    assert few[name] == many[name]


def test_single_files_are_those_of_the_cohort_of_the_same_seed(cohort, tmp_path):
    maps_file = testing.make_maps_file(tmp_path / "maps.nii.gz", seed=5)
    run_file = testing.make_run_file(tmp_path / "run.nii.gz", n_volumes=160, seed=5)
    first = cohort.folder / "sub-01/func/sub-01_task-rest_bold.nii.gz"
    assert maps_file.read_bytes() == cohort.maps_file.read_bytes()
    assert run_file.read_bytes() == first.read_bytes()


def test_the_runs_table_names_files_that_exist(cohort):
    rows = read_table(cohort.runs_file)
    assert [row["run_id"] for row in rows] == cohort.run_ids
    for row in rows:
        for column in ("in_file", "confounds", "sample_mask", "mask"):
            assert (cohort.folder / row[column]).is_file()
        sidecar = (cohort.folder / row["in_file"]).with_suffix("").with_suffix(".json")
        assert json.loads(sidecar.read_text())["RepetitionTime"] == float(row["t_r"])


def test_images_hold_the_grids_and_the_repetition_time(cohort):
    rows = read_table(cohort.runs_file)
    for row, kind in zip(rows[:2], ["plain", "flipped"], strict=True):
        image = nibabel.load(cohort.folder / row["in_file"])
        grid = testing.make_grid(kind)
        assert image.shape == (*grid.shape, 160)
        assert image.get_data_dtype() == np.int16
        np.testing.assert_allclose(image.affine, grid.affine, atol=1e-5)
        assert image.header.get_zooms()[3] == 2.0
        mask = np.asarray(nibabel.load(cohort.folder / row["mask"]).dataobj)
        expected = testing.make_brain_mask(grid)
        np.testing.assert_array_equal(mask.astype(bool).ravel(order="F"), expected)


def test_confounds_lack_only_the_first_value_of_derivatives_and_displacement(cohort):
    rows = read_table(cohort.folder / "sub-01/func/sub-01_task-rest_desc-confounds_timeseries.tsv")
    assert len(rows) == 160
    lacking = {name for name, value in rows[0].items() if value == "n/a"}
    derived = {name for name in rows[0] if name.endswith("_derivative1")}
    assert lacking == derived | {"framewise_displacement"}
    assert all(value != "n/a" for row in rows[1:] for value in row.values())


@pytest.mark.parametrize("kind", ["plain", "flipped", "oblique"])
def test_the_fit_and_the_regression_bring_the_truth_back(kind):
    grid = testing.make_grid(kind)
    blobs = testing.make_blobs(5, np.random.default_rng(1))
    run = testing.make_run(blobs, grid, np.random.default_rng(2), n_volumes=160)
    weights = blobs.sample(grid)
    raw = np.linalg.lstsq(weights.T, run.data.T, rcond=None)[0].T
    confounds = run.confounds.copy()
    confounds[0] = np.where(np.isnan(confounds[0]), confounds[1], confounds[0])
    trend = np.linspace(-1, 1, 160)[:, np.newaxis] ** np.arange(3)
    regressors = np.hstack([trend, confounds])[run.keep]
    kept = raw[run.keep]
    cleaned = kept - regressors @ np.linalg.lstsq(regressors, kept, rcond=None)[0]
    assert testing.recovery(raw, run.truth).max() < 0.9
    assert testing.recovery(cleaned, run.truth, keep=run.keep).min() > 0.95


def test_true_signals_lie_in_the_pass_band_and_avoid_the_nuisance():
    rng = np.random.default_rng(6)
    nuisance = rng.standard_normal((200, 7))
    signals = testing.make_signals(200, 4, rng, nuisance=nuisance)
    np.testing.assert_allclose(signals.std(axis=0), 1.0)
    np.testing.assert_allclose(nuisance.T @ signals, 0.0, atol=1e-10)
    power = np.abs(np.fft.rfft(signals, axis=0)) ** 2
    frequencies = np.fft.rfftfreq(200, 2.0)
    low, high = testing.PASS_BAND
    outside = (frequencies < low) | (frequencies > high)
    assert (power[outside].sum(axis=0) / power.sum(axis=0)).max() < 0.02


def test_too_short_a_run_is_refused():
    with pytest.raises(ParameterError, match=r"n_volumes=30 at t_r=2\.0 s leaves 8 frequencies"):
        testing.make_signals(30, 8, np.random.default_rng(0))


def test_sparse_maps_have_zeros_and_labels_never_overlap():
    grid = testing.make_grid("maps")
    for kind, largest in (("smooth", 0.0), ("sparse", 0.9)):
        weights = testing.make_blobs(6, np.random.default_rng(0), kind=kind).sample(grid)
        assert (weights == 0).mean() >= largest
        assert (weights < 0).any()
    labels = testing.make_blobs(6, np.random.default_rng(0), kind="labels").sample(grid)
    assert set(np.unique(labels)) == {0.0, 1.0}
    assert labels.sum(axis=0).max() == 1
    assert (labels.sum(axis=1) > 0).all()


def test_labels_are_written_as_a_3d_image_of_integers(tmp_path):
    cohort = testing.make_cohort(tmp_path, n_subjects=1, n_volumes=160, maps_kind="labels")
    image = nibabel.load(cohort.maps_file)
    assert image.ndim == 3
    assert set(np.unique(np.asarray(image.dataobj))) == set(range(9))
    assert [row["index"] for row in read_table(cohort.labels_file)] == [
        str(k) for k in range(1, 9)
    ]


def test_grids_differ_as_they_say():
    plain, flipped, oblique = (testing.make_grid(k) for k in ("plain", "flipped", "oblique"))
    assert flipped.affine[0, 0] < 0
    assert len(set(voxel_sizes(flipped).round(6))) > 1
    assert is_axis_aligned(voxel_transform(plain, flipped))
    assert not is_axis_aligned(voxel_transform(plain, oblique))
    with pytest.raises(ParameterError, match="kind must be one of"):
        testing.make_grid("round")


def test_positions_are_in_disk_order():
    grid = testing.make_grid("oblique")
    points = testing.positions(grid)
    voxel = np.array([3, 5, 7])
    flat = np.ravel_multi_index(voxel, grid.shape, order="F")
    np.testing.assert_allclose(points[flat], grid.affine[:3, :3] @ voxel + grid.affine[:3, 3])


def test_planted_faults_are_there(cohort):
    by_fault = {fault: run_id for run_id, fault in cohort.outliers.items()}
    assert set(by_fault) == set(testing.OUTLIERS)
    rows = {row["run_id"]: row for row in read_table(cohort.runs_file)}

    def path(fault, column="in_file"):
        return cohort.folder / rows[by_fault[fault]][column]

    def data(file):
        return np.asarray(nibabel.load(file).dataobj, dtype=float)

    sound = data(cohort.folder / rows[cohort.run_ids[0]]["in_file"])
    noisy, halved = data(path("noise")), data(path("half_fov"))
    assert noisy.std(axis=3).mean() > 5 * sound.std(axis=3).mean()
    assert (halved == 0).all(axis=3).mean() == pytest.approx(0.5, abs=0.05)
    kept = [row["keep"] for row in read_table(path("censored", "sample_mask"))]
    assert kept.count("0") / len(kept) == pytest.approx(0.6, abs=0.05)
    with pytest.raises(EOFError), gzip.open(path("truncated")) as stream:
        stream.read()


def test_unknown_faults_and_grids_are_refused(tmp_path):
    with pytest.raises(ParameterError, match=r"outliers must be among .* got \['rust'\]"):
        testing.make_cohort(tmp_path, outliers=["rust"])
    with pytest.raises(ParameterError, match="grids must be 1 to 3; got 4"):
        testing.make_cohort(tmp_path, grids=4)
    assert not list(tmp_path.iterdir())
