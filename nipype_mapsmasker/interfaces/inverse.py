# SPDX-License-Identifier: Apache-2.0
"""Door to the inverse transform: signals back to an image."""

from __future__ import annotations

from pathlib import Path

from nipype.interfaces.base import traits

from nipype_mapsmasker.core.parameters import FittingParameters, OutputParameters
from nipype_mapsmasker.interfaces.base import RunInputSpec, RunInterface, RunOutputSpec
from nipype_mapsmasker.interfaces.traits import (
    made_file,
    optional_file,
    optional_number,
    run_file,
    with_parameters,
)
from nipype_mapsmasker.steps.inverse import inverse_transform

__all__ = ["InverseTransform"]


@with_parameters(
    FittingParameters, leave_out=["allow_overlap", "smoothing_fwhm", "resampling_target", "demean"]
)
@with_parameters(
    OutputParameters, leave_out=["dtype", "output_format", "output_type", "inverse_transform"]
)
class _InverseTransformInputSpec(RunInputSpec):
    signals_file = run_file("signals (.tsv or .npy), one row per volume")
    maps_file = run_file("4D image of the maps, or 3D labels")
    mask_file = optional_file("binary mask outside which the image is 0")
    reference_file = optional_file("image whose grid is wanted; None takes the maps' own")
    t_r = optional_number("repetition time in seconds for the header")
    dtype = traits.Enum(
        "float32", "float64", usedefault=True, desc="floating-point type of the image"
    )


class _InverseTransformOutputSpec(RunOutputSpec):
    out_file = made_file("4D image (3D for one row), signals times maps")


class InverseTransform(RunInterface):
    """
    Rebuild an image from signals: every volume is the sum of the maps times their signals.

    The image is written volume by volume; memory does not grow with their number.

    Examples
    --------
    >>> import os, tempfile
    >>> import nibabel as nib
    >>> import numpy as np
    >>> from nipype_mapsmasker.io.tables.signals import write_signals
    >>> from nipype_mapsmasker.testing import make_maps_file
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     maps = str(make_maps_file(os.path.join(folder, "maps.nii.gz"), n_maps=2))
    ...     signals = write_signals(os.path.join(folder, "s.tsv"), np.eye(3, 2), ["a", "b"])
    ...     step = InverseTransform(signals_file=str(signals), maps_file=maps)
    ...     nib.load(step.run(cwd=folder).outputs.out_file).shape
    (30, 34, 29, 3)
    """

    input_spec = _InverseTransformInputSpec
    output_spec = _InverseTransformOutputSpec

    def _process(self, cwd: Path) -> None:
        inputs = self.inputs
        out_file = inverse_transform(
            inputs.signals_file,
            inputs.maps_file,
            cwd / f"reconstruction.nii.{'zst' if inputs.compress == 'zstd' else 'gz'}",
            mask_file=inputs.mask_file,
            mask_threshold=inputs.mask_threshold,
            reference_file=inputs.reference_file,
            t_r=inputs.t_r,
            dtype=inputs.dtype,
        )
        self._results["out_file"] = str(out_file)
