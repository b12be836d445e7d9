# SPDX-License-Identifier: Apache-2.0
"""Doors to a cohort's lists: sorting runs by the fit that serves them, and giving it to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nipype.interfaces.base import BaseInterfaceInputSpec, File, TraitedSpec, traits

from nipype_mapsmasker.interfaces.base import LeanInterface, or_none
from nipype_mapsmasker.interfaces.traits import optional, optional_list
from nipype_mapsmasker.steps.group import assign_fits, group_runs

__all__ = ["AssignOperators", "GroupRuns"]

PER_RUN = ("confounds_files", "sample_mask_files", "kept", "keys", "extraction_keys")
"""Lists with an entry per run, besides those for which one value stands for all runs."""


class _GroupRunsInputSpec(BaseInterfaceInputSpec):
    run_ids = traits.List(traits.Str(), mandatory=True, desc="names of the runs")
    in_files = traits.List(
        traits.Union(None, traits.Str()), mandatory=True, desc="4D images of the runs"
    )
    confounds_files = traits.Union(
        None,
        traits.List(traits.Union(None, traits.Str(), traits.List(traits.Str()))),
        default_value=None,
        usedefault=True,
        desc="table or tables of confounds per run, with gaps, or none at all",
    )
    sample_mask_files = optional_list(
        traits.Str(), "table of the volumes to keep per run, with gaps, or none at all"
    )
    mask_files = traits.Union(
        None,
        traits.Str(),
        traits.List(traits.Union(None, traits.Str())),
        default_value=None,
        usedefault=True,
        desc="one mask for all runs, or one per run, with gaps, or none at all",
    )
    t_rs = traits.Union(
        None,
        traits.Float(),
        traits.List(traits.Union(None, traits.Float())),
        default_value=None,
        usedefault=True,
        desc="repetition time in seconds of all runs, or of each, with gaps, or none at all",
    )
    kept = optional_list(
        traits.Dict(), "outputs of earlier extractions that still hold, per run, with gaps"
    )
    extraction_keys = optional(
        traits.List(traits.Str()), "what each run's raw signals depend on, kept in its manifest"
    )
    keys = optional(
        traits.List(traits.Str()), "what each run's results depend on, kept in its manifest"
    )
    upstream_faults = optional_list(
        File(), "faults of earlier steps per run, with gaps, or none at all"
    )
    maps_files = traits.List(
        traits.Str(), desc="maps images, whose content is part of what fits depend on"
    )
    labels_files = traits.List(
        traits.Union(None, traits.Str()), desc="tables of the maps' names, likewise"
    )
    by_grid = traits.Bool(
        True,
        usedefault=True,
        desc="whether runs on different grids need fits of their own (resampling_target='data' or "
        "None); else only masks set runs apart",
    )
    on_error = traits.Enum(
        "raise", "record", usedefault=True, desc="what a run with an unreadable header does"
    )


class _GroupRunsOutputSpec(TraitedSpec):
    run_ids = traits.List(traits.Str(), desc="names of the runs")
    in_files = traits.List(traits.Union(None, traits.Str()), desc="images, one per run")
    confounds_files = traits.List(
        traits.Union(None, traits.Str(), traits.List(traits.Str())),
        desc="confounds, one entry per run",
    )
    sample_mask_files = traits.List(
        traits.Union(None, traits.Str()), desc="sample masks, one entry per run"
    )
    t_rs = traits.List(
        traits.Union(None, traits.Float()), desc="repetition times in seconds, one per run"
    )
    kept = traits.List(
        traits.Union(None, traits.Dict()), desc="kept extractions, one entry per run"
    )
    keys = traits.List(traits.Str(), desc="keys, one per run")
    extraction_keys = traits.List(traits.Str(), desc="keys of the raw signals, one per run")
    sources = traits.List(
        traits.Str(),
        desc="identities of the images on disk (path, size, times) and keys of the raw signals, "
        "one per run",
    )
    clean_sources = traits.List(
        traits.Str(), desc="identities of the images on disk and keys of the results, one per run"
    )
    fit_sources = traits.List(
        traits.Str(), desc="per fit: its grid, and checksums of its mask, the maps and the names"
    )
    fit_index = traits.List(traits.Int(), desc="which fit serves each run; -1 for a faulty run")
    reference_files = traits.List(
        traits.Union(None, traits.Str()), desc="one image per fit that has its grid"
    )
    mask_files = traits.List(traits.Union(None, traits.Str()), desc="one mask per fit, or None")
    fit_faults = traits.List(
        traits.Union(None, File(exists=True)),
        desc="one per fit: why there is nothing to fit where every run is faulty, else None",
    )
    run_mask_files = traits.List(
        traits.Union(None, traits.Str()), desc="one mask per run, or None"
    )
    fault_files = traits.List(
        traits.Union(None, File(exists=True)), desc="one per run: its fault, or None"
    )


class GroupRuns(LeanInterface):
    """
    Complete the lists of a cohort, and sort its runs by the fit that serves them.

    There is one fit per distinct grid and mask; only headers are read. Where every run is faulty
    there still is one entry, without a reference, for MapNodes over fits to iterate over.

    Examples
    --------
    >>> import os, tempfile
    >>> from nipype_mapsmasker.testing import make_run_file
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     runs = [os.path.join(folder, f"{number}.nii") for number in range(3)]
    ...     for run, grid in zip(runs, ["plain", "flipped", "plain"], strict=True):
    ...         _ = make_run_file(run, n_maps=2, n_volumes=80, grid=grid)
    ...     group = GroupRuns(run_ids=["a", "b", "c"], in_files=runs)
    ...     group.run(cwd=folder).outputs.fit_index
    [0, 1, 0]
    """

    input_spec = _GroupRunsInputSpec
    output_spec = _GroupRunsOutputSpec

    def _run_interface(self, runtime: Any) -> Any:
        inputs = self.inputs
        lists = (*PER_RUN, "mask_files", "t_rs", "upstream_faults")
        self._results = group_runs(
            Path(runtime.cwd),
            list(inputs.run_ids),
            inputs.in_files,
            maps_files=or_none(inputs.maps_files) or [],
            labels_files=or_none(inputs.labels_files) or [],
            by_grid=inputs.by_grid,
            on_error=inputs.on_error,
            **{name: getattr(inputs, name) for name in lists},
        )
        return runtime


class _AssignOperatorsInputSpec(BaseInterfaceInputSpec):
    operator_files = traits.List(
        traits.List(traits.Union(None, File())),
        mandatory=True,
        desc="per atlas, the operator of every fit",
    )
    coverage_files = traits.List(
        traits.List(traits.Union(None, File())), desc="per atlas, the coverage of every fit"
    )
    cuts_files = traits.List(
        traits.List(traits.Union(None, File())), desc="per atlas, the maps' cuts of every fit"
    )
    fit_faults = traits.List(
        traits.List(traits.Union(None, File())), desc="per atlas, the fault of every fit or None"
    )
    fit_index = traits.List(traits.Int(), mandatory=True, desc="which fit serves each run")
    fault_files = traits.List(
        traits.Union(None, File()), mandatory=True, desc="one per run: its fault so far, or None"
    )


class _AssignOperatorsOutputSpec(TraitedSpec):
    operator_files = traits.List(
        traits.List(traits.Union(None, File(exists=True))),
        desc="per run, the operator of every atlas",
    )
    coverage_files = traits.List(
        traits.List(traits.Union(None, File(exists=True))),
        desc="per run, the coverage of every atlas's fit",
    )
    cuts_files = traits.List(
        traits.List(traits.Union(None, File(exists=True))),
        desc="per run, the cuts of every atlas's maps",
    )
    fault_files = traits.List(
        traits.Union(None, File(exists=True)), desc="one per run: its fault so far, or None"
    )


class AssignOperators(LeanInterface):
    """Give every run what its fit made, or the fault of its fit."""

    input_spec = _AssignOperatorsInputSpec
    output_spec = _AssignOperatorsOutputSpec

    def _run_interface(self, runtime: Any) -> Any:
        inputs = self.inputs
        made = ("operator_files", "coverage_files", "cuts_files")
        self._results = assign_fits(
            inputs.fit_index,
            inputs.fault_files,
            or_none(inputs.fit_faults) or [],
            **{name: or_none(getattr(inputs, name)) or [] for name in made},
        )
        return runtime
