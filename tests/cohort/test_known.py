# SPDX-License-Identifier: Apache-2.0
"""A second call opens no file of an unchanged run, and each file that may have changed."""

import json
import os
import shutil
from dataclasses import fields

import numpy as np
import pytest

from nipype_mapsmasker.cohort import CohortRequest, RunSpec, known, plan, plan_cohort, run_cohort
from nipype_mapsmasker.io.results.layout import private_folder, run_files
from tests.tiny import GRIDS, N_MAPS, make_tiny, write_maps

RUN = "sub-01_task-rest"


class Cohort:
    """One finished run in a dataset, whose files a test may change for a while."""

    def __init__(self, folder):
        tiny = make_tiny(folder / "data", grids=(0,))
        self.root = folder / "raw"
        self.func = self.root / "sub-01" / "func"
        self.func.mkdir(parents=True)
        self.image = self.func / f"{RUN}_bold.nii.gz"
        shutil.copy(tiny.in_files[0], self.image)
        self.sidecar = self.root / "task-rest_bold.json"
        self.sidecar.write_text('{"RepetitionTime": 2.0}')
        self.table = folder / "confounds.tsv"
        shutil.copy(tiny.confounds_files[0], self.table)
        self.samples = tiny.sample_mask_files[0]
        self.mask = folder / "mask.nii.gz"
        shutil.copy(tiny.mask_file, self.mask)
        (folder / "other").mkdir()
        self.maps = folder / "maps.nii.gz"
        shutil.copy(tiny.maps_file, self.maps)
        other = np.random.default_rng(1).random((N_MAPS, GRIDS[0].n_voxels))
        self.other = write_maps(folder / "other" / "maps.nii.gz", other)
        self.out = folder / "out"
        self.file = private_folder(self.out) / known.KNOWN_FILE

    def request(self, **values):
        run = RunSpec(
            run_id=RUN,
            in_file=self.image,
            confounds=self.table,
            sample_mask=self.samples,
            mask=self.mask,
        )
        usual = {"input": [run], "out_dir": self.out, "maps": [self.maps], "reports": False}
        return CohortRequest(**usual | {"plugin": "Linear"} | values)

    def plan(self, **values):
        (planned,) = plan_cohort(self.request(**values)).runs
        return planned

    def remember(self):
        known.write_known(self.out, plan_cohort(self.request()).known())


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    cohort = Cohort(tmp_path_factory.mktemp("known"))
    assert run_cohort(cohort.request()).exit_code == 0
    return cohort


@pytest.fixture
def opened(monkeypatch):
    """Images whose headers were read since."""
    paths = []
    read = plan.read_info
    monkeypatch.setattr(plan, "read_info", lambda path: paths.append(str(path)) or read(path))
    return paths


@pytest.fixture
def cohort(finished, monkeypatch, opened):
    """Give the finished run, known to be as it is, whatever its files' ages are."""
    monkeypatch.setattr(known, "is_settled", lambda _: True)
    if finished.plan().state != "done":  # the time of an image's change cannot be set back
        run_cohort(finished.request())
    finished.remember()
    opened.clear()
    assert finished.plan().state == "done"
    assert str(finished.image) not in opened
    opened.clear()
    return finished


def facts(planned):
    """Everything that a plan says, comparable."""
    found = {one.name: getattr(planned, one.name) for one in fields(planned)}
    grid = found.pop("grid")
    return found | {"shape": grid and grid.shape, "affine": grid and grid.affine.tolist()}


def by_reading(cohort, **values):
    """Plan without anything known."""
    content = cohort.file.read_bytes()
    cohort.file.unlink()
    try:
        return facts(cohort.plan(**values))
    finally:
        cohort.file.write_bytes(content)


def test_what_is_known_is_what_reading_finds(cohort, opened):
    taken = facts(cohort.plan())
    assert str(cohort.image) not in opened
    assert taken == by_reading(cohort)
    assert str(cohort.image) in opened
    assert taken["t_r"].origin == "sidecar"
    assert (taken["n_volumes"], taken["shape"]) == (40, (7, 8, 9))


def rewrite(path, change=lambda content: content):
    """Write a file anew, with its old date; give what undoes that."""
    content, status = path.read_bytes(), path.stat()
    path.write_bytes(change(content))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    return lambda: path.write_bytes(content)


def add(path, text):
    path.write_text(text)
    return path.unlink


def swap(content):
    """Exchange two bytes, as an edit that leaves the size."""
    place = content.rindex(b"1")
    return content[:place] + b"2" + content[place + 1 :]


INPUTS = {
    "image": lambda cohort: rewrite(cohort.image),
    "mask": lambda cohort: rewrite(cohort.mask),
    "table of the same size and date": lambda cohort: rewrite(cohort.table, swap),
    "sidecar": lambda cohort: rewrite(cohort.sidecar, lambda text: text.replace(b"2.0", b"2.1")),
    "nearer sidecar": lambda cohort: add(cohort.func / f"{RUN}_bold.json", "{}"),
    "sidecar between": lambda cohort: add(
        cohort.root / "sub-01" / "sub-01_bold.json", '{"RepetitionTime": 2.0}'
    ),
    "root of the dataset": lambda cohort: add(
        cohort.root / "sub-01" / "dataset_description.json", "{}"
    ),
    "doubtful sidecars": lambda cohort: add(cohort.root / "bold.json", "{}"),
}


@pytest.mark.parametrize("name", INPUTS)
def test_a_change_of_the_input_is_seen(cohort, opened, name):
    undo = INPUTS[name](cohort)
    try:
        taken = facts(cohort.plan())
        assert str(cohort.image) in opened
        assert taken == by_reading(cohort)
    finally:
        undo()


