# SPDX-License-Identifier: Apache-2.0
"""Which runs survive each option, and the sentences for calls that cannot be meant."""

import json
import shutil
from dataclasses import replace

import pytest

from nipype_mapsmasker.core.parameters import SelectionParameters as Selection
from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.bids.filters import read_filters
from nipype_mapsmasker.io.bids.finding import find_runs
from nipype_mapsmasker.io.bids.index import index_folder
from nipype_mapsmasker.io.bids.selection import choose_runs
from nipype_mapsmasker.testing import FMRIPREP_RUNS, FmriprepRun, make_fmriprep_folder

NLIN2009 = Selection(space="MNI152NLin2009cAsym")
ALL = {run.source for run in FMRIPREP_RUNS}
STANDARD = ALL - {"sub-05_ses-pre_task-rest"}
ENDING = "_space-MNI152NLin2009cAsym_res-2"


def choose(folder, selection, filters=None, **needs):
    index = index_folder(
        folder.root,
        selection.participant_label or (),
        without=selection.exclude_participant_label or (),
    )
    return choose_runs([index], selection, filters, **needs)


def sources(choice):
    return {run.run_id.partition("_space-")[0] for run in choice.runs}


def test_one_image_for_each_run_in_the_space(folder):
    choice = choose(folder, NLIN2009)
    assert [run.run_id for run in choice.runs] == sorted(name + ENDING for name in STANDARD)
    assert [run.image.path.rsplit("/", 1)[1] for run in choice.runs] == [
        f"{run.run_id}_desc-preproc_bold.nii.gz" for run in choice.runs
    ]
    (left,) = choice.left_out
    assert left.name == "sub-05_ses-pre_task-rest"
    assert left.reason == "no image space-MNI152NLin2009cAsym, only native space"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"participant_label": ("sub-01", "06")},
         {n for n in STANDARD if n[:6] in ("sub-01", "sub-06")}),
        ({"exclude_participant_label": ("01", "sub-06")},
         {n for n in STANDARD if n[:6] not in ("sub-01", "sub-06")}),
        ({"session_label": ("post",)}, {"sub-01_ses-post_task-rest"}),
        ({"session_label": ("ses-post",)}, {"sub-01_ses-post_task-rest"}),
        ({"task_label": ("nback",)},
         {"sub-04_ses-pre_task-nback", "sub-06_ses-pre_task-nback_part-mag"}),
        ({"run_label": ("01",)}, {"sub-06_ses-pre_task-rest_acq-mb8_dir-AP_run-01"}),
        ({"run_label": ("2",)}, {"sub-06_ses-pre_task-rest_acq-mb8_dir-AP_run-02"}),
        ({"res": "2"}, STANDARD),
        ({"desc": "preproc"}, STANDARD),
        ({"exclude_runs": ("sub-06_*",)}, {n for n in STANDARD if "sub-06" not in n}),
        ({"exclude_runs": ("sub-06_run-02", "sub-01_ses-post_task-rest")},
         STANDARD - {"sub-06_ses-pre_task-rest_acq-mb8_dir-AP_run-02",
                     "sub-01_ses-post_task-rest"}),
        ({"exclude_runs": (f"sub-02_ses-pre_task-rest{ENDING}",)},
         STANDARD - {"sub-02_ses-pre_task-rest"}),
    ],
)  # fmt: skip
def test_the_surviving_runs(folder, options, expected):
    choice = choose(folder, replace(NLIN2009, **options))
    assert sources(choice) == expected
    excluded = options.get("exclude_participant_label", ())
    told = {one.name for one in choice.left_out}
    assert {f"sub-{label.removeprefix('sub-')}" for label in excluded} <= told


def test_the_other_space_has_no_res(folder):
    choice = choose(folder, Selection(space="space-MNI152NLin6Asym", res="none"))
    assert sources(choice) == STANDARD
    assert choice.runs[0].run_id == "sub-01_ses-post_task-rest_space-MNI152NLin6Asym"


def test_native_space_and_single_echoes(folder):
    native = choose(folder, Selection(space="native"))
    assert [run.run_id for run in native.runs] == ["sub-05_ses-pre_task-rest"]
    echo = choose(folder, Selection(space="native", echo="2"))
    assert [run.run_id for run in echo.runs] == ["sub-02_ses-pre_task-rest_echo-2"]
    assert echo.runs[0].mask.endswith("sub-02_ses-pre_task-rest_desc-brain_mask.nii.gz")
    assert echo.runs[0].confounds[0].endswith("task-rest_desc-confounds_timeseries.tsv")


