# SPDX-License-Identifier: Apache-2.0
"""The maskers as objects: parameters, pickles, files of their own, reports, no scikit-learn."""

import inspect
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from nipype_mapsmasker.maskers import MultiNiftiMapsMasker, NiftiMapsMasker

from .conftest import N_MAPS, N_VOLUMES

ORDER = [
    *("maps_img", "mask_img", "allow_overlap", "smoothing_fwhm", "standardize"),
    *("standardize_confounds", "high_variance_confounds", "detrend", "low_pass", "high_pass"),
    *("t_r", "dtype", "resampling_target", "memory", "memory_level", "verbose", "reports"),
    *("cmap", "n_jobs", "keep_masked_maps", "clean_args", "plugin", "plugin_args", "kwargs"),
]
"""Arguments as the reference page has them, then what is added."""


def temporary_files():
    return {path.name for path in Path(tempfile.gettempdir()).glob("mapsmasker-*")}


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))


def test_signature():
    assert list(inspect.signature(MultiNiftiMapsMasker).parameters) == ORDER
    single = [name for name in ORDER if name != "n_jobs"]
    assert list(inspect.signature(NiftiMapsMasker).parameters) == single


def test_both_signatures_say_the_same():
    """They are written out twice for editors and help(), which take nothing else."""
    multi, single = (
        inspect.signature(kind).parameters for kind in (MultiNiftiMapsMasker, NiftiMapsMasker)
    )
    for name, parameter in single.items():
        assert multi[name] == parameter
    parts = [kind.__doc__.split("Examples")[0] for kind in (MultiNiftiMapsMasker, NiftiMapsMasker)]
    lines = [part.split("    Parameters\n")[1].splitlines() for part in parts]
    only = [line.strip() for line in lines[0] if line not in lines[1]]
    assert (only[0], len(only)) == ("n_jobs : int", 3)
    assert [line for line in lines[1] if line not in lines[0]] == []


@pytest.mark.parametrize("kind", [NiftiMapsMasker, MultiNiftiMapsMasker])
def test_parameters_round_trip(maps, kind):
    masker = kind(maps, detrend=True, clean__filter="cosine", clean_args={"extrapolate": True})
    again = kind(**masker.get_params())
    assert again.get_params() == masker.get_params()
    assert clone(masker).get_params()["clean__filter"] == "cosine"
    masker.set_params(clean__filter=False, t_r=2.0)
    assert (masker.get_params()["clean__filter"], masker.t_r) == (False, 2.0)


def test_nothing_that_is_passed_in_changes(maps, runs, rng):
    confounds = [rng.standard_normal((N_VOLUMES, 2)) for _ in runs]
    keep = [np.arange(30) for _ in runs]
    args = {"filter": "butterworth"}
    before = pickle.dumps((args, confounds, keep))
    images = list(runs)
    masker = MultiNiftiMapsMasker(
        maps, high_pass=0.05, t_r=2.0, clean_args=args, high_variance_confounds=True
    )
    masker.fit_transform(images, confounds=confounds, sample_mask=keep)
    assert pickle.dumps((args, confounds, keep)) == before
    assert [a is b for a, b in zip(images, runs, strict=True)] == [True] * 3
    assert masker.clean_args is args


@pytest.mark.parametrize("way", ["pickle", "joblib"])
def test_copies_have_files_of_their_own(tmp_path, maps, runs, way):
    masker = MultiNiftiMapsMasker(maps).fit(runs)
    wanted = masker.transform(runs)
    if way == "pickle":
        copy = pickle.loads(pickle.dumps(masker))
    else:
        joblib.dump(masker, tmp_path / "masker.joblib")
        copy = joblib.load(tmp_path / "masker.joblib")
    del masker
    np.testing.assert_array_equal(copy.transform(runs), wanted)
    assert copy.inverse_transform(wanted[0]).shape == runs[0].shape


