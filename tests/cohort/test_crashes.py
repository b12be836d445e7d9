# SPDX-License-Identifier: Apache-2.0
"""What is told of a crash: one sentence, from whatever Nipype and the system leave."""

import os
from types import SimpleNamespace

import pytest

from nipype_mapsmasker.cohort import crashes
from nipype_mapsmasker.cohort.crashes import FULL_BYTES, last_line, with_full_disks

NO_ROOM = "OSError: [Errno 28] No space left on device"
UNFOUND = """

When creating this crashfile, the results file corresponding
to the node could not be found."""
ANOTHER = """

During the creation of this crashfile triggered by the above exception,
another exception occurred:

EOFError: Compressed file ended."""


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("  File x\nValueError: it is so.", "it is so."),
        (f"  File x\n{NO_ROOM}\n", "No space left on device"),
        (f"  File x\n{NO_ROOM}: '/a/b'\n", "/a/b: No space left on device"),
        (f"  File x\n{NO_ROOM}: '/tmp' -> '/a/b'\n", "/a/b: No space left on device"),
        (f"  File x\n{NO_ROOM}{UNFOUND}", "No space left on device"),
        (f"  File x\nValueError: it is so.{ANOTHER}", "it is so."),
        ("Node x lost its worker 3.\nmore", "Node x lost its worker 3."),
    ],
)  # fmt: skip
def test_the_last_word_of_a_traceback(told, expected):
    assert last_line(told) == expected


def test_a_full_disk_is_told_by_its_place(tmp_path, monkeypatch):
    out, work = tmp_path / "out", tmp_path / "work" / "deep"
    out.mkdir()
    for reason in ("it is so.", ""):
        assert with_full_disks(reason, [out, work]) == reason
    both = with_full_disks("No space left on device", [out, work])
    assert both.startswith(f"{out} and {work}: No space left on device; make room there")
    assert "Disk quota exceeded" in with_full_disks("x: Disk quota exceeded", [out])

    def statvfs(place):
        if not os.path.isdir(place):  # noqa: PTH112
            raise FileNotFoundError(place)
        is_full = tmp_path / "work" in (place, *place.parents)
        return SimpleNamespace(f_bavail=0 if is_full else FULL_BYTES, f_frsize=1)

    (tmp_path / "work").mkdir()
    monkeypatch.setattr(crashes.os, "statvfs", statvfs)
    told = with_full_disks("result_x.pklz", [out, work])  # as Nipype says it
    assert told.startswith(f"{work}: No space left on device; make room there")
