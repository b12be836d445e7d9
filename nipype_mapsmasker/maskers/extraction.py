# SPDX-License-Identifier: Apache-2.0
"""
Runs to raw signals: by the steps in this process, or by a Nipype workflow of them.

The workflow has the cohort's interfaces, one `ExtractSignals` per run, and its plugins. What
follows is cheap and is done here, where confounds are arrays. A node is named by what it depends
on, so that in a working folder that is kept a run is found again whenever, in whatever order and
beside whatever other runs it comes.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker import errors
from nipype_mapsmasker.core.confounds import high_variance_confounds
from nipype_mapsmasker.core.parameters import ALGORITHM
from nipype_mapsmasker.errors import EngineError
from nipype_mapsmasker.io.images.reader import ImageInfo, iter_blocks, read_volumes
from nipype_mapsmasker.io.tables.rows import read_rows
from nipype_mapsmasker.io.tables.signals import read_signals
from nipype_mapsmasker.io.timing import T_R_WARNING
from nipype_mapsmasker.steps.extract import extract_run

__all__ = ["Engine", "RawRun", "extract_here", "extract_in_workflow"]

MEM_GB = 0.8
"""Memory of a step, for Nipype's schedulers."""

WORKFLOW = "maskers"
"""The workflow's name, and that of its folder."""

CONFOUNDS = "_high_variance"
"""What the name of a run's second node ends in."""

UNUSED_T_R_S = 1.0
"""Raw signals do not depend on the repetition time; given, it is not looked for in the files."""

LOGGER = logging.getLogger("nipype_mapsmasker.maskers")


@dataclass(frozen=True, kw_only=True)
class Engine:
    """
    Say how a workflow is run.

    Parameters
    ----------
    plugin : str
        'Linear', 'MultiProc', 'SLURM' or 'SLURMGraph'.
    n_procs : int
        Number of processes.
    plugin_args : dict or None
        Its further arguments.
    mem_gb : float or None
        Memory in GB; None is what is at hand.
    base_dir : Path or None
        Working folder that outlives the call, so that what is known is not done again; None
        takes a temporary one.
    """

    plugin: str
    n_procs: int
    plugin_args: dict[str, Any] | None = None
    mem_gb: float | None = None
    base_dir: Path | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class RawRun:
    """
    Hold what was extracted from one run.

    Parameters
    ----------
    info : ImageInfo
        The run.
    operator_file : Path
        What it was extracted with.
    signals : (T, K) ndarray of float
        Raw signals, of all maps.
    high_variance : (T, n) ndarray of float or None
        High-variance confounds.
    mean : (X, Y, Z) ndarray of float or None
        Mean image, for the pages.
    coverage_data : (K,) ndarray of float or None
        Share of each map's weight that had data.
    r_squared : (T,) ndarray of float or None
        Quality of the fit of every volume.
    fluctuation_r_squared : float or None
        Quality of the fit of the run's fluctuations.
    """

    info: ImageInfo
    operator_file: Path
    signals: NDArray[np.float64]
    high_variance: NDArray[np.float64] | None = None
    mean: NDArray[np.float64] | None = None
    coverage_data: NDArray[np.float64] | None = None
    r_squared: NDArray[np.float64] | None = None
    fluctuation_r_squared: float | None = None


def extract_here(
    info: ImageInfo, operator_file: Path, *, resample: bool, high_variance: bool
) -> RawRun:
    """
    Extract one run in this process.

    Parameters
    ----------
    info : ImageInfo
        The run.
    operator_file : Path
        The fitted maps.
    resample : bool
        Whether a run on another grid than the operator's is resampled, or refused.
    high_variance : bool
        Whether to find high-variance confounds.

    Returns
    -------
    RawRun
        Signals and what the pages need.
    """
    from nipype_mapsmasker.interfaces.base import blas_threads

    # As many threads as a worker has, so that n_jobs does not change the last digit.
    with blas_threads(1):
        run = extract_run(info, [operator_file], resample=resample, mean_squares=high_variance)
        found = None
        if high_variance:
            found = high_variance_confounds(
                lambda: iter_blocks(info), info.n_volumes, squares=run.mean_squares
            )
    for text in run.warnings:
        LOGGER.warning("%s", text)
    extraction = run.extractions[0]
    return RawRun(
        info=info,
        operator_file=operator_file,
        signals=extraction.signals,
        high_variance=found,
        mean=run.mean.reshape(info.grid.shape, order="F"),
        coverage_data=extraction.coverage_data,
        r_squared=extraction.r_squared,
        fluctuation_r_squared=extraction.fluctuation_r_squared,
    )


def extract_in_workflow(
    runs: Sequence[tuple[ImageInfo, Path]],
    engine: Engine,
    temporary: Path,
    *,
    resample: bool,
    high_variance: bool,
    for_pages: bool,
) -> list[RawRun]:
    """
    Extract runs by a Nipype workflow.

    Parameters
    ----------
    runs : sequence of (ImageInfo, Path)
        Each run with its fitted maps.
    engine : Engine
        How the workflow is run.
    temporary : Path
        Where runs were written that had no file.
    resample, high_variance : bool
        As in `extract_here`.
    for_pages : bool
        Whether mean image, coverage and quality of the fit are wanted too.

    Returns
    -------
    list of RawRun
        In the order of the runs.

    Raises
    ------
    EngineError
        The workflow broke down.
    """
    from nipype.interfaces.base import isdefined

    from nipype_mapsmasker.cohort.engine import logged

    options = {"resample": resample, "high_variance": high_variance}
    with _working_folder(engine.base_dir) as folder, logged(folder, "log.txt"):
        steps: dict[str, _Step] = {}
        names = []
        for info, operator_file in runs:
            step = _Step.of(info, operator_file, temporary, folder, options)
            names.append(step.name)
            steps.setdefault(step.name, step)  # the same run twice is extracted once
        outputs = _run(_build(steps, folder, **options), engine, folder)
        # Nipype does not look whether the files of a result that it knows are still there.
        lost = [name for name, found in outputs.items() if not isdefined(found.fault_file)]
        if lost:
            for name in lost:
                shutil.rmtree(folder / WORKFLOW / name)
            outputs = _run(_build(steps, folder, **options), engine, folder)
        return [
            _gathered(name, info, operator_file, outputs, for_pages=for_pages)
            for name, (info, operator_file) in zip(names, runs, strict=True)
        ]


