# SPDX-License-Identifier: Apache-2.0
"""Door to cleaning: raw signals to cleaned ones, by one strategy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nipype.interfaces.base import File, traits

from nipype_mapsmasker.interfaces.base import RunInputSpec, RunInterface, RunOutputSpec
from nipype_mapsmasker.steps.clean import CleaningInputs, clean_run

__all__ = ["CLEANING_FIELDS", "CleanSignals"]

CLEANING_FIELDS = (
    "detrend",
    "standardize",
    "standardize_confounds",
    "filter",
    "low_pass",
    "high_pass",
    "ensure_finite",
    "extrapolate",
    "butterworth_order",
    "butterworth_padtype",
    "butterworth_padlen",
)
"""The inputs of `CleanSignals` that make up one strategy, besides the choice of confounds."""


class _CleanSignalsInputSpec(RunInputSpec):
    signals_file = traits.Union(
        None, File(), mandatory=True, desc="raw signals (.tsv), T rows and a header of K names"
    )
    confounds_files = traits.Union(
        None,
        File(),
        traits.List(File()),
        default_value=None,
        usedefault=True,
        desc="table or tables of confounds with a header, T rows each",
    )
    high_variance_file = traits.Union(
        None, File(), default_value=None, usedefault=True, desc="table of high-variance confounds"
    )
    confounds_columns = traits.Union(
        None,
        traits.List(traits.Str()),
        default_value=None,
        usedefault=True,
        desc="names or patterns (trans_*) of the columns to use; None uses all",
    )
    confounds_na = traits.Enum(
        "next",
        "zero",
        "error",
        usedefault=True,
        desc="what leading n/a of a column becomes: the next value, 0, or an error",
    )
    sample_mask_file = traits.Union(
        None,
        File(),
        default_value=None,
        usedefault=True,
        desc="table of the volumes to keep: booleans, or sorted indices from 0",
    )
    t_r = traits.Union(
        None,
        traits.Float(),
        default_value=None,
        usedefault=True,
        desc="repetition time in seconds; needed by the filters",
    )
    detrend = traits.Bool(False, usedefault=True, desc="remove mean and line")
    standardize = traits.Enum(
        None,
        False,
        True,
        "zscore",
        "zscore_sample",
        "psc",
        usedefault=True,
        desc="divide by the standard deviation ('zscore' and True: ddof 0; 'zscore_sample': ddof "
        "1), or by the mean, in percent",
    )
    standardize_confounds = traits.Bool(
        True, usedefault=True, desc="standardise confounds before they are regressed out"
    )
    filter = traits.Enum(
        "butterworth",
        "cosine",
        None,
        False,
        usedefault=True,
        desc="kind of filter; without a cut-off Butterworth does nothing",
    )
    low_pass = traits.Union(
        None, traits.Float(), default_value=None, usedefault=True, desc="upper cut-off in Hz"
    )
    high_pass = traits.Union(
        None, traits.Float(), default_value=None, usedefault=True, desc="lower cut-off in Hz"
    )
    ensure_finite = traits.Bool(False, usedefault=True, desc="set non-finite values to 0 first")
    extrapolate = traits.Bool(
        False,
        usedefault=True,
        desc="let the filter see extrapolated values for volumes censored at head and tail",
    )
    butterworth_order = traits.Int(5, usedefault=True, desc="order of the Butterworth filter")
    butterworth_padtype = traits.Enum(
        "odd",
        "even",
        "constant",
        None,
        usedefault=True,
        desc="how the Butterworth filter continues a signal beyond its ends",
    )
    butterworth_padlen = traits.Union(
        None,
        traits.Int(),
        default_value=None,
        usedefault=True,
        desc="number of volumes of that; None is SciPy's choice",
    )
    dtype = traits.Enum(
        None,
        "auto",
        "float32",
        "float64",
        usedefault=True,
        desc="floating-point type of what is written; 'auto' is float32, None float64",
    )
    output_format = traits.Enum(
        "tsv",
        "npy",
        "parquet",
        usedefault=True,
        desc="file format; parquet needs pyarrow, npy has no names",
    )
    messages = traits.List(
        traits.Str(), desc="warnings of earlier steps, handed on into the summary"
    )


class _CleanSignalsOutputSpec(RunOutputSpec):
    out_file = traits.Union(
        None, File(exists=True), desc="cleaned signals, one row per volume that was kept"
    )
    summary_file = traits.Union(
        None,
        File(exists=True),
        desc="JSON: what ran, effective cut-offs, volumes kept, rank of the confounds, degrees of "
        "freedom left, every parameter",
    )


class CleanSignals(RunInterface):
    """
    Clean the signals of one run by one strategy.

    Interpolate censored volumes (Butterworth only), detrend, filter, censor, regress confounds
    out, standardise: in this order, on signals and confounds alike (Lindquist et al. 2019).

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from nipype_mapsmasker.io.tables.signals import read_signals, write_signals
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     raw = write_signals(os.path.join(folder, "a.tsv"), np.array([[1.0], [2], [3]]), ["a"])
    ...     step = CleanSignals(signals_file=str(raw), standardize="psc")
    ...     read_signals(step.run(cwd=folder).outputs.out_file)[0].ravel().tolist()
    [-50.0, 0.0, 50.0]
    """

    input_spec = _CleanSignalsInputSpec
    output_spec = _CleanSignalsOutputSpec

    def _process(self, cwd: Path) -> None:
        inputs = self.inputs
        parameters = {name: getattr(inputs, name) for name in CLEANING_FIELDS}
        out_file, summary_file = clean_run(
            cwd,
            CleaningInputs(
                run_id=inputs.run_id,
                signals_file=inputs.signals_file,
                confounds_files=inputs.confounds_files,
                high_variance_file=inputs.high_variance_file,
                confounds_columns=inputs.confounds_columns,
                confounds_na=inputs.confounds_na,
                sample_mask_file=inputs.sample_mask_file,
            ),
            parameters | {"t_r": inputs.t_r},
            dtype=inputs.dtype,
            output_format=inputs.output_format,
            messages=list(inputs.messages or []),
        )
        self._results = {"out_file": str(out_file), "summary_file": str(summary_file)}

    def _empty_results(self) -> dict[str, Any]:
        return {"out_file": None, "summary_file": None}
