# SPDX-License-Identifier: Apache-2.0
"""Processes measured from outside, in turn, and their numbers in a table."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cases import Case

__all__ = ["fixed_environment", "interleave", "machine", "markdown", "medians", "run_job"]

JOBS = Path(__file__).with_name("jobs.py")

SAMPLE_SECS = 0.1
"""How often the memory of a process and its children is looked at."""

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def fixed_environment(n_cores: int) -> dict[str, str]:
    """
    Give an environment in which both tools may use the same number of threads.

    Idle ones sleep, as the command tells them to: neither tool is charged for busy loops.
    """
    return os.environ | dict.fromkeys(THREADS, str(n_cores)) | {"OPENBLAS_THREAD_TIMEOUT": "4"}


def run_job(
    tool: str,
    case: Case,
    files: dict[str, Any],
    *,
    cores: Sequence[int] = (0, 1),
) -> dict[str, Any]:
    """Run one job on some cores; give its own numbers and those of the whole process."""
    texts = map(json.dumps, (asdict(case), files))
    with tempfile.TemporaryDirectory(prefix="mapsmasker_") as scratch:
        command = [sys.executable, str(JOBS), tool, *texts, scratch]
        start = time.perf_counter()
        before = os.times()
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=fixed_environment(len(cores)),
            cwd=scratch,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )
        watch = _Watch(process.pid, whole_tree=case.kind == "cohort")
        out, error = process.communicate()
        whole = time.perf_counter() - start
        after = os.times()
        peak = watch.stop()
        if process.returncode:
            msg = f"{tool} failed in {case.name}:\n{error}"
            raise SystemExit(msg)
        result = json.loads(out.splitlines()[-1])
        result["whole_seconds"] = whole
        result["whole_cpu"] = sum(after[2:4]) - sum(before[2:4])
        result["peak_mb"] = max(result["peak_mb"], peak)
        result["largest_mb"] = watch.largest
        if tool == "inflate":
            return result
        if case.kind == "cohort":  # compared from start to end
            result["seconds"], result["cpu"] = whole, result["whole_cpu"]
        if "signals" in result:
            import numpy as np

            result["signals"] = np.load(result["signals"])
        return result


class _Watch:
    """Watch the memory of a process and its children, if it has any."""

    def __init__(self, pid: int, whole_tree: bool) -> None:
        self.peak = self.largest = 0.0
        self._pid = pid
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        if whole_tree:
            self._thread.start()

    def stop(self) -> float:
        """End and give the peak in MB: of proportional shares, so that pages count once."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()
        return self.peak

    def _look(self) -> None:
        while not self._end.wait(SAMPLE_SECS):
            processes = _tree(self._pid)
            self.peak = max(self.peak, sum(_share_mb(pid) for pid in processes))
            self.largest = max(self.largest, *(_peak_mb(pid) for pid in processes))


def _tree(pid: int) -> list[int]:
    """List a process and its descendants."""
    found = [pid]
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += _tree(int(child))
    except OSError:
        pass
    return found


def _share_mb(pid: int) -> float:
    return _read_mb(f"/proc/{pid}/smaps_rollup", "Pss:")


def _peak_mb(pid: int) -> float:
    return _read_mb(f"/proc/{pid}/status", "VmHWM:")


def _read_mb(path: str, name: str) -> float:
    """Read one of the kernel's numbers, in MB; 0 of a process that has gone."""
    try:
        for line in Path(path).read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) * 1024 / 1e6
    except OSError:
        pass
    return 0.0


def interleave(
    jobs: dict[str, Callable[[], dict[str, Any]]], n_pairs: int, *, warm_up: bool = True
) -> dict[str, list[dict[str, Any]]]:
    """Run jobs in turn, A B A B, after each ran once for nothing."""
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in jobs}
    for number in range(-1 if warm_up else 0, n_pairs):
        for name, job in jobs.items():
            result = job()
            if number >= 0:
                results[name].append(result)
    return results


def medians(results: list[dict[str, Any]]) -> dict[str, float]:
    """Give the median of every number."""
    keys = [k for k, v in results[0].items() if isinstance(v, (int, float))]
    return {key: statistics.median(r[key] for r in results) for key in keys}


def machine() -> dict[str, str]:
    """Say what the numbers were measured with."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [x for x in info.read_text().splitlines() if x.startswith("model name")]
        cpu = lines[0].split(":")[1].strip() if lines else cpu
    names = ("nilearn", "nipype", "numpy", "scipy", "nibabel", "isal")
    return {
        "processor": f"{cpu}, {len(os.sched_getaffinity(0))} cores",
        "python": platform.python_version(),
        **{name: version(name) for name in names},
    }


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Make a table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
