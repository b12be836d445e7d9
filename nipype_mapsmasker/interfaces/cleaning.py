# SPDX-License-Identifier: Apache-2.0
"""Door to cleaning: raw signals to cleaned ones, by one strategy."""

from __future__ import annotations

from pathlib import Path

from nipype.interfaces.base import traits

from nipype_mapsmasker.core.parameters import (
    Cleaning,
    CleaningParameters,
    ConfoundParameters,
    OutputParameters,
    values_of,
)
from nipype_mapsmasker.interfaces import references
from nipype_mapsmasker.interfaces.base import RunInputSpec, RunInterface, RunOutputSpec
from nipype_mapsmasker.interfaces.traits import (
    made_file,
    optional_file,
    optional_files,
    optional_number,
    run_file,
    with_parameters,
)
from nipype_mapsmasker.steps.clean import CleaningInputs, clean_run

__all__ = ["CleanSignals"]


@with_parameters(
    ConfoundParameters,
    CleaningParameters,
    OutputParameters,
    leave_out=["inverse_transform", "compress"],
)
class _CleanSignalsInputSpec(RunInputSpec):
    signals_file = run_file("raw signals (.tsv), T rows and a header of K names")
    confounds_files = optional_files("table or tables of confounds with a header, T rows each")
    high_variance_file = optional_file("table of high-variance confounds")
    sample_mask_file = optional_file(
        "table of the volumes to keep: booleans, or sorted indices from 0"
    )
    selection_file = optional_file("JSON of the choice of regressors and volumes, for the summary")
    fit_quality_file = optional_file(
        "table of ExtractSignals, one row per volume; volumes without any data are censored"
    )
    t_r = optional_number("repetition time in seconds; needed by the filters")
    messages = traits.List(
        traits.Str(), desc="warnings of earlier steps, handed on into the summary"
    )


class _CleanSignalsOutputSpec(RunOutputSpec):
    out_file = made_file("cleaned signals, one row per volume that was kept")
    summary_file = made_file(
        "JSON: what ran, effective cut-offs, volumes kept, rank of the confounds, degrees of "
        "freedom left, every parameter"
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
    _references = references.CLEANING

    def _process(self, cwd: Path) -> None:
        inputs = self.inputs
        choice = values_of(inputs, ConfoundParameters)
        out_file, summary_file = clean_run(
            cwd,
            CleaningInputs(
                run_id=inputs.run_id,
                signals_file=inputs.signals_file,
                confounds_files=inputs.confounds_files,
                high_variance_file=inputs.high_variance_file,
                sample_mask_file=inputs.sample_mask_file,
                selection_file=inputs.selection_file,
                fit_quality_file=inputs.fit_quality_file,
                choice=ConfoundParameters(**choice),
            ),
            Cleaning(**values_of(inputs, CleaningParameters), t_r=inputs.t_r),
            dtype=inputs.dtype,
            output_format=inputs.output_format,
            output_type=inputs.output_type,
            messages=list(inputs.messages or []),
        )
        self._results = {"out_file": str(out_file), "summary_file": str(summary_file)}
