# SPDX-License-Identifier: Apache-2.0
"""Inherited sidecars: which apply, in which order, and when nothing says which."""

import os

import pytest

from nipype_mapsmasker.errors import TableError
from nipype_mapsmasker.io.bids.inheritance import dataset_root, inherited_sidecars
from nipype_mapsmasker.io.images.names import image_files, image_stem

IMAGE = "sub-1_ses-a_task-rest_run-01_bold.nii.gz"


@pytest.fixture
def dataset(tmp_path):
    """Make a dataset of one session; give its root and its image."""
    func = tmp_path / "sub-1" / "ses-a" / "func"
    func.mkdir(parents=True)
    (tmp_path / "dataset_description.json").write_text("{}")
    return tmp_path, func / IMAGE


def put(*paths):
    for path in paths:
        path.write_text("{}")
    return list(paths)


def test_from_the_root_down_and_only_subsets(dataset):
    root, image = dataset
    expected = put(
        root / "task-rest_bold.json",
        root / "sub-1" / "sub-1_run-01_bold.json",
        image.parent.parent / "ses-a_task-rest_bold.json",
        image.with_name("sub-1_ses-a_task-rest_run-01_bold.json"),
    )
    put(
        root / "task-nback_bold.json",
        root / "task-rest_boldref.json",
        root / "task-rest_acq-fast_bold.json",
        root / "sub-1" / "sub-2_bold.json",
        root / "sub-1" / "run-1_bold.json",
        image.with_name("sub-1_ses-a_task-rest_run-02_bold.json"),
        root / "rest_bold.json",
    )
    assert inherited_sidecars(image) == expected
    assert inherited_sidecars(image, root) == expected
    assert inherited_sidecars(image, root / "sub-1") == expected[1:]


def test_a_file_of_the_suffix_alone_applies_to_all(dataset):
    root, image = dataset
    assert inherited_sidecars(image) == []
    found = put(root / "bold.json")
    assert inherited_sidecars(image, root) == found


def test_two_at_one_level_are_an_error_that_names_both(dataset):
    root, image = dataset
    put(root / "task-rest_bold.json", root / "run-01_bold.json")
    with pytest.raises(TableError, match=r"run-01_bold\.json and .*task-rest_bold\.json.*remove"):
        inherited_sidecars(image)


def test_the_images_own_name_leaves_no_question(dataset):
    # fMRIPrep puts the sidecars of the native and of the standard space side by side.
    _, image = dataset
    image = image.with_name("sub-1_task-rest_space-MNI_desc-preproc_bold.nii.gz")
    put(image.with_name("sub-1_task-rest_desc-preproc_bold.json"))
    own = put(image.with_name("sub-1_task-rest_space-MNI_desc-preproc_bold.json"))
    assert inherited_sidecars(image) == own


def test_the_nearest_description_is_the_root(dataset):
    root, _ = dataset
    found = put(root / "task-rest_bold.json")
    func = root / "derivatives" / "prep" / "sub-1" / "func"
    func.mkdir(parents=True)
    image = func / "sub-1_task-rest_bold.nii.gz"
    assert inherited_sidecars(image) == found
    put(root / "derivatives" / "prep" / "dataset_description.json")
    assert dataset_root(image) == root / "derivatives" / "prep"
    assert inherited_sidecars(image) == []


def test_without_a_description_the_subjects_folder_tells_the_root(tmp_path):
    func = tmp_path / "sub-1" / "func"
    func.mkdir(parents=True)
    found = put(tmp_path / "task-rest_bold.json")
    assert inherited_sidecars(func / "sub-1_task-rest_bold.nii.gz") == found
    assert inherited_sidecars(tmp_path / "flat" / "a" / "x_bold.nii.gz") == []


def test_other_names_have_their_own_sidecar_only(tmp_path):
    put(tmp_path / "bold.json", tmp_path / "task-rest_bold.json")
    own = put(tmp_path / "my_bold.json")
    assert inherited_sidecars(tmp_path / "my_bold.nii") == own


def test_a_new_file_is_seen_at_once_and_in_an_old_folder_too(dataset):
    root, image = dataset
    for folder in (root, root / "sub-1", image.parent.parent, image.parent):
        os.utime(folder, (1e9, 1e9))
    assert inherited_sidecars(image) == []
    found = put(root / "task-rest_bold.json")
    assert inherited_sidecars(image) == found
    found[0].unlink()
    assert inherited_sidecars(image) == []


def test_folders_and_pipes_are_no_sidecars(dataset):
    root, image = dataset
    (root / "task-rest_bold.json").mkdir()
    os.mkfifo(root / "sub-1" / "sub-1_bold.json")
    assert inherited_sidecars(image) == []


def test_relative_paths_and_dots(dataset, monkeypatch):
    root, image = dataset
    found = put(root / "task-rest_bold.json")
    monkeypatch.chdir(image.parent)
    assert inherited_sidecars(image.relative_to(image.parent)) == found
    assert inherited_sidecars(image.parent / ".." / "func" / IMAGE) == found


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a.b.nii", "a.b"),
        ("a.nii.gz", "a"),
        ("A.NII.GZ", "A"),
        ("run+tlrc.HEAD", "run+tlrc"),
        ("run+tlrc.BRIK.gz", "run+tlrc"),
        ("a.mnc.gz", "a"),
        ("notes.txt", "notes"),
        (".nii", ".nii"),
    ],
)
def test_stems(name, stem):
    assert image_stem(name) == stem


def test_an_image_of_one_file_has_no_companions(tmp_path):
    for name in ("a.nii.gz", "a.img", "a.BRIK"):
        (tmp_path / name).touch()
    assert image_files(tmp_path / "a.nii.gz") == [tmp_path / "a.nii.gz"]
