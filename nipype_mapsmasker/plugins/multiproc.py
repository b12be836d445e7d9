# SPDX-License-Identifier: Apache-2.0
"""Nipype's MultiProc plugin, made to survive killed workers and large MapNodes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import connection
from traceback import format_exception
from typing import Any

from nipype.pipeline.plugins.base import logger
from nipype.pipeline.plugins.multiproc import MultiProcPlugin as NipypeMultiProcPlugin

from nipype_mapsmasker.plugins.driver import DriverMixin, called, failure
from nipype_mapsmasker.plugins.resources import available_cpus, available_memory_gb
from nipype_mapsmasker.plugins.workers import begin_worker, run_node

__all__ = ["MultiProcPlugin"]

MEMORY_SHARE = 0.9
"""Share of the memory at hand that the nodes may use together, as in Nipype."""

MIN_FREE_GB = 0.01
"""With less than this left, no further node is started, as in Nipype."""

END_SECS = 10.0
"""How long the end of killed workers is waited for; the kernel needs milliseconds."""


@dataclass
class _Task:
    """A node on its way through the pool."""

    node: Any
    updatehash: bool
    future: Future[dict[str, Any]] | None = None  # None: died with a pool, waits for its retry
    is_alone: bool = False  # this is the retry, and nothing else is running


class MultiProcPlugin(DriverMixin, NipypeMultiProcPlugin):
    """Run a workflow in worker processes of this machine; Nipype's MultiProc plugin, mended.

    A worker that is killed takes the pool with it. The pool is then built anew and every task
    that died with it is run again, one at a time with nothing beside it; the task whose worker
    dies this time too is reported as failed, and the others go on. Workers end with the driver,
    however that ends. A job starts as soon as another one ends, not at the next poll.

    Parameters
    ----------
    plugin_args : dict, optional
        As for Nipype's plugin: ``n_procs`` and ``memory_gb`` (default: the cores and 90 % of the
        memory that this process may really use), ``raise_insufficient``, ``scheduler``,
        ``mp_context``, ``n_gpu_procs``, ``max_jobs``, ``status_callback``. Besides,
        ``poll_sleep_duration``: the longest wait between two looks at the workers (seconds,
        default 0.2).
    """

    pool: ProcessPoolExecutor | None

    def __init__(self, plugin_args: dict[str, Any] | None = None) -> None:
        given = dict(plugin_args or {})
        if given.get("n_procs") is None:
            given["n_procs"] = available_cpus()
        if given.get("memory_gb") is None:
            given["memory_gb"] = MEMORY_SHARE * available_memory_gb()
        super().__init__(plugin_args=given)
        # Nipype's own pool, in which no worker was started yet; ours is made when it is needed.
        if self.pool is not None:
            self.pool.shutdown(wait=False)
        self.pool = None
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
        self._taskid += 1
        self._tasks[self._taskid] = task = _Task(node, updatehash)
        self._launch(task)
        return self._taskid

    def _launch(self, task: _Task) -> None:
        if self.pool is None:
            self.pool = self._new_pool()
        try:
            task.future = self.pool.submit(
                run_node, task.node, task.updatehash, max(1, task.node.n_procs)
            )
        except BrokenProcessPool:  # a worker died since the last look; the task waits for its turn
            self._bury_pool()

    def _task_result(self, taskid: int) -> dict[str, Any] | None:
        task = self._tasks[taskid]
        if task.future is None or not task.future.done():
            return None
        try:
            return task.future.result()
        except BrokenProcessPool:
            end = self._bury_pool()
        except BaseException:  # for instance: the node could not be pickled
            return failure(format_exception(*sys.exc_info()))
        if task.is_alone:
            return failure(_describe_death(task.node, end))
        return None

    def _forget_task(self, taskid: int) -> None:
        del self._tasks[taskid]

    def _is_held(self) -> bool:
        """Run the tasks that died with a pool one by one, and nothing else until they are done."""
        waiting = [task for task in self._tasks.values() if task.future is None]
        running = [task for task in self._tasks.values() if task.future and not task.future.done()]
        if waiting and not running:
            waiting[0].is_alone = True
            self._launch(waiting[0])
        return bool(waiting) or any(task.is_alone for task in running)

    def _pause(self) -> None:
        futures = [task.future for task in self._tasks.values() if task.future is not None]
        if futures:
            wait(futures, timeout=self.poll_secs, return_when=FIRST_COMPLETED)
        elif not self._tasks:  # else there is a task that waits for its retry: go on
            time.sleep(self.poll_secs)

    # The pool

    def _new_pool(self) -> ProcessPoolExecutor:
        # Forked workers start within milliseconds with every import already made, and find the
        # functions of a script that has no main guard. A fork server would import Nipype once
        # more (about a second), run such a script anew, and its fork is no safer here: the first
        # fork comes before the driver has computed anything with threads. Where fork is not the
        # platform's habit (macOS), or when mp_context asks for another, that is respected.
        method = self.plugin_args.get("mp_context")
        if method is None and sys.platform == "linux":
            method = "fork"
        context = multiprocessing.get_context(method)
        parent = None if context.get_start_method() == "forkserver" else os.getpid()
        return ProcessPoolExecutor(
            max_workers=int(self.processors),
            mp_context=context,
            initializer=begin_worker,
            initargs=(self._cwd, parent),
        )

    def _bury_pool(self) -> int | None:
        """Make an end of a broken pool; return how the worker that broke it ended, if known.

        Python marks the tasks as broken before it ends the other workers. Their end is waited
        for here: no two workers may ever run the same node.
        """
        pool, self.pool = self.pool, None
        end = None if pool is None else _lost_worker(pool)
        for task in self._tasks.values():
            if task.future is not None and not _has_own_end(task.future):
                task.future = None
        logger.warning(
            "A worker process was lost%s; the tasks that ran with it run again, one at a time.",
            "" if end is None else f" ({_describe_end(end)})",
        )
        return end

    def _postrun_check(self) -> None:
        if self.pool is not None:
            self.pool.shutdown()
            self.pool = None

    def _abandon(self) -> None:
        pool, self.pool = self.pool, None
        if pool is not None:
            _kill_workers(pool, _workers(pool))
        self._tasks.clear()


def _has_own_end(future: Future[dict[str, Any]]) -> bool:
    """Tell whether a task ended by itself, well or badly, and not with its pool."""
    return future.done() and not isinstance(future.exception(), BrokenProcessPool)


def _lost_worker(pool: ProcessPoolExecutor) -> int | None:
    """Wait for the end of a broken pool; return the exit code of the worker that broke it."""
    # Without a look at these private parts nobody could say how the worker ended. The thread
    # ends the other workers by SIGTERM, collects them all, and then ends itself.
    thread = getattr(pool, "_executor_manager_thread", None)
    processes = _workers(pool)
    if thread is not None:
        thread.join(timeout=END_SECS)
    codes = [process.exitcode for process in processes]
    _kill_workers(pool, processes)
    ended = [code for code in codes if code]
    own = [code for code in ended if code != -signal.SIGTERM]
    return next(iter(own or ended), None)


def _workers(pool: ProcessPoolExecutor) -> list[Any]:
    return list((getattr(pool, "_processes", None) or {}).values())


def _kill_workers(pool: ProcessPoolExecutor, processes: list[Any]) -> None:
    """Kill a pool's workers and wait until they are gone (Python 3.14 has kill_workers)."""
    for process in processes:
        process.kill()
    deadline = time.monotonic() + END_SECS
    for process in processes:
        connection.wait([process.sentinel], timeout=max(0.0, deadline - time.monotonic()))
    pool.shutdown(wait=False)


def _describe_end(code: int) -> str:
    if code >= 0:
        return f"ended with exit status {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def _describe_death(node: Any, end: int | None) -> str:
    how = "killed" if end is None else _describe_end(end)
    return (
        f"{called(node)}: its worker process was {how}, again when it ran alone. "
        "Most often that is the system's answer to too little memory: give it more memory "
        f"(its mem_gb is {node.mem_gb:g}), on a larger machine if need be. "
        "Other nodes are not affected.\n"
    )
