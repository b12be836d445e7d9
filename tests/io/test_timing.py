# SPDX-License-Identifier: Apache-2.0
"""Repetition times: who decides, what contradicts, and what no scanner has."""

import json

import pytest

from nipype_mapsmasker.errors import ImageHeaderError, ParameterError, TableError
from nipype_mapsmasker.io.timing import T_R_WARNING, resolve_t_r


@pytest.fixture
def image(tmp_path):
    """Give a file that stands for an image."""
    path = tmp_path / "sub-1_bold.nii.gz"
    path.write_bytes(b"image")
    return path


def beside(image, **fields):
    """Write the image's sidecar."""
    image.with_name("sub-1_bold.json").write_text(json.dumps(fields))


def test_the_argument_decides_then_the_sidecar_then_the_header(image):
    assert resolve_t_r(image, None).origin == "unknown"
    assert resolve_t_r(image, 2.0) == resolve_t_r(image, 2.0, None, 40)
    assert (resolve_t_r(image, 2.0).seconds, resolve_t_r(image, 2.0).origin) == (2.0, "header")
    beside(image, RepetitionTime=3)
    found = resolve_t_r(image, 3.02)
    assert (found.seconds, found.origin, found.warnings) == (3.0, "sidecar", ())
    found = resolve_t_r(image, 2.0, 2.5)
    assert (found.seconds, found.origin, len(found.warnings)) == (2.5, "argument", 2)
    assert "is 2.5 s by its argument, but 3 s by its sidecar; 2.5 s is used" in found.warnings[0]


def test_header_and_sidecar_that_disagree_are_a_fault(image):
    beside(image, RepetitionTime=0.8)
    with pytest.raises(TableError, match=r"0\.8 s by its sidecar .*but 2 s by its header; give"):
        resolve_t_r(image, 2.0)
    assert resolve_t_r(image, 0.807).seconds == 0.8
    with pytest.raises(TableError, match="by its header"):
        resolve_t_r(image, 0.81)


@pytest.mark.parametrize("header", [None, 1.0])
def test_a_header_that_does_not_know_never_contradicts(image, header):
    beside(image, RepetitionTime=2.5)
    found = resolve_t_r(image, header)
    assert (found.seconds, found.origin, len(found.warnings)) == (2.5, "sidecar", 1)
    assert found.warnings[0].startswith(T_R_WARNING)
    assert "the sidecar's is used" in found.warnings[0]


@pytest.mark.parametrize("header", [2000.0, 0.055, 30.1, 1e-5])
def test_a_header_that_no_scanner_has_is_a_fault_unless_the_user_decides(image, header):
    with pytest.raises(ImageHeaderError, match=r"repetition time of .* 0\.1 to 30 s .*--t-r"):
        resolve_t_r(image, header)
    found = resolve_t_r(image, header, 2.0)
    assert (found.seconds, len(found.warnings)) == (2.0, 1)


@pytest.mark.parametrize("seconds", [2000, 0.055, 31])
@pytest.mark.parametrize("header", [None, 2.0, 1.0, "same"])
def test_a_sidecar_that_no_scanner_has_is_a_fault_too(image, seconds, header):
    beside(image, RepetitionTime=seconds)
    with pytest.raises(TableError, match=r"sub-1_bold\.json gives .* 0\.1 to 30 s are expected"):
        resolve_t_r(image, seconds if header == "same" else header)
    assert resolve_t_r(image, None, 1.5).seconds == 1.5


@pytest.mark.parametrize("seconds", [0.1, 30.0])
def test_the_limits_are_possible(image, seconds):
    assert resolve_t_r(image, seconds).seconds == seconds


def test_a_time_of_the_user_is_used_but_told_of(image):
    found = resolve_t_r(image, 2.0, 2000.0)
    assert found.seconds == 2000.0
    assert "scanners take 0.1 to 30 s; it is used as it was given" in found.warnings[-1]


