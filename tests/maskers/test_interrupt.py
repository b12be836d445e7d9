# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C, as in a notebook: the call ends, no process and no file stays."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from nipype_mapsmasker.core.grids import Grid
from nipype_mapsmasker.maskers.images import _header

SHAPE, N_VOLUMES = (64, 64, 40), 60_000

SCRIPT = """
import nibabel as nib, numpy as np
from nipype_mapsmasker.maskers import MultiNiftiMapsMasker

maps = nib.Nifti1Image(np.random.default_rng(0).random((64, 64, 40, 20)), np.eye(4))
masker = MultiNiftiMapsMasker(maps, n_jobs=2).fit("run.nii")
try:
    masker.transform(["run.nii", "run.nii"])
except KeyboardInterrupt:
    print("stopped", flush=True)
"""


def descendants(pid: int) -> list[int]:
    """List the processes below one."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    children = [int(word) for word in text.split()]
    return children + [below for child in children for below in descendants(child)]


def has_open(pid: int, name: str) -> bool:
    """Tell whether a process reads a file."""
    try:
        return any(name in str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="workers are looked for below /proc")
def test_ctrl_c_leaves_nothing(tmp_path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    header = _header(Grid(SHAPE, np.eye(4)), (N_VOLUMES,), np.dtype("f4"))
    with (tmp_path / "run.nii").open("wb") as stream:  # zeros that take no room, and long to read
        stream.write(header)
        stream.truncate(len(header) + 4 * int(np.prod(SHAPE)) * N_VOLUMES)
    environment = os.environ | {"PYTHONPATH": ":".join(sys.path), "TMPDIR": str(temporary)}
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        for _ in range(600):
            workers = descendants(process.pid)
            if process.poll() is not None or any(has_open(pid, "run.nii") for pid in workers):
                break
            time.sleep(0.1)
        assert workers
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert said == "stopped\n"
    for _ in range(100):
        left = [pid for pid in workers if Path(f"/proc/{pid}").exists()]
        if not left:
            break
        time.sleep(0.1)
    assert not left
    assert not list(temporary.iterdir())
