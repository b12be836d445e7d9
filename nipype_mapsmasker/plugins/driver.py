# SPDX-License-Identifier: Apache-2.0
"""What our MultiProc and SLURM plugins share: Nipype's driver loop without its costs and traps.

The loop itself is Nipype's (``DistributedPluginBase.run``). Replaced are the pieces that make it
slow or fragile with MapNodes of a thousand elements:

* the N x N matrix of dependencies, copied and summed at every poll, is a count per job;
* a pass over the ready jobs stops as soon as nothing more fits, and cached jobs take no slot;
* a MapNode that is cached as a whole is not taken apart (nor does the Linear plugin do so);
* what fails in the driver itself goes through the same door as what fails in a worker;
* the poll interval belongs to the plugin, not to Nipype's global configuration.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from traceback import format_exception
from typing import Any

import numpy as np
from nipype.pipeline.engine import MapNode
from nipype.pipeline.plugins.base import DistributedPluginBase, logger

__all__ = ["DriverMixin", "called", "failure"]


def called(node: Any) -> str:
    """Name a node for a person; the elements of a MapNode do not know whose they are."""
    return f"Node {node.fullname} in {node.output_dir()}"


def failure(text: str | Sequence[str]) -> dict[str, Any]:
    """Make the record of a failed task; Nipype's crash reports need the traceback as a list."""
    lines = text.splitlines(keepends=True) if isinstance(text, str) else list(text)
    return {"result": None, "traceback": lines}


