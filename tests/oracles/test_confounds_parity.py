# SPDX-License-Identifier: Apache-2.0
"""Regressors and volumes of every strategy, beside nilearn's load_confounds."""

import json
import shutil
from pathlib import Path

import nilearn.interfaces.fmriprep
import numpy as np
import pytest
from nilearn.interfaces.fmriprep import load_confounds, load_confounds_strategy
from nilearn.interfaces.fmriprep.load_confounds_scrub import optimize_scrub
from nilearn.signal import clean

from nipype_mapsmasker.core.denoise.limits import Limits
from nipype_mapsmasker.core.denoise.presets import preset
from nipype_mapsmasker.core.denoise.vocabulary import ConfoundStrategy
from nipype_mapsmasker.core.denoise.volumes import censoring_of, short_segments
from nipype_mapsmasker.core.parameters import Cleaning
from nipype_mapsmasker.io.tables.samples import read_sample_mask
from nipype_mapsmasker.io.tables.signals import read_signals, write_signals
from nipype_mapsmasker.steps.clean import CleaningInputs, clean_run
from nipype_mapsmasker.steps.select import SelectionInputs, select_run
from tests.confounds_tables import STEM, STYLES, write_run

KINDS = (
    "anat_combined",
    "anat_separated",
    "temporal",
    "temporal_anat_combined",
    "temporal_anat_separated",
)
REAL = Path(nilearn.interfaces.fmriprep.__file__).parent / "data"
REAL_TABLES = ("test-v21_desc-confounds_timeseries", "test_desc-confounds_regressors")
ALL_CENSORED = "all-censored"
"""Marks the folder of a table of which scrubbing keeps nothing."""

SOURCES = (*STYLES, *REAL_TABLES)


@pytest.fixture
def source(request, tmp_path):
    """A run's folder with one table and its JSON; the table's path."""
    if request.param in STYLES:
        return write_run(tmp_path, request.param)
    ending = request.param.rsplit("_", 1)[1]
    path = tmp_path / f"{STEM}_desc-confounds_{ending}.tsv"
    if request.param == REAL_TABLES[0]:
        (tmp_path / ALL_CENSORED).touch()
    shutil.copy(REAL / f"{request.param}.tsv", path)
    shutil.copy(REAL / f"{request.param}.json", path.with_suffix(".json"))
    return path


def ours(table, strategy, **rules):
    image = "x_desc-smoothAROMAnonaggr_bold.nii.gz"
    files = select_run(
        table.parent,
        SelectionInputs(confounds_files=str(table), image=image),
        strategy,
        censoring_of(strategy, **rules),
        Limits(),
    )
    summary = json.loads(files.summary_file.read_text())
    keep = read_sample_mask(files.outliers_file, summary["n_volumes"])
    if files.confounds_file is None:
        return np.zeros((keep.size, 0)), [], np.flatnonzero(keep)
    values, names = read_signals(files.confounds_file)
    return values, names, np.flatnonzero(keep)


def check_equal(table, strategy, theirs):
    confounds, mask = theirs
    values, names, kept = ours(table, strategy)
    assert names == list(confounds.columns)
    scale = np.abs(confounds.to_numpy()).max(axis=0) if names else 1
    np.testing.assert_allclose(values / scale, confounds.to_numpy() / scale, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(kept, np.arange(len(values)) if mask is None else mask)


def image_of(table, aroma=False):
    desc = "smoothAROMAnonaggr" if aroma else "preproc"
    return str(table.parent / f"{STEM}_desc-{desc}_bold.nii.gz")


@pytest.mark.parametrize("gsr", [False, True])
@pytest.mark.parametrize("name", ["simple", "scrubbing", "compcor", "ica_aroma"])
@pytest.mark.parametrize("source", SOURCES, indirect=True)
def test_presets_of_nilearn(source, name, gsr):
    words = {"global_signal": "basic"} if gsr else {}
    if name == "scrubbing" and (source.parent / ALL_CENSORED).exists():
        pytest.skip("nothing is kept of this table, see TestDifferences")
    theirs = load_confounds_strategy(image_of(source, name == "ica_aroma"), name, **words)
    check_equal(source, preset(f"{name}+gsr" if gsr else name), theirs)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        # Thresholds that nothing reaches: a threshold of None becomes 1.5 in nilearn's presets.
        ("scrubbing.2", {"fd_threshold": 0.2, "std_dvars_threshold": 1e9}),
        ("scrubbing.5", {"fd_threshold": 0.5, "std_dvars_threshold": 1e9}),
    ],
)
@pytest.mark.parametrize("source", STYLES, indirect=True)
def test_presets_of_giga_connectome(source, name, words):
    theirs = load_confounds_strategy(image_of(source), "scrubbing", **words)
    check_equal(source, preset(name), theirs)
    theirs = load_confounds_strategy(image_of(source), "scrubbing", global_signal="basic", **words)
    check_equal(source, preset(f"{name}+gsr"), theirs)


