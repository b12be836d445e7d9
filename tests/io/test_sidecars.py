# SPDX-License-Identifier: Apache-2.0
"""What stands beside an image: repetition times and identities."""

import json
import os

import pytest

from nipype_mapsmasker.errors import ParameterError, TableError
from nipype_mapsmasker.io.sidecars import (
    checksum,
    fingerprint,
    image_stem,
    read_sidecar,
    resolve_t_r,
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
    path.write_text(text)
    return path


def test_the_argument_decides_then_the_sidecar_then_the_header(image):
    assert resolve_t_r(image, None).origin == "unknown"
    assert resolve_t_r(image, 2.0).seconds == 2.0
    write_sidecar(image, '{"RepetitionTime": 3}')
    found = resolve_t_r(image, 2.0)
    assert (found.seconds, found.origin) == (3.0, "sidecar")
    assert "3 s by its sidecar, but 2 s by its header" in found.warnings[0]
    found = resolve_t_r(image, 2.0, 2.5)
    assert (found.seconds, found.origin, len(found.warnings)) == (2.5, "argument", 2)
    assert resolve_t_r(image, 3.02).warnings == ()


@pytest.mark.parametrize("value", ['"3.0"', "true", "0", "-2", "Infinity", "NaN", "[2]"])
def test_a_sidecar_without_a_number_is_refused(image, value):
    write_sidecar(image, f'{{"RepetitionTime": {value}}}')
    with pytest.raises(TableError, match=r"sub-1_bold\.json gives RepetitionTime .* expected"):
        resolve_t_r(image, 2.0)


@pytest.mark.parametrize("text", ["{", "[" * 200_000, "[1]"])
def test_a_sidecar_that_is_no_object_is_refused(image, text):
    write_sidecar(image, text)
    with pytest.raises(TableError, match=r"sub-1_bold\.json"):
        read_sidecar(image)


@pytest.mark.parametrize("value", [0.0, -1.0, float("inf"), float("nan")])
def test_an_argument_that_is_no_time_is_refused(image, value):
    with pytest.raises(ParameterError, match="positive number of seconds"):
        resolve_t_r(image, 2.0, value)


def test_a_sidecar_is_part_of_a_runs_identity(image):
    alone = run_identity(image)
    assert alone == fingerprint(image)
    sidecar = write_sidecar(image, json.dumps({"RepetitionTime": 2}))
    beside = run_identity(image)
    assert beside.startswith(alone)
    sidecar.write_text(json.dumps({"RepetitionTime": 3}))
    assert run_identity(image) != beside
    assert fingerprint(image) == alone


def test_a_swap_of_the_same_size_and_date_shows(image):
    before, date = fingerprint(image), image.stat().st_mtime_ns
    image.write_bytes(b"other")
    os.utime(image, ns=(date, date))
    assert fingerprint(image) != before


@pytest.mark.parametrize(("named", "changed"), [(".hdr", ".img"), (".img", ".hdr")])
@pytest.mark.parametrize("zipped", ["", ".gz"])
def test_both_files_of_a_pair_count(tmp_path, named, changed, zipped):
    for ending in (".hdr", ".img"):
        (tmp_path / f"a{ending}{zipped}").write_bytes(ending.encode())
    path = tmp_path / f"a{named}{zipped}"
    before = fingerprint(path), checksum(path)
    (tmp_path / f"a{changed}{zipped}").write_bytes(b"twice as long")
    after = fingerprint(path), checksum(path)
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_absent_files_have_an_identity_too(tmp_path):
    assert fingerprint(tmp_path / "no.nii").endswith("no.nii (absent)")
    assert image_stem("a.b.nii") == "a.b"