@pytest.mark.parametrize(
    "value", ['"3.0"', "true", "0", "-2", "Infinity", "NaN", "[2]", "1" + "0" * 400]
)
def test_a_sidecar_without_a_number_is_refused(image, value):
    image.with_name("sub-1_bold.json").write_text(f'{{"RepetitionTime": {value}}}')
    with pytest.raises(TableError, match=r"sub-1_bold\.json gives RepetitionTime .* expected"):
        resolve_t_r(image, 2.0)
    assert resolve_t_r(image, 2.0, 2.0).seconds == 2.0


@pytest.mark.parametrize("value", [0.0, -1.0, float("inf"), float("nan"), "2", True])
def test_an_argument_that_is_no_time_is_refused(image, value):
    with pytest.raises(ParameterError, match="positive number of seconds"):
        resolve_t_r(image, 2.0, value)


@pytest.mark.parametrize("header", [None, 1.0, 2.2])
def test_regular_volume_timing_gives_its_step(image, header):
    beside(image, VolumeTiming=[round(0.3 + 2.2 * number, 6) for number in range(40)])
    found = resolve_t_r(image, header, None, 40)
    assert (found.seconds, found.origin, found.problem) == (2.2, "sidecar", "")
    with pytest.raises(TableError, match=r"2\.2 s by its sidecar .*but 3 s by its header"):
        resolve_t_r(image, 3.0, None, 40)


@pytest.mark.parametrize("header", [None, 1.0, 2.0])
def test_sparse_volume_timing_gives_no_time_but_says_why(image, header):
    beside(image, VolumeTiming=[0, 2, 4, 9, 11, 13], AcquisitionDuration=1.0)
    found = resolve_t_r(image, header, None, 6)
    assert (found.seconds, found.origin, found.warnings) == (None, "sidecar", ())
    assert "VolumeTiming" in found.problem
    assert "not equally spaced (2 to 5 s)" in found.problem
    decided = resolve_t_r(image, header, 2.0, 6)
    assert decided.seconds == 2.0
    assert "not equally spaced" in decided.warnings[0]


def test_times_of_other_volumes_are_told(image):
    beside(image, VolumeTiming=[0, 2, 4])
    found = resolve_t_r(image, 2.0, None, 4)
    assert found.seconds is None
    assert "lists 3 times in VolumeTiming, where sub-1_bold.nii.gz has 4 volumes" in found.problem


@pytest.mark.parametrize(
    "value", [2.0, [], ["0", "2"], [0, 2, 2], [4, 2, 0], [0, True], {"a": 1}, [0, 10**400]]
)
def test_volume_timing_of_another_form_is_refused(image, value):
    image.with_name("sub-1_bold.json").write_text(json.dumps({"VolumeTiming": value}))
    with pytest.raises(TableError, match=r"gives VolumeTiming .*growing numbers .*; mend it"):
        resolve_t_r(image, 2.0)


def test_repetition_time_and_volume_timing_must_agree(image):
    beside(image, VolumeTiming=[0, 2, 4], RepetitionTime=2.0)
    assert resolve_t_r(image, 2.0).seconds == 2.0
    beside(image, VolumeTiming=[0, 2, 4], RepetitionTime=1.5)
    with pytest.raises(TableError, match=r"every 2 s by VolumeTiming .*every 1\.5 s by"):
        resolve_t_r(image, 2.0)


@pytest.mark.parametrize(
    "name", ["sub-1_bold.nii", "sub-1_bold.NII.GZ", "sub-1_bold.img", "sub-1_bold.hdr.gz",
             "sub-1_bold.HEAD", "sub-1_bold.BRIK", "sub-1_bold.BRIK.gz", "sub-1_bold.mnc",
             "sub-1_bold.mgz", "sub-1_bold.PAR", "sub-1_bold.rec", "sub-1_bold.nii.bz2"],
)  # fmt: skip
def test_sidecars_of_every_name_are_read(tmp_path, name):
    beside(tmp_path / name, RepetitionTime=2.5)
    assert resolve_t_r(tmp_path / name, 1.0).seconds == 2.5
