# SPDX-License-Identifier: Apache-2.0
"""Start workflows in processes of their own, so that hangs end and drivers can be killed."""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
OURS = "nipype_mapsmasker.plugins.multiproc.MultiProcPlugin"
NIPYPES = "nipype.pipeline.plugins.multiproc.MultiProcPlugin"

GENEROUS_SECS = 120
"""Longest time that something which must happen is given."""

HANG_SECS = 12
"""After this time without an end, Nipype's plugin counts as hanging; ours needs about two."""


class Driver:
    """Starts tests/plugins/drive.py with a wish; `run` also reads its outcome."""

    def __init__(self, base_dir, folder):
        self.base_dir, self.folder = base_dir, folder
        self.environ = dict(os.environ)
        parts = [HERE.parents[1], HERE, self.environ.get("PYTHONPATH", "")]
        self.environ["PYTHONPATH"] = os.pathsep.join(str(part) for part in parts if str(part))
        self.processes = []

    def start(self, **wish):
        wish = {"base_dir": str(self.base_dir), "folder": str(self.folder), **wish}
        process = subprocess.Popen(
            [sys.executable, str(HERE / "drive.py"), json.dumps(wish)],
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def run(self, timeout=GENEROUS_SECS, **wish):
        """Outcome of the run as a dictionary, or 'hang'."""
        process = self.start(**wish)
        try:
            text, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.stop(process)
            return "hang"
        lines = text.rstrip().splitlines()
        assert lines, "nothing was printed"
        assert lines[-1].startswith("{"), text
        return json.loads(lines[-1]) | {"log": text}

    def starts(self, value):
        """Process numbers of the workers that started the node of this value, in order."""
        path = Path(self.folder, f"starts_{value}.txt")
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    def stop(self, process):
        """Kill a driver with all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.communicate()


def wait_until(condition, what):
    """Wait for something that must happen; the limit is only there to end a failing test."""
    deadline = time.monotonic() + GENEROUS_SECS
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.02)


def is_alive(pid):
    """Whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def driver(tmp_path):
    """A starter of workflows in this test's folder; nothing of them outlives the test."""
    folder = tmp_path / "folder"
    folder.mkdir()
    driver = Driver(tmp_path / "work", folder)
    yield driver
    for process in driver.processes:
        driver.stop(process)


@pytest.fixture
def plugin_tools():
    """The helpers above, for test files (which cannot import a conftest)."""
    return {"wait_until": wait_until, "is_alive": is_alive, "ours": OURS, "nipypes": NIPYPES}
