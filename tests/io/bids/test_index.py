# SPDX-License-Identifier: Apache-2.0
"""The walk through a BIDS folder."""

import pytest

from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.bids.index import index_folder


def test_every_functional_file_is_there(folder):
    index = index_folder(folder.root)
    assert index.subjects == index.looked_at == ("01", "02", "03", "04", "05", "06")
    on_disk = sorted(str(path) for path in folder.root.rglob("func/*"))
    assert sorted(file.path for file in index.files) == on_disk
    assert index.description["DatasetType"] == "derivative"


def test_only_the_subjects_that_are_asked_for_are_looked_at(folder):
    index = index_folder(folder.root, ["sub-01", "0[45]"], without=["sub-04"])
    assert index.looked_at == ("01", "05")
    assert {file.entities["sub"] for file in index.files} == {"01", "05"}
    assert len(index.subjects) == 6


def test_files_of_another_subject_or_without_a_name_are_passed_over(own_folder):
    func = own_folder.root / "sub-01" / "ses-pre" / "func"
    before = len(index_folder(own_folder.root).files)
    (func / "sub-99_task-rest_bold.nii.gz").write_bytes(b"")
    (func / "notes.txt").write_text("x")
    (func / "sub-01_task-rest_bold").mkdir()
    assert len(index_folder(own_folder.root).files) == before


def test_a_broken_description_says_nothing(own_folder):
    (own_folder.root / "dataset_description.json").write_text("{")
    assert index_folder(own_folder.root).description == {}


def test_a_folder_without_subjects_names_the_one_below(folder):
    with pytest.raises(
        ParameterError, match=r"is a folder without sub-\* \(but .*fmriprep has them"
    ):
        index_folder(folder.root.parent)


def test_no_folder_at_all(tmp_path):
    with pytest.raises(ParameterError, match="cannot be read as a folder"):
        index_folder(tmp_path / "absent")
