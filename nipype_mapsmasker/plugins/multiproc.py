# SPDX-License-Identifier: Apache-2.0
"""Nipype's MultiProc plugin, made to survive killed workers and large MapNodes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from nipype.pipeline.plugins.base import logger
from nipype.pipeline.plugins.multiproc import MultiProcPlugin as NipypeMultiProcPlugin

from nipype_mapsmasker.plugins.driver import DriverMixin, called, failure
from nipype_mapsmasker.plugins.pool import Worker, WorkerLostError, WorkerPool, start_method
from nipype_mapsmasker.plugins.resources import available_cpus, available_memory_gb

__all__ = ["MultiProcPlugin"]

MEMORY_SHARE = 0.9
"""Share of the memory at hand that the nodes may use together, as in Nipype."""

MIN_FREE_GB = 0.01
"""With less than this left, no further node is started, as in Nipype."""


@dataclass
class _Task:
    """A node that is to be run by a worker."""

    node: Any
    updatehash: bool
    worker: Worker | None = None  # None: its worker was lost, it waits for its retry
    is_alone: bool = False  # this is the retry, and nothing else is running


class MultiProcPlugin(DriverMixin, NipypeMultiProcPlugin):
    """Run a workflow in worker processes of this machine; Nipype's MultiProc plugin, mended.

    When a worker is killed, its task is run again, alone as soon as the others are done; when
    its worker is killed this time too, it is reported as failed, and the others go on. Workers
    end with the driver, however that ends. A job starts as soon as another one ends, not at the
    next poll.

    Parameters
    ----------
    plugin_args : dict, optional
        As for Nipype's plugin: ``n_procs`` and ``memory_gb`` (default: the cores and 90 % of the
        memory that this process may really use), ``raise_insufficient``, ``scheduler``,
        ``mp_context`` (default: see :func:`~nipype_mapsmasker.plugins.pool.start_method`),
        ``n_gpu_procs``, ``max_jobs``, ``status_callback``. Besides,
        ``poll_sleep_duration``: the longest wait between two looks at the workers (seconds,
        default 0.2).
    """

    def __init__(self, plugin_args: dict[str, Any] | None = None) -> None:
        given = dict(plugin_args or {})
        if given.get("n_procs") is None:
            given["n_procs"] = available_cpus()
        if given.get("memory_gb") is None:
            given["memory_gb"] = MEMORY_SHARE * available_memory_gb()
        asked = given.get("mp_context")
        # Nipype makes a pool, which would note down the usual method as the program's wish.
        super().__init__(plugin_args={**given, "mp_context": asked or start_method()})
        self.plugin_args["mp_context"] = asked
        self.pool.shutdown(wait=False)  # Nipype's, in which no worker was started yet
        self._workers = WorkerPool(self._cwd, asked)
        self._tasks: dict[int, _Task] = {}

    # Resources, in the order memory (GB), processors, GPU slots, jobs

    def _free(self) -> list[float]:
        free = [self.memory_gb, self.processors, self.n_gpu_procs, self.job_limit]
        for _, jobid in self.pending_tasks:
            free = [left - need for left, need in zip(free, self._needs(jobid), strict=True)]
        return free

    def _is_full(self, free: list[float]) -> bool:
        memory_gb, processors, _, jobs = free
        return memory_gb < min(MIN_FREE_GB, self.memory_gb) or processors < 1 or jobs < 1

    def _ask_needs(self, node: Any) -> tuple[float, ...]:
        # Not more than there is: raise_insufficient=False means such a node shall run alone.
        return (
            min(node.mem_gb_runtime, self.memory_gb),
            min(node.n_procs, self.processors),
            min(node.n_procs, self.n_gpu_procs) if node.is_gpu_node() else 0,
            1,
        )

    # Tasks

    def _submit_job(self, node: Any, updatehash: bool = False) -> int:
        if getattr(node.interface, "terminal_output", "") == "stream":
            node.interface.terminal_output = "allatonce"  # as in Nipype: no streams from workers
        task = _Task(node, updatehash)
        self._launch(task)
        self._taskid += 1
        self._tasks[self._taskid] = task
        return self._taskid

    def _launch(self, task: _Task) -> None:
        task.worker = self._workers.start(task.node, task.updatehash, max(1, task.node.n_procs))

    def _task_result(self, taskid: int) -> dict[str, Any] | None:
        task = self._tasks[taskid]
        if task.worker is None:
            return None
        try:
            return self._workers.result(task.worker)
        except WorkerLostError as exc:
            task.worker = None
            if task.is_alone:
                return failure(_describe_loss(task.node, exc))
            logger.warning(
                "A worker process was %s; its task runs again, alone: %s.", exc, task.node
            )
            return None

    def _forget_task(self, taskid: int) -> None:
        del self._tasks[taskid]

    def _is_held(self) -> bool:
        """Run the tasks whose workers were lost one by one, and nothing else until then."""
        waiting = [task for task in self._tasks.values() if task.worker is None]
        running = [task for task in self._tasks.values() if task.worker is not None]
        if waiting and not running:
            waiting[0].is_alone = True
            self._launch(waiting[0])
        return bool(waiting) or any(task.is_alone for task in running)

    def _pause(self) -> None:
        if any(task.worker is not None for task in self._tasks.values()):
            self._workers.wait(self.poll_secs)
        elif not self._tasks:  # else there is a task that waits for its retry: go on
            time.sleep(self.poll_secs)

    def _postrun_check(self) -> None:
        self._workers.close()

    def _abandon(self) -> None:
        self._workers.close()
        self._tasks.clear()


def _describe_loss(node: Any, loss: WorkerLostError) -> str:
    hint = loss.hint or (
        "Most often that is the system's answer to too little memory: give it more memory "
        f"(its mem_gb is {node.mem_gb:g}), on a larger machine if need be."
    )
    return (
        f"{called(node)}: its worker process was {loss}, again when it ran alone. {hint} "
        "Other nodes are not affected.\n"
    )
