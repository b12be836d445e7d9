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
    """Give those of three runs and three steps, of which one run fails."""
    for number, step in enumerate(("extract", "clean_a1", "store")):
        for reached in (1, 2, 3):
            stored = reached if step == "store" else 0
            failed = int(stored > 1)
            yield ProgressEvent(
                step=step,
                reached=reached,
                done=stored - failed,
                failed=failed,
                total=3,
                steps_done=3 * number + reached,
                steps_total=9,
                seconds=seconds * (3 * number + reached),
            )


def shown(monkeypatch, stream, seconds=0.0, quiet=False):
    monkeypatch.setattr(sys, "stderr", stream)
    with show_progress(quiet=quiet) as progress:
        for event in events(seconds) if progress is not None else ():
            progress(event)
    return stream.getvalue()


def test_plain_lines(monkeypatch):
    lines = shown(monkeypatch, io.StringIO()).splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("mapsmasker: extract: 3 of 3 runs; 0 done, 0 failed; ")
    assert "store: 3 of 3 runs; 2 done, 1 failed" in lines[2]
    assert lines[2].endswith(" 0 s left")


def test_a_slow_step_gets_lines_in_between(monkeypatch):
    lines = shown(monkeypatch, io.StringIO(), seconds=20.0).splitlines()
    assert [line.split(": ", 2)[2][:6] for line in lines[:2]] == ["2 of 3", "3 of 3"]
    assert lines[0].endswith("0.1 steps/s, 140 s left")


def test_a_bar_on_a_terminal(monkeypatch):
    last = shown(monkeypatch, Terminal()).replace("\n", "\r").split("\r")
    last = [line for line in last if line.strip()][-1]
    assert "2 done, 1 failed of 3" in last
    assert "9/9" in last


def test_quiet_says_nothing(monkeypatch):
    for stream in (io.StringIO(), Terminal()):
        assert shown(monkeypatch, stream, quiet=True) == ""
