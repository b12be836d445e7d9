# SPDX-License-Identifier: Apache-2.0
"""Calls that may mean several things: exit code 2, the candidates, and the option that decides."""

import json
import shutil

import pytest

from nipype_mapsmasker.testing import FmriprepRun, make_fmriprep_folder
from tests.cli.conftest import statuses

SPACE = "MNI152NLin2009cAsym"
RUN = "sub-01_task-rest"
IMAGE = f"{RUN}_space-{SPACE}_res-2_desc-preproc_bold.nii.gz"
RUNS = [FmriprepRun(source=f"sub-{label}_task-rest") for label in ("01", "02")]


@pytest.fixture
def folder(tmp_path):
    """A folder of names only, which the test may change."""
    return make_fmriprep_folder(tmp_path / "names", RUNS, is_empty=True)


@pytest.fixture
def whole(tmp_path):
    """A folder whose images can be read, which the test may change."""
    return make_fmriprep_folder(tmp_path / "whole", RUNS)


def func(folder, label="01"):
    return folder.root / f"sub-{label}" / "func"


def ask(folder, out, call, *more):
    maps = folder.maps_files[SPACE]
    words = ("run", folder.root, out, "--maps", maps, "--confounds-columns", "trans_x", *more)
    called = call(*words)
    assert "Traceback" not in called.err
    return called


def more_images(folder, *names):
    for name in names:
        (func(folder) / name).write_bytes(b"")


IN_SPACE = ("--space", SPACE)
OTHER = IMAGE.replace("desc-preproc", "desc-smooth")
ECHOES = [f"{RUN}_echo-{n}_desc-preproc_bold.nii.gz" for n in (1, 2)]
PARTS = [IMAGE.replace("_space", f"_part-{part}_space") for part in ("mag", "phase")]
INFANT = f"{RUN}_space-MNIInfant_cohort-{{}}_desc-preproc_bold.nii.gz"

AMBIGUOUS = {
    "space": ([], (), [SPACE, "MNI152NLin6Asym"], "choose one by --space"),
    "res": (
        [IMAGE.replace("res-2", "res-1")],
        IN_SPACE,
        [IMAGE, IMAGE.replace("res-2", "res-1")],
        "choose by --res",
    ),
    "res and none": (
        [IMAGE.replace("_res-2", "")],
        IN_SPACE,
        [IMAGE, IMAGE.replace("_res-2", "")],
        "choose by --res",
    ),
    "cohort": (
        [INFANT.format(1), INFANT.format(2)],
        ("--space", "MNIInfant"),
        ["1 and 2"],
        "choose one by --cohort",
    ),
    "echo": (ECHOES, ("--space", "native", "--echo", "*"), ECHOES, "choose by --echo"),
    "desc": ([OTHER], (*IN_SPACE, "--desc", "*"), [IMAGE, OTHER], "choose by --desc"),
    "part": (PARTS, IN_SPACE, [IMAGE, *PARTS], 'by --bids-filter-file with {"bold": {"part"'),
    "den": (
        [IMAGE.replace("res-2", "res-2_den-1mm")],
        IN_SPACE,
        [IMAGE, IMAGE.replace("res-2", "res-2_den-1mm")],
        'choose by --bids-filter-file with {"bold": {"den"',
    ),
}  # fmt: skip
"""Images that are there besides, words of the call, what is named, and what decides."""


@pytest.mark.parametrize("kind", AMBIGUOUS)
def test_an_ambiguous_call_names_the_candidates_and_what_decides(folder, tmp_path, call, kind):
    images, words, named, decides = AMBIGUOUS[kind]
    more_images(folder, *images)
    called = ask(folder, tmp_path / "out", call, *words)
    assert called.code == 2
    for text in (*named, decides):
        assert text in called.err
    assert len(called.err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_what_decides_does_decide(whole, tmp_path, call):
    image = func(whole) / IMAGE
    for part in PARTS[1:]:  # magnitude is the image without part-
        shutil.copy(image, func(whole) / part)
    filters = tmp_path / "filters.json"
    filters.write_text(json.dumps({"bold": {"part": None}}))
    words = (*IN_SPACE, "--bids-filter-file", filters, "--dry-run")
    called = ask(whole, tmp_path / "out", call, *words)
    assert called.code == 0
    assert "2 runs: 2 to do" in called.out


def test_one_image_in_two_folders(folder, tmp_path, call):
    shutil.copytree(folder.root, tmp_path / "again")
    words = ("--derivatives", f"again={tmp_path / 'again'}")
    called = ask(folder, tmp_path / "out", call, *IN_SPACE, *words)
    assert called.code == 2
    for text in (func(folder) / IMAGE, tmp_path / "again" / "sub-01", "choose by --derivatives"):
        assert str(text) in called.err


ATLASES = {
    "scales": (["scale-4", "scale-8"], "--atlas Toy:4"),
    "descriptions": (["desc-4dimensions", "desc-8dimensions"], "--atlas Toy:4"),
}


@pytest.mark.parametrize("kind", ATLASES)
def test_an_atlas_of_several_sizes(folder, tmp_path, call, kind):
    labels, decides = ATLASES[kind]
    home = tmp_path / "atlases" / f"tpl-{SPACE}"
    home.mkdir(parents=True)
    names = [f"tpl-{SPACE}_atlas-Toy_{label}_probseg.nii.gz" for label in labels]
    for name in names:
        (home / name).write_bytes(b"x")
    words = (*IN_SPACE, "--confounds-columns", "trans_x", "--atlas", "Toy")
    given = ("run", folder.root, tmp_path / "out", *words, "--atlas-dir", home.parent)
    called = call(*given)
    assert called.code == 2
    for text in (*names, decides):
        assert text in called.err


# What only one run has twice is that run's fault; where it is the only one, nothing can be done.


def second_table(folder):
    old = func(folder) / f"{RUN}_desc-confounds_timeseries.tsv"
    new = old.with_name(f"{RUN}_desc-confounds_regressors.tsv")
    shutil.copy(old, new)
    return [old, new], "choose by 'confounds' in a --bids-filter-file"


def second_mask(folder):
    old = func(folder) / IMAGE.replace("desc-preproc_bold", "desc-brain_mask")
    new = old.with_name(old.name.removesuffix(".gz"))
    shutil.copy(old, new)
    return [old, new], "choose by 'mask' in a --bids-filter-file"


def second_sidecar(folder):
    files = [folder.root / f"task-rest_{more}bold.json" for more in ("", "desc-preproc_")]
    for file in files:
        file.write_text('{"RepetitionTime": 2.0}')
    return files, "remove or rename one, or give --t-r"


@pytest.mark.parametrize("spoil", [second_table, second_mask, second_sidecar])
def test_a_run_that_has_something_twice(whole, tmp_path, call, spoil):
    files, decides = spoil(whole)
    called = ask(whole, tmp_path / "out", call, *IN_SPACE, "--participant-label", "01")
    assert called.code == 2
    for text in (*files, decides):
        assert str(text) in called.err
    if spoil is not second_sidecar:  # which both subjects inherit
        assert ask(whole, tmp_path / "all", call, *IN_SPACE).code == 1
        assert sorted(statuses(tmp_path / "all").values()) == ["done", "failed"]
