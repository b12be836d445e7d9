# SPDX-License-Identifier: Apache-2.0
"""Doors to space: resampling an image, and sorting runs by the grids that they share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nipype.interfaces.base import (
    BaseInterfaceInputSpec,
    File,
    SimpleInterface,
    TraitedSpec,
    traits,
)

from nipype_mapsmasker.core.grids import Grid, same_grid
from nipype_mapsmasker.errors import DataFault
from nipype_mapsmasker.interfaces.base import (
    RunInputSpec,
    RunInterface,
    RunOutputSpec,
    or_none,
    write_fault,
)
from nipype_mapsmasker.io.images import read_info
from nipype_mapsmasker.io.resampling import resample_image

__all__ = ["AssignOperators", "GroupRuns", "ResampleImage"]


class _ResampleImageInputSpec(RunInputSpec):
    in_file = traits.Union(
        None, File(), mandatory=True, desc="3D or 4D image to resample; None passes through"
    )
    reference_file = traits.Union(
        None,
        File(),
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
    out_file = traits.Union(
        None, File(exists=True), desc="image on the grid; the input itself where it is on it"
    )


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

    def _empty_results(self) -> dict[str, Any]:
        return {"out_file": None}


class _GroupRunsInputSpec(BaseInterfaceInputSpec):
    run_ids = traits.List(traits.Str(), mandatory=True, desc="names of the runs")
    in_files = traits.List(traits.Str(), mandatory=True, desc="4D images of the runs")
    mask_files = traits.List(
        traits.Union(None, traits.Str()), desc="brain mask per run, with gaps, or none at all"
    )
    shared_mask_file = traits.Union(
        None, File(), default_value=None, usedefault=True, desc="mask of the runs without one"
    )
    sources = traits.List(
        traits.Str(), desc="identities of the images on disk, part of the cache key"
    )
    upstream_faults = traits.List(
        traits.Union(None, File()), desc="faults of earlier steps per run, with gaps"
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
    fit_index = traits.List(traits.Int(), desc="which fit serves each run; -1 for a faulty run")
    reference_files = traits.List(
        traits.Union(None, File(exists=True)), desc="one image per fit that has its grid"
    )
    mask_files = traits.List(traits.Union(None, traits.Str()), desc="one mask per fit, or None")
    fault_files = traits.List(
        traits.Union(None, File(exists=True)), desc="one per run: its fault, or None"
    )


class GroupRuns(SimpleInterface):
    """
    Sort runs by the fit that serves them: one per distinct grid and mask.

    Only headers are read. Where every run is faulty there is still one fit entry, without a
    reference, so that MapNodes over fits have something to iterate over.
    """

    input_spec = _GroupRunsInputSpec
    output_spec = _GroupRunsOutputSpec

    def _run_interface(self, runtime: Any) -> Any:
        inputs = self.inputs
        n_runs = len(inputs.run_ids)
        masks = or_none(inputs.mask_files) or [None] * n_runs
        upstream = or_none(inputs.upstream_faults) or [None] * n_runs
        fits: list[tuple[Grid, str | None]] = []
        references: list[str | None] = []
        fit_index: list[int] = []
        faults: list[str | None] = []
        for number, (run_id, in_file) in enumerate(
            zip(inputs.run_ids, inputs.in_files, strict=True)
        ):
            if upstream[number]:
                fit_index.append(-1)
                faults.append(upstream[number])
                continue
            try:
                grid = read_info(in_file).grid
            except DataFault as error:
                if inputs.on_error == "raise":
                    raise
                path = Path(runtime.cwd) / f"fault_{number}.json"
                faults.append(str(write_fault(path, run_id, type(self).__name__, error)))
                fit_index.append(-1)
                continue
            mask = masks[number] or or_none(inputs.shared_mask_file)
            index = next(
                (
                    at
                    for at, (known, known_mask) in enumerate(fits)
                    if known_mask == mask and (not inputs.by_grid or same_grid(known, grid))
                ),
                len(fits),
            )
            if index == len(fits):
                fits.append((grid, mask))
                references.append(str(Path(in_file).absolute()))
            fit_index.append(index)
            faults.append(None)
        self._results["fit_index"] = fit_index
        self._results["reference_files"] = references or [None]
        self._results["mask_files"] = [mask for _, mask in fits] or [None]
        self._results["fault_files"] = faults
        return runtime


class _AssignOperatorsInputSpec(BaseInterfaceInputSpec):
    operator_files = traits.List(
        traits.List(traits.Union(None, File())),
        mandatory=True,
        desc="per atlas, the operator of every fit",
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
    fault_files = traits.List(
        traits.Union(None, File(exists=True)), desc="one per run: its fault so far, or None"
    )


class AssignOperators(SimpleInterface):
    """Give every run the operators of its fit, or the fault of its fit."""

    input_spec = _AssignOperatorsInputSpec
    output_spec = _AssignOperatorsOutputSpec

    def _run_interface(self, runtime: Any) -> Any:
        inputs = self.inputs
        fit_faults = or_none(inputs.fit_faults) or []
        operators: list[list[str | None]] = []
        faults: list[str | None] = []
        for index, fault in zip(inputs.fit_index, inputs.fault_files, strict=True):
            if index < 0:
                operators.append([None for _ in inputs.operator_files])
                faults.append(fault)
                continue
            operators.append([fits[index] for fits in inputs.operator_files])
            of_fit = [fits[index] for fits in fit_faults if fits[index]]
            faults.append(fault or (of_fit[0] if of_fit else None))
        self._results["operator_files"] = operators
        self._results["fault_files"] = faults
        return runtime
