# SPDX-License-Identifier: Apache-2.0
"""Nipype as an engine: configuration, logs, plugins, and going on after a crash of one run."""

from __future__ import annotations

import logging
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from nipype_mapsmasker.cohort.collecting import seldom_collected
from nipype_mapsmasker.cohort.crashes import (
    Crash,
    Watcher,
    find_crashes,
    reason_of,
    with_full_disks,
)
from nipype_mapsmasker.cohort.progress import Progress
from nipype_mapsmasker.cohort.request import CohortRequest
from nipype_mapsmasker.errors import EngineError, ParameterError
from nipype_mapsmasker.io.results.locking import NOTICES
from nipype_mapsmasker.io.trust import open_own, own_folder

__all__ = ["batch_size_of", "crash_dir", "logged", "make_plugin", "run_until_done"]

MAX_PASSES = 5
"""Attempts to finish the other runs after some crashed for reasons outside their data."""

MAX_BATCH = 25
"""Most runs of a batch, unless the user says otherwise: a node then costs less than 1 ms a run."""

BATCHES_PER_WORKER = (4, 8)
"""Batches that every worker gets where they come out even, and where not, if runs are enough."""

QUEUE_WORKERS = 50
"""Jobs of a cluster that are reckoned to run at a time."""

OWN_PLUGINS = ("MultiProc", "SLURM", "SLURMGraph")
"""Engines that are ours rather than Nipype's, mended."""

QUEUE_POLL_SECS = 10
"""Pause between two looks at a cluster's queue, by Nipype's own plugins."""

LOG_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND
"""How a log is opened: others may be writing to it, too."""

NIPYPE_LOGGERS = ("nipype.workflow", "nipype.interface", "nipype.utils")
"""Loggers that tell of every node."""

QUEUE_LOGGER = "nipype.workflow.queue"
"""Logger of the Slurm plugins that tells what keeps jobs from going on."""


@contextmanager
def logged(out_dir: Path, log_name: str) -> Iterator[None]:
    """
    Send log lines to a file below ``OUT/logs``, for a while.

    Parameters
    ----------
    out_dir : Path
        The result folder.
    log_name : str
        Name of the log file.

    Yields
    ------
    None
        While they are.

    Notes
    -----
    Nipype's own lines, some per run and step, go to the screen only where the package's logger is
    at the level DEBUG. All is as it was afterwards.
    """
    os.environ["NIPYPE_NO_ET"] = "1"
    from nipype import logging as nipype_logging

    stream = open_own(own_folder(out_dir / "logs") / log_name, LOG_FLAGS, mode="a")
    handler = _LogFile(stream)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s: %(message)s"))
    own = logging.getLogger("nipype_mapsmasker")
    theirs = [nipype_logging.getLogger(name) or logging.getLogger(name) for name in NIPYPE_LOGGERS]
    queue = logging.getLogger(QUEUE_LOGGER)
    before = [(log, log.handlers[:], log.level, log.propagate) for log in (own, queue, *theirs)]
    own.addHandler(handler)
    if own.level == logging.NOTSET:
        own.setLevel(logging.INFO)
    for log in theirs:
        if own.level != logging.DEBUG:
            log.handlers, log.propagate = [], False
        log.addHandler(handler)
    # What keeps a cluster's jobs from going on is for the user: without it the screen is silent.
    queue.handlers, queue.propagate = [_HandOn(logging.getLogger(NOTICES))], False
    queue.setLevel(logging.WARNING)  # also where a program keeps Nipype's loggers silent
    try:
        yield
    finally:
        for log, handlers, level, propagate in before:
            log.handlers, log.propagate = handlers, propagate
            log.setLevel(level)
        handler.close()
        with suppress(OSError):  # the disk is full
            stream.close()


class _HandOn(logging.Handler):
    """Hands the lines of one logger on to another."""

    def __init__(self, to: logging.Logger) -> None:
        super().__init__()
        self._to = to

    def emit(self, record: logging.LogRecord) -> None:
        """Hand a line on."""
        self._to.log(record.levelno, "%s", record.getMessage())


class _LogFile(logging.StreamHandler[TextIO]):
    """A log that a full disk cannot turn into tracebacks on the screen."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Lose the line: what is wrong is told by what fails besides."""


def crash_dir(out_dir: Path) -> Path:
    """
    Name the folder of this process's crash files.

    Parameters
    ----------
    out_dir : Path
        The result folder.

    Returns
    -------
    Path
        Its own, so that slices of one cohort do not read each other's.

    Notes
    -----
    Nipype's configuration takes no path with a percent sign or a line break: such a folder has a
    stand-in.
    """
    folder = (out_dir / "logs" / f"crashes-{os.getpid()}").absolute()
    if "%" in str(folder) or not str(folder).isprintable():
        folder = Path(tempfile.gettempdir(), f"mapsmasker-crashes-{os.getpid()}")
    return folder


@seldom_collected()
def make_plugin(request: CohortRequest, callback: Callable[..., None], workflow: Any) -> Any:
    """
    Make the execution plugin: one of ours, or Nipype's own where we have none.

    Parameters
    ----------
    request : CohortRequest
        With the engine's fields.
    callback : callable
        Told of every node that starts, ends or fails.
    workflow : Workflow
        What it will run; gets what a cluster has to know of its nodes.

    Returns
    -------
    plugin
        For ``Workflow.run``.
    """
    plugin_args: dict[str, Any] = {"status_callback": callback}
    if request.n_procs is not None:
        plugin_args["n_procs"] = request.n_procs
    if request.mem_gb is not None:
        plugin_args["memory_gb"] = request.mem_gb
    if request.plugin_args is not None:
        plugin_args |= dict(request.plugin_args)
    import nipype_mapsmasker.plugins as plugins

    if request.plugin not in OWN_PLUGINS:
        return _nipypes_own(request.plugin, plugin_args, workflow)
    if request.plugin == "SLURMGraph":
        # Nipype returns once all is submitted; what follows here needs the results.
        plugin_args.setdefault("wait", True)
        del plugin_args["status_callback"]
    # A node that asks for more than there is runs alone rather than not at all.
    plugin_args.setdefault("raise_insufficient", False)
    return getattr(plugins, f"{request.plugin}Plugin")(plugin_args=plugin_args)


