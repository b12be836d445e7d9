# SPDX-License-Identifier: Apache-2.0
"""What nodes hand over as files, names and numbers: taken, or refused by the field's name."""

import os
from pathlib import Path

import numpy as np
import pytest
from nipype.interfaces.base import Undefined

from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.interfaces import (
    CleanSignals,
    ExtractSignals,
    FitMaps,
    GroupRuns,
    InverseTransform,
    ReportRun,
    ResampleImage,
)
from nipype_mapsmasker.interfaces.checking import CheckRun
from nipype_mapsmasker.interfaces.given import (
    each_of,
    file_of,
    files_of,
    number_of,
    one_or_each,
    text_of,
)

ONE = [
    "/d/a.nii",
    Path("/d/a.nii"),
    np.str_("/d/a.nii"),
    np.array("/d/a.nii"),
    ["/d/a.nii"],
    ("/d/a.nii",),
    [[Path("/d/a.nii")]],
    np.array(["/d/a.nii"]),
    np.array(["/d/a.nii"], dtype=object),
    b"/d/a.nii",
]
"""Shapes in which one file is handed over."""

SINGLE_FILES = [
    (ExtractSignals, "in_file"),
    (FitMaps, "maps_file"),
    (FitMaps, "mask_file"),
    (FitMaps, "labels_file"),
    (CleanSignals, "signals_file"),
    (CleanSignals, "sample_mask_file"),
    (InverseTransform, "maps_file"),
    (ResampleImage, "in_file"),
    (ReportRun, "timeseries_file"),
    (CheckRun, "in_file"),
]
"""Inputs that take one file."""

FILE_LISTS = [
    (ExtractSignals, "operator_files"),
    (CleanSignals, "confounds_files"),
    (GroupRuns, "in_files"),
    (GroupRuns, "sample_mask_files"),
    (CheckRun, "maps_img"),
]
"""Inputs that take several."""


@pytest.mark.parametrize("value", ONE, ids=repr)
@pytest.mark.parametrize(("interface", "field"), SINGLE_FILES)
def test_one_file_in_any_shape(interface, field, value):
    assert getattr(interface(**{field: value}).inputs, field) == "/d/a.nii"


@pytest.mark.parametrize("value", ONE, ids=repr)
@pytest.mark.parametrize(("interface", "field"), FILE_LISTS)
def test_one_file_where_a_list_is_meant(interface, field, value):
    assert getattr(interface(**{field: value}).inputs, field) == ["/d/a.nii"]


@pytest.mark.parametrize("kind", [list, tuple, np.array])
@pytest.mark.parametrize(("interface", "field"), FILE_LISTS)
def test_several_files_in_any_shape(interface, field, kind):
    value = kind(["/d/a", "/d/b"])
    assert getattr(interface(**{field: value}).inputs, field) == ["/d/a", "/d/b"]


@pytest.mark.parametrize(("interface", "field"), SINGLE_FILES)
def test_relative_paths_are_from_where_they_are_said(interface, field, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    node = interface(**{field: "b/a.nii"})
    monkeypatch.chdir("/")
    assert getattr(node.inputs, field) == str(tmp_path / "b" / "a.nii")


@pytest.mark.parametrize("value", [7, 1.5, {"a": 1}, True, "", ["a", "b"], Ellipsis], ids=repr)
@pytest.mark.parametrize(("interface", "field"), SINGLE_FILES)
def test_anything_else_is_refused_by_name(interface, field, value):
    with pytest.raises(ParameterError, match=rf"^{field} takes ") as caught:
        interface(**{field: value})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("interface", "field"), [(ExtractSignals, "operator_files"), (GroupRuns, "in_files")]
)
@pytest.mark.parametrize("value", [[], (), np.array([]), None], ids=repr)
def test_an_empty_list_is_refused_by_name_where_one_is_needed(interface, field, value):
    with pytest.raises(ParameterError, match=rf"^{field} needs at least one entry"):
        interface(**{field: value})


@pytest.mark.parametrize("value", [[], (), None, np.array([])], ids=repr)
def test_an_empty_list_is_none_where_nothing_is_needed(value):
    assert CleanSignals(confounds_files=value).inputs.confounds_files is None