@pytest.mark.parametrize("n_compcor", ["all", 5])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("source", SOURCES, indirect=True)
def test_compcor_of_every_kind(source, kind, n_compcor):
    words = {"strategy": ("high_pass", "compcor"), "compcor": kind, "n_compcor": n_compcor}
    theirs = load_confounds(image_of(source), **words)
    check_equal(source, ConfoundStrategy(name="mine", **words), theirs)


@pytest.mark.parametrize("model", ["basic", "power2", "derivatives", "full"])
@pytest.mark.parametrize("source", SOURCES, indirect=True)
def test_expansions(source, model):
    for word in ("motion", "wm_csf", "global_signal"):
        words = {"strategy": ("high_pass", word), word: model}
        theirs = load_confounds(image_of(source), **words)
        check_equal(source, ConfoundStrategy(name="mine", **words), theirs)


@pytest.mark.parametrize("scrub", [0, 2, 5, 9])
@pytest.mark.parametrize("thresholds", [(0.2, 3.0), (0.5, 1.5), (0.3, 1.2)])
@pytest.mark.parametrize("source", STYLES, indirect=True)
def test_scrubbing(source, thresholds, scrub):
    words = {
        "strategy": ("wm_csf", "scrub"),
        "scrub": scrub,
        "fd_threshold": thresholds[0],
        "std_dvars_threshold": thresholds[1],
    }
    theirs = load_confounds(image_of(source), **words)
    check_equal(source, ConfoundStrategy(name="mine", **words), theirs)


def test_aroma_by_columns(tmp_path):
    source = write_run(tmp_path, "20")
    words = {"strategy": ("wm_csf", "ica_aroma"), "ica_aroma": "basic"}
    theirs = load_confounds(image_of(source), **words)
    check_equal(source, ConfoundStrategy(name="mine", **words), theirs)


@pytest.mark.parametrize("kind", ["aggressive", "non-aggressive"])
def test_tedana(tmp_path, kind):
    mixing = tmp_path / f"{STEM}_desc-ICA_mixing.tsv"
    metrics = tmp_path / f"{STEM}_desc-tedana_metrics.tsv"
    # More rows than components, so that something is left over; nilearn takes any number.
    rows = (REAL / "test_desc-ICA_mixing.tsv").read_text().splitlines()
    rng = np.random.default_rng(0)
    n_columns = len(rows[0].split("\t"))
    made = ["\t".join(repr(float(x)) for x in rng.standard_normal(n_columns)) for _ in range(90)]
    mixing.write_text("\n".join([rows[0], *made]) + "\n")
    shutil.copy(REAL / "test_desc-tedana_metrics.tsv", metrics)
    strategy = ConfoundStrategy(name="mine", strategy=("tedana",), tedana=kind)
    confounds, mask = load_confounds(
        str(tmp_path / f"{STEM}_desc-optcom_bold.nii.gz"), strategy=("tedana",), tedana=kind
    )
    files = select_run(
        tmp_path,
        SelectionInputs(tedana_files=(str(mixing), str(metrics))),
        strategy,
        censoring_of(strategy),
    )
    values, names = read_signals(files.confounds_file)
    assert mask is None
    assert names == list(confounds.columns)
    np.testing.assert_allclose(values, confounds, rtol=0, atol=1e-12)