def _nipypes_own(name: str, plugin_args: dict[str, Any], workflow: Any) -> Any:
    """Make a plugin of Nipype's, which takes what nodes need, and the pause, from the workflow."""
    import nipype.pipeline.plugins as nipype_plugins

    from nipype_mapsmasker.plugins.clusters import CLUSTERS, pass_resources

    plugin_args = pass_resources(workflow._get_all_nodes(), name, plugin_args)
    if name in CLUSTERS:
        seconds = plugin_args.pop("poll_sleep_duration", QUEUE_POLL_SECS)
        workflow.config["execution"]["poll_sleep_duration"] = seconds
    if name == "CondorDAGMan":
        # Nipype returns once all is submitted; what follows here needs the results.
        plugin_args.setdefault("block", True)
        del plugin_args["status_callback"]
    try:
        return getattr(nipype_plugins, f"{name}Plugin")(plugin_args=plugin_args)
    except ImportError as error:
        msg = f"Nipype's plugin {name} cannot be used here ({error}); choose another engine."
        raise ParameterError(msg) from error


def run_until_done(
    build: Callable[[list[str], int], Any],
    request: CohortRequest,
    run_ids: list[str],
    batches: Path,
    progress: Progress,
    crashed: dict[str, Crash],
    *,
    size: int = 1,
) -> None:
    """
    Run a workflow; where runs crash, run another one of those that were not reached.

    Parameters
    ----------
    build : callable
        Given runs and the size of their batches, builds the workflow.
    request : CohortRequest
        With the engine's fields.
    run_ids : list of str
        The runs.
    batches : Path
        Folder of the node that does batches of runs.
    progress : Progress
        Counts the runs.
    crashed : dict of str to Crash
        Is filled with the runs that crashed.
    size : int
        Runs of a batch.

    Raises
    ------
    EngineError
        Something else than single runs crashed, or ``on_error='raise'``.

    Notes
    -----
    A worker that is killed takes its batch along. The run that it was at is to blame; the others
    are tried again, each by itself, so that every further one that kills is found in one attempt.
    Where all runs crashed, as on a full disk, what they reached is left for the next call.
    """
    left = run_ids
    for attempt in range(MAX_PASSES):
        shutil.rmtree(batches, ignore_errors=True)  # it tells of earlier attempts and calls
        parts = [left[start : start + size] for start in range(0, len(left), size)]
        progress.begin(parts)
        watcher = Watcher(progress)
        workflow = build(left, size)
        try:
            workflow.run(plugin=make_plugin(request, watcher, workflow))
        except Exception as error:
            folder = crash_dir(Path(request.out_dir))
            found, ended = find_crashes(folder, batches, watcher, error, parts)
            places = [Path(request.out_dir).absolute(), request.work_folder]
            fresh = {
                name: replace(crash, reason=with_full_disks(crash.reason, places))
                for name, crash in found.items()
            }
            crashed |= fresh
            left = [run_id for run_id in left if run_id not in crashed and run_id not in ended]
            is_hopeless = not fresh or len(crashed) == len(run_ids) or attempt == MAX_PASSES - 1
            if request.on_error == "raise" or is_hopeless:
                reasons = [crash.reason for crash in fresh.values()]
                reason = (reasons or [reason_of(error, folder)])[0]
                if reason == "KeyboardInterrupt":  # Linear takes it for a crash
                    raise KeyboardInterrupt from error
                raise EngineError(with_full_disks(reason, places)) from error
            size = 1
        else:
            return
        if not left:
            return


def batch_size_of(request: CohortRequest, n_runs: int) -> int:
    """
    Choose how many runs a node does.

    Parameters
    ----------
    request : CohortRequest
        With the engine's fields.
    n_runs : int
        Runs that are open.

    Returns
    -------
    int
        Few enough that every worker gets several batches, so that all end at about the same
        time and progress shows; and no more than `MAX_BATCH`, which make a node's cost small.
        Within that as many as let runs that are alike end no later than one by one.

    Examples
    --------
    >>> from nipype_mapsmasker.cohort import CohortRequest
    >>> two = CohortRequest(input="a.tsv", out_dir="b", maps=["c.nii"], n_procs=2)
    >>> [batch_size_of(two, n_runs) for n_runs in (1, 16, 100, 10_000)]
    [1, 2, 10, 25]
    """
    if request.batch_size is not None:
        return request.batch_size
    n_workers = QUEUE_WORKERS
    if request.is_local:
        from nipype_mapsmasker.plugins import available_cpus

        n_workers = 1 if request.plugin == "Linear" else request.n_procs or available_cpus()
    most, fewest = (max(1, min(MAX_BATCH, n_runs // (n * n_workers))) for n in BATCHES_PER_WORKER)
    turns = math.ceil(n_runs / n_workers)
    for size in range(most, fewest, -1):
        if math.ceil(math.ceil(n_runs / size) / n_workers) * size <= turns:
            return size
    return fewest
