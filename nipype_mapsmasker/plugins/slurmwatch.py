# SPDX-License-Identifier: Apache-2.0
"""What Slurm's queue says that a person should know: why jobs wait, and that it is silent."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping

from nipype_mapsmasker.plugins.slurmclient import ENDED_STATES, QueuedJob, SlurmClient

__all__ = ["NOTICES", "QueueWatch"]

NOTICES = logging.getLogger("nipype.workflow.queue")
"""Where notices go: Nipype shows them with its own; a program may listen to these alone."""

REMIND_SECS = 600.0
"""Jobs that go on waiting for the same reason are told again after so long."""

ORDINARY_REASONS = frozenset({"None", "Priority", "Resources", "Dependency"})
"""Reasons to wait that pass by themselves, and that every job has."""

MOVING_STATES = frozenset({"PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "STAGE_OUT"})
"""States of a job on its way; in any other one that is no end, it stands still."""

MAX_NUMBERS = 5
"""Jobs that are named one by one."""


class QueueWatch:
    """Tells once, and again after a while, what keeps jobs from going on.

    Parameters
    ----------
    client : SlurmClient
        Asks squeue.
    remind_secs : float
        Time after which the same is told again (seconds).

    Attributes
    ----------
    n_failures : int
        How often squeue has failed in a row.
    failing_since : float or None
        Since when, by the monotonic clock; None while it answers.
    """

    def __init__(self, client: SlurmClient, remind_secs: float = REMIND_SECS) -> None:
        self._client = client
        self._remind_secs = remind_secs
        self._told: dict[str, float] = {}
        self._names: dict[int, str] = {}
        self.n_failures = 0
        self.failing_since: float | None = None

    def look(self, numbers: Iterable[int]) -> dict[int, QueuedJob] | None:
        """Ask squeue about jobs; tell what is new, and return those that it knows.

        Parameters
        ----------
        numbers : iterable of int
            Numbers of the jobs.

        Returns
        -------
        dict of int to QueuedJob or None
            By number; None while squeue fails. A controller that lost its memory gives old
            numbers to new jobs: one whose name has changed is not known any more.
        """
        queue = self._client.queue()
        if queue is None:
            self._tell_silence()
            return None
        if self.failing_since is not None:
            NOTICES.warning("squeue answers again.")
        self.failing_since, self.n_failures = None, 0
        found = {number: queue[number] for number in numbers if number in queue}
        known = {
            number: job
            for number, job in found.items()
            if self._names.setdefault(number, job.name) == job.name
        }
        self._tell_waits(known)
        return known

    def silent_secs(self) -> float:
        """Return how long squeue has been failing without a break (seconds)."""
        return 0.0 if self.failing_since is None else time.monotonic() - self.failing_since

    def _tell_silence(self) -> None:
        self.n_failures += 1
        if self.failing_since is None:
            self.failing_since = time.monotonic()
        words = self._client.complaint or "no words"
        self._tell(
            f"squeue fails ({words}); the jobs count as running until it answers again.",
            topic="silence",
        )

    def _tell_waits(self, known: Mapping[int, QueuedJob]) -> None:
        waits: dict[str, list[int]] = {}
        for number, job in known.items():
            why = _why_it_waits(job)
            if why:
                waits.setdefault(why, []).append(number)
        for why, numbers in sorted(waits.items()):
            self._tell(f"{_enumerated(numbers)} {why}{_way_out(why, numbers)}", topic=why)
        for topic in [topic for topic in self._told if topic not in waits]:
            del self._told[topic]  # should it come again, that is news

    def _tell(self, sentence: str, topic: str) -> None:
        now = time.monotonic()
        if topic not in self._told or now - self._told[topic] >= self._remind_secs:
            self._told[topic] = now
            NOTICES.warning("%s", sentence)


def _why_it_waits(job: QueuedJob) -> str:
    """Say why a job does not go on; empty where it does, or waits for its turn."""
    if job.state in ENDED_STATES:
        return ""
    if job.state not in MOVING_STATES:
        reason = "" if job.reason == "None" else f" ({job.reason})"
        return f"stand still in Slurm's queue as {job.state}{reason}"
    if job.state == "PENDING" and job.reason not in ORDINARY_REASONS:
        return f"wait in Slurm's queue for this reason: {job.reason}"
    return ""


def _way_out(why: str, numbers: list[int]) -> str:
    """Say what to do about jobs that nobody else will let go on."""
    words = why.lower()
    listed = ",".join(str(number) for number in numbers)
    if "held" in words or "hold" in words or "special_exit" in words:
        return f"; they go on after: scontrol release {listed}"
    if "suspended" in words:
        return f"; they go on after: scontrol resume {listed}"
    if "begintime" in words:
        return "; they were put back into it, and begin again by themselves"
    return ""


def _enumerated(numbers: list[int]) -> str:
    """Name jobs, or count them where they are many."""
    if len(numbers) <= MAX_NUMBERS:
        return "Slurm jobs " + ", ".join(str(number) for number in numbers)
    return f"{len(numbers)} Slurm jobs"
