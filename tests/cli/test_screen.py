# SPDX-License-Identifier: Apache-2.0
"""What is seen while a cohort runs."""

import io
import sys

from nipype_mapsmasker.cli.screen import show_progress
from nipype_mapsmasker.cohort import ProgressEvent


class Terminal(io.StringIO):
    """Text that says that it is a terminal."""

    def isatty(self):
        return True


def events(seconds=0.0):
    """Give those of three runs, the last of which fails."""
    for reached in (1, 2, 3):
        failed = int(reached > 2)
        yield ProgressEvent(
            what="runs",
            reached=reached,
            done=reached - failed,
            failed=failed,
            total=3,
            seconds=seconds * reached,
        )


def shown(monkeypatch, stream, seconds=0.0, quiet=False):
    monkeypatch.setattr(sys, "stderr", stream)
    with show_progress(quiet=quiet) as progress:
        for event in events(seconds) if progress is not None else ():
            progress(event)
    return stream.getvalue()


def test_plain_lines(monkeypatch):
    lines = shown(monkeypatch, io.StringIO()).splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("mapsmasker: runs: 3 of 3; 2 done, 1 failed; ")
    assert lines[0].endswith(" 0 s left")


def test_slow_runs_get_lines_in_between(monkeypatch):
    lines = shown(monkeypatch, io.StringIO(), seconds=20.0).splitlines()
    assert [line.split(": ", 2)[2][:6] for line in lines] == ["2 of 3", "3 of 3"]
    assert lines[0].endswith("2 done, 0 failed; 0.1 a second, 20 s left")


def test_a_bar_on_a_terminal(monkeypatch):
    last = shown(monkeypatch, Terminal()).replace("\n", "\r").split("\r")
    last = [line for line in last if line.strip()][-1]
    assert "2 done, 1 failed" in last
    assert "3/3" in last


def test_quiet_says_nothing(monkeypatch):
    for stream in (io.StringIO(), Terminal()):
        assert shown(monkeypatch, stream, quiet=True) == ""
