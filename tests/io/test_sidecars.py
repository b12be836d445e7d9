# SPDX-License-Identifier: Apache-2.0
"""What stands beside an image: sidecars in any encoding, and identities."""

import json
import os

import pytest

from nipype_mapsmasker.errors import ImageFileError, ParameterError, TableError
from nipype_mapsmasker.io.sidecars import (
    checksum,
    fingerprint,
    read_json_object,
    read_sidecar,
    run_identity,
)


@pytest.fixture
def image(tmp_path):
    """Give a file that stands for an image."""
    path = tmp_path / "sub-1_bold.nii.gz"
    path.write_bytes(b"image")
    return path


def write_sidecar(image, text):
    path = image.with_name("sub-1_bold.json")
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"]
)
def test_sidecars_are_read_as_editors_leave_them(image, encoding):
    write_sidecar(image, '{"Site": "Zürich", "RepetitionTime": 2.0}'.encode(encoding))
    assert read_sidecar(image)[0] == {"Site": "Zürich", "RepetitionTime": 2.0}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "is not JSON .*; mend it"),
        ("", "is not JSON"),
        ("[" * 200_000, "nested too deeply.*; mend it"),
        ('{"RepetitionTime": 1' + "0" * 5000 + "}", "number of too many digits.*; mend it"),
        ("[1]", "holds a list, expected a JSON object; mend it"),
        (b"\xff\xfe{", "is not JSON"),
    ],
)
def test_a_sidecar_that_is_no_object_is_refused(image, text, reason):
    path = write_sidecar(image, text)
    with pytest.raises(TableError, match=reason) as caught:
        read_sidecar(image)
    assert str(caught.value).startswith(str(path))


def test_fields_of_a_nearer_sidecar_replace_those_of_one_further_up(tmp_path):
    folder = tmp_path / "sub-1" / "func"
    folder.mkdir(parents=True)
    (tmp_path / "dataset_description.json").write_text("{}")
    far, near = tmp_path / "task-a_bold.json", folder / "sub-1_task-a_bold.json"
    far.write_text('{"RepetitionTime": 2.5, "TaskName": "a"}')
    near.write_text('{"RepetitionTime": 3.0}')
    fields, sources = read_sidecar(folder / "sub-1_task-a_bold.nii.gz")
    assert fields == {"RepetitionTime": 3.0, "TaskName": "a"}
    assert sources == {"RepetitionTime": near, "TaskName": far}


@pytest.mark.parametrize(
    ("text", "reason"),
    [("[1]", "holds a list, expected a JSON object; write"), ("{", "is not JSON"),
     ("[" * 200_000, "nested too deeply"), (None, "does not exist; give")],
)  # fmt: skip
def test_options_of_json_are_checked_by_name(tmp_path, text, reason):
    path = tmp_path / "a.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ParameterError, match=rf"--strategies.*a\.json.*{reason}"):
        read_json_object(str(path), "--strategies")


def test_a_sidecar_is_part_of_a_runs_identity(image):
    alone = run_identity(image)
    assert alone == fingerprint(image)
    sidecar = write_sidecar(image, json.dumps({"RepetitionTime": 2}))
    beside = run_identity(image)
    assert beside.startswith(alone)
    sidecar.write_text(json.dumps({"RepetitionTime": 3}))
    assert run_identity(image) != beside
    assert fingerprint(image) == alone


def test_an_inherited_sidecar_is_part_of_a_runs_identity(tmp_path):
    folder = tmp_path / "sub-1" / "func"
    folder.mkdir(parents=True)
    image = folder / "sub-1_task-a_bold.nii.gz"
    image.write_bytes(b"image")
    alone = run_identity(image)
    (tmp_path / "task-a_bold.json").write_text("{}")
    assert run_identity(image) != alone


def test_a_swap_of_the_same_size_and_date_shows(image):
    before, date = fingerprint(image), image.stat().st_mtime_ns
    image.write_bytes(b"other")
    os.utime(image, ns=(date, date))
    assert fingerprint(image) != before


@pytest.mark.parametrize(
    ("named", "changed"),
    [
        ("a.hdr", "a.img"),
        ("a.img", "a.hdr"),
        ("a.hdr.gz", "a.img.gz"),
        ("a.img", "a.mat"),
        ("a+tlrc.HEAD", "a+tlrc.BRIK"),
        ("a+tlrc.HEAD", "a+tlrc.BRIK.gz"),
        ("a+orig.BRIK.gz", "a+orig.HEAD"),
        ("a.PAR", "a.REC"),
        ("a.par", "a.rec"),
    ],
)
def test_every_file_of_an_image_counts(tmp_path, named, changed):
    path, other = tmp_path / named, tmp_path / changed
    path.write_bytes(b"one")
    other.write_bytes(b"other")
    before = fingerprint(path), checksum(path)
    other.write_bytes(b"twice as long")
    after = fingerprint(path), checksum(path)
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_absent_files_have_an_identity_too(tmp_path):
    assert fingerprint(tmp_path / "no.nii").endswith("no.nii (absent)")
    assert fingerprint("a\0b.nii").endswith("(absent)")
    with pytest.raises(ImageFileError, match=r"no\.nii does not exist; give"):
        checksum(tmp_path / "no.nii")
