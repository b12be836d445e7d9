# SPDX-License-Identifier: Apache-2.0
"""The plan: what would be done for every run, and every fault that headers and tables show."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from nipype_mapsmasker import __version__
from nipype_mapsmasker.cohort.checks import (
    TableChecks,
    check_file_names,
    check_memory,
    memory_limit_gb,
)
from nipype_mapsmasker.cohort.estimate import Estimate, estimate_cohort
from nipype_mapsmasker.cohort.known import KnownRun, known_run, look_at, read_known
from nipype_mapsmasker.cohort.request import CohortRequest, RunSpec
from nipype_mapsmasker.core.grids import Grid
from nipype_mapsmasker.core.parameters import ALGORITHM, MaskerParameters
from nipype_mapsmasker.errors import ImageFileError, ParameterError, TableError
from nipype_mapsmasker.io.bids.candidates import LeftOut
from nipype_mapsmasker.io.images.reader import ImageInfo, read_info
from nipype_mapsmasker.io.maps import MapsImage, open_maps
from nipype_mapsmasker.io.places import is_utf8
from nipype_mapsmasker.io.results.faults import reason_of, strategy_reason
from nipype_mapsmasker.io.results.layout import run_files
from nipype_mapsmasker.io.results.manifests import Manifest, make_key, make_run_key, read_manifest
from nipype_mapsmasker.io.sidecars import checksum, fingerprint
from nipype_mapsmasker.io.tables.fmriprep import tables_with_metadata
from nipype_mapsmasker.io.timing import RepetitionTime, resolve_t_r

__all__ = ["Atlas", "Plan", "PlannedRun", "make_plan", "renew_states"]

RUNS_AT_A_TIME = 32
"""Runs that a thread looks at before it takes others: handing over costs time, too."""

N_THREADS = 8
"""Runs that are looked at at a time: network file systems answer slowly, not rarely."""

WAITING = 0.75
"""Share of time that is spent waiting for files, from which on threads are worth their while."""


@dataclass(frozen=True, eq=False)
class Atlas:
    """
    Hold one atlas of the plan.

    Parameters
    ----------
    name : str
        Its name in the results.
    maps : MapsImage
        Its maps.
    labels_file : str or None
        Table of their names.
    names : list of str
        The names.
    identity : str
        Checksums of both files.
    """

    name: str
    maps: MapsImage
    labels_file: str | None
    names: list[str]
    identity: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedRun:
    """
    Hold what is known of a run before it is read.

    Parameters
    ----------
    run : RunSpec
        What the user says.
    state : {'todo', 'clean', 'done', 'fault'}
        To be extracted; only to be cleaned again; up to date; at fault.
    reason : str
        Why it, or some of its strategies, is at fault.
    step : str
        What found the fault.
    grid : Grid or None
        Of its image.
    n_volumes : int
        Its number of volumes.
    t_r : RepetitionTime or None
        Its repetition time.
    key, extraction_key : str
        What its results, and its raw signals, depend on.
    manifest : Manifest or None
        The record of earlier results.
    look : str
        What all this was found of; empty where that cannot be told.
    """

    run: RunSpec
    state: str
    reason: str = ""
    step: str = ""
    grid: Grid | None = None
    n_volumes: int = 0
    t_r: RepetitionTime | None = None
    key: str = ""
    extraction_key: str = ""
    manifest: Manifest | None = None
    look: str = ""

    def manifest_file(self, out_dir: Path) -> Path:
        """Name its manifest, which is known where it was read."""
        if self.manifest is not None:
            return self.manifest.path
        return run_files(out_dir, self.run.run_id).manifest

    def known(self) -> KnownRun | None:
        """Give what later plans may take over; nothing where a fault was found."""
        if self.reason or not self.look or self.grid is None or self.t_r is None:
            return None
        return KnownRun(
            self.look, self.key, self.extraction_key, self.grid, self.n_volumes, self.t_r
        )


@dataclass(frozen=True, kw_only=True)
class Plan:
    """
    Hold the plan of a cohort.

    Parameters
    ----------
    out_dir : Path
        The result folder.
    params : MaskerParameters
        The parameters.
    atlases : list of Atlas
        The atlases.
    runs : list of PlannedRun
        The runs, in the user's order.
    estimate : Estimate
        Memory and disk that the open runs take.
    left_out : tuple of LeftOut
        Source runs of a BIDS folder that are not among the runs.
    is_folder : bool
        The runs are those of a BIDS folder.
    """

    out_dir: Path
    params: MaskerParameters
    atlases: list[Atlas]
    runs: list[PlannedRun] = field(default_factory=list)
    estimate: Estimate = field(default_factory=Estimate)
    left_out: tuple[LeftOut, ...] = ()
    is_folder: bool = False

    def having(self, *states: str) -> list[PlannedRun]:
        """List the runs in some states."""
        return [run for run in self.runs if run.state in states]

    def known(self) -> dict[str, KnownRun]:
        """Give what later plans may take over, by run."""
        return {one.run.run_id: known for one in self.runs if (known := one.known())}


_Found = tuple[PlannedRun, ImageInfo | None]
"""A run's plan, and its header, where that was read."""