def test_companions_are_those_of_the_images_own_space(folder):
    for run in choose(folder, NLIN2009).runs:
        source = run.run_id.removesuffix(ENDING)
        lacks_mask = "sub-04" in source
        assert (run.mask is None) == lacks_mask
        assert run.mask is None or run.mask.endswith(f"{run.run_id}_desc-brain_mask.nii.gz")
        expected = () if "sub-03" in source else (f"{source}_desc-confounds_timeseries.tsv",)
        assert tuple(path.rsplit("/", 1)[1] for path in run.confounds) == expected


def test_what_is_missing_is_a_fault_of_that_run(folder):
    choice = choose(folder, NLIN2009, needs_confounds=True)
    faults = {run.run_id.removesuffix(ENDING): run.fault for run in choice.runs if run.fault}
    assert set(faults) == {"sub-03_ses-pre_task-rest", "sub-04_ses-pre_task-nback"}
    assert "no table of confounds" in faults["sub-03_ses-pre_task-rest"]
    for word in ("no brain mask", "--mask-from cohort", "--mask-from none", "--mask-from FILE"):
        assert word in faults["sub-04_ses-pre_task-nback"]
    for source in ("cohort", "none", "mask.nii.gz"):
        easy = choose(folder, replace(NLIN2009, mask_from=source))
        assert not any(run.fault for run in easy.runs)


def test_filters(folder, tmp_path):
    path = tmp_path / "filter.json"
    filters = {
        "bold": {"space": "MNI152NLin6Asym", "direction": None, "task": ["rest"], "echo": None},
        "confounds": {"desc": "*"},
    }
    path.write_text(json.dumps(filters))
    choice = choose(folder, Selection(), read_filters(path))
    assert sources(choice) == {
        name for name in STANDARD if "dir-" not in name and "task-rest" in name
    }
    path.write_text(json.dumps({"bold": {"space": None, "echo": "*"}}))
    choice = choose(folder, Selection(echo="1"), read_filters(path))
    assert [run.run_id for run in choice.runs] == ["sub-02_ses-pre_task-rest_echo-1"]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"t1w": {}}, "holds 't1w'"),
        ({"bold": {"spice": "x"}}, "entity 'spice'"),
        ({"bold": {"space": {}}}, "gives space the value"),
        ({"bold": ["space"]}, "holds 'bold'"),
        ([], "JSON object"),
    ],
)
def test_filter_files_that_cannot_be_meant(tmp_path, content, text):
    path = tmp_path / "filter.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ParameterError, match=text):
        read_filters(path)


@pytest.mark.parametrize(
    ("selection", "text"),
    [
        (Selection(), "MNI152NLin2009cAsym and MNI152NLin6Asym and native; choose one by --space"),
        (replace(NLIN2009, participant_label=("7",)), "--participant-label 7 is not in"),
        (replace(NLIN2009, participant_label=("1",)), "--participant-label 1 is not in"),
        (replace(NLIN2009, session_label=("x",)), "--session-label x .* pre"),
        (replace(NLIN2009, task_label=("rst",)), "--task-label rst .* nback, rest"),
        (replace(NLIN2009, run_label=("3",)), "--run-label 3 .* 01, 02"),
        (replace(NLIN2009, exclude_runs=("sub-01_task-x",)), "--exclude-runs sub-01_task-x means"),
        (Selection(space="T1w"), "No run of .* no image space-T1w, only"),
        (Selection(space="fsLR", desc="none"), "dtseries.nii lies on the surface"),
        (replace(NLIN2009, desc="denoised"), "no image desc-denoised, only desc-preproc"),
    ],
)
def test_calls_that_cannot_be_meant(folder, selection, text):
    with pytest.raises(ParameterError, match=text):
        choose(folder, selection)


def test_several_images_of_a_run_are_listed_with_the_option_that_decides(own_folder):
    func = own_folder.root / "sub-01" / "ses-pre" / "func"
    name = "sub-01_ses-pre_task-rest_space-MNI152NLin2009cAsym{}_desc-preproc_bold.nii.gz"
    (func / name.format("")).write_bytes(b"")
    with pytest.raises(ParameterError, match=r"has 2 images .*choose by --res") as caught:
        choose(own_folder, NLIN2009)
    assert name.format("") in str(caught.value)
    assert name.format("_res-2") in str(caught.value)
    chosen = {run.run_id for run in choose(own_folder, replace(NLIN2009, res="none")).runs}
    assert chosen == {"sub-01_ses-pre_task-rest_space-MNI152NLin2009cAsym"}


