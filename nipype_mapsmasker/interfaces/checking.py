# SPDX-License-Identifier: Apache-2.0
"""Door to a run's inputs: brought into one form, named, and counted."""

from __future__ import annotations

from typing import Any

from nipype.interfaces.base import BaseInterfaceInputSpec, TraitedSpec, Undefined, traits

from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.interfaces.base import LeanInterface
from nipype_mapsmasker.interfaces.given import Given, each_of, file_of, number_of, text_of
from nipype_mapsmasker.interfaces.traits import optional_file, optional_files
from nipype_mapsmasker.steps.name import name_of_run, per_atlas

__all__ = ["CheckRun"]


def _per_atlas(desc: str) -> Any:
    """Make an input of a list over atlases, or none at all."""
    return Given(each_of(file_of, is_needed=False), usedefault=True, desc=desc)


class _CheckRunInputSpec(BaseInterfaceInputSpec):
    run_id = Given(text_of, usedefault=True, desc="name of the run; None takes the image's")
    in_file = Given(file_of, Undefined, mandatory=True, desc="4D image of the run")
    confounds_files = optional_files("table or tables of confounds")
    sample_mask_file = optional_file("table of the volumes to keep")
    t_r = Given(number_of, usedefault=True, desc="repetition time in seconds")
    maps_img = _per_atlas("maps images, one per atlas")
    labels_files = _per_atlas("tables of the maps' names, one per atlas or None")
    mask_img = optional_file("mask of the voxels in use")
    operator_files = _per_atlas("fits made before, one per atlas, in place of the maps")
    atlases = traits.List(traits.Str(), mandatory=True, desc="names of the atlases")
    is_stored = traits.Bool(
        False, usedefault=True, desc="whether the run's name becomes that of files"
    )


class _CheckRunOutputSpec(TraitedSpec):
    run_id = traits.Str(desc="name of the run")
    in_file = traits.Str(desc="absolute path of the image")
    confounds_files = traits.Any(desc="absolute paths of the tables of confounds, or None")
    sample_mask_file = traits.Any(desc="absolute path of the sample mask, or None")
    t_r = traits.Any(desc="repetition time in seconds, or None")
    maps_img = traits.List(desc="absolute paths of the maps, one per atlas, with gaps")
    labels_files = traits.List(desc="absolute paths of the names, one per atlas, with gaps")
    mask_img = traits.Any(desc="absolute path of the mask, or None")
    operator_files = traits.List(desc="absolute paths of the fits, one per atlas, with gaps")


class CheckRun(LeanInterface):
    """
    Bring what is handed over for a run into one form, and name the run.

    Examples
    --------
    >>> step = CheckRun(in_file=("/data/sub-01_bold.nii",), maps_img="/maps.nii", atlases=["a"])
    >>> outputs = step.run().outputs
    >>> outputs.run_id, outputs.in_file, outputs.maps_img, outputs.labels_files
    ('sub-01', '/data/sub-01_bold.nii', ['/maps.nii'], [None])
    """

    input_spec = _CheckRunInputSpec
    output_spec = _CheckRunOutputSpec

    def _run_interface(self, runtime: Any) -> Any:
        inputs = self.inputs
        atlases = list(inputs.atlases)
        lists = {
            name: per_atlas(name, getattr(inputs, name), atlases)
            for name in ("maps_img", "labels_files", "operator_files")
        }
        for atlas, *found in zip(atlases, lists["maps_img"], lists["operator_files"], strict=True):
            if not any(found):
                msg = (
                    "There is neither an image in maps_img nor a fit in operator_files for the "
                    f"atlas {atlas!r}; set one."
                )
                raise ParameterError(msg)
        if inputs.in_file is None:
            msg = "in_file is None; give the run's image."
            raise ParameterError(msg)
        same = ("in_file", "confounds_files", "sample_mask_file", "t_r", "mask_img")
        self._results = {name: getattr(inputs, name) for name in same} | lists
        self._results["run_id"] = name_of_run(
            inputs.run_id, inputs.in_file, is_stored=inputs.is_stored
        )
        return runtime