def make_plan(request: CohortRequest, runs: Sequence[RunSpec]) -> Plan:
    """
    Look at everything but the images' voxels.

    Parameters
    ----------
    request : CohortRequest
        The request.
    runs : sequence of RunSpec
        The runs.

    Returns
    -------
    Plan
        One entry per run.

    Raises
    ------
    DataFault
        The maps or the shared mask cannot be used; or, with ``on_error='raise'``, the first
        fault of any run.
    ParameterError
        Options that do not go together.
    """
    out_dir, params = Path(request.out_dir), request.masker()
    limit_gb = memory_limit_gb(request)
    atlases = _open_atlases(request, limit_gb)
    if request.mask is not None:
        check_memory(read_info(request.mask), limit_gb)
    if params.resampling_target == "mask" and not all(run.mask for run in runs):
        msg = (
            "resampling_target='mask' needs a mask (mask_img) for every run, and "
            f"{next(run.run_id for run in runs if not run.mask)} has none; give --mask, or choose "
            "another --resampling-target."
        )
        raise ParameterError(msg)
    planner = _Planner(out_dir, params, atlases, limit_gb)
    looked_at = _in_turn_or_together(planner.look_at, runs)
    planned = [one for one, _ in looked_at]
    check_file_names(out_dir, params, [one.run.run_id for one in planned])
    opened = [
        (info, one.run.mask) for one, info in looked_at if info and one.state in ("todo", "clean")
    ]
    estimate = estimate_cohort(
        [info for info, _ in opened],
        [atlas.maps for atlas in atlases],
        params,
        [mask for _, mask in opened],
    )
    return Plan(out_dir=out_dir, params=params, atlases=atlases, runs=planned, estimate=estimate)


def _in_turn_or_together(
    look_at: Callable[[RunSpec], _Found], runs: Sequence[RunSpec]
) -> list[_Found]:
    """
    Look at runs, several at a time where that spares waiting.

    Where files answer at once, threads take turns for the interpreter's lock, and all of them
    together need three times as long as one.
    """
    first, others = runs[:RUNS_AT_A_TIME], runs[RUNS_AT_A_TIME:]
    start, worked = time.perf_counter(), time.thread_time()
    found = [look_at(run) for run in first]
    waited = (time.perf_counter() - start) - (time.thread_time() - worked)
    if waited < WAITING * (time.perf_counter() - start):
        return [*found, *map(look_at, others)]
    with ThreadPoolExecutor(N_THREADS) as pool:
        parts = [
            others[start : start + RUNS_AT_A_TIME]
            for start in range(0, len(others), RUNS_AT_A_TIME)
        ]
        together = pool.map(lambda some: [look_at(run) for run in some], parts)
        return [*found, *(one for part in together for one in part)]


def renew_states(plan: Plan) -> Plan:
    """
    Look at the result folder again, once nobody else can change it.

    Parameters
    ----------
    plan : Plan
        The plan, made before the folder was held.

    Returns
    -------
    Plan
        The same, with every run's state as it is now.
    """
    runs = []
    for planned in plan.runs:
        if planned.state == "fault":
            runs.append(planned)
            continue
        path = planned.manifest_file(plan.out_dir)
        manifest = read_manifest(path, planned.key, planned.extraction_key, known=planned.manifest)
        now = replace(planned, manifest=manifest)
        runs.append(replace(now, state=_state(now, plan.out_dir, plan.params)))
    return replace(plan, runs=runs)


def _open_atlases(request: CohortRequest, limit_gb: float) -> list[Atlas]:
    """Look at the maps and their names."""
    atlases = []
    labels = request.labels or [None] * len(request.maps)
    for name, image, table in zip(request.atlases, request.maps, labels, strict=True):
        path = str(image)
        check_memory(read_info(path), limit_gb)
        maps = open_maps(path)
        labels_file = None if table is None else str(table)
        identity = checksum(path) + ("" if labels_file is None else checksum(labels_file))
        atlases.append(Atlas(name, maps, labels_file, maps.names(labels_file), identity))
    return atlases


