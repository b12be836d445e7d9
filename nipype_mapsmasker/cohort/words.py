# SPDX-License-Identifier: Apache-2.0
"""The words of the command that asks for the same as a request made in Python."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nipype_mapsmasker.cohort.inputs import collect_runs
from nipype_mapsmasker.cohort.request import ARRAYS, CohortRequest
from nipype_mapsmasker.core.parameters import parameters_of
from nipype_mapsmasker.io.atomic import write_json
from nipype_mapsmasker.io.tables.rows import write_rows
from nipype_mapsmasker.io.tables.runs import RUN_COLUMNS

__all__ = ["words_of"]

OTHERWISE = (
    "input",
    "out_dir",
    "maps",
    "denoise",
    "strategies",
    "plugin_args",
    "command",
    *ARRAYS,
)
"""Fields that no option of the same name holds as they are, or that a task does not need."""


def words_of(request: CohortRequest, beside: str | os.PathLike[str] = "request") -> list[str]:
    """
    Say a request in the words of the command line, for the current folder.

    Parameters
    ----------
    request : CohortRequest
        The request.
    beside : path
        Strategies, and runs that are given in Python, are written into files that are called
        after it.

    Returns
    -------
    list of str
        From ``run`` on; the request's own command where it has one.
    """
    if request.command:
        return list(request.command)
    words = ["run", _input(request, Path(beside)), str(request.out_dir)]
    words += _option("maps", request.maps) if request.maps else []
    if request.strategies is not None:
        path = Path(f"{os.fspath(beside)}.strategies.json")
        words += ["--strategies", str(write_json(path, request.strategies))]
    if request.denoise is not None:
        words += _denoise(request.denoise, Path(f"{os.fspath(beside)}.denoise.json"))
    for name, declared in parameters_of(CohortRequest).items():
        value = getattr(request, name)
        if name not in OTHERWISE and value not in (declared.default, ()):
            words += _option(name, value)
    return words


def _denoise(said: Sequence[str | Mapping[str, Any]], path: Path) -> list[str]:
    """Say strategies by their names, and write the others into a file."""
    own = [item for item in said if not isinstance(item, str)]
    words = ["--denoise", *(item for item in said if isinstance(item, str))]
    return [*words, str(write_json(path, own))] if own else words


def _option(name: str, value: Any) -> list[str]:
    """Say one value."""
    option = f"--{name.replace('_', '-')}"
    if name == "standardize" and isinstance(value, bool):
        value = "zscore_sample" if value else None
    if name == "filter" and value is False:
        value = None
    if isinstance(value, bool):
        return [option if value else f"--no-{option[2:]}"]
    if isinstance(value, list | tuple):
        return [option, *("n/a" if part is None else str(part) for part in value)]
    return [option, "none" if value is None else str(value)]


def _input(request: CohortRequest, beside: Path) -> str:
    """Give the table, image or pattern, or write a table of what is given in Python."""
    if isinstance(request.input, str):
        return request.input
    rows = [
        {
            "run_id": run.run_id,
            "in_file": Path(run.in_file).absolute(),
            "confounds": ";".join(str(Path(path).absolute()) for path in run.confounds),
            "sample_mask": run.sample_mask and Path(run.sample_mask).absolute(),
            "mask": run.mask and Path(run.mask).absolute(),
            "t_r": run.t_r,
        }
        for run in collect_runs(request).runs
    ]
    return str(write_rows(f"{beside}.runs.tsv", rows, RUN_COLUMNS))