def test_no_file_is_left_after_deletion(maps, runs):
    masker = MultiNiftiMapsMasker(maps, n_jobs=2).fit(runs)
    masker.transform(runs)
    masker.generate_report()
    assert len(temporary_files()) == 1
    del masker
    assert not temporary_files()


def test_no_file_is_left_at_the_end_of_the_interpreter(tmp_path):
    code = """
import nibabel as nib, numpy as np
from nipype_mapsmasker.maskers import NiftiMapsMasker
maps = nib.Nifti1Image(np.random.default_rng(0).random((5, 6, 7, 2)), np.eye(4))
masker = NiftiMapsMasker(maps).fit(maps)
print(masker.transform(maps).shape)
"""
    folder = tmp_path / "own"
    folder.mkdir()
    environment = {"TMPDIR": str(folder), "PYTHONPATH": ":".join(sys.path), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout == "(2, 2)\n", done.stderr
    assert not list(folder.iterdir())


def test_in_a_pipeline(maps, runs):
    line = make_pipeline(NiftiMapsMasker(maps, standardize="zscore"))
    assert line.fit_transform(runs[0]).shape == (N_VOLUMES, N_MAPS)
    assert "NiftiMapsMasker" in line._repr_html_()
    with config_context(enable_metadata_routing=True):
        asked = NiftiMapsMasker(maps).set_transform_request(confounds=False)
        assert asked.get_metadata_routing().transform.requests["confounds"] is False


def test_report_of_all_runs(tmp_path, maps, runs):
    masker = MultiNiftiMapsMasker(maps).fit(runs)
    only_maps = masker.generate_report(displayed_maps=[0])
    assert str(only_maps).count("<img") == 1
    masker.transform(runs)
    report = masker.generate_report(displayed_maps=2)
    report.save_as_html(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert page.count("<iframe") == 3
    assert "Run 3 of 3" in page
    assert report._repr_html_().startswith("<iframe")
    assert str(masker.generate_report(displayed_maps=2)) == str(report)
    with pytest.raises(TypeError, match="displayed_maps"):
        masker.generate_report(displayed_maps=2.5)


def test_an_empty_report_says_why(maps, runs):
    masker = NiftiMapsMasker(maps, reports=False)
    with pytest.warns(UserWarning, match="reports=False"):
        assert "nothing to show" in str(masker.fit(runs[0]).generate_report())
    with pytest.warns(UserWarning, match="not fitted"):
        NiftiMapsMasker(maps).generate_report()


def test_verbose_goes_to_stderr(maps, runs, capsys):
    NiftiMapsMasker(maps, verbose=1).fit_transform(runs[0])
    said = capsys.readouterr()
    assert not said.out
    assert "Extracting" in said.err
    NiftiMapsMasker(maps).fit_transform(runs[0])
    assert not capsys.readouterr().err


WITHOUT = """
import sys
sys.modules["sklearn"] = sys.modules["sklearn.base"] = None
import nibabel as nib, numpy as np, pickle
from nipype_mapsmasker.maskers import MultiNiftiMapsMasker
maps = nib.Nifti1Image(np.random.default_rng(0).random((5, 6, 7, 2)), np.eye(4))
masker = MultiNiftiMapsMasker(maps, clean__filter=False)
masker.set_params(detrend=True)
assert MultiNiftiMapsMasker(**masker.get_params()).get_params() == masker.get_params()
try:
    masker.transform([maps])
except ValueError as error:
    assert "not fitted" in str(error)
masker.fit([maps]).set_output(transform="pandas")
again = pickle.loads(pickle.dumps(masker))
print(again.transform([maps])[0].shape, "detrend=True" in repr(masker))
for name in ("get_metadata_routing", "set_fit_request", "set_transform_request"):
    try:
        getattr(masker, name)()
    except ImportError as error:
        assert "nipype-mapsmasker[estimator]" in str(error)
    else:
        raise AssertionError(name)
"""


def test_without_scikit_learn():
    environment = {"PYTHONPATH": ":".join(sys.path), "PATH": "", "TMPDIR": tempfile.gettempdir()}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "(2, 2) True\n", done.stderr
