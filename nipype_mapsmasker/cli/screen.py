# SPDX-License-Identifier: Apache-2.0
"""What the user reads: the plan before, the progress, and the summary after."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from nipype_mapsmasker.cohort.plan import Plan, PlannedRun
from nipype_mapsmasker.cohort.progress import ProgressEvent
from nipype_mapsmasker.cohort.run import CohortResult
from nipype_mapsmasker.cohort.slices import ArrayScript
from nipype_mapsmasker.core.grids import Grid, voxel_sizes
from nipype_mapsmasker.io.bids.candidates import LeftOut
from nipype_mapsmasker.io.results.locking import NOTICES

__all__ = [
    "counted",
    "set_logs",
    "show_array",
    "show_plan",
    "show_progress",
    "show_summary",
]

MAX_LINES = 20
"""Runs or faults that are listed one by one; a dry run lists all."""

PLAIN_SECS = 30.0
"""Least time between two lines that a log file gets, but for the last."""

BAR = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}{postfix}]"  # noqa: E501
"""Share, runs that ended, time gone and left, rate, how they ended."""

_STATES = {
    "todo": "to do",
    "clean": "to clean again",
    "done": "up to date",
    "fault": "at fault",
}


def counted(number: int, noun: str) -> str:
    """
    Say how many there are of something.

    Parameters
    ----------
    number : int
        How many.
    noun : str
        Of what, in the singular.

    Returns
    -------
    str
        Such as "1 run" and "3 runs".
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def set_logs(*, verbose: bool, quiet: bool) -> None:
    """
    Say which log lines go to the screen: none, or with ``-v`` all, Nipype's included.

    Parameters
    ----------
    verbose, quiet : bool
        The options.
    """
    own = logging.getLogger("nipype_mapsmasker")
    own.setLevel(logging.DEBUG if verbose else logging.ERROR if quiet else logging.INFO)
    own.propagate = verbose
    notices = logging.getLogger(NOTICES)
    notices.handlers = [] if verbose or quiet else [_Notices(logging.WARNING)]


class _Notices(logging.Handler):
    """Shows what the user has to know while a call is at work."""

    def emit(self, record: logging.LogRecord) -> None:
        """Show a line."""
        _say(sys.stderr, record.getMessage())


def show_plan(plan: Plan, plugin: str, to: TextIO, *, is_dry: bool = False) -> None:
    """
    Say what will be done.

    Parameters
    ----------
    plan : Plan
        The plan.
    plugin : str
        The engine.
    to : TextIO
        Where the lines go.
    is_dry : bool
        List every run.
    """
    counts = Counter(run.state for run in plan.runs)
    states = ", ".join(
        f"{counts[state]} {text}" for state, text in _STATES.items() if counts[state]
    )
    _say(to, f"{counted(len(plan.runs), 'run')}: {states}")
    if plan.left_out or plan.is_folder:
        for line in _of_folder(plan):
            _say(to, line)
    for atlas in plan.atlases:
        shape = " x ".join(str(size) for size in atlas.maps.grid.shape)
        _say(
            to,
            f"atlas {atlas.name}: {counted(atlas.maps.n_maps, 'map')}, {shape} voxels, "
            f"{atlas.maps.path}",
        )
    given = (
        {}
        if plan.is_folder
        else {
            "confounds for": sum(bool(planned.run.confounds) for planned in plan.runs),
            "masks for": sum(planned.run.mask is not None for planned in plan.runs),
            "sample masks for": sum(planned.run.sample_mask is not None for planned in plan.runs),
        }
    )
    if given:
        _say(to, ", ".join(f"{name} {number}" for name, number in given.items()) + " of the runs")
    for text, number in _grids(plan).items():
        _say(to, f"grid {text}: {counted(number, 'run')}")
    estimate = plan.estimate
    if estimate.extract_gb:
        _say(
            to,
            f"memory at most {estimate.extract_gb:.2g} GB per extraction and "
            f"{estimate.fit_gb:.2g} GB per fit; disk about {estimate.out_gb:.2g} GB of results "
            f"and {estimate.work_gb:.2g} GB of work for {estimate.n_fits} fits",
        )
    _say(to, f"engine {plugin}, results in {plan.out_dir}")
    if is_dry:
        for run in plan.runs:
            _say(to, _line(run))
        return
    faulty = [run for run in plan.runs if run.reason]
    for run in faulty[:MAX_LINES]:
        _say(to, _line(run))
    if len(faulty) > MAX_LINES:
        _say(to, f"... and {len(faulty) - MAX_LINES} more runs at fault")


