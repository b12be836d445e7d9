# SPDX-License-Identifier: Apache-2.0
"""Doors to extraction: one run to raw signals, and to its high-variance confounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nipype.interfaces.base import File, traits

from nipype_mapsmasker.core.parameters import (
    ExtractionParameters,
    HighVarianceParameters,
    values_of,
)
from nipype_mapsmasker.interfaces import references
from nipype_mapsmasker.interfaces.base import RunInputSpec, RunInterface, RunOutputSpec
from nipype_mapsmasker.interfaces.given import Given, mapping_of
from nipype_mapsmasker.interfaces.traits import (
    made_file,
    optional_file,
    optional_number,
    run_file,
    run_files,
    with_parameters,
)
from nipype_mapsmasker.io.sidecars import run_identity
from nipype_mapsmasker.steps.extract import extract_signals
from nipype_mapsmasker.steps.high_variance import find_high_variance

__all__ = ["ExtractSignals", "HighVarianceConfounds"]

_PER_ATLAS = ("signals_file", "coverage_file", "fit_quality_file")
"""Outputs that there are one of per atlas."""


@with_parameters(ExtractionParameters)
class _ExtractSignalsInputSpec(RunInputSpec):
    in_file = run_file(
        "4D image of the run; that it exists is checked when it is read, so that a vanished "
        "image is a fault of its run alone"
    )
    operator_files = run_files(
        "fitted operators (.npz), one per atlas; the image is read once for all of them"
    )
    mask_file = optional_file(
        "binary mask of the run, where the operators were fitted without one, or with one that "
        "holds all of it; one fit then serves any number of masks"
    )
    mask_threshold = optional_number("where to cut a mask of probabilities")
    t_r = optional_number(
        "repetition time in seconds; None takes the JSON sidecar's, else the header's",
    )
    resample = traits.Bool(
        True,
        usedefault=True,
        desc="whether an image on another grid than the operators' is resampled to it; False "
        "refuses it",
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
    kept = Given(
        mapping_of,
        usedefault=True,
        desc="outputs of an earlier extraction that still hold, by name; the image is not read",
    )

    def beside(self) -> str:
        """Describe the image's sidecars, where nobody has done that before."""
        images = self.in_file if isinstance(self.in_file, list) else [self.in_file]
        return "" if self.source else "; ".join(run_identity(str(image)) for image in images)


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
    signals_file = made_file("the one of signals_files, for a single atlas")
    coverage_file = made_file("the one of coverage_files, for a single atlas")
    fit_quality_file = made_file("the one of fit_quality_files, for a single atlas")
    mean_file = made_file("mean image of the run, on its grid")
    mean_squares_file = made_file(
        "each voxel's mean square after linear detrending (.npy), with save_mean_squares"
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
    _references = references.EXTRACTION

    def _process(self, cwd: Path) -> None:
        inputs = self.inputs
        if inputs.kept is not None:
            self._results = self._empty_results() | inputs.kept
            self._results |= self._of_single_atlas()
            return
        self._results = extract_signals(
            cwd,
            in_file=inputs.in_file,
            operator_files=inputs.operator_files,
            parameters=ExtractionParameters(**values_of(inputs, ExtractionParameters)),
            mask_file=inputs.mask_file,
            mask_threshold=inputs.mask_threshold,
            t_r=inputs.t_r,
            resample=inputs.resample,
            min_volumes=inputs.min_volumes,
            save_mean_squares=inputs.save_mean_squares,
        )
        self._results |= self._of_single_atlas()

    def _of_single_atlas(self) -> dict[str, Any]:
        """Give what is a list over atlases besides as it is, where there is one atlas."""
        lists = {name: self._results[f"{name}s"] for name in _PER_ATLAS}
        return {name: files[0] for name, files in lists.items() if len(files) == 1}

    def _empty_results(self) -> dict[str, Any]:
        nothing = [None for _ in self.inputs.operator_files]
        lists = {f"{name}s": nothing for name in _PER_ATLAS}
        empty = super()._empty_results() | lists
        return empty | {"t_r_origin": "unknown"}


@with_parameters(HighVarianceParameters, leave_out=["high_variance_confounds"])
class _HighVarianceConfoundsInputSpec(RunInputSpec):
    in_file = run_file("4D image of the run")
    mask_file = optional_file("binary mask of the voxels to look at; None takes the whole image")
    detrend = traits.Bool(
        True, usedefault=True, desc="whether voxels are linearly detrended before"
    )
    mean_squares_file = optional_file(
        "mean squares of ExtractSignals, which spare a reading; not used without detrend"
    )


class _HighVarianceConfoundsOutputSpec(RunOutputSpec):
    confounds_file = made_file("table (.tsv) of the confounds, one column each")


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
    _references = references.HIGH_VARIANCE

    def _process(self, cwd: Path) -> None:
        inputs = self.inputs
        out_file = find_high_variance(
            cwd / "high_variance.tsv",
            in_file=inputs.in_file,
            n_confounds=inputs.n_confounds,
            percentile=inputs.percentile,
            detrend=inputs.detrend,
            mask_file=inputs.mask_file,
            mean_squares_file=inputs.mean_squares_file,
        )
        self._results["confounds_file"] = str(out_file)
