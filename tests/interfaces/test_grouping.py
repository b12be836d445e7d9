# SPDX-License-Identifier: Apache-2.0
"""`GroupRuns` and `AssignOperators`: lists of a cohort, and which fit serves which run."""

import json
import shutil
from pathlib import Path

import pytest

from nipype_mapsmasker.errors import ImageFileError, ParameterError
from nipype_mapsmasker.interfaces import AssignOperators, GroupRuns


def test_groups_runs_by_grid(tiny, tmp_path):
    outputs = GroupRuns(run_ids=tiny.run_ids, in_files=tiny.in_files).run(cwd=tmp_path).outputs
    assert outputs.fit_index == [0, 1, 0]
    assert outputs.reference_files == tiny.in_files[:2]
    assert outputs.mask_files == [None, None]
    assert outputs.run_mask_files == [None] * 3
    assert outputs.fit_faults == [None, None]
    for name in ("confounds_files", "sample_mask_files", "t_rs", "fault_files", "kept"):
        assert getattr(outputs, name) == [None] * 3
    assert len(set(outputs.sources)) == 3


def test_groups_runs_by_what_their_masks_hold(tiny, tmp_path):
    copy = tmp_path / "copy.nii.gz"
    shutil.copy(tiny.mask_file, copy)
    outputs = GroupRuns(
        run_ids=tiny.run_ids,
        in_files=[tiny.in_files[0]] * 3,
        mask_files=[tiny.mask_file, None, str(copy)],
    ).run(cwd=tmp_path).outputs  # fmt: skip
    assert outputs.fit_index == [0, 1, 0]
    assert outputs.mask_files == [tiny.mask_file, None]
    assert outputs.run_mask_files == [tiny.mask_file, None, str(copy)]


def test_grids_do_not_matter_where_runs_are_resampled(tiny, tmp_path):
    group = GroupRuns(
        run_ids=tiny.run_ids, in_files=tiny.in_files, mask_files=tiny.mask_file, by_grid=False
    )
    outputs = group.run(cwd=tmp_path).outputs
    assert outputs.fit_index == [0, 0, 0]
    assert outputs.mask_files == [tiny.mask_file]


def test_one_value_stands_for_all_runs_only_where_that_can_be(tiny, tmp_path):
    group = GroupRuns(run_ids=tiny.run_ids, in_files=tiny.in_files, t_rs=2.5)
    assert group.run(cwd=tmp_path).outputs.t_rs == [2.5] * 3


def test_one_run_keeps_its_lists(tiny, tmp_path):
    outputs = GroupRuns(
        run_ids=["one"],
        in_files=tiny.in_files[:1],
        confounds_files=[tiny.confounds_files[:1]],
        t_rs=[None],
    ).run(cwd=tmp_path).outputs  # fmt: skip
    assert outputs.in_files == tiny.in_files[:1]
    assert outputs.confounds_files == [tiny.confounds_files[:1]]
    assert outputs.fit_index == [0]


def test_a_run_with_an_unreadable_header_is_recorded_or_raised(tiny, tmp_path):
    files = [tiny.in_files[0], str(tiny.folder / "gone.nii.gz"), tiny.in_files[2]]
    group = GroupRuns(run_ids=tiny.run_ids, in_files=files)
    with pytest.raises(ImageFileError, match=r"gone\.nii\.gz"):
        group.run(cwd=tmp_path)
    group.inputs.on_error = "record"
    outputs = group.run(cwd=tmp_path).outputs
    assert outputs.fit_index == [0, -1, 0]
    fault = json.loads(Path(outputs.fault_files[1]).read_text())
    assert fault["run_id"] == tiny.run_ids[1]
    assert outputs.fault_files[::2] == [None, None]


def test_no_sound_run_leaves_one_empty_fit(tiny, tmp_path):
    group = GroupRuns(run_ids=["a"], in_files=["/gone.nii.gz"], on_error="record")
    outputs = group.run(cwd=tmp_path).outputs
    assert (outputs.fit_index, outputs.reference_files) == ([-1], [None])
    assert outputs.mask_files == [None]
    assert outputs.fit_faults == outputs.fault_files


@pytest.mark.parametrize(
    "name", ["confounds_files", "sample_mask_files", "mask_files", "t_rs", "keys", "in_files"]
)
def test_lists_of_unequal_length_are_refused(tiny, tmp_path, name):
    two = [2.0, 2.0] if name == "t_rs" else ["a", "b"]
    lists = {"in_files": tiny.in_files} | {name: two}
    with pytest.raises(ParameterError, match=f"run_ids has 3 entries and {name} 2"):
        GroupRuns(run_ids=tiny.run_ids, **lists).run(cwd=tmp_path)


@pytest.mark.parametrize(("first", "second"), [("a", "a"), ("Sub-1", "sub-1")])
def test_runs_that_would_write_the_same_files_are_refused(tiny, tmp_path, first, second):
    group = GroupRuns(run_ids=[first, second], in_files=tiny.in_files[:2])
    with pytest.raises(ParameterError, match=f"{first}.* and .*{second}.* same files"):
        group.run(cwd=tmp_path)


@pytest.mark.parametrize("name", ["", "a/b", "..", "tab\there", " blank", "x" * 300])
def test_names_that_cannot_name_files_are_refused(tiny, tmp_path, name):
    group = GroupRuns(run_ids=[name], in_files=tiny.in_files[:1])
    with pytest.raises(ParameterError, match="cannot be part of a file name"):
        group.run(cwd=tmp_path)


def test_assigns_operators_and_faults_of_fits(tmp_path):
    names = ["a0", "a1", "b0", "b1", "fault.json", "earlier.json"]
    a0, a1, b0, b1, fault, earlier = (str(tmp_path / name) for name in names)
    for name in names:
        (tmp_path / name).touch()
    assign = AssignOperators(
        operator_files=[[a0, a1, None], [b0, b1, b0]],
        fit_faults=[[None, None, fault], [None, None, None]],
        fit_index=[1, -1, 2, 0],
        fault_files=[None, earlier, None, None],
    )
    outputs = assign.run(cwd=tmp_path).outputs
    assert outputs.operator_files == [[a1, b1], [None, None], [None, b0], [a0, b0]]
    assert outputs.fault_files == [None, earlier, fault, None]
