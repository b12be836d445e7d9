# SPDX-License-Identifier: Apache-2.0
"""Letter A: the user's files are never written to, however the folders are named."""

import gzip
import os
import pickle
import shutil
import stat
from pathlib import Path

import pytest

from nipype_mapsmasker.cli.main import main
from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.places import check_holds_no_data
from nipype_mapsmasker.io.trust import check_trusted, make_work_folder
from tests.bad_days.conftest import count
from tests.tiny import make_tiny

NOT_ROOT = pytest.mark.skipif(os.getuid() != 0, reason="gives files to another user")


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A cohort with its table, and the current folder above it."""
    monkeypatch.chdir(tmp_path)
    tiny = make_tiny(tmp_path / "data")
    tiny.write_table(tmp_path / "data" / "runs.tsv")
    tiny.write_table(tmp_path / "table.tsv")
    return tiny


def snapshot(folder):
    """Names, bytes and times of everything in a folder."""
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mtime_ns,
            path.lstat().st_ctime_ns,
            path.read_bytes() if path.is_file() else None,
        )
        for path in sorted([folder, *folder.rglob("*")])
    }


def call(*words, maps="data/maps.nii.gz"):
    """Run the command on the cohort."""
    given = ["run", *words, "--maps", maps, "--no-reports", "--plugin", "Linear", "-q"]
    return main([str(word) for word in given])


# Every kind of call, and every name of the folder


FOLDERS = {
    "plain": lambda folder: folder,
    "dots": lambda folder: folder / ".." / folder.name,
    "link": lambda folder: _linked(folder),
    "link to its parent": lambda folder: _linked(folder.parent) / folder.name,
}


def _linked(folder):
    link = folder.parent / f"link-{folder.name}"
    link.symlink_to(folder)
    return link


@pytest.mark.parametrize("name", FOLDERS)
@pytest.mark.parametrize("which", ["out", "work", "report"])
def test_folders_of_data_are_refused_by_where_they_lead(data, tmp_path, capsys, name, which):
    before = snapshot(data.folder)
    place = FOLDERS[name](data.folder)
    if which == "out":
        code = call("table.tsv", place)
    elif which == "work":
        code = call("table.tsv", "out", "-w", place)
    else:
        code = main(["report", str(place)])
    assert code == 2
    told = capsys.readouterr().err
    assert len(told.splitlines()) == 1
    refused = "holds a runs.tsv but no results" if which == "report" else "are never written to"
    assert refused in told
    assert snapshot(data.folder) == before
    count("faults")


def test_the_users_own_table_is_never_overwritten(data, tmp_path, capsys):
    before = snapshot(data.folder)
    study = tmp_path / "study"
    study.mkdir()
    table = shutil.copy(tmp_path / "table.tsv", study / "runs.tsv")
    kept = Path(table).read_bytes()
    assert call(study / "runs.tsv", study) == 2
    assert "study holds" in capsys.readouterr().err
    assert call("table.tsv", study) == 2  # the folder holds a table of the user's, not of ours
    assert "holds a file runs.tsv that is not of an earlier call" in capsys.readouterr().err
    assert Path(table).read_bytes() == kept
    assert [path.name for path in study.iterdir()] == ["runs.tsv"]
    assert snapshot(data.folder) == before


@pytest.mark.parametrize("name", ["runs.tsv", "report.html", "dataset_description.json"])
def test_files_of_others_in_a_result_folder(data, tmp_path, capsys, name):
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_text('{"Name": "raw"}\n')
    assert call("table.tsv", out) == 2
    assert f"holds a file {name} that is not of an earlier call" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == [name]


@pytest.mark.parametrize(
    "files", [["maps.nii.gz"], ["names.tsv"], ["mask.nii.gz"], ["sub-01_task-rest_keep.tsv"]]
)
def test_every_file_that_the_user_names_counts(tmp_path, files):
    for file in files:
        with pytest.raises(ParameterError, match="folders of data are never written to"):
            check_holds_no_data(tmp_path / "a" / "..", {file: tmp_path / "b" / file})
        check_holds_no_data(tmp_path / "results", {file: tmp_path / "b" / file})
        check_holds_no_data(tmp_path / "b" / "c", {file: tmp_path / "b" / file})
        check_holds_no_data(tmp_path / "b", {file: tmp_path / "b2" / file})


def test_a_read_only_tree_of_inputs_is_enough_and_stays_as_it_is(data, tmp_path):
    """Every kind of call, with inputs, results and work given through links and dots."""
    before = snapshot(data.folder)
    for path in [data.folder, *data.folder.rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o222)
    link = tmp_path / "inputs"
    link.symlink_to(data.folder)
    maps = link / "maps.nii.gz"
    calls = [
        (link / "runs.tsv", "out", "-w", "./out/../work"),
        (link / "runs.tsv", "out", "--detrend"),
        (link / "runs.tsv", "dry", "--dry-run"),
        (link / "runs.tsv", "array", "--write-slurm-array", "array.sh"),
        (link / "runs.tsv", "slices", "--slice", "1/2"),
        (link / "../inputs" / "*_bold.nii.gz", "patterns"),
        (link / "sub-01_task-rest_bold.nii.gz", "one", "--inverse-transform"),
        (link / "sub-01_task-rest_bold.nii.gz", "two", "--high-variance-confounds"),
    ]
    try:
        for words in calls:
            assert call(*words, maps=maps) == 0, words
            count("faults")
        for out in ("out", "patterns"):
            assert main(["report", f"./{out}/../{out}", "-q"]) == 0
    finally:
        for path in [data.folder, *data.folder.rglob("*")]:
            path.chmod(path.stat().st_mode | stat.S_IWUSR)
    after = snapshot(data.folder)
    # Changing the permissions changes the time of change, and nothing else.
    assert {k: (v[0], v[2]) for k, v in after.items()} == {
        k: (v[0], v[2]) for k, v in before.items()
    }


# Links that somebody planted


@pytest.mark.parametrize(
    "place", [".mapsmasker/.mapsmasker.lock", "logs/nipype.log", ".mapsmasker.lock"]
)
def test_no_planted_link_is_followed(data, tmp_path, capsys, place):
    precious = tmp_path / "precious.txt"
    precious.write_text("precious\n")
    link = tmp_path / "out" / place
    link.parent.mkdir(parents=True)
    link.symlink_to(precious)
    code = call("table.tsv", "out")
    assert precious.read_text() == "precious\n"
    assert code in (0, 2)
    if code == 2:
        assert "is a link" in capsys.readouterr().err
    count("faults")


@pytest.mark.parametrize("name", ["logs", ".mapsmasker"])
def test_no_planted_folder_is_followed(data, tmp_path, capsys, name):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).symlink_to(elsewhere)
    assert call("table.tsv", "out") == 2
    assert "is a link to" in capsys.readouterr().err
    assert list(elsewhere.iterdir()) == []


# Work that others may have planted


class Evil:
    """Does something when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def plant(folder, target):
    node = folder / "mapsmasker_cohort_wf" / "extract"
    node.mkdir(parents=True)
    file = node / "result_extract.pklz"
    file.write_bytes(gzip.compress(pickle.dumps(Evil(target))))
    return file


