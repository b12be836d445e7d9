# SPDX-License-Identifier: Apache-2.0
"""What is seen while a cohort runs."""

import io
import sys
from types import SimpleNamespace

from nipype_mapsmasker.cohort.progress import Progress, element_of


class Terminal(io.StringIO):
    """Text that says that it is a terminal."""

    def isatty(self):
        return True


def element(step, number):
    return SimpleNamespace(name=f"_{step}{number}", base_dir=f"/w/wf/{step}/mapflow")


def run_all(progress, n_runs=3, steps=("extract", "clean_a1", "store")):
    for step in steps:
        for number in range(n_runs):
            progress.update(element(step, number), "start")
            progress.update(element(step, number), "end")
    progress.close()


def test_elements_are_told_from_nodes():
    assert element_of(element("clean_a1", 2)) == ("clean_a1", 2)
    assert element_of(SimpleNamespace(name="summarise", base_dir="/w/wf")) is None


def test_plain_lines(monkeypatch):
    text = io.StringIO()
    monkeypatch.setattr(sys, "stderr", text)
    run_all(Progress(3, 3, lambda number: number != 1, quiet=False))
    lines = text.getvalue().splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("mapsmasker: extract: 3 of 3 runs; 0 done, 0 failed; ")
    assert "store: 3 of 3 runs; 2 done, 1 failed" in lines[2]
    assert lines[2].endswith(" 0 s left")


def test_a_bar_on_a_terminal(monkeypatch):
    text = Terminal()
    monkeypatch.setattr(sys, "stderr", text)
    run_all(Progress(3, 3, lambda number: number != 1, quiet=False))
    last = text.getvalue().replace("\n", "\r").split("\r")
    last = [line for line in last if line.strip()][-1]
    assert "2 done, 1 failed of 3" in last
    assert "9/9" in last


def test_quiet_says_nothing(monkeypatch):
    for stream in (io.StringIO(), Terminal()):
        monkeypatch.setattr(sys, "stderr", stream)
        run_all(Progress(3, 3, lambda number: True, quiet=True))
        assert stream.getvalue() == ""


def test_a_second_attempt_counts_no_step_twice():
    progress = Progress(3, 3, lambda number: True, quiet=True)
    run_all(progress)
    run_all(progress)
    assert progress.count == 9