@pytest.mark.parametrize(
    ("interface", "field"), [(CleanSignals, "confounds_files"), (FitMaps, "mask_file")]
)
def test_undefined_is_none(interface, field):
    node = interface()
    setattr(node.inputs, field, Undefined)
    assert getattr(node.inputs, field) is None
    assert getattr(interface(**{field: Undefined}).inputs, field) is None


def test_gaps_stay_in_lists():
    assert each_of(file_of, is_needed=True)("a", [None, Undefined, "/b"]) == [None, None, "/b"]


def test_tables_per_run_in_any_shape():
    value = ("/a", ["/b", Path("/c")], None, np.array(["/d", "/e"]))
    group = GroupRuns(confounds_files=value)
    assert group.inputs.confounds_files == [["/a"], ["/b", "/c"], None, ["/d", "/e"]]


@pytest.mark.parametrize(
    "value", [2, 2.0, "2", np.float32(2), np.int64(2), np.array(2.0)], ids=repr
)
def test_numbers(value):
    assert number_of("t_r", value) == 2.0
    assert CleanSignals(t_r=value).inputs.t_r == 2.0
    assert GroupRuns(t_rs=value).inputs.t_rs == 2.0
    assert GroupRuns(t_rs=[value, None]).inputs.t_rs == [2.0, None]
    assert one_or_each(number_of)("t_rs", np.array([float(value)] * 2)) == [2.0, 2.0]


@pytest.mark.parametrize("value", ["two", True, [2, 3], {}], ids=repr)
def test_what_is_no_number_is_refused_by_name(value):
    with pytest.raises(ParameterError, match=r"^t_r takes numbers; got "):
        CleanSignals(t_r=value)


@pytest.mark.parametrize("value", ["a", ["a"], ("a",), np.array(["a"]), np.str_("a")], ids=repr)
def test_names(value):
    assert GroupRuns(run_ids=value).inputs.run_ids == ["a"]


def test_a_number_is_no_name():
    with pytest.raises(ParameterError, match=r"^run_ids takes texts; got 1\."):
        GroupRuns(run_ids=[1, 2])
    assert text_of("run_id", None) is None


@pytest.mark.parametrize("width", [6, 6.0, [6, 6, 6], (6, 6, 6), [6.0], np.array([6, 6, 6])])
def test_widths_of_smoothing(width):
    node = FitMaps(smoothing_fwhm=width)
    assert np.all(np.asarray(node.inputs.smoothing_fwhm) == 6)


@pytest.mark.parametrize("interface", [ExtractSignals, FitMaps, CleanSignals, InverseTransform])
def test_nipypes_command_line_knows_every_input(interface):
    """It leaves out traits of several kinds, and then stumbles over them."""
    known = interface().inputs.traits(transient=None)
    assert [name for name, trait in known.items() if len(trait.inner_traits or ()) > 1] == []


@pytest.mark.parametrize(
    ("interface", "field", "value", "match"),
    [
        (CleanSignals, "low_pass", "abc", "low_pass must be a positive number"),
        (CleanSignals, "low_pass", -1, "low_pass must be a positive number"),
        (CleanSignals, "butterworth_padlen", 1.5, "butterworth_padlen must be a whole number"),
        (ExtractSignals, "min_coverage", 2, "min_coverage must be a number between 0 and 1"),
        (FitMaps, "mask_threshold", [1], "mask_threshold must be a finite number"),
        (ExtractSignals, "kept", [1], "kept takes a mapping"),
    ],
)
def test_parameters_that_cannot_be_meant(interface, field, value, match):
    with pytest.raises(ParameterError, match=match):
        interface(**{field: value})


def test_parameters_as_texts():
    assert CleanSignals(low_pass="0.1", high_pass=None).inputs.low_pass == 0.1
    assert FitMaps(smoothing_fwhm="[6, 6, 6]").inputs.smoothing_fwhm == [6, 6, 6]


def test_what_is_given_is_part_of_the_cache_key(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    keys = {str(CleanSignals(signals_file=tmp_path / name).inputs.get_hashval()) for name in "ab"}
    assert len(keys) == 2
    as_text = CleanSignals(signals_file=str(tmp_path / "a")).inputs.get_hashval()
    assert CleanSignals(signals_file=tmp_path / "a").inputs.get_hashval() == as_text


def test_names_that_are_not_utf8():
    assert file_of("in_file", b"/d/\xff") == os.fsdecode(b"/d/\xff")
    assert files_of("confounds_files", [b"/d/\xff"]) == [os.fsdecode(b"/d/\xff")]
