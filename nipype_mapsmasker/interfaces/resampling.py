# SPDX-License-Identifier: Apache-2.0
"""Door to resampling: an image onto another grid."""

from __future__ import annotations

from pathlib import Path

from nipype.interfaces.base import Undefined, traits

from nipype_mapsmasker.core.grids import Grid
from nipype_mapsmasker.interfaces.base import RunInputSpec, RunInterface, RunOutputSpec, or_none
from nipype_mapsmasker.interfaces.given import Given, file_of
from nipype_mapsmasker.interfaces.traits import made_file, run_file
from nipype_mapsmasker.io.images.reader import read_info
from nipype_mapsmasker.steps.resample import resample_image

__all__ = ["ResampleImage"]


class _ResampleImageInputSpec(RunInputSpec):
    in_file = run_file("3D or 4D image to resample; None passes through")
    reference_file = Given(
        file_of,
        Undefined,
        desc="image whose grid is wanted; None leaves in_file as it is",
        xor=["target_affine"],
    )
    target_affine = traits.List(
        traits.List(traits.Float(), minlen=4, maxlen=4),
        minlen=4,
        maxlen=4,
        desc="4 x 4 affine of the grid that is wanted, voxels to mm",
        requires=["target_shape"],
    )
    target_shape = traits.Tuple(
        traits.Int(),
        traits.Int(),
        traits.Int(),
        desc="shape of the grid that is wanted, voxels",
        requires=["target_affine"],
    )
    interpolation = traits.Enum(
        "continuous",
        "linear",
        "nearest",
        "maps",
        usedefault=True,
        desc="cubic spline, trilinear, nearest voxel; 'maps' is linear for weights and nearest "
        "for a label image, with non-finite weights as 0",
    )
    clip = traits.Bool(
        False, usedefault=True, desc="clip the result to the range of the input, widened to hold 0"
    )
    fill_value = traits.Float(
        0.0, usedefault=True, desc="value outside the field of view of the input"
    )
    dtype = traits.Enum(
        "float32", "float64", usedefault=True, desc="type that is written where data are resampled"
    )


class _ResampleImageOutputSpec(RunOutputSpec):
    out_file = made_file("image on the grid; the input itself where it is on it")


class ResampleImage(RunInterface):
    """
    Bring an image onto another grid, volume by volume.

    The numbers are those of ``scipy.ndimage.affine_transform``; non-finite voxels are filled from
    their neighbours before, and set to 0 after. An image that already is on the grid is passed on
    untouched.

    Examples
    --------
    >>> import os, tempfile
    >>> from nipype_mapsmasker.testing import make_maps_file
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     maps = make_maps_file(os.path.join(folder, "maps.nii.gz"), n_maps=2, seed=0)
    ...     result = ResampleImage(in_file=str(maps), reference_file=str(maps)).run(cwd=folder)
    ...     result.outputs.out_file == str(maps)
    True
    """

    input_spec = _ResampleImageInputSpec
    output_spec = _ResampleImageOutputSpec
    _may_be_none = ("in_file",)

    def _process(self, cwd: Path) -> None:
        inputs = self.inputs
        in_file, reference = inputs.in_file, or_none(inputs.reference_file)
        if in_file is None:
            self._results["out_file"] = None
            return
        if reference is not None:
            target = read_info(reference).grid
        elif or_none(inputs.target_affine) is not None:
            target = Grid(inputs.target_shape, inputs.target_affine)
        else:
            target = read_info(in_file).grid
        out_file = resample_image(
            in_file,
            target,
            cwd,
            interpolation=inputs.interpolation,
            clip=inputs.clip,
            fill_value=inputs.fill_value,
            dtype=inputs.dtype,
        )
        self._results["out_file"] = str(out_file)
