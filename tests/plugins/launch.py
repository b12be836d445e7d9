# SPDX-License-Identifier: Apache-2.0
"""Start workflows in processes of their own, so that hangs end and drivers can be killed."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent

GENEROUS_SECS = 120
"""Longest time that something which must happen is given."""


class Launcher:
    """Start drive.py with a wish in a given environment; `run` also reads its outcome."""

    def __init__(self, base_dir, folder):
        self.base_dir, self.folder = base_dir, folder
        self.environ = dict(os.environ)
        parts = [HERE.parents[1], HERE, self.environ.get("PYTHONPATH", "")]
        self.environ["PYTHONPATH"] = os.pathsep.join(str(part) for part in parts if str(part))
        self.wish = {"base_dir": str(base_dir), "folder": str(folder)}
        self.processes = []
        self.logs = {}

    def start(self, **wish):
        """Start a driver."""
        log = Path(self.folder).with_name(f"told_{len(self.processes)}.txt")
        with log.open("w") as stream:
            process = subprocess.Popen(
                [sys.executable, str(HERE / "drive.py"), json.dumps({**self.wish, **wish})],
                env=self.environ,
                cwd=self.folder,  # Nipype's updatehash leaves a file where it runs
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.processes.append(process)
        self.logs[process.pid] = log
        return process

    def told(self, process):
        """What a driver has printed so far."""
        return self.logs[process.pid].read_text(errors="replace")

    def finish(self, process, timeout=GENEROUS_SECS):
        """Outcome of a driver as a dictionary, or 'hang'."""
        try:
            process.wait(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.stop(process)
            return "hang"
        text = self.told(process)
        lines = text.rstrip().splitlines()
        assert lines, "nothing was printed"
        assert lines[-1].startswith("{"), text
        return json.loads(lines[-1]) | {"log": text}

    def run(self, timeout=GENEROUS_SECS, **wish):
        """Start a driver and wait for its outcome."""
        return self.finish(self.start(**wish), timeout)

    def starts(self, value):
        """Process numbers of the workers that started the node of this value, in order."""
        path = Path(self.folder, f"starts_{value}.txt")
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    def stop(self, process):
        """Kill a driver with all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def close(self):
        """Leave nothing running."""
        for process in self.processes:
            self.stop(process)


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
