# SPDX-License-Identifier: Apache-2.0
"""Doors to connectomes: of one run, and of a group."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nipype.interfaces.base import BaseInterfaceInputSpec, File, TraitedSpec, traits

from nipype_mapsmasker.core.parameters import ALGORITHM, AnalysisParameters
from nipype_mapsmasker.interfaces.base import (
    LeanInterface,
    RunInputSpec,
    RunInterface,
    RunOutputSpec,
)
from nipype_mapsmasker.interfaces.traits import made_file, optional_file, run_file, with_parameters
from nipype_mapsmasker.steps.connect import connect_group, connect_run

__all__ = ["Connectivity", "GroupConnectivity"]


@with_parameters(AnalysisParameters, leave_out=["connectivity", "dual_regression"])
class _ConnectivityInputSpec(RunInputSpec):
    signals_file = run_file("cleaned signals, one row per volume")
    summary_file = optional_file(
        "JSON of the cleaning: degrees of freedom, volumes that were filled in"
    )
    measures = traits.List(
        traits.Enum("pearson", "partial", "precision", "covariance"),
        value=["pearson"],
        usedefault=True,
        desc="what is measured between each two regions",
    )


class _ConnectivityOutputSpec(RunOutputSpec):
    pearson_file = made_file("matrix (.tsv) of Pearson's correlations, or None")
    partial_file = made_file("matrix of partial correlations, or None")
    precision_file = made_file("inverse covariance, or None")
    covariance_file = made_file("covariance, or None")
    refused_file = made_file("JSON: measures that were refused, and why; None where none was")


class Connectivity(RunInterface):
    """
    Measure what each two regions of a run have in common.

    Regions without signal have rows and columns of n/a. Precision and partial correlation are
    refused, not failed, where degrees of freedom do not reach the number of regions; beside each
    matrix lies a JSON that describes it.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from nipype_mapsmasker.io.tables.relmat import read_relmat
    >>> from nipype_mapsmasker.io.tables.signals import write_signals
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     values = np.array([[1.0, -1], [2, -2], [4, -4]])
    ...     signals = write_signals(os.path.join(folder, "s.tsv"), values, ["a", "b"])
    ...     step = Connectivity(signals_file=str(signals))
    ...     read_relmat(step.run(cwd=folder).outputs.pearson_file)[0].round(12).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """

    input_spec = _ConnectivityInputSpec
    output_spec = _ConnectivityOutputSpec

    def _process(self, cwd: Path) -> None:
        inputs = self.inputs
        found = connect_run(
            cwd,
            inputs.signals_file,
            list(inputs.measures),
            summary_file=inputs.summary_file,
            shrinkage=inputs.shrinkage,
            fisher_z=inputs.fisher_z,
        )
        names = ("pearson", "partial", "precision", "covariance")
        self._results = {
            f"{name}_file": str(found.files[name]) if name in found.files else None
            for name in names
        }
        refused = found.refused_file
        self._results["refused_file"] = None if refused is None else str(refused)


class _GroupConnectivityInputSpec(BaseInterfaceInputSpec):
    signals_files = traits.List(
        File(exists=True), mandatory=True, desc="cleaned signals of the same regions, per run"
    )
    measure = traits.Enum(
        "pearson",
        "partial",
        "precision",
        "covariance",
        "tangent",
        usedefault=True,
        desc="what is averaged; 'tangent' gives each run's step from the geometric mean",
    )
    shrinkage = traits.Enum(
        "none", "ledoit-wolf", usedefault=True, desc="whether covariances are shrunk, and how"
    )
    min_share = traits.Range(
        low=0.0, high=1.0, value=0.5, usedefault=True, desc="share of runs who must have an edge"
    )
    algorithm = traits.Int(ALGORITHM, usedefault=True, desc="version of the numbers")


class _GroupConnectivityOutputSpec(TraitedSpec):
    out_file = File(exists=True, desc="mean matrix, or the geometric mean of covariances")
    tangent_files = traits.List(File(exists=True), desc="for 'tangent', one matrix per run")


class GroupConnectivity(LeanInterface):
    """
    Average connectomes over runs, or bring them to tangent space.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from nipype_mapsmasker.io.tables.relmat import read_relmat
    >>> from nipype_mapsmasker.io.tables.signals import write_signals
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     values = np.array([[1.0, -1], [2, -2], [4, -4]])
    ...     signals = str(write_signals(os.path.join(folder, "s.tsv"), values, ["a", "b"]))
    ...     step = GroupConnectivity(signals_files=[signals, signals])
    ...     read_relmat(step.run(cwd=folder).outputs.out_file)[0].round(12).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """

    input_spec = _GroupConnectivityInputSpec
    output_spec = _GroupConnectivityOutputSpec

    def _run_interface(self, runtime: Any) -> Any:
        inputs = self.inputs
        mean_file, step_files = connect_group(
            Path(runtime.cwd),
            list(inputs.signals_files),
            inputs.measure,
            shrinkage=inputs.shrinkage,
            min_share=inputs.min_share,
        )
        self._results = {
            "out_file": str(mean_file),
            "tangent_files": [str(path) for path in step_files],
        }
        return runtime
