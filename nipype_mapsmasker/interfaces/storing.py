# SPDX-License-Identifier: Apache-2.0
"""Doors out: a run's results under their final names, and the tables of the cohort."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nipype.interfaces.base import (
    BaseInterfaceInputSpec,
    DynamicTraitedSpec,
    File,
    TraitedSpec,
    traits,
)

from nipype_mapsmasker.interfaces.base import LeanInterface, or_none
from nipype_mapsmasker.interfaces.traits import (
    made_file,
    optional,
    optional_file,
    optional_number,
    run_file,
    run_files,
)
from nipype_mapsmasker.io.results.analyses import ANALYSIS_KINDS
from nipype_mapsmasker.io.results.cohort import failed_row, write_cohort
from nipype_mapsmasker.io.results.faults import failed_strategies, read_fault
from nipype_mapsmasker.io.results.manifests import DONE, read_manifest
from nipype_mapsmasker.io.results.storing import RunToStore, store_failure, store_run

__all__ = ["RESULT_KINDS", "StoreRun", "SummariseRuns"]

RESULT_KINDS = (
    "timeseries",
    "summary",
    "reconstruction",
    "report",
    "reportdata",
    *ANALYSIS_KINDS,
)
"""What one strategy makes of one atlas; `StoreRun` has an input per kind and number."""


class _StoreRunInputSpec(DynamicTraitedSpec, BaseInterfaceInputSpec):
    run_id = traits.Str(mandatory=True, desc="name of the run")
    in_file = optional_file("image of the run, for the record")
    source = traits.Str("", usedefault=True, desc="identity of the image on disk")
    key = traits.Str("", usedefault=True, desc="what the results depend on")
    extraction_key = traits.Str("", usedefault=True, desc="what the raw signals depend on")
    out_dir = traits.Str(mandatory=True, desc="result folder")
    atlases = traits.List(traits.Str(), mandatory=True, desc="names of the atlases")
    strategies = traits.List(
        traits.Str(), mandatory=True, desc="names of the strategies; '' for one without a name"
    )
    checksums = traits.List(
        traits.Union(None, traits.Str()), mandatory=True, desc="SHA-256 of the atlases' maps"
    )
    signals_files = run_files("raw signals, one table per atlas")
    coverage_files = run_files("coverage, one table per atlas")
    fit_quality_files = run_files("quality of the fit, per atlas")
    mean_file = run_file("mean image")
    t_r = optional_number("repetition time in seconds")
    seconds = traits.Float(0.0, usedefault=True, nohash=True, desc="duration of the extraction, s")
    peak_mb = traits.Float(0.0, usedefault=True, nohash=True, desc="peak memory, MB")
    messages = optional(traits.List(traits.Str()), "warnings of the extraction")
    upstream_fault = optional_file("fault of an earlier step, if any")
    kept_strategies = optional(
        traits.List(traits.Str()), "strategies whose earlier results still hold, and stay"
    )
    provenance = traits.Dict(usedefault=True, desc="versions, parameters and command")


class _StoreRunOutputSpec(TraitedSpec):
    manifest_file = made_file("manifest of the run's results, or None if it failed")
    fault_file = made_file("fault of the run or of some of its strategies, or None")


class StoreRun(LeanInterface):
    """
    Write a run's results under their final names, the manifest last; or its log if it failed.

    Of a run that some strategies failed, the results of the others are written; of one that all of
    them failed, the raw signals, so that the next call need not read the image again.

    Every file is written beside its place and moved there. For atlas ``a`` and strategy ``s``,
    counted through with the strategies first, there are inputs ``timeseries_<n>``,
    ``summary_<n>`` and so on for each of `RESULT_KINDS`, n from 0.

    Parameters
    ----------
    n_results : int
        Number of atlases times number of strategies.
    **inputs
        As in any interface.
    """

    input_spec = _StoreRunInputSpec
    output_spec = _StoreRunOutputSpec
    # Two processes never write one run, and results must be there even if Nipype's cache says so.

    def __init__(self, n_results: int = 1, **inputs: Any) -> None:
        self._n_results = n_results
        super().__init__(**inputs)
        for name in self.result_fields(n_results):
            self.inputs.add_trait(
                name,
                optional_file(f"work file {name}"),
            )
            setattr(self.inputs, name, inputs.get(name))

    @staticmethod
    def result_fields(n_results: int) -> list[str]:
        """Name the inputs of the results, all kinds of each number."""
        return [f"{kind}_{n}" for n in range(n_results) for kind in RESULT_KINDS]

    def _run_interface(self, runtime: Any) -> Any:
        inputs = self.inputs
        fault = read_fault(inputs.upstream_fault) if inputs.upstream_fault else {}
        failed = failed_strategies(fault)
        if fault and not failed and all(inputs.signals_files) and not inputs.kept_strategies:
            failed = dict.fromkeys(inputs.strategies, str(fault["reason"]))
        if fault and not failed:
            store_failure(inputs.out_dir, inputs.run_id, fault)
            self._results = {"manifest_file": None, "fault_file": inputs.upstream_fault}
            return runtime
        results = [
            {kind: or_none(getattr(inputs, f"{kind}_{n}")) for kind in RESULT_KINDS}
            for n in range(self._n_results)
        ]
        run = RunToStore(
            run_id=inputs.run_id,
            in_file=str(or_none(inputs.in_file) or ""),
            key=inputs.key,
            extraction_key=inputs.extraction_key,
            atlases=inputs.atlases,
            strategies=inputs.strategies,
            checksums=[text or "" for text in inputs.checksums],
            signals_files=inputs.signals_files,
            coverage_files=inputs.coverage_files,
            fit_quality_files=inputs.fit_quality_files,
            mean_file=inputs.mean_file,
            results=results,
            t_r=or_none(inputs.t_r),
            seconds=inputs.seconds,
            peak_mb=inputs.peak_mb,
            provenance=inputs.provenance,
            kept=inputs.kept_strategies or (),
            messages=inputs.messages or (),
            failed=failed,
            fault=fault,
        )
        manifest_file = str(store_run(inputs.out_dir, run))
        self._results = {
            "manifest_file": None if len(failed) == len(inputs.strategies) else manifest_file,
            "fault_file": inputs.upstream_fault,
        }
        return runtime


class _SummariseRunsInputSpec(BaseInterfaceInputSpec):
    run_ids = traits.List(traits.Str(), mandatory=True, desc="names of the runs")
    manifest_files = traits.List(
        traits.Union(None, traits.Str()), mandatory=True, desc="manifests, one per run, with gaps"
    )
    fault_files = traits.List(
        traits.Union(None, File()), mandatory=True, desc="faults, one per run, with gaps"
    )
    out_dir = traits.Str(mandatory=True, desc="result folder")
    atlases = traits.List(traits.Str(), mandatory=True, desc="names of the atlases")
    coverage_files = traits.List(
        traits.List(traits.Union(None, File())),
        mandatory=True,
        desc="per atlas, coverage tables of the fits, which tell the maps' names where every run "
        "failed",
    )
    provenance = traits.Dict(usedefault=True, desc="versions, parameters and command")


class _SummariseRunsOutputSpec(TraitedSpec):
    out_file = File(exists=True, desc="runs.tsv, one row per run of the result folder")
    n_failed = traits.Int(desc="how many of the runs of run_ids failed, wholly or in part")


class SummariseRuns(LeanInterface):
    """
    Tell of some runs in the tables of a cohort: the runs, the atlases, and what made them.

    What other workflows told of other runs of the result folder stays.
    """

    input_spec = _SummariseRunsInputSpec
    output_spec = _SummariseRunsOutputSpec

    def _run_interface(self, runtime: Any) -> Any:
        inputs = self.inputs
        rows = []
        sources: list[str] = []
        for run_id, manifest_file, fault_file in zip(
            inputs.run_ids, inputs.manifest_files, inputs.fault_files, strict=True
        ):
            manifest = None if manifest_file is None else read_manifest(Path(manifest_file))
            if manifest is not None:
                rows.append(manifest.row)
                sources += [manifest.source] if manifest.source else []
                continue
            reason = "The results are missing."
            if fault_file:
                reason = read_fault(fault_file)["reason"]
            rows.append(failed_row(run_id, reason))
        tables = dict(zip(inputs.atlases, inputs.coverage_files, strict=True))
        out_file = write_cohort(
            inputs.out_dir,
            rows,
            inputs.atlases,
            inputs.provenance,
            coverage_files={
                atlas: [path for path in paths if path] for atlas, paths in tables.items()
            },
            sources=sources,
        )
        self._results = {
            "out_file": str(out_file),
            "n_failed": sum(row["status"] != DONE for row in rows),
        }
        return runtime