@pytest.mark.parametrize(
    "values",
    [{"standardize": "psc"}, {"smoothing_fwhm": 6.0}, {"t_r": 1.0}, {"atlas_names": ["other"]}],
    ids=str,
)
def test_other_parameters_are_seen(cohort, opened, values):
    taken = facts(cohort.plan(**values))
    assert str(cohort.image) in opened
    assert taken == by_reading(cohort, **values)
    assert taken["state"] != "done"


def test_other_maps_of_the_same_name_are_seen(cohort, opened):
    assert cohort.plan(maps=[cohort.other]).state == "todo"
    assert str(cohort.image) in opened


@pytest.mark.parametrize("name", ["__version__", "ALGORITHM"])
def test_another_version_is_seen(cohort, opened, monkeypatch, name):
    monkeypatch.setattr(plan, name, 99)
    cohort.plan()
    assert str(cohort.image) in opened


def cut(path):
    return rewrite(path, lambda content: content[:-1])


def gone(path):
    content = path.read_bytes()
    path.unlink()
    return lambda: path.write_bytes(content)


@pytest.mark.parametrize("change", [cut, gone, lambda path: rewrite(path, swap)])
@pytest.mark.parametrize("kind", ["timeseries", "raw", "manifest"])
def test_a_changed_result_is_done_again(cohort, change, kind):
    names = run_files(cohort.out, RUN)
    undo = change(names.manifest if kind == "manifest" else getattr(names, kind)("maps"))
    try:
        taken = facts(cohort.plan())
        assert taken == by_reading(cohort)
        assert kind == "manifest" or taken["state"] != "done"
    finally:
        undo()


def change_entry(number, value):
    def change(content):
        content["runs"][RUN][number] = value
        return content

    return change


SPOILT = {
    "empty": lambda content: b"",
    "no JSON": lambda content: b"{",
    "deep": lambda content: b"[" * 100_000,
    "a list": lambda content: [],
    "another format": lambda content: content | {"format": 0},
    "no runs": lambda content: {"format": known.KNOWN_FORMAT},
    "runs in a list": lambda content: content | {"runs": [1]},
    "no entry": lambda content: content | {"runs": {RUN: None}},
    "short entry": lambda content: content | {"runs": {RUN: content["runs"][RUN][:3]}},
    "another look": change_entry(0, "0" * 64),
    "another key": change_entry(1, "0" * 64),
    "a number for a key": change_entry(1, 7),
    "another key of signals": change_entry(2, "0" * 64),
    "text for a shape": change_entry(3, "789"),
    "a huge shape": change_entry(3, [True, 8, 9]),
    "two axes": change_entry(3, [7, 8]),
    "a short affine": change_entry(4, [1.0]),
    "a flat affine": change_entry(4, [0.0] * 16),
    "no affine": change_entry(4, None),
    "ragged affine": change_entry(4, [[1.0], 2.0]),
    "negative volumes": change_entry(5, -1),
    "no time": change_entry(6, None),
    "text for a time": change_entry(6, ["2", "sidecar", [], ""]),
    "a time of nothing": change_entry(6, [0.0, "sidecar", [], ""]),
    "no warnings": change_entry(6, [2.0, "sidecar", None, ""]),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_file_counts_as_none(cohort, opened, name):
    content = SPOILT[name](json.loads(cohort.file.read_bytes()))
    cohort.file.write_bytes(
        content if isinstance(content, bytes) else json.dumps(content).encode()
    )
    taken = facts(cohort.plan())
    assert str(cohort.image) in opened
    assert taken == by_reading(cohort)


def test_a_copied_folder_is_known(cohort, opened, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(cohort.out, copy)
    assert cohort.plan(out_dir=copy).state == "done"
    assert str(cohort.image) not in opened


def test_a_file_that_has_just_changed_is_not_known(cohort, monkeypatch):
    monkeypatch.setattr(known, "is_settled", lambda _: False)
    planned = cohort.plan()
    assert (planned.state, planned.look, planned.known()) == ("done", "", None)


def test_a_slice_leaves_it_to_the_call_that_follows(cohort, tmp_path):
    out = tmp_path / "out"
    assert run_cohort(cohort.request(out_dir=out, slice="1/1")).exit_code == 0
    assert not (private_folder(out) / known.KNOWN_FILE).exists()
    assert run_cohort(cohort.request(out_dir=out)).exit_code == 0
    assert list(known.read_known(out)) == [RUN]


def test_a_run_at_fault_is_not_known(cohort, monkeypatch):
    undo = rewrite(cohort.table, lambda content: content.splitlines()[0])
    try:
        planned = cohort.plan(confounds_columns=["*"])
        assert (planned.state, planned.known()) == ("fault", None)
    finally:
        undo()


def test_what_is_known_of_other_runs_stays(tmp_path):
    one = known.KnownRun(
        "a", "b", "c", plan.Grid((1, 2, 3), np.eye(4)), 4, plan.RepetitionTime(None, "unknown")
    )
    known.write_known(tmp_path, {"one": one})
    known.write_known(tmp_path, {"two": one})
    known.write_known(tmp_path, {})
    found = known.read_known(tmp_path)
    assert list(found) == ["one", "two"]
    again = known.known_run(found["one"], "a")
    assert again.grid.affine.tolist() == np.eye(4).tolist()
    assert (again.key, again.n_volumes, again.t_r) == ("b", 4, one.t_r)
    assert known.known_run(found["one"], "b") is None
    assert known.known_run(found["one"], "") is None
