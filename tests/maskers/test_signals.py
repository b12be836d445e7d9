# SPDX-License-Identifier: Apache-2.0
"""The maskers' arrays: forms of images, confounds and masks of samples, engines, containers."""

import joblib
import nibabel as nib
import numpy as np
import pandas as pd
import polars as pl
import pytest

from nipype_mapsmasker.errors import ImageKindError, ParameterError, TableError
from nipype_mapsmasker.maskers import MultiNiftiMapsMasker, NiftiMapsMasker
from nipype_mapsmasker.maskers.fitted import FittedMaps

from .conftest import AFFINE, N_MAPS, N_VOLUMES, SHAPE, frozen


def counted_fits(monkeypatch):
    """Count how often maps are fitted."""
    calls = []
    plain = FittedMaps._fit
    monkeypatch.setattr(
        FittedMaps, "_fit", lambda self, *args: calls.append(args) or plain(self, *args)
    )
    return calls


def test_signals_are_the_coefficients_of_the_maps(maps, runs, expected):
    found = MultiNiftiMapsMasker(maps).fit_transform(runs)
    assert [table.dtype for table in found] == [np.dtype(float)] * 3
    for ours, closed_form in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, closed_form, rtol=1e-9)


def test_a_3d_image_gives_one_dimension(maps, runs, expected):
    volume = frozen(np.array(np.asarray(runs[0].dataobj)[..., 5]))
    found = NiftiMapsMasker(maps).fit_transform(volume)
    assert found.shape == (N_MAPS,)
    np.testing.assert_allclose(found, expected[0][5], rtol=1e-9)


def test_forms_of_an_image(tmp_path, maps, runs, expected):
    data = np.asarray(runs[0].dataobj)
    path = tmp_path / "run.nii"
    nib.Nifti1Image(data, AFFINE).to_filename(path)
    volumes = [nib.Nifti1Image(data[..., t], AFFINE) for t in range(N_VOLUMES)]
    for t, volume in enumerate(volumes):
        volume.to_filename(tmp_path / f"volume-{t:03d}.nii.gz")
    forms = [
        path,
        str(path),
        nib.load(path),
        nib.Nifti2Image(data, AFFINE),
        nib.Nifti1Image(data.astype(">f8"), AFFINE),
        volumes,
        str(tmp_path / "volume-*.nii.gz"),
    ]
    masker = NiftiMapsMasker(maps).fit()
    for form in forms:
        np.testing.assert_allclose(masker.transform(form), expected[0], rtol=1e-9)


def test_an_image_changed_in_memory_is_not_its_file(tmp_path, maps, runs):
    path = tmp_path / "run.nii"
    nib.Nifti1Image(np.array(runs[0].dataobj), AFFINE).to_filename(path)
    changed = nib.load(path)
    changed.get_fdata()[...] = 0.5
    moved = nib.Nifti1Image(nib.load(path).dataobj, AFFINE + np.diag([0.5, 0, 0, 0]))
    masker = NiftiMapsMasker(maps, resampling_target="data").fit()
    assert not np.array_equal(masker.transform(moved), masker.transform(path))
    # get_fdata is a cache beside the data, which nibabel itself does not save.
    np.testing.assert_array_equal(masker.transform(changed), masker.transform(path))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64", "float16", "float32", "bool"])
def test_types_in_memory(maps, rng, dtype):
    data = rng.integers(0, 2 if dtype == "bool" else 100, (*SHAPE, 5)).astype(dtype)
    kind = {"bool": "uint8", "float16": "float32"}.get(dtype, dtype)
    image = nib.Nifti2Image(np.zeros((1, 1, 1), kind), AFFINE, dtype=kind)
    image = type(image)(data.astype(kind), AFFINE, dtype=kind)
    found = NiftiMapsMasker(maps).fit_transform(image)
    wanted = NiftiMapsMasker(maps).fit_transform(frozen(data.astype(float)))
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)


def test_forms_of_confounds(tmp_path, maps, runs, rng):
    table = rng.standard_normal((N_VOLUMES, 2))
    frame = pd.DataFrame(table, columns=["a", "b"])
    frame.to_csv(tmp_path / "named.csv", index=False)
    frame.to_csv(tmp_path / "named.tsv", index=False, sep="\t")
    pd.DataFrame(table).to_csv(tmp_path / "numbers.csv", index=False)
    np.savetxt(tmp_path / "plain.txt", table)
    np.savetxt(tmp_path / "plain.csv", table, delimiter=",")
    forms = [
        table.tolist(),
        frame,
        pl.from_pandas(frame),
        frame.to_records(index=False),
        [table[:, 0], table[:, 1:]],
        [tmp_path / "named.csv"],
        *(tmp_path / name for name in ("named.tsv", "numbers.csv", "plain.txt", "plain.csv")),
    ]
    masker = NiftiMapsMasker(maps).fit(runs[0])
    wanted = masker.transform(runs[0], confounds=table)
    assert not np.allclose(wanted, masker.transform(runs[0]))
    for form in forms:
        found = masker.transform(runs[0], confounds=form)
        np.testing.assert_allclose(found, wanted, rtol=1e-9)


