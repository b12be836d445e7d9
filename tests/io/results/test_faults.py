# SPDX-License-Identifier: Apache-2.0
"""What the system says, as a sentence with a place and what to do."""

import errno
import os

import pytest

from nipype_mapsmasker.errors import TableError
from nipype_mapsmasker.io.results.faults import reason_of, system_sentence


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "make room there"),
        (errno.EACCES, "rights"),
        (errno.EROFS, "can be written to"),
        (errno.EMFILE, "ulimit -n"),
        (errno.EIO, "the disk and the network"),
    ],
)
def test_what_the_system_says(number, advice):
    words = os.strerror(number)
    for error, place in (
        (OSError(number, words, "/a/b"), "/a/b"),
        (OSError(number, words), "out"),
    ):
        told = system_sentence(error, "out")
        assert told.startswith(f"{place}: {words}; ")
        assert advice in told
        assert told.endswith(".")
    assert "out: odd; " in system_sentence(OSError("odd"), "out")
    assert "b'\\xff'" in system_sentence(OSError(number, words, b"\xff"), "out")


def test_reasons_of_runs():
    assert reason_of(TableError("It is so."), "x") == "It is so."
    assert reason_of(KeyError("k"), "x") == "x cannot be used (KeyError: 'k')."
    assert reason_of(PermissionError(13, "Permission denied"), "x").startswith("x: Permission")
