# SPDX-License-Identifier: Apache-2.0
"""Doors to extraction: one run to raw signals, and to its high-variance confounds."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from nipype.interfaces.base import File, isdefined, traits

from nipype_mapsmasker.core.confounds import high_variance_confounds
from nipype_mapsmasker.interfaces.base import RunInputSpec, RunInterface, RunOutputSpec
from nipype_mapsmasker.io.images.reader import iter_blocks, read_info
from nipype_mapsmasker.io.maps import mask_on_grid
from nipype_mapsmasker.io.tables.signals import write_signals
from nipype_mapsmasker.io.timing import resolve_t_r
from nipype_mapsmasker.steps.extract import (
    check_run,
    extract_run,
    peak_memory_mb,
    read_mean_squares,
    write_extraction,
)

__all__ = ["ExtractSignals", "HighVarianceConfounds"]


class _ExtractSignalsInputSpec(RunInputSpec):
    in_file = traits.Union(
        None,
        File(),
        mandatory=True,
        desc="4D image of the run; that it exists is checked when it is read, so that a vanished "
        "image is a fault of its run alone",
    )
    operator_files = traits.List(
        traits.Union(None, File()),
        mandatory=True,
        desc="fitted operators (.npz), one per atlas; the image is read once for all of them",
    )
    t_r = traits.Union(
        None,
        traits.Float(),
        default_value=None,
        usedefault=True,
        desc="repetition time in seconds; None takes the JSON sidecar's, else the header's",
    )
    resample = traits.Bool(
        True,
        usedefault=True,
        desc="whether an image on another grid than the operators' is resampled to it; False "
        "refuses it",
    )
    interpolation = traits.Enum(
        "continuous",
        "linear",
        "nearest",
        usedefault=True,
        desc="how the image is resampled where it has to be",
    )
    clip = traits.Bool(
        True,
        usedefault=True,
        desc="whether cubic resampling is clipped to the run's range, as the reference does",
    )
    missing_voxels = traits.Enum(
        "zero",
        "exclude",
        usedefault=True,
        desc="what voxels without data count as: 0, or nothing at all",
    )
    min_coverage = traits.Union(
        None,
        traits.Range(low=0.0, high=1.0),
        default_value=None,
        usedefault=True,
        desc="coverage below which a map's signal is n/a; None keeps every signal",
    )
    keep_masked_maps = traits.Bool(
        True,
        usedefault=True,
        desc="whether maps without weight in the mask stay as columns of zeros; False drops them",
    )
    min_volumes = traits.Int(
        1, usedefault=True, desc="number of volumes below which the run is refused unread"
    )
    save_mean_squares = traits.Bool(
        False,
        usedefault=True,
        desc="whether to write each voxel's mean square, which spares HighVarianceConfounds one "
        "of its two readings",
    )
    kept = traits.Union(
        None,
        traits.Dict(),
        default_value=None,
        usedefault=True,
        desc="outputs of an earlier extraction that still hold, by name; the image is not read",
    )


class _ExtractSignalsOutputSpec(RunOutputSpec):
    signals_files = traits.List(
        traits.Union(None, File(exists=True)), desc="raw signals (.tsv), one table per atlas"
    )
    coverage_files = traits.List(
        traits.Union(None, File(exists=True)), desc="coverage of the maps (.tsv), per atlas"
    )
    fit_quality_files = traits.List(
        traits.Union(None, File(exists=True)),
        desc="R squared of the spatial fit of every volume (.tsv), per atlas",
    )
    mean_file = traits.Union(None, File(exists=True), desc="mean image of the run, on its grid")
    mean_squares_file = traits.Union(
        None,
        File(exists=True),
        desc="each voxel's mean square after linear detrending (.npy), with save_mean_squares",
    )
    t_r = traits.Union(None, traits.Float(), desc="repetition time in seconds that holds")
    t_r_origin = traits.Str(desc="who said so: argument, sidecar, header or unknown")
    n_volumes = traits.Int(desc="number of volumes")
    messages = traits.List(traits.Str(), desc="warnings, one sentence each")
    seconds = traits.Float(desc="wall time of the extraction in seconds")
    peak_mb = traits.Float(desc="peak memory of the process in MB")


class ExtractSignals(RunInterface):
    """
    Extract the signals of one run, for any number of atlases, reading the image once.

    The image is streamed: memory does not grow with the number of volumes.

    Examples
    --------
    >>> import os, tempfile
    >>> from nipype_mapsmasker.interfaces import FitMaps
    >>> from nipype_mapsmasker.testing import make_maps_file, make_run_file
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     maps = str(make_maps_file(os.path.join(folder, "maps.nii.gz"), n_maps=2))
    ...     run = str(make_run_file(os.path.join(folder, "bold.nii"), n_maps=2, n_volumes=80))
    ...     fit = FitMaps(maps_file=maps, reference_file=run).run(cwd=folder).outputs
    ...     extract = ExtractSignals(in_file=run, operator_files=[fit.operator_file])
    ...     outputs = extract.run(cwd=folder).outputs
    ...     with open(outputs.signals_files[0]) as table:
    ...         table.readline().split(), len(table.readlines()), outputs.t_r
    (['map_1', 'map_2'], 80, 2.0)
    """

    input_spec = _ExtractSignalsInputSpec
    output_spec = _ExtractSignalsOutputSpec

    def _process(self, cwd: Path) -> None:
        inputs = self.inputs
        if inputs.kept is not None:
            self._results = self._empty_results() | inputs.kept
            return
        start = time.perf_counter()
        info = read_info(inputs.in_file)
        check_run(info, inputs.min_volumes)
        repetition = resolve_t_r(inputs.in_file, info.t_r, inputs.t_r, info.n_volumes)
        run = extract_run(
            info,
            inputs.operator_files,
            resample=inputs.resample,
            interpolation=inputs.interpolation,
            clip=inputs.clip,
            missing_voxels=inputs.missing_voxels,
            mean_squares=inputs.save_mean_squares,
        )
        files = write_extraction(
            cwd,
            run,
            min_coverage=inputs.min_coverage,
            keep_masked_maps=inputs.keep_masked_maps,
        )
        self._results = files | {
            "t_r": repetition.seconds,
            "t_r_origin": repetition.origin,
            "n_volumes": info.n_volumes,
            "messages": [*repetition.warnings, *run.warnings],
            "seconds": time.perf_counter() - start,
            "peak_mb": peak_memory_mb(),
        }

    def _empty_results(self) -> dict[str, Any]:
        nothing = [None for _ in self.inputs.operator_files]
        lists = ("signals_files", "coverage_files", "fit_quality_files")
        return dict.fromkeys(lists, nothing) | {
            "mean_file": None,
            "mean_squares_file": None,
            "t_r": None,
            "t_r_origin": "unknown",
            "n_volumes": 0,
            "messages": [],
            "seconds": 0.0,
            "peak_mb": 0.0,
        }


class _HighVarianceConfoundsInputSpec(RunInputSpec):
    in_file = traits.Union(None, File(), mandatory=True, desc="4D image of the run")
    mask_file = traits.Union(
        None,
        File(),
        default_value=None,
        usedefault=True,
        desc="binary mask of the voxels to look at; None takes the whole image",
    )
    n_confounds = traits.Range(
        low=1, value=5, usedefault=True, desc="number of confounds to return"
    )
    percentile = traits.Range(
        low=0.0,
        high=100.0,
        value=2.0,
        usedefault=True,
        desc="share of the voxels, those of highest variance, to use, percent",
    )
    detrend = traits.Bool(
        True, usedefault=True, desc="whether voxels are linearly detrended before"
    )
    mean_squares_file = traits.Union(
        None,
        File(),
        default_value=None,
        usedefault=True,
        desc="mean squares of ExtractSignals, which spare a reading; not used without detrend",
    )


class _HighVarianceConfoundsOutputSpec(RunOutputSpec):
    confounds_file = traits.Union(
        None, File(exists=True), desc="table (.tsv) of the confounds, one column each"
    )


class HighVarianceConfounds(RunInterface):
    """
    Find the time courses that dominate the voxels of highest variance (CompCor-like).

    Two streamed passes over the image, or one after an extraction that saved mean squares; only
    the selected voxels are held.

    Examples
    --------
    >>> import os, tempfile
    >>> from nipype_mapsmasker.testing import make_run_file
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = make_run_file(os.path.join(folder, "bold.nii"), n_maps=2, n_volumes=80)
    ...     step = HighVarianceConfounds(in_file=str(run), n_confounds=2)
    ...     with open(step.run(cwd=folder).outputs.confounds_file) as table:
    ...         table.readline().split()
    ['high_variance_00', 'high_variance_01']
    """

    input_spec = _HighVarianceConfoundsInputSpec
    output_spec = _HighVarianceConfoundsOutputSpec

    def _process(self, cwd: Path) -> None:
        inputs = self.inputs
        info = read_info(inputs.in_file)
        check_run(info, 2)
        voxels = None
        if isdefined(inputs.mask_file) and inputs.mask_file is not None:
            voxels = mask_on_grid(inputs.mask_file, info.grid)
        squares = None
        if inputs.mean_squares_file is not None and inputs.detrend:
            squares = read_mean_squares(inputs.mean_squares_file)
        confounds = high_variance_confounds(
            lambda: iter_blocks(info),
            info.n_volumes,
            n_confounds=inputs.n_confounds,
            percentile=inputs.percentile,
            detrend=inputs.detrend,
            voxels=voxels,
            squares=squares,
        )
        names = [f"high_variance_{k:02d}" for k in range(confounds.shape[1])]
        out_file = write_signals(cwd / "high_variance.tsv", confounds, names)
        self._results["confounds_file"] = str(out_file)

    def _empty_results(self) -> dict[str, Any]:
        return {"confounds_file": None}
