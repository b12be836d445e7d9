# SPDX-License-Identifier: Apache-2.0
"""Tiny interfaces for the plugins' tests, importable by the workers and by cluster jobs."""

import os
import signal
import time
from pathlib import Path

from nipype.interfaces.base import BaseInterfaceInputSpec, SimpleInterface, TraitedSpec, traits

__all__ = ["Misbehave"]


class _MisbehaveInputSpec(BaseInterfaceInputSpec):
    value = traits.Int(mandatory=True, desc="a number that is passed on, plus one")
    deed = traits.Str("nothing", usedefault=True, desc="what to do on the way; see _run_interface")
    deeds = traits.Dict(desc="deed of each value that does something")
    folder = traits.Str("", usedefault=True, desc="where starts are counted and go-ahead is given")


class _MisbehaveOutputSpec(TraitedSpec):
    value = traits.Int(desc="the number, plus one")
    note = traits.Any(desc="what was seen of the environment")


class Misbehave(SimpleInterface):
    """Pass a number on, or raise, die or wait on the way."""

    input_spec = _MisbehaveInputSpec
    output_spec = _MisbehaveOutputSpec

    def _run_interface(self, runtime):
        value = self.inputs.value
        deed = (self.inputs.deeds or {}).get(value, self.inputs.deed)
        folder = Path(self.inputs.folder) if self.inputs.folder else None
        n_starts = 1
        if folder is not None:
            starts = folder / f"starts_{value}.txt"
            with starts.open("a") as stream:
                stream.write(f"{os.getpid()}\n")
            n_starts = len(starts.read_text().splitlines())
        if deed == "raise":
            msg = f"value {value} is bad, as the test wishes"
            raise ValueError(msg)
        if deed == "die" or (deed == "die once" and n_starts == 1):
            os.kill(os.getpid(), signal.SIGKILL)
        if deed == "exit":
            os._exit(3)
        if deed == "wait":
            while not (folder / "go").exists():
                time.sleep(0.02)
        if deed == "note":
            self._results["note"] = _environment()
        self._results["value"] = value + 1
        return runtime


def _environment():
    """What a worker sees of its place: threads, python, variables."""
    import multiprocessing
    import sys

    import threadpoolctl

    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "PYTHONPATH")
    names += ("SLURM_CPUS_PER_TASK", "SLURM_MEM_PER_NODE", "SLURM_JOB_NAME")
    return {
        "python": sys.executable,
        "start_method": multiprocessing.get_start_method(),
        "environ": {name: os.environ.get(name) for name in names},
        "threads": [pool["num_threads"] for pool in threadpoolctl.threadpool_info()],
    }