class _Planner:
    """Looks at one run after the other, for one request."""

    def __init__(
        self, out_dir: Path, params: MaskerParameters, atlases: Sequence[Atlas], limit_gb: float
    ) -> None:
        self._out_dir = out_dir
        self._params = params
        self._limit_gb = limit_gb
        self._shared = {
            "algorithm": ALGORITHM,
            "atlases": [[atlas.name, atlas.identity] for atlas in atlases],
            **params.extraction(),
        }
        self._each = {name: make_key({name: own}) for name, own in params.each_strategy().items()}
        self._after = params.after_extraction()
        self._tables = TableChecks(params)
        self._known = read_known(out_dir)
        self._wanted = make_key(
            {"version": __version__, "each": self._each, "after": self._after, **self._shared}
        )

    def look_at(self, run: RunSpec) -> _Found:
        """Plan a run, and give its header where that was read."""
        look = "" if run.fault else look_at(run, self._wanted)
        known = known_run(self._known.get(run.run_id), look)
        if known is not None:
            names = ("look", "key", "extraction_key", "grid", "n_volumes", "t_r")
            planned = self._compare(run, **{name: getattr(known, name) for name in names})
            if planned.state == "done":
                return planned, None
        try:
            return self._read(run, look)
        except Exception as error:
            # Whatever is wrong with a run, foreseen or not, is its own and costs no other.
            if self._params.on_error == "raise":
                raise
            reason = reason_of(error, run.in_file)
            return PlannedRun(run=run, state="fault", reason=reason, step="Plan"), None

    def _read(self, run: RunSpec, look: str) -> _Found:
        """Plan a run from its files."""
        params = self._params
        if run.fault:
            raise TableError(run.fault)
        _check_bytes(run)
        info = read_info(run.in_file)
        check_memory(info, self._limit_gb)
        t_r = resolve_t_r(run.in_file, info.t_r, run.t_r, info.n_volumes)
        faults = self._tables.faults(run, info, t_r)
        if faults and (params.on_error == "raise" or len(faults) == len(params.cleanings())):
            raise next(iter(faults.values()))
        mask = run.mask and _mask_identity(run.mask, self._limit_gb, fingerprint(run.mask))
        tables = {
            "confounds": [checksum(path) for path in tables_with_metadata(run.confounds)],
            "sample_mask": run.sample_mask and checksum(run.sample_mask),
        }
        extraction_key = make_key(
            {**self._shared, "image": fingerprint(run.in_file), "mask": mask}
        )
        depends = {"extraction": extraction_key, "t_r": t_r.seconds, "tables": tables}
        planned = self._compare(
            run,
            reason=" ".join(strategy_reason(name, str(fault)) for name, fault in faults.items()),
            grid=info.grid,
            n_volumes=info.n_volumes,
            t_r=t_r,
            key=make_run_key(depends | self._after, self._each),
            extraction_key=extraction_key,
            look=look,
        )
        return planned, info

    def _compare(self, run: RunSpec, **found: Any) -> PlannedRun:
        """Compare what was found of a run with what is in the result folder."""
        path = run_files(self._out_dir, run.run_id).manifest
        manifest = read_manifest(path, found["key"], found["extraction_key"])
        planned = PlannedRun(run=run, state="todo", manifest=manifest, **found)
        state = _state(planned, self._out_dir, self._params)
        return planned if state == "todo" else replace(planned, state=state)


def _state(planned: PlannedRun, out_dir: Path, params: MaskerParameters) -> str:
    """Compare a run with what is in the result folder."""
    manifest = planned.manifest
    if manifest is None or manifest.extraction_key != planned.extraction_key:
        return "todo"
    if manifest.key == planned.key and not manifest.failed and manifest.is_whole():
        return "done"
    names = run_files(out_dir, planned.run.run_id)
    raw = [names.mean]
    for atlas in params.atlases:
        raw += [names.raw(atlas), names.coverage(atlas), names.fit_quality(atlas)]
    return "clean" if manifest.is_whole(raw) else "todo"


def _check_bytes(run: RunSpec) -> None:
    """Refuse paths that Nipype cannot work with."""
    for path in (run.in_file, *run.confounds, run.sample_mask, run.mask):
        if path is not None and not is_utf8(path):
            msg = f"{path!r} is no UTF-8, which Nipype needs of every path; rename the file."
            raise ImageFileError(msg)


@lru_cache(maxsize=4096)
def _mask_identity(path: str, limit_gb: float, _now: str) -> str:
    """Give a mask's checksum, once for all runs that share it, as long as it stays as it is."""
    check_memory(read_info(path), limit_gb)
    return checksum(path)
