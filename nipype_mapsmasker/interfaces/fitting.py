# SPDX-License-Identifier: Apache-2.0
"""Door to fitting: maps, mask and grid to an operator."""

from __future__ import annotations

from pathlib import Path

from nipype.interfaces.base import traits

from nipype_mapsmasker.core.parameters import FittingParameters, values_of
from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.interfaces import references
from nipype_mapsmasker.interfaces.base import RunInputSpec, RunInterface, RunOutputSpec
from nipype_mapsmasker.interfaces.traits import made_file, optional_file, run_file, with_parameters
from nipype_mapsmasker.steps.fit import adopt_fit, fit_to_grid

__all__ = ["FitMaps"]


@with_parameters(FittingParameters)
class _FitMapsInputSpec(RunInputSpec):
    maps_file = run_file("4D image of weights, or 3D image of integer labels")
    operator_file = optional_file(
        "fit made before, which is handed on as it is; maps_file may be None then"
    )
    mask_file = optional_file("binary mask of the voxels in use")
    reference_file = optional_file(
        "image whose grid the runs have; needed for resampling_target 'data'"
    )
    labels_file = optional_file("TSV, CSV or JSON table of the maps' names")
    save_cuts = traits.Bool(
        False, usedefault=True, desc="whether to keep three cuts of every map for the reports"
    )


class _FitMapsOutputSpec(RunOutputSpec):
    operator_file = made_file("fitted operator (.npz)")
    maps_file = made_file("the maps as they were given")
    mask_file = made_file("the mask as it was given, or None")
    n_maps = traits.Union(None, traits.Int(), desc="number of maps")
    coverage_file = made_file(
        "table (.tsv) of each map's name, coverage, variance inflation, size and centre"
    )
    cuts_file = made_file("three cuts of every map (.npz)")
    maps_checksum = traits.Union(None, traits.Str(), desc="SHA-256 of maps_file")


class FitMaps(RunInterface):
    """
    Fit maps to a grid, once for every run that has it.

    The operator holds the least-squares solution with resampling of the maps, the mask and
    smoothing folded in, so that a volume costs one matrix product.

    Examples
    --------
    >>> import os, tempfile
    >>> from nipype_mapsmasker.testing import make_maps_file
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     maps = make_maps_file(os.path.join(folder, "maps.nii.gz"), n_maps=2, seed=0)
    ...     fit = FitMaps(maps_file=str(maps), resampling_target="maps").run(cwd=folder)
    ...     fit.outputs.n_maps
    2
    """

    input_spec = _FitMapsInputSpec
    output_spec = _FitMapsOutputSpec
    _references = references.EXTRACTION

    _may_be_none = ("maps_file",)

    def _process(self, cwd: Path) -> None:
        inputs = self.inputs
        if inputs.operator_file is not None:
            self._results = adopt_fit(cwd, inputs.operator_file, inputs.maps_file)
            return
        if inputs.maps_file is None:
            msg = "FitMaps got None as maps_file and as operator_file; set one of them."
            raise ParameterError(msg)
        self._results = fit_to_grid(
            cwd,
            maps_file=inputs.maps_file,
            parameters=FittingParameters(**values_of(inputs, FittingParameters)),
            mask_file=inputs.mask_file,
            reference_file=inputs.reference_file,
            labels_file=inputs.labels_file,
            save_cuts=inputs.save_cuts,
        )