def test_forms_of_sample_masks(maps, runs):
    keep = np.ones(N_VOLUMES, dtype=bool)
    keep[30:] = False
    forms = [
        keep.tolist(),
        np.arange(30),
        list(range(30)),
        range(30),
        slice(30),
        [keep],
        [list(range(30))],
        pd.Series(keep),
    ]
    masker = NiftiMapsMasker(maps, detrend=True).fit(runs[0])
    wanted = masker.transform(runs[0], sample_mask=keep)
    assert wanted.shape == (30, N_MAPS)
    for form in forms:
        np.testing.assert_array_equal(masker.transform(runs[0], sample_mask=form), wanted)


def test_true_means_the_population(maps, runs):
    found = NiftiMapsMasker(maps, standardize=True).fit_transform(runs[0])
    np.testing.assert_allclose(found.std(axis=0, ddof=0), 1, rtol=1e-12)


@pytest.mark.parametrize("how", ["prefix", "clean_args"])
def test_arguments_of_the_cleaning(maps, runs, how):
    given = {"filter": "cosine"}
    words = {f"clean__{k}": v for k, v in given.items()} if how == "prefix" else {}
    words = words or {"clean_args": given}
    masker = NiftiMapsMasker(maps, high_pass=0.05, t_r=2.0, **words)
    plain = NiftiMapsMasker(maps, high_pass=0.05, t_r=2.0)
    assert masker.fit(runs[0]).clean_args_ == given
    assert not np.allclose(masker.transform(runs[0]), plain.fit_transform(runs[0]))