class DriverMixin(DistributedPluginBase):
    """Put before one of Nipype's distributed plugins in the list of base classes."""

    default_poll_secs = 0.2

    # Nipype's attributes, of which it does not tell the types.
    max_jobs: float
    mapnodes: list[int]
    mapnodesubids: dict[int, int]
    pending_tasks: list[tuple[int, int]]
    plugin_args: dict[str, Any]
    proc_done: np.ndarray
    proc_pending: np.ndarray
    procs: list[Any]

    def __init__(self, plugin_args: dict[str, Any] | None = None) -> None:
        super().__init__(plugin_args=dict(plugin_args or {}))
        # Nipype stores plugin_args in each MapNode and so sends them to the workers; a callback
        # that belongs to a progress bar cannot be pickled, and has nothing to do there.
        self.plugin_args = {
            key: value for key, value in self.plugin_args.items() if key != "status_callback"
        }
        self.poll_secs = float(self.plugin_args.get("poll_sleep_duration", self.default_poll_secs))
        # The limit is kept here, so that Nipype's loop calls us (and we pause) at every turn.
        self.job_limit, self.max_jobs = self.max_jobs, np.inf
        self._settled: dict[int, dict[str, Any]] = {}
        self._needs_of: dict[int, tuple[float, ...]] = {}

    def run(self, graph: Any, config: dict[str, Any], updatehash: bool = False) -> None:
        """Run the graph; when that is interrupted, leave nothing running behind."""
        self.pending_tasks = []
        self._settled.clear()
        self._needs_of.clear()
        execution = {**config["execution"], "poll_sleep_duration": 0}  # we pause ourselves
        try:
            super().run(graph, {**config, "execution": execution}, updatehash=updatehash)
        except BaseException:
            self._abandon()
            raise

    def _abandon(self) -> None:
        """Stop what is still running, after an interruption."""

    def _report_crash(self, node: Any, result: dict[str, Any] | None = None) -> str:
        # Nipype adds remarks about its crash file to the list that it is given, which is also
        # the text of the error that the user sees in the end.
        if result is not None:
            result = {**result, "traceback": list(result["traceback"])}
        return str(super()._report_crash(node, result=result))

    # Dependencies: a count per job in place of a matrix

    def _generate_dependency_list(self, graph: Any) -> None:
        super()._generate_dependency_list(graph)
        self.depidx = _Dependencies(graph, self.procs)

    def _submit_mapnode(self, jobid: int) -> bool:
        if jobid in self.mapnodes:
            return True
        subnodes = self.procs[jobid].get_subnodes()
        self.mapnodes.append(jobid)
        first = len(self.procs)
        self.mapnodesubids.update(dict.fromkeys(range(first, first + len(subnodes)), jobid))
        self.procs.extend(subnodes)
        self.depidx.add(len(subnodes), jobid)
        idle = np.zeros(len(subnodes), dtype=bool)
        self.proc_done = np.concatenate([self.proc_done, idle])
        self.proc_pending = np.concatenate([self.proc_pending, idle])
        return False

    def _task_finished_cb(self, jobid: int, cached: bool = False) -> None:
        word = "Cached" if cached else "Completed"
        logger.info("[Job %d] %s (%s).", jobid, word, self.procs[jobid])
        if self._status_callback:
            self._status_callback(self.procs[jobid], "end")
        self.proc_pending[jobid] = False
        self.depidx.release(jobid)
        if jobid not in self.mapnodesubids:  # for remove_node_directories
            self.refidx[self.refidx[:, [jobid]].nonzero()[0], jobid] = 0

    # Starting jobs

    def _send_procs_to_workers(self, updatehash: bool = False, graph: Any = None) -> None:
        if not self._is_held():
            self._start_ready_jobs(updatehash, graph)
        if not self._settled and (self.pending_tasks or not np.all(self.proc_done)):
            self._pause()

    def _is_held(self) -> bool:
        """Tell whether no job may be started at the moment."""
        return False

    def _pause(self) -> None:
        """Wait until something may have changed, at most one poll interval."""
        time.sleep(self.poll_secs)

    def _start_ready_jobs(self, updatehash: bool, graph: Any) -> None:
        """Start what is ready and fits; again while that makes further jobs ready."""
        changed = True
        while changed:
            changed = False
            ready = np.flatnonzero(~self.proc_done & (self.depidx.counts == 0)).tolist()
            free = self._free()
            for jobid in self._sort_jobs(ready, self.plugin_args.get("scheduler")):
                if self._is_full(free):
                    break
                if self._is_opened(jobid, graph):
                    changed = True
                    continue
                needs = self._needs(jobid)
                if any(need > left for need, left in zip(needs, free, strict=True)):
                    continue
                if self._start(jobid, updatehash, graph):
                    free = [left - need for need, left in zip(needs, free, strict=True)]
                else:
                    changed = True

    def _is_opened(self, jobid: int, graph: Any) -> bool:
        """Take a MapNode apart, or settle it; False for what is to be started as it is."""
        node = self.procs[jobid]
        if not isinstance(node, MapNode) or jobid in self.mapnodes:
            return False
        try:
            if node.num_subnodes() <= 1:
                return False
            if not self._is_found_cached(jobid, graph):
                self._submit_mapnode(jobid)
        except Exception:
            self._settle(jobid, failure(format_exception(*sys.exc_info())))
        return True

    def _start(self, jobid: int, updatehash: bool, graph: Any) -> bool:
        """Start one job; False when it is finished already and holds no resources."""
        node = self.procs[jobid]
        if self._is_found_cached(jobid, graph):
            return False
        if node.run_without_submitting or (updatehash and node.is_cached() == (True, False)):
            logger.debug("Running node %s in the driver", node)
            result: dict[str, Any] = {"result": None, "traceback": None}
            try:
                node.run(updatehash=updatehash)
            except Exception:
                result = failure(format_exception(*sys.exc_info()))
            self._settle(jobid, result)
            return False
        if self._status_callback:
            self._status_callback(node, "start")
        try:
            taskid = self._submit_job(node, updatehash=updatehash)
        except Exception:
            self._settle(jobid, failure(format_exception(*sys.exc_info())))
            return False
        self.proc_done[jobid] = self.proc_pending[jobid] = True
        self.pending_tasks.insert(0, (taskid, jobid))
        return True

    def _is_found_cached(self, jobid: int, graph: Any) -> bool:
        """Finish the job if its result is there and up to date."""
        self.proc_done[jobid] = self.proc_pending[jobid] = True
        if self._local_hash_check(jobid, graph):
            return True
        self.proc_done[jobid] = self.proc_pending[jobid] = False
        return False

    def _settle(self, jobid: int, result: dict[str, Any]) -> None:
        """Hand a result that came about in the driver to the loop, as if a worker had sent it."""
        taskid = -1 - jobid  # workers' and Slurm's task numbers are positive
        self._settled[taskid] = result
        self.proc_done[jobid] = self.proc_pending[jobid] = True
        self.pending_tasks.insert(0, (taskid, jobid))

    def _get_result(self, taskid: int) -> dict[str, Any] | None:
        return self._settled[taskid] if taskid < 0 else self._task_result(taskid)

    def _clear_task(self, taskid: int) -> None:
        if taskid < 0:
            del self._settled[taskid]
        else:
            self._forget_task(taskid)

    def _sort_jobs(self, jobids: list[int], scheduler: str | None = None) -> list[int]:
        return sorted(jobids, key=self._needs) if scheduler == "mem_thread" else jobids

    def _needs(self, jobid: int) -> tuple[float, ...]:
        """Resources that the job takes, in the order of :meth:`_free`; asked of a node once."""
        if jobid not in self._needs_of:
            self._needs_of[jobid] = self._ask_needs(self.procs[jobid])
        return self._needs_of[jobid]

    # To be given by each plugin

    def _free(self) -> list[float]:
        raise NotImplementedError

    def _is_full(self, free: list[float]) -> bool:
        raise NotImplementedError

    def _ask_needs(self, node: Any) -> tuple[float, ...]:
        raise NotImplementedError

    def _task_result(self, taskid: int) -> dict[str, Any] | None:
        raise NotImplementedError

    def _forget_task(self, taskid: int) -> None:
        raise NotImplementedError


class _Dependencies:
    """How many unfinished predecessors each job has, and which jobs wait for it."""

    def __init__(self, graph: Any, nodes: list[Any]) -> None:
        index = {node: jobid for jobid, node in enumerate(nodes)}
        self.children = [[index[child] for child in graph.successors(node)] for node in nodes]
        self.counts = np.array([graph.in_degree(node) for node in nodes], dtype=int)

    def sum(self, axis: int) -> np.ndarray:
        """Predecessors left, as one row: all that Nipype's loop asks of its matrix."""
        return self.counts[np.newaxis]

    def add(self, n_jobs: int, child: int) -> None:
        """Append jobs that nothing holds back and that `child` waits for."""
        self.children.extend([child] for _ in range(n_jobs))
        self.counts = np.concatenate([self.counts, np.zeros(n_jobs, dtype=int)])
        self.counts[child] += n_jobs

    def release(self, jobid: int) -> None:
        """Let those who wait for this job wait no longer."""
        for child in self.children[jobid]:
            self.counts[child] -= 1
        self.children[jobid] = []
