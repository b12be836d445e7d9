# SPDX-License-Identifier: Apache-2.0
"""Door to dual regression: a run's own map of every component."""

from __future__ import annotations

from pathlib import Path

from nipype.interfaces.base import traits

from nipype_mapsmasker.interfaces.base import RunInputSpec, RunInterface, RunOutputSpec
from nipype_mapsmasker.interfaces.traits import (
    made_file,
    optional,
    optional_file,
    optional_files,
    run_file,
)
from nipype_mapsmasker.steps.dual_regression import DualRegressionInputs, dual_regression

__all__ = ["DualRegression"]


class _DualRegressionInputSpec(RunInputSpec):
    in_file = run_file("4D image of the run")
    signals_file = run_file("raw signals of all its volumes, from stage 1")
    confounds_files = optional_files("table or tables of further regressors, all columns used")
    high_variance_file = optional_file("table of high-variance confounds, used as well")
    sample_mask_file = optional_file("table of the volumes to use")
    mask_file = optional_file("mask outside which maps are 0")
    mask_threshold = optional(
        traits.Float(), "probability above which a voxel of the mask is inside"
    )
    t_r = optional(traits.Float(), "repetition time in seconds; high_pass needs it")
    high_pass = optional(traits.Float(), "cut-off in Hz of cosines that are fitted as well")
    detrend = traits.Bool(False, usedefault=True, desc="fit a line as well")
    standardize_signals = traits.Bool(
        True,
        usedefault=True,
        desc="bring signals to a standard deviation of 1: maps then have the image's unit",
    )
    dtype = traits.Enum(
        "float32", "float64", usedefault=True, desc="floating-point type of the maps"
    )


class _DualRegressionOutputSpec(RunOutputSpec):
    effect_file = made_file("4D image, one map per component")
    z_file = made_file("the same as normal deviates")
    summary_file = made_file("JSON: names of the components, degrees of freedom")


class DualRegression(RunInterface):
    """
    Regress every voxel of a run on its signals (stage 2 of a dual regression).

    The image is read once, block by block; memory grows with maps and voxels, not with volumes.

    Examples
    --------
    >>> import os, tempfile
    >>> import nibabel as nib
    >>> import numpy as np
    >>> from nipype_mapsmasker.io.tables.signals import write_signals
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     signals = np.random.default_rng(0).normal(size=(20, 2))
    ...     voxels = np.arange(8.0).reshape(2, 2, 2)[..., None] * signals[:, 0]
    ...     image = os.path.join(folder, "bold.nii")
    ...     nib.save(nib.Nifti1Image(voxels, np.eye(4)), image)
    ...     table = write_signals(os.path.join(folder, "s.tsv"), signals, ["a", "b"])
    ...     step = DualRegression(in_file=image, signals_file=str(table))
    ...     step.inputs.standardize_signals = False
    ...     maps = nib.load(step.run(cwd=folder).outputs.effect_file).get_fdata()
    >>> maps[..., 0].ravel().round(4).tolist()
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    """

    input_spec = _DualRegressionInputSpec
    output_spec = _DualRegressionOutputSpec

    def _process(self, cwd: Path) -> None:
        inputs = self.inputs
        files = dual_regression(
            cwd,
            DualRegressionInputs(
                in_file=inputs.in_file,
                signals_file=inputs.signals_file,
                confounds_files=inputs.confounds_files,
                high_variance_file=inputs.high_variance_file,
                sample_mask_file=inputs.sample_mask_file,
                mask_file=inputs.mask_file,
            ),
            standardize=inputs.standardize_signals,
            detrend=inputs.detrend,
            high_pass=inputs.high_pass,
            t_r=inputs.t_r,
            mask_threshold=inputs.mask_threshold,
            dtype=inputs.dtype,
        )
        self._results = {
            "effect_file": str(files.effect_file),
            "z_file": str(files.z_file),
            "summary_file": str(files.summary_file),
        }
