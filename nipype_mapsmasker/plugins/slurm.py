# SPDX-License-Identifier: Apache-2.0
"""Nipype's SLURM plugin, made to lose nothing when jobs, nodes or Slurm itself fail."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nipype.pipeline.engine.utils import load_resultfile
from nipype.pipeline.plugins.base import logger
from nipype.pipeline.plugins.slurm import SLURMPlugin as NipypeSLURMPlugin
from nipype.pipeline.plugins.tools import create_pyscript

from nipype_mapsmasker.plugins.driver import DriverMixin, called, failure
from nipype_mapsmasker.plugins.slurmclient import (
    BAD_STATES,
    ENDED_STATES,
    PATIENCE_SECS,
    QueuedJob,
    SlurmClient,
    SlurmError,
)
from nipype_mapsmasker.plugins.slurmscript import (
    job_name,
    resource_options,
    split_arguments,
    write_batch_script,
)
from nipype_mapsmasker.plugins.slurmwatch import NOTICES, QueueWatch

__all__ = ["SLURMPlugin", "check_base_dir", "explain_end"]

MAX_JOBS = 500
"""Jobs in the queue at once by default; many clusters refuse more than a thousand of one user."""

MAX_TRIES = 5
"""How often a job is offered to sbatch by default."""

MAX_PAUSE_SECS = 300.0
"""Longest pause between two looks at the queue while squeue fails."""

OUTPUT_LINES = 15
"""Last lines of a dead job's output that are shown."""

HINTS = {
    "CANCELLED": "Somebody, or the cluster's rules, cancelled it.",
    "DEADLINE": "Its deadline passed; run it again with a later one.",
    "NODE_FAIL": "The cluster's node failed; run it again.",
    "OUT_OF_MEMORY": "Give it more memory: its mem_gb is {mem_gb:g}.",
    "PREEMPTED": "Another job took its place; run it again.",
    "TIMEOUT": "Give it more time, for instance with sbatch_args='--time=04:00:00'.",
}
"""What to do about each bad end."""


@dataclass
class _Job:
    """A job in Slurm's hands."""

    node: Any
    script: Path
    name: str
    note: Path  # remembers the job for the driver that follows a killed one
    ended: float | None = None  # since when the queue shows it as ended, by the monotonic clock

    @property
    def result_file(self) -> Path:
        return Path(self.node.output_dir(), f"result_{self.node.name}.pklz")

    @property
    def crash_file(self) -> Path:
        """Where Nipype's script reports that it could not even load the node."""
        suffix = self.script.stem.removeprefix("batchscript_pyscript_")
        return self.script.with_name(f"crashdump_{suffix}.pklz")


