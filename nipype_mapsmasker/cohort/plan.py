# SPDX-License-Identifier: Apache-2.0
"""The plan: what would be done for every run, and every fault that headers and tables show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from nipype_mapsmasker.cohort.checks import check_memory, check_tables, memory_limit_gb
from nipype_mapsmasker.cohort.estimate import Estimate, estimate_cohort
from nipype_mapsmasker.cohort.request import CohortRequest, RunSpec
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
from nipype_mapsmasker.io.timing import RepetitionTime, resolve_t_r

__all__ = ["Atlas", "Plan", "PlannedRun", "make_plan", "renew_states"]

MAX_FILE_BYTES = 255
"""Longest name of a file."""

RUNS_AT_A_TIME = 32
"""Runs that a thread looks at before it takes others: handing over costs time, too."""

N_THREADS = 8
"""Runs that are looked at at a time: network file systems answer slowly, not rarely."""


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


@dataclass(frozen=True, kw_only=True)
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
    info : ImageInfo or None
        Its header.
    t_r : RepetitionTime or None
        Its repetition time.
    key, extraction_key : str
        What its results, and its raw signals, depend on.
    manifest : Manifest or None
        The record of earlier results.
    """

    run: RunSpec
    state: str
    reason: str = ""
    step: str = ""
    info: ImageInfo | None = None
    t_r: RepetitionTime | None = None
    key: str = ""
    extraction_key: str = ""
    manifest: Manifest | None = None


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
    shared = {
        "algorithm": ALGORITHM,
        "atlases": [[atlas.name, atlas.identity] for atlas in atlases],
        **params.extraction(),
    }
    each = {name: make_key({name: own}) for name, own in params.each_strategy().items()}
    made = params.after_extraction(), each

    def look_at(some: Sequence[RunSpec]) -> list[PlannedRun]:
        return [_plan_run(run, out_dir, params, shared, made, limit_gb) for run in some]

    parts = [runs[start : start + RUNS_AT_A_TIME] for start in range(0, len(runs), RUNS_AT_A_TIME)]
    with ThreadPoolExecutor(N_THREADS) as pool:
        looked_at = [planned for part in pool.map(look_at, parts) for planned in part]
    _check_names(out_dir, params, looked_at)
    opened = [
        planned for planned in looked_at if planned.info and planned.state in ("todo", "clean")
    ]
    estimate = estimate_cohort(
        [planned.info for planned in opened if planned.info],
        [atlas.maps for atlas in atlases],
        params,
        [planned.run.mask for planned in opened],
    )
    return Plan(out_dir=out_dir, params=params, atlases=atlases, runs=looked_at, estimate=estimate)


def _check_names(out_dir: Path, params: MaskerParameters, runs: Sequence[PlannedRun]) -> None:
    """Refuse names that no file can have, before any work."""
    if not runs:
        return
    longest = max((planned.run.run_id for planned in runs), key=lambda name: len(_bytes(name)))
    names = run_files(out_dir, longest)
    for atlas in params.atlases:
        for strategy in params.cleanings():
            name = names.reconstruction(atlas, strategy).name
            if len(_bytes(name)) > MAX_FILE_BYTES:
                msg = (
                    f"The results of {longest!r} would be called {name!r}, "
                    f"{len(_bytes(name))} bytes long, and file systems take {MAX_FILE_BYTES}; "
                    "give shorter names to runs, atlases or strategies."
                )
                raise ParameterError(msg)


def _bytes(name: str) -> bytes:
    """Give a name as the file system sees it."""
    return name.encode("utf-8", "surrogateescape")


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
        path = run_files(plan.out_dir, planned.run.run_id).manifest
        manifest = read_manifest(path, planned.key, planned.extraction_key)
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


def _plan_run(
    run: RunSpec,
    out_dir: Path,
    params: MaskerParameters,
    shared: Mapping[str, Any],
    made: tuple[Mapping[str, Any], Mapping[str, Any]],
    limit_gb: float,
) -> PlannedRun:
    """Look at one run."""
    try:
        if run.fault:
            raise TableError(run.fault)
        _check_bytes(run)
        info = read_info(run.in_file)
        check_memory(info, limit_gb)
        t_r = resolve_t_r(run.in_file, info.t_r, run.t_r, info.n_volumes)
        faults = check_tables(run, info, params, t_r)
        if faults and (params.on_error == "raise" or len(faults) == len(params.cleanings())):
            raise next(iter(faults.values()))
        mask = (
            None if run.mask is None else _mask_identity(run.mask, limit_gb, fingerprint(run.mask))
        )
        tables = {
            "confounds": [_table_identity(path) for path in run.confounds],
            "sample_mask": run.sample_mask and _table_identity(run.sample_mask),
        }
    except Exception as error:
        # Whatever is wrong with a run, foreseen or not, is its own and costs no other.
        if params.on_error == "raise":
            raise
        return PlannedRun(
            run=run, state="fault", reason=reason_of(error, run.in_file), step="Plan"
        )
    extraction_key = make_key({**shared, "image": fingerprint(run.in_file), "mask": mask})
    after, each = made
    depends = {"extraction": extraction_key, "t_r": t_r.seconds, "tables": tables, **after}
    key = make_run_key(depends, each)
    planned = PlannedRun(
        run=run,
        state="todo",
        reason=" ".join(strategy_reason(name, str(fault)) for name, fault in faults.items()),
        info=info,
        t_r=t_r,
        key=key,
        extraction_key=extraction_key,
        manifest=read_manifest(run_files(out_dir, run.run_id).manifest, key, extraction_key),
    )
    return replace(planned, state=_state(planned, out_dir, params))


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


def _table_identity(path: str) -> str:
    """Give a table's checksum."""
    return checksum(path)
