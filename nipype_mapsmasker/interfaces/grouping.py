# SPDX-License-Identifier: Apache-2.0
"""Doors to a cohort's lists: sorting runs by the fit that serves them, and giving it to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nipype.interfaces.base import BaseInterfaceInputSpec, File, TraitedSpec, Undefined, traits

from nipype_mapsmasker.interfaces.base import LeanInterface, or_none
from nipype_mapsmasker.interfaces.given import (
    Given,
    each_of,
    file_of,
    files_of,
    mapping_of,
    number_of,
    one_or_each,
    text_of,
)
from nipype_mapsmasker.interfaces.packed import Packed
from nipype_mapsmasker.interfaces.traits import optional_number
from nipype_mapsmasker.steps.group import assign_fits, group_runs

__all__ = ["AssignOperators", "GroupRuns"]

PER_RUN = (
    "confounds_files",
    "sample_mask_files",
    "kept",
    "kept_strategies",
    "keys",
    "extraction_keys",
)
"""Lists with an entry per run, besides those for which one value stands for all runs."""

OVER_RUNS = (
    *PER_RUN,
    "run_ids",
    "in_files",
    "run_mask_files",
    "own_mask_files",
    "t_rs",
    "sources",
    "clean_sources",
    "fit_index",
    "fault_files",
)
"""What `GroupRuns` gives with an entry per run."""


def _per_run(read: Any, desc: str) -> Any:
    """Make an input of a list with gaps, or none at all."""
    return Given(each_of(read, is_needed=False), usedefault=True, desc=desc)


class _GroupRunsInputSpec(BaseInterfaceInputSpec):
    run_ids = Given(
        each_of(text_of, is_needed=True), Undefined, mandatory=True, desc="names of the runs"
    )
    in_files = Given(
        each_of(file_of, is_needed=True), Undefined, mandatory=True, desc="4D images of the runs"
    )
    confounds_files = _per_run(
        files_of, "table or tables of confounds per run, with gaps, or none at all"
    )
    sample_mask_files = _per_run(
        file_of, "table of the volumes to keep per run, with gaps, or none at all"
    )
    mask_files = Given(
        one_or_each(file_of),
        usedefault=True,
        desc="one mask for all runs, or one per run, with gaps, or none at all",
    )
    t_rs = Given(
        one_or_each(number_of),
        usedefault=True,
        desc="repetition time in seconds of all runs, or of each, with gaps, or none at all",
    )
    kept = _per_run(
        mapping_of, "outputs of earlier extractions that still hold, per run, with gaps"
    )
    kept_strategies = _per_run(
        each_of(text_of, is_needed=False),
        "strategies whose results in the result folder still hold, per run, with gaps",
    )
    extraction_keys = _per_run(
        text_of, "what each run's raw signals depend on, kept in its manifest"
    )
    keys = _per_run(text_of, "what each run's results depend on, kept in its manifest")
    upstream_faults = _per_run(
        file_of, "faults of earlier steps per run, with gaps, or none at all"
    )
    maps_files = _per_run(file_of, "maps images, whose content is part of what fits depend on")
    labels_files = _per_run(file_of, "tables of the maps' names, likewise")
    by_grid = traits.Bool(
        True,
        usedefault=True,
        desc="whether runs on different grids need fits of their own (resampling_target='data' or "
        "None)",
    )
    by_mask = traits.Bool(
        False,
        usedefault=True,
        desc="whether runs with different masks do (resampling_target='mask'); else a fit serves "
        "all masks of one grid, and each extraction gets its own",
    )
    mask_threshold = optional_number("where to cut masks of probabilities")
    on_error = traits.Enum(
        "raise", "record", usedefault=True, desc="what a run with an unreadable header does"
    )
    pack = traits.Bool(
        False,
        usedefault=True,
        desc="whether to give the lists over runs as one output, lists, which Nipype does not "
        "look into: it would go through each entry of each list a dozen times",
    )


class _GroupRunsOutputSpec(TraitedSpec):
    lists = traits.Any(desc="with pack, packed: all lists over runs by their names")
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
    kept_strategies = traits.List(
        traits.Union(None, traits.List(traits.Str())),
        desc="strategies whose results still hold, one entry per run",
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
    own_mask_files = traits.List(
        traits.Union(None, traits.Str()),
        desc="one mask per run where it is not that of its fit, else None",
    )
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

    There is one fit per distinct grid; where its runs have several masks, it is made within one
    that holds them all, and each run's own comes to its extraction. Where every run is faulty
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
            by_mask=inputs.by_mask,
            mask_threshold=inputs.mask_threshold,
            on_error=inputs.on_error,
            identify=not inputs.pack,  # what is packed is no cache key of Nipype's
            **{name: getattr(inputs, name) for name in lists},
        )
        if inputs.pack:
            packed = {name: self._results.pop(name) for name in OVER_RUNS}
            self._results["lists"] = Packed(packed)
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