@pytest.mark.slow
def test_segment_rule_on_random_masks():
    rng = np.random.default_rng(16)
    for _ in range(10_000):
        n_volumes = int(rng.integers(1, 60))
        censored = rng.random(n_volumes) < rng.choice([0.02, 0.1, 0.3, 0.7])
        shortest = int(rng.integers(1, 9))
        mine = np.flatnonzero(censored | short_segments(censored, shortest))
        theirs = np.flatnonzero(censored)
        if theirs.size:
            theirs = optimize_scrub(theirs, n_volumes, shortest)
        np.testing.assert_array_equal(mine, theirs)


class TestDifferences:
    """Where nilearn 0.14.1 is not followed; docs/how-to/strategies.md lists each."""

    def test_a_threshold_of_none_is_off(self, tmp_path):
        source = write_run(tmp_path)
        _, theirs = load_confounds_strategy(
            image_of(source), "scrubbing", fd_threshold=0.5, std_dvars_threshold=None
        )
        _, default = load_confounds_strategy(image_of(source), "scrubbing", fd_threshold=0.5)
        _, _, kept = ours(source, preset("scrubbing.5"))
        np.testing.assert_array_equal(theirs, default)
        assert len(kept) > len(theirs)

    def test_a_folder_called_tsv_keeps_its_metadata(self, tmp_path):
        source = write_run(tmp_path / "my_tsv_data")
        with pytest.raises(ValueError, match="Could not find associated json file"):
            load_confounds_strategy(image_of(source), "compcor")
        assert len(ours(source, preset("compcor"))[1]) == 24 + 12 + 4

    def test_a_missing_column_is_named(self, tmp_path):
        source = write_run(tmp_path, csf_power2=None)
        words = {"strategy": ("wm_csf",), "wm_csf": "full"}
        with pytest.raises(KeyError):
            load_confounds(image_of(source), **words)
        with pytest.raises(ValueError, match="needs the column csf_power2, which"):
            ours(source, ConfoundStrategy(name="mine", **words))

    def test_every_leading_gap_is_filled(self, tmp_path):
        values = np.r_[np.nan, np.nan, np.arange(138.0)]
        source = write_run(tmp_path, trans_x=values)
        words = {"strategy": ("motion",), "motion": "basic", "demean": False}
        theirs, _ = load_confounds(image_of(source), **words)
        assert theirs["trans_x"].isna().sum() == 2
        mine, names, _ = ours(source, ConfoundStrategy(name="mine", **words))
        assert mine[:3, names.index("trans_x")].tolist() == [0.0, 0.0, 0.0]

    def test_a_run_that_is_mostly_censored_fails(self, tmp_path, rng):
        moved = np.where(np.arange(140) < 124, 1.0, 0.1)  # 88 %
        source = write_run(tmp_path, framewise_displacement=moved)
        words = {"strategy": ("motion", "wm_csf", "scrub"), "std_dvars_threshold": 1e9}
        theirs, kept = load_confounds(image_of(source), fd_threshold=0.5, **words)
        assert len(kept) == 16 < theirs.shape[1]
        signals = rng.normal(size=(140, 3))
        assert clean(signals, confounds=theirs, sample_mask=kept).shape == (16, 3)
        write_signals(tmp_path / "raw.tsv", signals, ["a", "b", "c"])
        strategy = ConfoundStrategy(name="mine", fd_threshold=0.5, **words)
        files = select_run(
            tmp_path,
            SelectionInputs(confounds_files=str(source)),
            strategy,
            censoring_of(strategy),
        )
        inputs = CleaningInputs(
            run_id="r",
            signals_file=str(tmp_path / "raw.tsv"),
            confounds_files=str(files.confounds_file),
            sample_mask_file=str(files.outliers_file),
        )
        with pytest.raises(ValueError, match="of 140 volumes 16 were kept"):
            clean_run(tmp_path, inputs, Cleaning())

    @pytest.mark.parametrize("source", REAL_TABLES[:1], indirect=True)
    def test_a_run_without_any_volume_left_fails(self, source):
        with pytest.warns(RuntimeWarning, match="All volumes were marked"):
            _, kept = load_confounds_strategy(image_of(source), "scrubbing")
        assert not kept.size
        with pytest.raises(ValueError, match="None of the 30 volumes is kept"):
            ours(source, preset("scrubbing"))
