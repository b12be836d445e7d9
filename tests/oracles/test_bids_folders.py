# SPDX-License-Identifier: Apache-2.0
"""What pybids and bids2table say of the same folder: the same images, times and tables."""

import warnings
from pathlib import Path

import pytest

from nipype_mapsmasker.core.parameters import SelectionParameters
from nipype_mapsmasker.io.bids.finding import find_runs
from nipype_mapsmasker.io.images.headers import read_info
from nipype_mapsmasker.io.timing import resolve_t_r
from nipype_mapsmasker.testing import make_fmriprep_folder

SPACE = "MNI152NLin2009cAsym"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder of derivatives with the usual awkward cases."""
    return make_fmriprep_folder(tmp_path_factory.mktemp("oracle")).root


@pytest.fixture(scope="module")
def ours(root):
    """The runs that are found, by the paths of their images."""
    choice = find_runs(root, SelectionParameters(space=SPACE, mask_from="none"))
    return {run.image.path: run for run in choice.runs}


@pytest.fixture(scope="module")
def layout(root):
    """The folder as pybids sees it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its dependencies are older than Python
        from bids import BIDSLayout

        return BIDSLayout(root, validate=False, config=["bids", "derivatives"])


def t_r_of(path):
    return resolve_t_r(path, read_info(path).t_r).seconds


def test_pybids_finds_the_same_images_and_times(layout, ours):
    images = layout.get(
        suffix="bold", extension=[".nii.gz"], space=SPACE, desc="preproc", return_type="file"
    )
    assert sorted(images) == sorted(ours)
    for path in images:
        assert t_r_of(path) == layout.get_metadata(path)["RepetitionTime"]


def test_pybids_finds_the_same_masks_and_confounds(layout, ours):
    masks = layout.get(
        suffix="mask", extension=[".nii.gz"], space=SPACE, desc="brain", return_type="file"
    )
    assert sorted(masks) == sorted(run.mask for run in ours.values() if run.mask)
    tables = layout.get(
        suffix="timeseries", extension=[".tsv"], desc="confounds", return_type="file"
    )
    found = [path for run in ours.values() for path in run.confounds]
    assert sorted(set(tables) - set(found)) == [
        path for path in sorted(tables) if "sub-05" in path
    ]
    assert set(found) <= set(tables)


def test_bids2table_finds_the_same_images_and_times(root, ours):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import bids2table

        rows = bids2table.index_dataset(root).to_pylist()
    images = [
        str(Path(row["root"]) / row["path"])
        for row in rows
        if (row["suffix"], row["ext"], row["space"]) == ("bold", ".nii.gz", SPACE)
    ]
    assert sorted(images) == sorted(ours)
    for path in images:
        assert t_r_of(path) == bids2table.load_bids_metadata(path)["RepetitionTime"]
