# SPDX-License-Identifier: Apache-2.0
"""The commands of the page on BIDS folders, run as they are written."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from nipype_mapsmasker.testing import FMRIPREP_RUNS, FmriprepRun, make_fmriprep_folder

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "bids.md"

COMMANDS = [
    command
    for block in re.findall(r"```bash\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    for command in block.replace("\\\n", " ").strip().splitlines()
]

LACKING = {
    "mapsmasker inspect fmriprep --space MNI152NLin2009cAsym": 1,
    "mapsmasker fmriprep results participant --space MNI152NLin2009cAsym --atlas Toy": 1,
    "mapsmasker fmriprep results participant --space MNI152NLin6Asym --atlas Toy": 1,
}
"""Commands that meet runs without a mask or confounds, by their beginning, and the exit code."""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder for each kind of user that the page speaks of."""
    home = tmp_path_factory.mktemp("users")
    make_fmriprep_folder(home, FMRIPREP_RUNS)
    infants = [
        FmriprepRun(source=f"sub-{n}_task-rest", spaces=[f"MNIInfant_cohort-{n}"]) for n in (1, 2)
    ]
    make_fmriprep_folder(home / "infants", infants)
    shutil.move(home / "infants" / "fmriprep", home / "nibabies")
    run = "sub-02/ses-pre/func/sub-02_ses-pre_task-rest"
    optcom = home / "tedana" / f"{run}_desc-optcom_bold.nii.gz"
    optcom.parent.mkdir(parents=True)
    shutil.copy(home / "fmriprep" / f"{run}_echo-1_desc-preproc_bold.nii.gz", optcom)
    run = "sub-03/ses-pre/func/sub-03_ses-pre_task-rest"
    table = home / "confounds" / f"{run}_desc-confounds_timeseries.tsv"
    table.parent.mkdir(parents=True)
    other = "sub-01/ses-pre/func/sub-01_ses-pre_task-rest_desc-confounds_timeseries.tsv"
    shutil.copy(home / "fmriprep" / other, table)
    return home


def test_there_are_commands_for_every_kind_of_user():
    text = " ".join(COMMANDS)
    for word in ("--atlas", "--mask-from cohort", "--echo", "tedana", "--cohort", "confounds="):
        assert word in text


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page(made, tmp_path, monkeypatch, call, command):
    home = tmp_path / "home"
    home.mkdir()
    for folder in made.iterdir():
        (home / folder.name).symlink_to(folder)
    monkeypatch.chdir(home)
    words = []
    for word in shlex.split(command)[1:]:
        found = sorted(str(path) for path in home.glob(word)) if "/*" in word else []
        words += found or [word]
    if words[0] != "inspect":
        words.insert(0, "run")
    called = call(*words)
    lacks = [code for start, code in LACKING.items() if command.startswith(start)]
    if "--derivatives confounds" in command:  # the mask is still missing
        assert "no table of confounds" not in called.out
    assert called.code == (lacks[0] if lacks else 0), called.err
