# SPDX-License-Identifier: Apache-2.0
"""Nipype's SLURMGraph plugin, mended: the whole graph goes to Slurm at once, as dependent jobs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from nipype.pipeline.plugins.base import logger
from nipype.pipeline.plugins.slurmgraph import SLURMGraphPlugin as NipypeSLURMGraphPlugin
from nipype.pipeline.plugins.slurmgraph import node_completed_status

from nipype_mapsmasker.plugins.slurm import MAX_TRIES, check_base_dir, explain_end
from nipype_mapsmasker.plugins.slurmclient import (
    ENDED_STATES,
    PATIENCE_SECS,
    SlurmClient,
    SlurmError,
)
from nipype_mapsmasker.plugins.slurmscript import (
    job_name,
    resource_options,
    split_arguments,
    write_batch_script,
)
from nipype_mapsmasker.plugins.slurmwatch import QueueWatch

__all__ = ["SLURMGraphPlugin"]

POLL_SECS = 10.0
"""Time between two looks at the queue when the end is waited for."""


class SLURMGraphPlugin(NipypeSLURMGraphPlugin):
    """Submit a workflow to Slurm as one job per node, each waiting for those before it.

    A MapNode is one job, which does its elements one after the other. When a job fails, those that
    depend on it are cancelled by Slurm.

    Parameters
    ----------
    plugin_args : dict, optional
        As for Nipype's plugin: ``sbatch_args``, ``template``, ``dont_resubmit_completed_jobs``,
        and, as for our SLURM plugin, ``max_tries``, ``retry_timeout``, ``pass_resources``.
        Besides, ``wait``: stay until the last job ended, and raise if one failed (default False:
        return after submission, as Nipype does), looking at the queue every
        ``poll_sleep_duration`` seconds (default 10).

    Attributes
    ----------
    job_ids : dict
        Number of the Slurm job of each node that was submitted, by the node's full name.
    """

    def __init__(self, plugin_args: dict[str, Any] | None = None) -> None:
        # Nipype forgets its own default when plugin_args are absent or empty.
        super().__init__(
            plugin_args={"dont_resubmit_completed_jobs": False, **(plugin_args or {})}
        )
        args = self.plugin_args
        self.client = SlurmClient(args.get("max_tries", MAX_TRIES), args.get("retry_timeout", 2.0))
        self.job_ids: dict[str, int] = {}

    def run(self, graph: Any, config: dict[str, Any], updatehash: bool = False) -> None:
        """Submit the graph; wait for it if that is wished."""
        check_base_dir(graph)
        super().run(graph, config, updatehash=updatehash)

    def _submit_graph(
        self, pyfiles: list[str], dependencies: dict[int, list[int]], nodes: list[Any]
    ) -> None:
        jobs: dict[int, int] = {}  # place of the node -> number of its job
        scripts: dict[int, Path] = {}
        self.job_ids = {}
        try:
            for place, node in enumerate(nodes):
                earlier = dependencies.get(place, [])
                before = [jobs[other] for other in earlier if other in jobs]
                if (
                    self._dont_resubmit_completed_jobs
                    and not before
                    and node_completed_status(node)
                ):
                    continue
                scripts[place], jobs[place] = self._submit(node, Path(pyfiles[place]), before)
                self.job_ids[node.fullname] = jobs[place]
        except BaseException:
            self.client.cancel(jobs.values())
            raise
        logger.info("Submitted %d jobs to Slurm.", len(jobs))
        if self.plugin_args.get("wait"):
            self._wait(jobs, scripts, nodes)

    def _submit(self, node: Any, pyfile: Path, before: list[int]) -> tuple[Path, int]:
        template, _ = self._get_args(node, ["template", "sbatch_args"])
        given = split_arguments(node, self._sbatch_args)
        script = write_batch_script(pyfile, template)
        options = ["--output=" + str(script.parent).replace("%", "%%") + "/slurm-%j.out"]
        if self.plugin_args.get("pass_resources", True):
            options += resource_options(node, given, template)
        if before:
            numbers = ":".join(str(jobid) for jobid in before)
            # Without the second option they would stay in the queue for ever.
            options += [f"--dependency=afterok:{numbers}", "--kill-on-invalid-dep=yes"]
        return script, self.client.submit(script, job_name(node), [*options, *given])

    def _wait(self, jobs: dict[int, int], scripts: dict[int, Path], nodes: list[Any]) -> None:
        """Stay until all jobs ended; raise with the story of those that ended badly."""
        poll_secs = float(self.plugin_args.get("poll_sleep_duration", POLL_SECS))
        waiting = dict(jobs)
        failures = []
        watch = QueueWatch(self.client)
        try:
            while waiting:
                time.sleep(poll_secs)
                queue = watch.look(waiting.values())
                if queue is None:  # no news, for a while
                    _check_patience(watch)
                    continue
                for place, jobid in list(waiting.items()):
                    state = queue[jobid].state if jobid in queue else ""
                    if state and state not in ENDED_STATES:
                        continue
                    del waiting[place]
                    state = state or self.client.describe_end(jobid)[0]
                    if state != "COMPLETED" and (state or not _is_done(nodes[place])):
                        story = explain_end(
                            self.client, jobid, state, nodes[place], scripts[place]
                        )
                        failures.append(story)
        except BaseException:
            self.client.cancel(waiting.values())
            raise
        if failures:
            msg = f"{len(failures)} of {len(jobs)} jobs failed.\n" + "\n".join(failures)
            raise SlurmError(msg)


def _check_patience(watch: QueueWatch) -> None:
    if watch.silent_secs() > PATIENCE_SECS:
        msg = f"squeue has not answered for {PATIENCE_SECS:.0f} s; run again when Slurm is back."
        raise SlurmError(msg)


def _is_done(node: Any) -> bool:
    """Ask the work folder how a job ended that Slurm has forgotten."""
    try:
        return bool(node.hash_exists()[0])
    except Exception:
        return False
