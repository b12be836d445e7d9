# SPDX-License-Identifier: Apache-2.0
"""Door to strategies: a confounds table to regressors and kept volumes."""

from __future__ import annotations

import json
from pathlib import Path

from nipype.interfaces.base import File, traits

from nipype_mapsmasker.core.denoise.limits import Limits
from nipype_mapsmasker.core.denoise.volumes import censoring_of
from nipype_mapsmasker.core.parameters import CensoringParameters, ConfoundParameters
from nipype_mapsmasker.core.parameters.denoising import denoising_strategies
from nipype_mapsmasker.interfaces.base import RunInputSpec, RunInterface, RunOutputSpec
from nipype_mapsmasker.interfaces.traits import (
    made_file,
    optional,
    optional_file,
    optional_files,
    with_parameters,
)
from nipype_mapsmasker.io.tables.fmriprep import metadata_identity
from nipype_mapsmasker.steps.select import SelectionInputs, select_run

__all__ = ["SelectConfounds"]


@with_parameters(CensoringParameters)
@with_parameters(ConfoundParameters, leave_out=["confounds_columns"])
class _SelectConfoundsInputSpec(RunInputSpec):
    strategy = traits.Union(
        traits.Str(),
        traits.Dict(),
        default_value="simple",
        usedefault=True,
        desc="name of a strategy (simple, scrubbing.5+gsr, 36P ...), or a mapping of its words",
    )
    confounds_files = optional_files(
        "confounds table or tables with a header, T rows each, and metadata in the .json beside"
    )
    signals_file = optional_file("raw signals of the run, for volumes without any data")
    fit_quality_file = optional_file(
        "table of ExtractSignals, one row per volume, which tells the same faster"
    )
    sample_mask_file = optional_file("table of the volumes to keep, besides the strategy's")
    tedana_files = optional(
        traits.Tuple(File(), File()), "tedana's mixing and metrics tables, for 'tedana'"
    )
    in_file = optional(traits.Str(), "name of the run's image, which 'ica_aroma' looks at")
    t_r = optional(traits.Float(), "repetition time in seconds, for min_minutes")
    messages = traits.List(traits.Str(), desc="warnings of earlier steps, handed on")

    def beside(self) -> str:
        """Describe the JSON of the tables."""
        return metadata_identity(self.confounds_files)


class _SelectConfoundsOutputSpec(RunOutputSpec):
    confounds_file = made_file("table of the chosen regressors; None where there are none")
    sample_mask_file = made_file("table of the volumes to keep; the same file as outliers_file")
    outliers_file = made_file("one row per volume: kept or not, why, and its motion")
    summary_file = made_file("JSON: columns, thresholds, volumes censored by each reason")
    messages = traits.List(traits.Str(), desc="warnings of earlier steps and of this one")


class SelectConfounds(RunInterface):
    """
    Choose the regressors and the volumes of one run by a strategy.

    Strategies have the names and words under which nilearn, giga_connectome and XCP-D know them.
    A run of which too little is left fails, with the numbers.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from nipype_mapsmasker.io.tables.signals import read_signals, write_signals
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     table = write_signals(os.path.join(folder, "c.tsv"), np.eye(4, 2), ["csf", "rot_x"])
    ...     step = SelectConfounds(confounds_files=str(table), strategy={"columns": ["csf"]})
    ...     chosen = step.run(cwd=folder).outputs
    ...     read_signals(chosen.confounds_file)[0].ravel().tolist()
    [0.75, -0.25, -0.25, -0.25]
    """

    input_spec = _SelectConfoundsInputSpec
    output_spec = _SelectConfoundsOutputSpec
    _may_be_none = ("confounds_file",)

    def _process(self, cwd: Path) -> None:
        inputs = self.inputs
        said = inputs.strategy if isinstance(inputs.strategy, str) else dict(inputs.strategy)
        ((strategy, _),) = denoising_strategies([said], ()).values()
        files = select_run(
            cwd,
            SelectionInputs(
                run_id=inputs.run_id,
                confounds_files=inputs.confounds_files,
                signals_file=inputs.signals_file,
                fit_quality_file=inputs.fit_quality_file,
                sample_mask_file=inputs.sample_mask_file,
                tedana_files=inputs.tedana_files,
                image=inputs.in_file or "",
                t_r=inputs.t_r,
            ),
            strategy,
            censoring_of(
                strategy,
                fd_thresh=inputs.fd_thresh,
                dvars_thresh=inputs.dvars_thresh,
                min_segment=inputs.min_segment,
                dummy_scans=inputs.dummy_scans,
            ),
            Limits(
                min_volumes=inputs.min_volumes,
                min_minutes=inputs.min_minutes,
                max_censored=inputs.max_censored,
            ),
            confounds_na=inputs.confounds_na,
            missing_confounds=inputs.missing_confounds,
        )
        told = json.loads(files.summary_file.read_text(encoding="utf-8"))["warnings"]
        self._results = {
            "confounds_file": None if files.confounds_file is None else str(files.confounds_file),
            "sample_mask_file": str(files.outliers_file),
            "outliers_file": str(files.outliers_file),
            "summary_file": str(files.summary_file),
            "messages": [*(inputs.messages or []), *told],
        }
