# SPDX-License-Identifier: Apache-2.0
"""Door to fitting: maps, mask and grid to an operator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nipype.interfaces.base import File, traits

from nipype_mapsmasker.core.cuts import collect_cuts
from nipype_mapsmasker.core.fitting import fit_maps
from nipype_mapsmasker.core.maps import check_no_overlap
from nipype_mapsmasker.interfaces.base import RunInputSpec, RunInterface, RunOutputSpec
from nipype_mapsmasker.io.arrays import save_arrays
from nipype_mapsmasker.io.fitted import save_operator
from nipype_mapsmasker.io.maps import load_maps, open_maps
from nipype_mapsmasker.io.sidecars import checksum
from nipype_mapsmasker.io.tables.coverage import write_fit_coverage
from nipype_mapsmasker.steps.fit import fit_space

__all__ = ["FitMaps"]


class _FitMapsInputSpec(RunInputSpec):
    maps_file = File(
        exists=True, mandatory=True, desc="4D image of weights, or 3D image of integer labels"
    )
    mask_file = traits.Union(
        None, File(), default_value=None, usedefault=True, desc="binary mask of the voxels in use"
    )
    mask_threshold = traits.Union(
        None,
        traits.Float(),
        default_value=None,
        usedefault=True,
        desc="probability above which a voxel of the mask is inside; None wants a binary mask",
    )
    reference_file = traits.Union(
        None,
        File(),
        default_value=None,
        usedefault=True,
        desc="image whose grid the runs have; needed for resampling_target 'data'",
    )
    resampling_target = traits.Enum(
        "data",
        "mask",
        "maps",
        None,
        usedefault=True,
        desc="whose grid the fit is on; None wants all on one grid",
    )
    smoothing_fwhm = traits.Union(
        None,
        traits.Float(),
        traits.Tuple(traits.Float(), traits.Float(), traits.Float()),
        default_value=None,
        usedefault=True,
        desc="full width at half maximum in mm of the smoothing to fold in, one or per axis",
    )
    allow_overlap = traits.Bool(
        True, usedefault=True, desc="whether maps may share voxels; False refuses maps that do"
    )
    labels_file = traits.Union(
        None,
        File(),
        default_value=None,
        usedefault=True,
        desc="TSV, CSV or JSON table of the maps' names",
    )
    save_cuts = traits.Bool(
        False, usedefault=True, desc="whether to keep three cuts of every map for the reports"
    )


class _FitMapsOutputSpec(RunOutputSpec):
    operator_file = traits.Union(None, File(exists=True), desc="fitted operator (.npz)")
    maps_file = traits.Union(None, File(exists=True), desc="the maps as they were given")
    mask_file = traits.Union(None, File(exists=True), desc="the mask as it was given, or None")
    n_maps = traits.Union(None, traits.Int(), desc="number of maps")
    coverage_file = traits.Union(
        None,
        File(exists=True),
        desc="table (.tsv) of each map's name, coverage, variance inflation, size and centre",
    )
    cuts_file = traits.Union(None, File(exists=True), desc="three cuts of every map (.npz)")
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

    def _process(self, cwd: Path) -> None:
        inputs = self.inputs
        maps_image = open_maps(inputs.maps_file)
        names = maps_image.names(inputs.labels_file)
        target, mask = fit_space(
            maps_image,
            mask_file=inputs.mask_file,
            mask_threshold=inputs.mask_threshold,
            reference_file=inputs.reference_file,
            resampling_target=inputs.resampling_target,
        )
        maps = load_maps(maps_image, target, mask, mask_file=inputs.mask_file)
        if not inputs.allow_overlap:
            check_no_overlap(maps, names)
        operator = fit_maps(maps, names, inputs.smoothing_fwhm or None)
        coverage = write_fit_coverage(cwd / "coverage.tsv", operator)
        cuts = None
        if inputs.save_cuts:
            cuts = save_arrays(cwd / "cuts.npz", collect_cuts(maps.volumes(), target.affine))
        self._results = {
            "operator_file": str(save_operator(cwd / "operator.npz", operator)),
            "maps_file": inputs.maps_file,
            "mask_file": inputs.mask_file,
            "n_maps": operator.n_maps,
            "coverage_file": str(coverage),
            "cuts_file": None if cuts is None else str(cuts),
            "maps_checksum": checksum(inputs.maps_file),
        }

    def _empty_results(self) -> dict[str, Any]:
        return dict.fromkeys(
            (
                "operator_file",
                "maps_file",
                "mask_file",
                "n_maps",
                "coverage_file",
                "cuts_file",
                "maps_checksum",
            )
        )
