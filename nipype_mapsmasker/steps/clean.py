# SPDX-License-Identifier: Apache-2.0
"""One run's signals, confounds and sample mask from files, through cleaning, to files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.cleaning import clean, refuse_nothing
from nipype_mapsmasker.core.denoise.filling import OutputType, fill_censored
from nipype_mapsmasker.core.parameters import Cleaning, ConfoundParameters
from nipype_mapsmasker.errors import SignalError
from nipype_mapsmasker.io.atomic import write_json
from nipype_mapsmasker.io.tables.confounds import read_choice, read_confounds
from nipype_mapsmasker.io.tables.samples import read_sample_mask
from nipype_mapsmasker.io.tables.signals import read_signals, write_signals

__all__ = ["CleaningInputs", "clean_run"]

WRITTEN_DTYPES = {
    None: np.float64,
    "auto": np.float32,
    "float32": np.float32,
    "float64": np.float64,
}
"""What each value of ``dtype`` means for the table that is written."""


_NOT_KEPT = ("run_id", "warnings", "columns")
"""What the summary of a cleaning says itself of a choice of regressors."""


@dataclass(frozen=True, kw_only=True)
class CleaningInputs:
    """
    Name the files that belong to one cleaning.

    Parameters
    ----------
    run_id : str
        The run.
    signals_file : str
        Raw signals.
    confounds_files : str, list of str or None
        Tables of confounds.
    high_variance_file : str or None
        Table of high-variance confounds, used whole.
    sample_mask_file : str or None
        Volumes to keep.
    selection_file : str or None
        JSON of the choice of regressors and volumes, for the summary.
    fit_quality_file : str or None
        Table of the extraction that tells which volumes have no data; they are censored.
    choice : ConfoundParameters
        Which columns of ``confounds_files`` are used, and how.
    """

    run_id: str
    signals_file: str
    confounds_files: str | Sequence[str] | None = None
    high_variance_file: str | None = None
    sample_mask_file: str | None = None
    selection_file: str | None = None
    fit_quality_file: str | None = None
    choice: ConfoundParameters = field(default_factory=ConfoundParameters)


def clean_run(
    folder: Path,
    files: CleaningInputs,
    strategy: Cleaning,
    *,
    dtype: str | None = None,
    output_format: str = "tsv",
    output_type: OutputType = "censored",
    messages: Sequence[str] = (),
) -> tuple[Path, Path]:
    """
    Clean one table of signals.

    Parameters
    ----------
    folder : Path
        Where to write.
    files : CleaningInputs
        What to read.
    strategy : Cleaning
        How.
    dtype : {None, 'auto', 'float32', 'float64'}
        Type that is written.
    output_format : {'tsv', 'npy', 'parquet'}
        Format that is written.
    output_type : {'censored', 'interpolated', 'nan'}
        What becomes of censored volumes.
    messages : sequence of str
        Earlier warnings, handed on.

    Returns
    -------
    out_file : Path
        The cleaned signals.
    summary_file : Path
        What was done to them.

    Raises
    ------
    TableError, SignalError, ParameterError
        A table, its length or a parameter is not as it must be.
    """
    signals, names = read_signals(files.signals_file)
    n_volumes = signals.shape[0]
    tables, confound_names = [], []
    if files.high_variance_file is not None:
        values, columns = read_confounds([files.high_variance_file], n_volumes)
        tables.append(values)
        confound_names += columns
    given = files.confounds_files or ()
    paths = [given] if isinstance(given, str | Path) else list(given)
    values, columns = read_choice(paths, n_volumes, files.choice, run_id=files.run_id)
    if paths:
        tables.append(values)
        confound_names += columns
        messages = [*messages, *_unmatched(files.choice.confounds_columns, columns)]
    sample_mask = None
    if files.sample_mask_file is not None:
        sample_mask = read_sample_mask(files.sample_mask_file, n_volumes)
    no_data = _without_data(files.fit_quality_file, n_volumes)
    if no_data.any():
        sample_mask = ~no_data if sample_mask is None else sample_mask & ~no_data
    _check_t_r(files.run_id, strategy)
    confounds = np.hstack(tables) if tables else None
    cleaned, summary = clean(signals, strategy, confounds=confounds, sample_mask=sample_mask)
    refuse_nothing(cleaned, summary)
    if sample_mask is not None:
        cleaned = fill_censored(cleaned, sample_mask, output_type)
    out_file = write_signals(
        folder / f"cleaned.{output_format}", cleaned.astype(WRITTEN_DTYPES[dtype]), names
    )
    censored = [] if sample_mask is None else np.flatnonzero(~sample_mask).tolist()
    fields = asdict(summary)
    fields["warnings"] = [*messages, *fields["warnings"]]
    fields |= {
        "run_id": files.run_id,
        "extraction_warnings": list(messages),
        "names": names,
        "parameters": asdict(strategy)
        | asdict(files.choice)
        | {"dtype": dtype, "output_type": output_type},
        "confound_names": confound_names,
        "censored": censored,
        "volumes_without_data": np.flatnonzero(no_data).tolist(),
        "inputs": {
            "confounds_files": _absolute(files.confounds_files),
            "sample_mask_file": _absolute(files.sample_mask_file),
        },
    }
    if files.selection_file is not None:
        selection = json.loads(Path(files.selection_file).read_text(encoding="utf-8"))
        fields["selection"] = {k: v for k, v in selection.items() if k not in _NOT_KEPT}
    return out_file, write_json(folder / "summary.json", fields)


def _absolute(files: str | Sequence[str] | None) -> str | list[str] | None:
    """Name files so that the folder of the call need not be known."""
    if files is None or isinstance(files, str):
        return files and str(Path(files).absolute())
    return [str(Path(file).absolute()) for file in files]


def _without_data(path: str | None, n_volumes: int) -> NDArray[np.bool_]:
    """Flag the volumes (T,) without any data, as the extraction found them."""
    flags = np.zeros(n_volumes, dtype=bool)
    if path is not None:
        values, names = read_signals(path)
        if "no_data" in names:
            flags = values[:, names.index("no_data")] > 0
    return flags


def _check_t_r(run_id: str, strategy: Cleaning) -> None:
    """Say that a filter has no repetition time: the fault of the run, not of the strategy."""
    cut_offs = (strategy.low_pass, strategy.high_pass)
    if strategy.t_r is None and strategy.filter and cut_offs != (None, None):
        msg = (
            f"The run {run_id!r} has no repetition time, which the filter needs: neither its "
            "header nor its sidecar gives one, or the sidecar says in VolumeTiming that volumes "
            "are not equally spaced; give t_r, or set filter=None."
        )
        raise SignalError(msg)


def _unmatched(patterns: Sequence[str] | None, columns: Sequence[str]) -> list[str]:
    """Tell which patterns of columns matched nothing."""
    return [
        f"No column of the confounds matches {pattern!r}, so it added none."
        for pattern in patterns or ()
        if pattern not in columns and not any(fnmatchcase(name, pattern) for name in columns)
    ]