@contextmanager
def show_progress(*, quiet: bool) -> Iterator[Callable[[ProgressEvent], None] | None]:
    """
    Show how far a cohort is on stderr: a bar on a terminal, plain lines elsewhere.

    Parameters
    ----------
    quiet : bool
        Show nothing.

    Yields
    ------
    callable or None
        For `run_cohort`.
    """
    if quiet:
        yield None
    elif not sys.stderr.isatty():
        yield _PlainLines()
    else:
        bar = _Bar()
        try:
            yield bar
        finally:
            bar.close()


class _PlainLines:
    """Lines that a log file can hold."""

    def __init__(self) -> None:
        self._last = 0.0

    def __call__(self, event: ProgressEvent) -> None:
        """Write a line, unless the last was written just now."""
        if event.reached < event.total and event.seconds - self._last < PLAIN_SECS:
            return
        self._last = event.seconds
        rate = event.reached / max(event.seconds, 1e-3)
        left = (event.total - event.reached) / rate if rate else 0.0
        _say(
            sys.stderr,
            f"{event.what}: {event.reached} of {event.total}; {event.done} done, "
            f"{event.failed} failed; {rate:.1f} a second, {left:.0f} s left",
        )


class _Bar:
    """A bar that moves, begun by the first event."""

    def __init__(self) -> None:
        self._bar: Any = None

    def __call__(self, event: ProgressEvent) -> None:
        """Move the bar."""
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(
                total=event.total,
                unit="run",
                file=sys.stderr,
                dynamic_ncols=True,
                bar_format=BAR,
            )
        self._bar.set_description(event.what, refresh=False)
        self._bar.set_postfix_str(f"{event.done} done, {event.failed} failed", refresh=False)
        self._bar.update(event.reached - self._bar.n)

    def close(self) -> None:
        """Leave the line."""
        if self._bar is not None:
            self._bar.close()


def show_summary(result: CohortResult, to: TextIO, *, quiet: bool = False) -> None:
    """
    Say how it went.

    Parameters
    ----------
    result : CohortResult
        The result.
    to : TextIO
        Where the lines go.
    quiet : bool
        Say which runs failed, and nothing else.
    """
    failed, partly = result.having("failed"), result.having("incomplete")
    n_done = len(result.having("done"))
    n_left = len(result.runs) - n_done - len(failed) - len(partly)
    n_kept = len(result.plan.having("done"))
    left = f", {n_left} not reached" if n_left else ""
    if quiet and not failed and not partly and not n_left:
        return
    some = f", {len(partly)} by some strategies only" if partly else ""
    _say(
        to,
        f"{counted(n_done - n_kept, 'run')} done{some}, {n_kept} "
        f"{'was' if n_kept == 1 else 'were'} up to date, {len(failed)} failed{left}",
    )
    for run in [*failed, *partly][:MAX_LINES]:
        told = "failed" if run in failed else "failed in part"
        _say(to, f"{told}: {run.run_id}: {run.reason}")
    if len(failed) + len(partly) > MAX_LINES:
        n_more = len(failed) + len(partly) - MAX_LINES
        _say(to, f"... and {n_more} more, see {result.runs_file}")
    if quiet:
        return
    if result.plan.left_out:
        _say(to, _left_out(result.plan.left_out))
    warned = [run for run in result.runs if run.warnings]
    if warned:
        _say(to, f"warnings of {counted(len(warned), 'run')}, for instance: {warned[0].warnings}")
    _say(to, f"results: {result.out_dir}; table: {result.out_dir / 'runs.tsv'}")
    if result.cohort_page is not None:
        _say(to, f"pages: {result.cohort_page}")
        _show_verdicts(result, to)