class SLURMPlugin(DriverMixin, NipypeSLURMPlugin):
    """Run each node of a workflow as a Slurm job; Nipype's SLURM plugin, mended.

    Parameters
    ----------
    plugin_args : dict, optional
        As for Nipype's plugin: ``sbatch_args``, ``template``, ``max_jobs`` (default 500),
        ``max_tries`` (default 5) and ``retry_timeout`` (seconds, doubled at each try) of sbatch,
        ``jobid_re``, ``status_callback``. Besides, ``poll_sleep_duration``: seconds between two
        looks at the queue (default 10); ``pass_resources``: whether a node's ``n_procs`` and
        ``mem_gb`` become ``--cpus-per-task`` and ``--mem`` where ``sbatch_args`` say nothing
        (default True); ``squeue_patience``: seconds that Slurm's controller may be away before the
        jobs are given up (default 3600).

    Notes
    -----
    The workflow's ``base_dir`` must be seen by the cluster's nodes under the same name. Where the
    file system shows new files late, set ``job_finished_timeout`` in Nipype's configuration.
    Why jobs wait (held, requeued, suspended ...), and that Slurm is silent, is told by the logger
    ``nipype.workflow.queue``, again every ten minutes while it lasts.
    """

    default_poll_secs = 10.0

    def __init__(self, plugin_args: dict[str, Any] | None = None) -> None:
        super().__init__(
            plugin_args={"max_tries": MAX_TRIES, "max_jobs": MAX_JOBS} | (plugin_args or {})
        )
        self.patience_secs = float(self.plugin_args.get("squeue_patience", PATIENCE_SECS))
        self.client = SlurmClient(
            self._max_tries, self._retry_timeout, self._jobid_re, self.patience_secs
        )
        self._watch = QueueWatch(self.client)
        self._jobs: dict[int, _Job] = {}
        self._queue: dict[int, QueuedJob] | None = None
        self._is_queue_fresh = False

    def _prerun_check(self, graph: Any) -> None:
        check_base_dir(graph)

    # Resources: places in the queue

    def _free(self) -> list[float]:
        return [self.job_limit - len(self.pending_tasks)]

    def _is_full(self, free: list[float]) -> bool:
        return free[0] < 1

    def _ask_needs(self, node: Any) -> tuple[float, ...]:
        return (1,)

    # Submission

    def _submit_job(self, node: Any, updatehash: bool = False) -> int:
        given = split_arguments(node, self._sbatch_args)
        script = write_batch_script(
            Path(create_pyscript(node, updatehash=updatehash)), self._template
        )
        job = _Job(node, script, job_name(node), _note_of(node, script))
        self._end_predecessor(job)
        _remove_stale_result(job)
        output = str(script.parent).replace("%", "%%") + "/slurm-%j.out"
        options = [f"--output={output}"]  # standard error goes there, too
        if self.plugin_args.get("pass_resources", True):
            options += resource_options(node, given, self._template)
        jobid = self.client.submit(script, job.name, [*options, *given])
        job.note.write_text(f"{jobid} {job.name}\n")
        self._jobs[jobid] = job
        return jobid

    def _end_predecessor(self, job: _Job) -> None:
        """Cancel the job of a driver that was killed, if it still works on the same node."""
        try:
            number, name = job.note.read_text().split()
        except (OSError, ValueError):
            return
        deadline = time.monotonic() + self.patience_secs
        while True:
            queue = self.client.queue()
            if queue is not None:
                old = queue.get(int(number))
                if old is None or old.name != name or old.state in ENDED_STATES:
                    break
                NOTICES.warning("Cancelling job %s, left of an earlier run of %s", number, name)
                self.client.cancel([int(number)])
            if time.monotonic() > deadline:
                msg = (
                    f"Slurm job {number} of an earlier run does not end; cancel it and run again."
                )
                raise SlurmError(msg)
            time.sleep(min(1.0, self.poll_secs))
        job.note.unlink(missing_ok=True)

    # The queue

    def _send_procs_to_workers(self, updatehash: bool = False, graph: Any = None) -> None:
        super()._send_procs_to_workers(updatehash=updatehash, graph=graph)
        self._is_queue_fresh = False

    def _pause(self) -> None:
        time.sleep(min(self.poll_secs * 2 ** min(self._watch.n_failures, 10), MAX_PAUSE_SECS))

    def _look_at_queue(self) -> dict[int, QueuedJob] | None:
        """All jobs' states, asked once per poll; None while squeue fails."""
        if self._is_queue_fresh:
            return self._queue
        self._queue, self._is_queue_fresh = self._watch.look(self._jobs), True
        return self._queue

    def _task_result(self, taskid: int) -> dict[str, Any] | None:
        job = self._jobs[taskid]
        queue = self._look_at_queue()
        if queue is None:
            return self._give_up(job, taskid)
        state = queue[taskid].state if taskid in queue else ""
        if state and state not in ENDED_STATES:
            job.ended = None
            # Its script has ended, but a node that is lost may keep it in this state for ever.
            result = _read_result(job) if state == "COMPLETING" else None
            if result is None:
                return None
            job.note.unlink(missing_ok=True)
            return result
        job.note.unlink(missing_ok=True)
        result = _read_result(job)
        if result is not None:
            return result
        # Ended well, or long ago, but nothing is there: shared file systems may show it late.
        now = time.monotonic()
        job.ended = now if job.ended is None else job.ended
        timeout = float(self._config["execution"]["job_finished_timeout"])
        if state not in BAD_STATES and now - job.ended < timeout:
            return None
        return failure(explain_end(self.client, taskid, state, job.node, job.script))

    def _give_up(self, job: _Job, taskid: int) -> dict[str, Any] | None:
        failing = self._watch.silent_secs()
        if failing < self.patience_secs:
            return None
        return failure(
            f"{called(job.node)}: squeue has not answered for {failing:.0f} s, so nobody "
            f"knows about Slurm job {taskid}, which may still run. Run again when Slurm is back.\n"
        )

    def _forget_task(self, taskid: int) -> None:
        del self._jobs[taskid]

    def _abandon(self) -> None:
        self.client.cancel(self._jobs)
        self._jobs.clear()


