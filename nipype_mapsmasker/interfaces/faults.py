# SPDX-License-Identifier: Apache-2.0
"""Door to the faults of a run's strategies: one fault of all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nipype.interfaces.base import BaseInterfaceInputSpec, File, TraitedSpec, traits

from nipype_mapsmasker.interfaces.base import LeanInterface
from nipype_mapsmasker.interfaces.traits import made_file
from nipype_mapsmasker.io.results.faults import join_faults

__all__ = ["JoinFaults"]


class _JoinFaultsInputSpec(BaseInterfaceInputSpec):
    run_id = traits.Str("", usedefault=True, desc="name of the run")
    names = traits.List(traits.Str(), mandatory=True, desc="names of the strategies")
    fault_files = traits.List(
        traits.Union(None, File(exists=True)),
        mandatory=True,
        desc="the fault of every strategy, or None",
    )


class _JoinFaultsOutputSpec(TraitedSpec):
    fault_file = made_file(
        "JSON with step and reason, and by strategy where only some of them failed; or None"
    )


class JoinFaults(LeanInterface):
    """
    Make one fault of those of a run's strategies, each of which fails for itself.

    Examples
    --------
    >>> import json, os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "fault.json")
    ...     with open(path, "w") as stream:
    ...         json.dump({"step": "CleanSignals", "reason": "Too short.", "kind": "A"}, stream)
    ...     step = JoinFaults(names=["24P", "none"], fault_files=[path, None])
    ...     with open(step.run(cwd=folder).outputs.fault_file) as stream:
    ...         json.load(stream)["reason"]
    'Strategy 24P: Too short.'
    """

    input_spec = _JoinFaultsInputSpec
    output_spec = _JoinFaultsOutputSpec

    def _run_interface(self, runtime: Any) -> Any:
        inputs = self.inputs
        faults = dict(zip(inputs.names, inputs.fault_files, strict=True))
        joined = join_faults(Path(runtime.cwd) / "faults.json", inputs.run_id, faults)
        self._results["fault_file"] = None if joined is None else str(joined)
        return runtime
