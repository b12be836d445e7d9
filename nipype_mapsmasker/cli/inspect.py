# SPDX-License-Identifier: Apache-2.0
"""The command ``inspect``: the runs of an input, and what they lack, without running them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from nipype_mapsmasker.cli.run import selection_of
from nipype_mapsmasker.cli.screen import counted
from nipype_mapsmasker.cohort.folder import FolderRuns, space_of_run
from nipype_mapsmasker.cohort.inputs import collect_runs
from nipype_mapsmasker.cohort.request import InputRequest, RunSpec
from nipype_mapsmasker.core.parameters import STRATEGY, parameter, parameters_of
from nipype_mapsmasker.core.parameters.denoising import denoising_strategies
from nipype_mapsmasker.errors import DataFault
from nipype_mapsmasker.io.images.headers import read_info
from nipype_mapsmasker.io.sidecars import read_sidecar
from nipype_mapsmasker.io.strategies import read_strategies
from nipype_mapsmasker.io.tables.rows import write_rows
from nipype_mapsmasker.io.tables.runs import RUN_COLUMNS
from nipype_mapsmasker.io.timing import RepetitionTime, resolve_t_r

__all__ = ["inspect"]

N_THREADS = 8
"""Images that are looked at at a time: network file systems answer slowly, not rarely."""


@dataclass(frozen=True, kw_only=True)
class _InspectRequest(InputRequest):
    """An input, and the strategies of denoising by whose needs it is looked at."""

    denoise: Sequence[str] | None = parameter(None, "strategies; None needs tables of confounds")

    def lacks_confounds(self) -> bool:
        """Tell whether a run without a table of confounds lacks something."""
        if self.denoise is None:
            return True
        cleaning = [name for source in STRATEGY for name in parameters_of(source)]
        strategies = denoising_strategies(read_strategies(self.denoise), cleaning).values()
        return any(
            strategy.needs_table and words.get("missing_confounds", "error") == "error"
            for strategy, words in strategies
        )


@dataclass(frozen=True)
class _Seen:
    """What was seen of a run: shape, repetition time and its file, or what is wrong with it."""

    run: RunSpec
    shape: str = ""
    t_r: RepetitionTime | None = None
    fault: str = ""
    place: str = ""


def inspect(arguments: argparse.Namespace) -> int:
    """
    Run the command.

    Parameters
    ----------
    arguments : argparse.Namespace
        Of the command ``inspect``.

    Returns
    -------
    int
        The exit code; 1 where a run lacks something.
    """
    request = _InspectRequest(
        input=arguments.input,
        mask=arguments.mask,
        t_r=arguments.t_r,
        denoise=arguments.denoise,
        **selection_of(arguments),
    )
    found = collect_runs(request)
    with ThreadPoolExecutor(N_THREADS) as pool:
        seen = list(pool.map(_look, found.runs))
    _show(request, found, seen)
    if arguments.write_table is not None:
        _write_table(Path(arguments.write_table), seen)
    return 1 if any(one.fault for one in seen) else 0


def _look(run: RunSpec) -> _Seen:
    """Look at a run's header and sidecars."""
    try:
        info = read_info(run.in_file)
        t_r = resolve_t_r(run.in_file, info.t_r, run.t_r, info.n_volumes)
    except DataFault as fault:
        return _Seen(run, fault=run.fault or str(fault))
    shape = " x ".join(str(size) for size in info.grid.shape)
    shape = f"{shape} voxels, {info.n_volumes} volumes"
    place = ""
    if t_r.origin == "sidecar":
        _, sources = read_sidecar(run.in_file)
        file = sources.get("RepetitionTime") or sources.get("VolumeTiming")
        # Beside the image's own path, which may be relative to where the user is.
        is_near = file is not None and Path.cwd() in file.parents
        place = "" if file is None else f" {file.relative_to(Path.cwd()) if is_near else file}"
    return _Seen(run, shape, t_r, run.fault or t_r.problem, place)


def _show(request: InputRequest, found: FolderRuns, seen: list[_Seen]) -> None:
    """List every run, and those that were left out."""
    faulty = [one for one in seen if one.fault]
    given = request.input
    what = counted(len(given), "image") if isinstance(given, list | tuple) else str(given)
    print(f"{what}: {counted(len(seen), 'run')}, {len(faulty)} of them lacking something")
    for name in ("confounds", "mask"):
        n_have = sum(bool(getattr(one.run, name)) for one in seen)
        print(f"{name}: {n_have} of {len(seen)} runs")
    for one in seen:
        run = one.run
        print(f"\n{run.run_id}")
        print(f"  image      {run.in_file}" + (f" ({one.shape})" if one.shape else ""))
        print(f"  space      {space_of_run(run) or 'not told by the name'}")
        print(f"  mask       {run.mask or 'none'}")
        print(f"  confounds  {', '.join(run.confounds) or 'none'}")
        if one.t_r is not None and one.t_r.seconds is not None:
            print(f"  t_r        {one.t_r.seconds:g} s, by its {one.t_r.origin}{one.place}")
        for text in one.t_r.warnings if one.t_r is not None else ():
            print(f"  warning    {text}")
        if one.fault:
            print(f"  MISSING    {one.fault}")
    if found.left_out:
        print(f"\n{counted(len(found.left_out), 'run')} left out:")
        for left in found.left_out:
            print(f"  {left.name}: {left.reason}")


def _write_table(path: Path, seen: list[_Seen]) -> None:
    """Write the runs that lack nothing as a table of runs."""
    rows = [
        {
            "run_id": one.run.run_id,
            "in_file": Path(one.run.in_file).absolute(),
            "confounds": ";".join(str(Path(file).absolute()) for file in one.run.confounds)
            or None,
            "sample_mask": one.run.sample_mask and Path(one.run.sample_mask).absolute(),
            "mask": one.run.mask and Path(one.run.mask).absolute(),
            "t_r": one.t_r.seconds if one.t_r is not None else None,
        }
        for one in seen
        if not one.fault
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_rows(path, rows, RUN_COLUMNS)
    n_faulty = len(seen) - len(rows)
    left = f"; {n_faulty} that lack something are not in it" if n_faulty else ""
    print(f"\nwrote {path}: {counted(len(rows), 'run')}{left}")