def check_base_dir(graph: Any) -> None:
    """Refuse a workflow without a folder: a temporary one would not be shared with the cluster."""
    if any(node.base_dir is None for node in graph.nodes()):
        msg = (
            "The workflow's base_dir is None; a Slurm plugin needs a folder that the cluster's "
            "nodes share with this one."
        )
        raise ValueError(msg)


def explain_end(client: SlurmClient, jobid: int, state: str, node: Any, script: Path) -> str:
    """Say in words how a job ended that left no result, with the last lines of its output."""
    told, details = client.describe_end(jobid)
    state = told or state
    how = f"ended as {state}" if state else "ended, nobody knows how,"
    text = f"{called(node)}: Slurm job {jobid} {how}"
    text += f" ({details})" if details else ""
    text += " and left no result." + _hint(state, details, node)
    output = script.with_name(f"slurm-{jobid}.out")
    if output.exists():
        lines = output.read_text(errors="replace").splitlines()[-OUTPUT_LINES:]
        text += f" Its output is in {output}" + ("; it ends with:" if lines else ", and empty.")
        text += "".join(f"\n  {line}" for line in lines)
    return text + "\n"


def _hint(state: str, details: str, node: Any) -> str:
    """Say what to do about a bad end; empty where only the job's output can tell."""
    if "Dependency" in details:
        return " A job that it depends on failed."
    if "exit code 137:" in details or "exit code 0:9" in details:
        state = "OUT_OF_MEMORY"
        return " Its process was killed, most often for want of memory." + _hint(state, "", node)
    return " " + HINTS[state].format(mem_gb=node.mem_gb) if state in HINTS else ""


def _note_of(node: Any, script: Path) -> Path:
    name = f"{node._hierarchy}.{node._id}" if node._hierarchy else node._id
    return script.with_name(f"{name}.slurmjob")


def _remove_stale_result(job: _Job) -> None:
    """Remove what an earlier run left, so that it is not read as the success of this one."""
    node = job.node
    is_forced = node.overwrite or (node.overwrite is None and node.interface.always_run)
    if is_forced or node.is_cached() != (True, True):
        job.result_file.unlink(missing_ok=True)


def _read_result(job: _Job) -> dict[str, Any] | None:
    """Read how a node ended from what its job left; None if there is nothing (yet)."""
    crash = _load(job.crash_file)
    if crash is not None:
        return failure(crash["traceback"])
    result = _load(job.result_file)
    if result is None:
        return None
    if isinstance(result, dict):  # the node raised
        job.result_file.replace(job.result_file.with_name("crashstore.pklz"))
        return failure(result["traceback"])
    told = getattr(getattr(result, "runtime", None), "traceback", None)
    if told:  # the node raised, and its job died before it could say so
        return failure(told)
    return {"result": None, "traceback": None}


def _load(path: Path) -> Any:
    """Unpickle a file; None if it is not there, or not yet as a whole."""
    try:
        list(path.parent.iterdir())  # some network file systems look again only when asked so
        return load_resultfile(str(path), resolve=False)
    except Exception as error:
        logger.debug("Cannot read %s: %s", path, error)
        return None
