# SPDX-License-Identifier: Apache-2.0
"""Parameters of the engine that runs a workflow; no number depends on them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from nipype_mapsmasker.core.parameters.declare import parameter, parameters_of
from nipype_mapsmasker.errors import ParameterError

__all__ = ["EngineParameters"]


@dataclass(frozen=True, kw_only=True)
class EngineParameters:
    """Hold how a workflow is run; `parameters_of` tells what each field is."""

    plugin: Literal[
        "MultiProc",
        "Linear",
        "SLURM",
        "SLURMGraph",
        "PBS",
        "SGE",
        "LSF",
        "Condor",
        "CondorDAGMan",
        "OAR",
        "IPython",
        "LegacyMultiProc",
        "SomaFlow",
    ] = parameter("MultiProc", "engine that runs the workflow: our own four, or Nipype's")
    n_procs: int | None = parameter(
        None, "number of processes; None is that of the cores at hand", low=1
    )
    batch_size: int | None = parameter(
        None,
        "runs that a process does one after the other, and runs per task of an array; None "
        "chooses by their number and the processes: up to 25, and 20 or more for an array",
        low=1,
    )
    mem_gb: float | None = parameter(
        None, "memory in GB; None is what is at hand", unit="GB", above=0
    )
    plugin_args: Mapping[str, Any] | None = parameter(None, "further arguments of the engine")
    work_dir: str | os.PathLike[str] | None = parameter(
        None, "working folder; None is .mapsmasker/work in the result folder"
    )
    clean_work_dir: bool = parameter(False, "whether to remove the working folder after success")

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        for name, declared in parameters_of(EngineParameters).items():
            declared.check(getattr(self, name))
        engine: Any = self.plugin_args
        if not isinstance(engine, Mapping | None):
            msg = f"plugin_args must be a mapping; got {engine!r}."
            raise ParameterError(msg)

    @property
    def is_local(self) -> bool:
        """Whether the processes are on this machine, and so share its cores and memory."""
        return self.plugin in ("MultiProc", "LegacyMultiProc", "Linear")