def test_processes_and_memory_do_not_change_a_bit(tmp_path, maps, runs):
    words = {"high_variance_confounds": True, "detrend": True, "standardize": "zscore"}
    here = MultiNiftiMapsMasker(maps, **words).fit_transform(runs)
    for more in (
        {"n_jobs": 2},
        {"plugin": "Linear"},
        {"memory": joblib.Memory(tmp_path, verbose=0), "memory_level": 1},
    ):
        there = MultiNiftiMapsMasker(maps, **words, **more).fit_transform(runs)
        for ours, theirs in zip(here, there, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def counted(monkeypatch, module, name):
    """Count the calls of a function."""
    calls = []
    plain = getattr(module, name)
    monkeypatch.setattr(module, name, lambda *args, **kw: calls.append(kw) or plain(*args, **kw))
    return calls


@pytest.mark.parametrize("where", ["in memory", "on disk"])
def test_memory_serves_what_was_done_before(tmp_path, monkeypatch, maps, runs, where):
    """Also to another object, in another order, and beside runs that are new."""
    from nipype_mapsmasker.interfaces import extraction
    from nipype_mapsmasker.maskers import fitted

    images = runs
    if where == "on disk":
        images = [tmp_path / f"run-{number}.nii" for number in range(3)]
        for run, path in zip(runs, images, strict=True):
            run.to_filename(path)
    fits = counted(monkeypatch, fitted, "fit_maps")
    readings = counted(monkeypatch, extraction, "extract_signals")
    kept = tmp_path / "kept"
    words = {"memory": str(kept), "memory_level": 1, "high_variance_confounds": True}
    first = MultiNiftiMapsMasker(maps, **words).fit_transform(images[:2])
    assert (len(fits), len(readings)) == (1, 2)
    again = MultiNiftiMapsMasker(maps, detrend=True, **words).fit(images)
    again.transform(images[::-1])
    assert (len(fits), len(readings)) == (1, 3)
    second = again.set_params(detrend=False).transform([images[1], images[0], images[0]])
    assert (len(fits), len(readings)) == (1, 3)
    for ours, theirs in zip(second, [first[1], first[0], first[0]], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    changed = nib.Nifti1Image(np.asarray(runs[0].dataobj) + 1, AFFINE)
    if where == "on disk":
        changed.to_filename(images[0])
    third = again.transform([images[0] if where == "on disk" else changed])
    assert len(readings) == 4
    assert not np.allclose(third[0], first[0])
    for file in kept.rglob("signals_0.tsv"):  # what is lost is made anew
        file.unlink()
    np.testing.assert_array_equal(again.transform([images[1]])[0], first[1])


def test_level_0_keeps_nothing(tmp_path, maps, runs):
    MultiNiftiMapsMasker(maps, memory=tmp_path, memory_level=0).fit_transform(runs)
    assert not list(tmp_path.iterdir())


def test_a_fault_in_a_worker_is_the_fault_here(tmp_path, maps, runs):
    path = tmp_path / "run.nii"
    nib.Nifti1Image(np.zeros((*SHAPE, 5)), AFFINE).to_filename(path)
    for n_jobs in (1, 2):
        masker = MultiNiftiMapsMasker(maps, n_jobs=n_jobs).fit(runs)
        with pytest.raises(ValueError, match="has no data under the maps"):
            masker.transform([runs[0], path])


def test_the_second_transform_fits_nothing(monkeypatch, maps, runs):
    calls = counted_fits(monkeypatch)
    masker = MultiNiftiMapsMasker(maps).fit(runs)
    masker.transform(runs)
    masker.transform(runs[0])
    assert len(calls) == 1
    finer = nib.Nifti1Image(np.array(runs[0].dataobj)[..., :4], AFFINE * [0.9, 0.9, 0.9, 1])
    masker.transform([finer, runs[0], finer])
    assert len(calls) == 2


@pytest.mark.parametrize(("kind", "frame"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame)])
def test_data_frames_have_the_names_of_the_maps(maps, runs, kind, frame):
    masker = MultiNiftiMapsMasker(maps).fit(runs)
    arrays = masker.transform(runs)
    tables = masker.set_output(transform=kind).transform(runs)
    assert all(isinstance(table, frame) for table in tables)
    assert list(tables[0].columns) == ["map_1", "map_2", "map_3"]
    assert list(tables[0].columns) == list(masker.get_feature_names_out())
    np.testing.assert_array_equal(tables[2].to_numpy(), arrays[2])


def test_inverse_then_transform_is_the_identity(maps, rng):
    signals = rng.standard_normal((6, N_MAPS))
    masker = NiftiMapsMasker(maps).fit()
    image = masker.inverse_transform(signals)
    assert image.shape == (*SHAPE, 6)
    np.testing.assert_allclose(masker.transform(image), signals, rtol=1e-9, atol=1e-12)
    assert masker.inverse_transform(signals[0]).shape == SHAPE


def test_attributes(maps, runs):
    mask = np.zeros(SHAPE, dtype=np.uint8)
    mask[1:6] = 1
    masker = MultiNiftiMapsMasker(maps, nib.Nifti1Image(mask, AFFINE)).fit(runs)
    assert masker.n_elements_ == N_MAPS
    np.testing.assert_array_equal(masker.maps_img_.get_fdata(), maps.get_fdata())
    np.testing.assert_array_equal(masker.mask_img_.get_fdata(), mask)
    assert MultiNiftiMapsMasker(maps).fit().mask_img_ is None


@pytest.mark.parametrize(
    ("words", "error", "match"),
    [
        ({"dtype": "int32"}, ParameterError, "floating-point"),
        ({"dtype": bool}, TypeError, "cannot be bool"),
        ({"resampling_target": "run"}, ParameterError, "resampling_target"),
        ({"clean_args": {"order": 3}}, ParameterError, "'order'"),
        ({"low_pass": 0.1}, ParameterError, "t_r"),
        ({"smoothing_fwhm": "fast"}, ParameterError, "smoothing_fwhm"),
        ({"reports": "yes"}, ParameterError, "reports"),
        ({"memory": 3}, ParameterError, "memory must be a path"),
    ],
)
def test_values_that_cannot_be_meant(maps, words, error, match):
    with pytest.raises(error, match=match):
        NiftiMapsMasker(maps, **words).fit()


def test_what_cannot_be_meant(maps, runs):
    with pytest.raises(TypeError, match="unexpected keyword"):
        NiftiMapsMasker(maps, smoothing=3)
    with pytest.raises(ImageKindError, match="maps_img is None"):
        NiftiMapsMasker().fit()
    with pytest.raises(ValueError, match="not fitted"):
        NiftiMapsMasker(maps).transform(runs[0])
    masker = MultiNiftiMapsMasker(maps).fit(runs)
    with pytest.raises(ParameterError, match=r"confounds \(1\) unequal"):
        masker.transform(runs, confounds=[None])
    with pytest.raises(TypeError, match="'sample_mask' must be"):
        masker.transform(runs, sample_mask=np.arange(3))
    with pytest.raises(TableError, match="41 rows"):
        masker.transform(runs[0], confounds=[np.ones((41, 1))])
    with pytest.raises(ParameterError, match="n_jobs"):
        MultiNiftiMapsMasker(maps, n_jobs=0).fit_transform(runs)


@pytest.mark.parametrize("make", [NiftiMapsMasker, MultiNiftiMapsMasker])
def test_the_callers_confounds_stay_as_they_are(rng, maps, runs, make):
    """High-variance confounds are found besides, and join no list that was given."""
    tables = [rng.standard_normal((N_VOLUMES, 2)), rng.standard_normal((N_VOLUMES, 1))]
    given, kept = list(tables), [table.copy() for table in tables]
    if make is MultiNiftiMapsMasker:
        runs, confounds = runs[:1], [given]
    else:
        runs, confounds = runs[0], given
    make(maps, high_variance_confounds=True).fit_transform(runs, confounds=confounds)
    assert len(confounds) == (1 if make is MultiNiftiMapsMasker else 2)
    assert len(given) == 2
    for mine, table, before in zip(given, tables, kept, strict=True):
        assert mine is table
        np.testing.assert_array_equal(mine, before)