@NOT_ROOT
def test_a_planted_pickle_is_not_executed(data, tmp_path, capsys):
    work = tmp_path / "out" / ".mapsmasker" / "work"
    file = plant(work, tmp_path / "executed")
    os.chown(file, 65534, 65534)
    assert call("table.tsv", "out") == 2
    assert "is owned by user 65534, and would be executed" in capsys.readouterr().err
    assert not (tmp_path / "executed").exists()
    count("faults")


@NOT_ROOT
def test_a_link_to_somebody_elses_pickle_is_not_executed(data, tmp_path):
    file = plant(tmp_path / "theirs", tmp_path / "executed")
    os.chown(file, 65534, 65534)
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "result_x.pklz").symlink_to(file)
    assert call("table.tsv", "out", "-w", "work") == 2
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("where", ["", "mapsmasker_cohort_wf/extract"])
def test_a_work_folder_that_everybody_may_write_to_is_refused(data, tmp_path, capsys, where):
    folder = tmp_path / "work" / where
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    assert call("table.tsv", "out", "-w", "work") == 2
    assert "Everybody may write to the work folder" in capsys.readouterr().err


def test_a_work_folder_of_a_group_is_fine(data, tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    folder.chmod(0o2775)
    assert call("table.tsv", "out", "-w", "work") == 0
    assert call("table.tsv", "out", "-w", "work", "--detrend") == 0


def test_a_new_work_folder_is_nobody_elses_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        folder = make_work_folder(tmp_path / "work")
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o007 == 0
    check_trusted(folder)