def _show_verdicts(result: CohortResult, to: TextIO) -> None:
    """Say what the verdicts on the runs of this call come to."""
    from nipype_mapsmasker.io.tables.rows import read_rows
    from nipype_mapsmasker.reports.qc import verdict_line

    table = result.out_dir / "qc.tsv"
    if table.is_file():
        called = {run.run_id for run in result.runs}
        _say(to, verdict_line(row for row in read_rows(table) if row["run_id"] in called))


def show_array(array: ArrayScript) -> None:
    """
    Say which script was written, and how to submit it.

    Parameters
    ----------
    array : ArrayScript
        The script.
    """
    _say(
        sys.stdout,
        f"wrote {array.path}: {counted(array.n_tasks, 'task')} of up to "
        f"{counted(array.batch_size, 'run')}; submit it by\n  {array.submit}",
    )


def _of_folder(plan: Plan) -> Iterator[str]:
    """Say what the runs of a BIDS folder have, and which of its runs are left out."""
    total = len(plan.runs)
    n_tables = sum(bool(run.run.confounds) for run in plan.runs)
    yield f"confounds: {n_tables} of {total} runs" if n_tables else "confounds: none are used"
    yield f"brain mask: {sum(bool(run.run.mask) for run in plan.runs)} of {total} runs"
    if plan.left_out:
        yield _left_out(plan.left_out)


def _left_out(left_out: Sequence[LeftOut]) -> str:
    """Say how many runs are left out, and for each reason which."""
    by_reason: dict[str, list[str]] = {}
    for one in left_out:
        by_reason.setdefault(one.reason, []).append(one.name)
    texts = []
    for reason, names in by_reason.items():
        more = f", and {len(names) - MAX_LINES} more" if len(names) > MAX_LINES else ""
        texts.append(f"{', '.join(names[:MAX_LINES])}{more} ({reason})")
    return f"{counted(len(left_out), 'run')} left out: {'; '.join(texts)}"


def _grids(plan: Plan) -> Counter[str]:
    """Count the runs of each shape and voxel size."""
    grids: Counter[Grid] = Counter()  # one object for all runs on it, as a rule
    for run in plan.runs:
        if run.grid is not None:
            grids[run.grid] += 1
    texts: Counter[str] = Counter()
    for grid, number in grids.items():
        shape = " x ".join(str(size) for size in grid.shape)
        sizes = " x ".join(f"{size:.3g}" for size in voxel_sizes(grid))
        texts[f"{shape} ({sizes} mm)"] += number
    return texts


def _line(run: PlannedRun) -> str:
    """Describe one run of the plan."""
    text = f"{run.run.run_id}: {_STATES[run.state]}"
    if run.state == "fault":
        return f"{text}: {run.reason}"
    if run.grid is None or run.t_r is None:
        return text
    t_r = "unknown" if run.t_r.seconds is None else f"{run.t_r.seconds:g} s ({run.t_r.origin})"
    shape = " x ".join(str(size) for size in run.grid.shape)
    warnings = "".join(f" Warning: {sentence}" for sentence in run.t_r.warnings)
    fault = f" At fault: {run.reason}" if run.reason else ""
    return f"{text}, {shape} voxels, {run.n_volumes} volumes, t_r {t_r}.{fault}{warnings}"


def _say(to: TextIO, text: str | Path) -> None:
    """Write one line."""
    print(f"mapsmasker: {text}", file=to, flush=True)