@dataclass(frozen=True, kw_only=True)
class _Step:
    """One run as Nipype is to know it: by what its signals depend on."""

    name: str
    source: str
    in_file: Path
    operator_file: Path

    @classmethod
    def of(
        cls,
        info: ImageInfo,
        operator_file: Path,
        temporary: Path,
        folder: Path,
        options: Mapping[str, bool],
    ) -> _Step:
        """Name a run by its file, or by the content of one that was written for this call."""
        from nipype_mapsmasker.io.sidecars import checksum, run_identity

        path = info.path.absolute()
        if path.is_relative_to(temporary) and not folder.is_relative_to(temporary):
            source = checksum(path)
            os.utime(path, (0, 0))  # size and date are Nipype's key of a file
        else:
            source = run_identity(path)
        text = repr((ALGORITHM, source, operator_file.name, sorted(options.items())))
        key = hashlib.sha256(text.encode()).hexdigest()[:24]
        return cls(name=f"run_{key}", source=source, in_file=path, operator_file=operator_file)


def _build(steps: dict[str, _Step], folder: Path, *, resample: bool, high_variance: bool) -> Any:
    """Build the workflow: the interfaces of the cohort's, without what stores and draws."""
    from nipype.pipeline.engine import Node, Workflow

    from nipype_mapsmasker.interfaces import ExtractSignals, HighVarianceConfounds
    from nipype_mapsmasker.workflows.steps import CACHE_CONFIG

    workflow = Workflow(name=WORKFLOW, base_dir=str(folder))
    workflow.config = {key: dict(values) for key, values in CACHE_CONFIG.items()}
    for step in steps.values():
        shared = {
            "run_id": step.name,
            "in_file": str(step.in_file),
            "source": step.source,
            "on_error": "record",
        }
        extract = Node(
            ExtractSignals(
                **shared,
                operator_files=[str(step.operator_file)],
                resample=resample,
                save_mean_squares=high_variance,
                t_r=UNUSED_T_R_S,
            ),
            name=step.name,
            mem_gb=MEM_GB,
        )
        workflow.add_nodes([extract])
        if high_variance:
            found = Node(
                HighVarianceConfounds(**shared), name=f"{step.name}{CONFOUNDS}", mem_gb=MEM_GB
            )
            workflow.connect(extract, "mean_squares_file", found, "mean_squares_file")
            workflow.connect(extract, "fault_file", found, "upstream_fault")
    return workflow


def _run(workflow: Any, engine: Engine, folder: Path) -> dict[str, Any]:
    """Run the workflow; give the outputs of each node."""
    from nipype_mapsmasker.cohort.crashes import reason_of
    from nipype_mapsmasker.cohort.engine import crash_dir, make_plugin

    workflow.config["execution"]["crashdump_dir"] = str(crash_dir(folder))
    try:
        plugin = make_plugin(cast("Any", engine), _not_told, workflow)
        done = workflow.run(plugin=plugin)
    except Exception as error:
        reason = reason_of(error, crash_dir(folder))
        if reason == "KeyboardInterrupt":  # Linear takes it for a crash
            raise KeyboardInterrupt from error
        raise EngineError(reason) from error
    return {node.name: node.result.outputs for node in done.nodes()}


def _gathered(
    name: str,
    info: ImageInfo,
    operator_file: Path,
    outputs: dict[str, Any],
    *,
    for_pages: bool,
) -> RawRun:
    """Read what the workflow made of one run; raise the fault of its data."""
    extracted = outputs[name]
    last = outputs.get(f"{name}{CONFOUNDS}", extracted)
    if last.fault_file is not None:
        fault = json.loads(Path(last.fault_file).read_text(encoding="utf-8"))
        raise getattr(errors, fault["kind"], errors.DataFault)(fault["reason"])
    for text in extracted.messages:
        if not text.startswith(T_R_WARNING):
            LOGGER.warning("%s", text)
    more: dict[str, Any] = {}
    if last is not extracted:
        more["high_variance"] = read_signals(last.confounds_file)[0]
    if for_pages:
        rows = read_rows(extracted.coverage_file)
        known = [float(row["coverage_data"] or "nan") for row in rows]
        more["coverage_data"] = np.array(known)
        more["mean"] = read_volumes(extracted.mean_file, ndim=3)
        fit, columns = read_signals(extracted.fit_quality_file)
        more["r_squared"] = fit[:, columns.index("r_squared")]
        more["fluctuation_r_squared"] = float(fit[0, columns.index("fluctuation_r_squared")])
    signals = read_signals(extracted.signals_file)[0]
    return RawRun(info=info, operator_file=operator_file, signals=signals, **more)


@contextmanager
def _working_folder(kept: Path | None) -> Iterator[Path]:
    """Give the folder of the user, or a temporary one."""
    if kept is None:
        with tempfile.TemporaryDirectory(prefix="mapsmasker-work-") as folder:
            yield Path(folder)
    else:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept


def _not_told(node: Any, status: str) -> None:
    """Take no note of the nodes: the plugin wants somebody to tell."""