def test_cohorts_of_a_template_are_shapes_of_their_own(tmp_path):
    runs = [
        FmriprepRun(source=f"sub-{n}_task-rest", spaces=[f"MNIInfant_cohort-{n}"]) for n in (1, 2)
    ]
    infants = make_fmriprep_folder(tmp_path, runs, is_empty=True)
    with pytest.raises(ParameterError, match=r"1 and 2, .*choose one by --cohort"):
        choose(infants, Selection(space="MNIInfant"))
    choice = choose(infants, Selection(cohort="2"))
    assert [run.run_id for run in choice.runs] == ["sub-2_task-rest_space-MNIInfant_cohort-2"]
    assert choice.runs[0].mask.endswith("_space-MNIInfant_cohort-2_desc-brain_mask.nii.gz")


def test_runs_to_leave_out_may_stand_in_a_file(folder, tmp_path):
    plain, table = tmp_path / "list.txt", tmp_path / "qc.tsv"
    plain.write_text("sub-06_*\n\nsub-01_ses-post_task-rest\n")
    table.write_text(f"status\trun_id\nbad\tsub-02_ses-pre_task-rest{ENDING}\n")
    chosen = replace(NLIN2009, exclude_runs=(str(plain), str(table)))
    choice = find_runs(folder.root, chosen)
    assert sources(choice) == {
        "sub-01_ses-pre_task-rest", "sub-03_ses-pre_task-rest", "sub-04_ses-pre_task-nback",
    }  # fmt: skip
    assert "left out by --exclude-runs sub-06_*" in {one.reason for one in choice.left_out}


def test_two_tables_of_confounds_are_a_fault_until_one_is_chosen(own_folder):
    func = own_folder.root / "sub-01" / "ses-pre" / "func"
    old = func / "sub-01_ses-pre_task-rest_desc-confounds_regressors.tsv"
    old.write_bytes(b"")
    run = next(run for run in choose(own_folder, NLIN2009).runs if "01_ses-pre" in run.run_id)
    assert "2 tables of confounds" in run.fault
    assert str(old) in run.fault


def test_tables_and_images_of_other_folders(own_folder, tmp_path):
    """The confounds lie elsewhere, and fMRIPost-AROMA's table comes on top."""
    other = tmp_path / "other" / "sub-01" / "ses-pre" / "func"
    other.mkdir(parents=True)
    func = own_folder.root / "sub-01" / "ses-pre" / "func"
    name = "sub-01_ses-pre_task-rest_desc-{}_timeseries.tsv"
    shutil.move(func / name.format("confounds"), other / name.format("confounds"))
    (other / name.format("aroma")).write_bytes(b"")
    (other / "sub-01_ses-pre_task-rest_desc-optcom_bold.nii.gz").write_bytes(b"")
    indexes = [index_folder(own_folder.root), index_folder(tmp_path / "other")]
    choice = choose_runs(indexes, NLIN2009, needs_confounds=True)
    run = next(run for run in choice.runs if "01_ses-pre" in run.run_id)
    assert run.fault == ""
    assert run.confounds == (
        str(other / name.format("confounds")), str(other / name.format("aroma")),
    )  # fmt: skip
    optcom = choose_runs(indexes, Selection(desc="optcom"), needs_confounds=True)
    assert [run.run_id for run in optcom.runs] == ["sub-01_ses-pre_task-rest_desc-optcom"]
    assert optcom.runs[0].mask == str(func / "sub-01_ses-pre_task-rest_desc-brain_mask.nii.gz")


def test_a_link_into_the_annex_that_is_not_there_is_a_fault(own_folder):
    func = own_folder.root / "sub-01" / "ses-pre" / "func"
    image = func / f"sub-01_ses-pre_task-rest{ENDING}_desc-preproc_bold.nii.gz"
    image.unlink()
    image.symlink_to("../../../.git/annex/objects/x")
    run = next(run for run in choose(own_folder, NLIN2009).runs if "01_ses-pre" in run.run_id)
    assert "DataLad's annex" in run.fault


def test_raw_data_are_refused(own_folder, tmp_path):
    raw = tmp_path / "raw" / "sub-01" / "func"
    raw.mkdir(parents=True)
    (raw / "sub-01_task-rest_bold.nii.gz").write_bytes(b"")
    with pytest.raises(ParameterError, match="is a raw BIDS dataset"):
        choose_runs([index_folder(tmp_path / "raw")], Selection())
    (own_folder.root / "dataset_description.json").write_text('{"DatasetType": "raw"}')
    with pytest.raises(ParameterError, match="is a raw BIDS dataset"):
        choose(own_folder, NLIN2009)


def test_lists_of_runs_may_speak_of_subjects_that_are_not_looked_at(folder):
    selection = replace(NLIN2009, participant_label=("01",), exclude_runs=("sub-02_*",))
    assert len(choose(folder, selection).runs) == 2
