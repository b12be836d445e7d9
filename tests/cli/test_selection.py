# SPDX-License-Identifier: Apache-2.0
"""Every option that chooses among the runs of a BIDS folder: exactly which runs it leaves."""

import json
import shutil

import pytest

from nipype_mapsmasker.core.parameters import SelectionParameters, parameters_of
from nipype_mapsmasker.io.tables.rows import read_rows
from nipype_mapsmasker.testing import FMRIPREP_RUNS, FmriprepRun, make_fmriprep_folder

SPACE = "MNI152NLin2009cAsym"
INFANTS = [
    FmriprepRun(source=f"sub-{n}_task-rest", spaces=[f"MNIInfant_cohort-{n}"]) for n in (1, 2)
]

A, B = "01_ses-pre_task-rest", "01_ses-post_task-rest"
ECHO, NO_TABLE, NO_MASK = "02_ses-pre_task-rest", "03_ses-pre_task-rest", "04_ses-pre_task-nback"
NATIVE = "05_ses-pre_task-rest"
RUN_1, RUN_2 = (f"06_ses-pre_task-rest_acq-mb8_dir-AP_run-0{n}" for n in (1, 2))
PART = "06_ses-pre_task-nback_part-mag"
IN_SPACE = {A, B, ECHO, NO_TABLE, NO_MASK, RUN_1, RUN_2, PART}
WHOLE = IN_SPACE - {NO_TABLE, NO_MASK}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Folders of fMRIPrep and NiBabies, and what other programs and a user put beside them."""
    home = tmp_path_factory.mktemp("home")
    make_fmriprep_folder(home, FMRIPREP_RUNS)
    infants = make_fmriprep_folder(home / "infants", INFANTS)
    shutil.move(infants.root, home / "nibabies")
    func = "sub-{0}/ses-pre/func/sub-{0}_ses-pre_task-rest"
    optcom = home / "tedana" / f"{func.format('02')}_desc-optcom_bold.nii.gz"
    table = home / "tables" / f"{func.format('03')}_desc-confounds_timeseries.tsv"
    for place in (optcom, table):
        place.parent.mkdir(parents=True)
    shutil.copy(home / "fmriprep" / f"{func.format('02')}_echo-1_desc-preproc_bold.nii.gz", optcom)
    shutil.copy(home / "fmriprep" / f"{func.format('01')}_desc-confounds_timeseries.tsv", table)
    filters = {"bold": {"task": "nback", "acquisition": None}, "confounds": {"desc": "confounds"}}
    (home / "filters.json").write_text(json.dumps(filters))
    (home / "bad.txt").write_text("sub-06_run-2\nsub-01_ses-post*\n")
    mask = f"{func.format('01')}_space-{SPACE}_res-2_desc-brain_mask.nii.gz"
    shutil.copy(home / "fmriprep" / mask, home / "mask.nii.gz")
    return home


LEFT = {
    "participant_label": ("--participant-label 01 sub-06", {A, B, RUN_1, RUN_2, PART}),
    "participant_label by a pattern": ("--participant-label 0[36]", {RUN_1, RUN_2, PART}),
    "exclude_participant_label": ("--exclude-participant-label 01 sub-06", {ECHO}),
    "session_label": ("--session-label post", {B}),
    "session_label in XCP-D's word": ("--session-id ses-post", {B}),
    "task_label": ("--task-label nback", {PART}),
    "task_label in XCP-D's word": ("--task-id task-nback", {PART}),
    "run_label": ("--run-label 2", {RUN_2}),
    "space": ("--space MNI152NLin6Asym --res n/a", WHOLE),
    "space of none": ("--space native", {NATIVE}),
    "res": ("--res 2", WHOLE),
    "cohort": ("--cohort 2", {"2_task-rest"}),
    "echo": ("--space native --echo 2", {f"{ECHO}_echo-2"}),
    "desc": ("--desc preproc", WHOLE),
    "bids_filter_file": ("--bids-filter-file filters.json", {PART}),
    "exclude_runs": ("--exclude-runs bad.txt sub-02_ses-pre_task-rest", {A, RUN_1, PART}),
    "derivatives": ("--derivatives tables=tables", WHOLE | {NO_TABLE}),
    "derivatives with images": (
        "--derivatives tedana=tedana --desc optcom",
        {f"{ECHO}_desc-optcom"},
    ),
    "mask_from": ("--mask-from cohort", WHOLE | {NO_MASK}),
    "mask_from none": ("--mask-from none", WHOLE | {NO_MASK}),
    "mask_from a file": ("--mask-from mask.nii.gz", WHOLE | {NO_MASK}),
    "denoise none": ("--denoise none", WHOLE | {NO_TABLE}),
    "denoise by columns": ("--denoise none 24P", WHOLE),
}
"""By option: words, and the runs that are left and lack nothing."""


def test_no_option_is_forgotten():
    told = {name.partition(" ")[0] for name in LEFT}
    assert set(parameters_of(SelectionParameters)) - {"maps_space"} <= told


@pytest.mark.parametrize("name", LEFT)
def test_the_runs_that_an_option_leaves(home, tmp_path, monkeypatch, call, name):
    words, expected = LEFT[name]
    monkeypatch.chdir(home)
    folder = "nibabies" if name == "cohort" else "fmriprep"
    where = (
        () if "--space" in words or "cohort" in name or "optcom" in words else ("--space", SPACE)
    )
    table = tmp_path / "left.tsv"
    call("inspect", folder, *where, *words.split(), "--write-table", table)
    ends = (f"_space-{SPACE}_res-2", "_space-MNI152NLin6Asym", "_space-MNIInfant_cohort-2")
    left = set()
    for row in read_rows(table):
        run = row["run_id"].removeprefix("sub-")
        for end in ends:
            run = run.removesuffix(end)
        left.add(run)
    assert left == expected


def test_the_space_of_maps_decides_whether_runs_are_left(home, tmp_path, monkeypatch, call):
    """The same maps, said to be in the runs' space, and in another."""
    monkeypatch.chdir(home)
    shutil.copy(next(home.glob(f"atlas/tpl-{SPACE}/*_probseg.nii.gz")), tmp_path / "plain.nii.gz")
    words = ("run", "fmriprep", tmp_path / "out", "--space", SPACE, "--denoise", "none")
    words = (*words, "--maps", tmp_path / "plain.nii.gz", "--mask-from", "none", "--dry-run")
    for space, code in ((SPACE, 0), ("MNI152NLin6Asym", 2)):
        called = call(*words, "--maps-space", space)
        assert called.code == code
    assert "are in MNI152NLin6Asym; choose images in that space by --space" in called.err
