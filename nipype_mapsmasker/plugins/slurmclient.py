# SPDX-License-Identifier: Apache-2.0
"""Slurm's commands, called so that a hiccup of the cluster is never taken for an answer."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["BAD_STATES", "ENDED_STATES", "QueuedJob", "SlurmClient", "SlurmError"]

logger = logging.getLogger("nipype.workflow.queue")

BAD_STATES = frozenset(
    {
        "BOOT_FAIL",
        "CANCELLED",
        "DEADLINE",
        "FAILED",
        "NODE_FAIL",
        "OUT_OF_MEMORY",
        "PREEMPTED",
        "REVOKED",
        "TIMEOUT",
    }
)
"""States of a job that ended without success (a requeued job is PENDING again, none of these)."""

ENDED_STATES = BAD_STATES | {"COMPLETED"}
"""States that do not change any more."""

COMMAND_SECS = 120.0
"""How long one command may take; Slurm's own messages time out after ten seconds or so."""

MAX_WAIT_SECS = 60.0
"""Longest pause between two tries of sbatch."""

PATIENCE_SECS = 3600.0
"""How long a controller that does not answer is waited for, by default."""

MAX_REFUSALS = 3
"""After so many nodes in a row that sbatch refused in spite of retries, it is asked only once."""


class SlurmError(RuntimeError):
    """Slurm did not do what it was asked for."""


@dataclass(frozen=True)
class QueuedJob:
    """A line of squeue."""

    state: str
    reason: str
    name: str


@dataclass
class SlurmClient:
    """Calls sbatch, squeue, scontrol, sacct and scancel.

    Parameters
    ----------
    max_tries : int
        How often a job is offered to sbatch.
    retry_secs : float
        Pause before the second try (seconds); each further one is twice as long.
    jobid_re : str
        Where the job's number stands in what sbatch prints.
    patience_secs : float
        How long sbatch is asked again, beyond `max_tries`, while the controller cannot be
        reached (seconds), as when it is restarted.

    Attributes
    ----------
    complaint : str
        Why squeue failed when it was asked last; empty if it answered.
    """

    max_tries: int = 5
    retry_secs: float = 2.0
    jobid_re: str = r"Submitted batch job ([0-9]+)"
    patience_secs: float = PATIENCE_SECS
    complaint: str = field(default="", init=False)
    _refusals: int = field(default=0, init=False)

    def submit(self, script: Path, name: str, arguments: Sequence[str]) -> int:
        """Hand a script to sbatch and return the number of its job.

        Parameters
        ----------
        script : Path
            The batch script.
        name : str
            Name of the job; no other job may have it.
        arguments : sequence of str
            Options of sbatch.
        """
        tries = max(1, self.max_tries) if self._refusals < MAX_REFUSALS else 1
        wait, attempt = self.retry_secs, 0
        deadline = time.monotonic() + self.patience_secs
        while True:
            attempt += 1
            code, out, answer = _call(["sbatch", f"--job-name={name}", *arguments, str(script)])
            found = re.search(self.jobid_re, out)
            if code == 0 and found:
                self._refusals = 0
                return int(found.group(1))
            answer = answer or out or f"exit code {code}"
            is_away = _UNREACHABLE.search(answer) and time.monotonic() < deadline
            if attempt >= tries and not is_away:
                break
            logger.warning("sbatch failed for %s, try %d: %s", name, attempt, answer)
            time.sleep(wait)
            wait = min(2 * wait, MAX_WAIT_SECS)
            # The answer may have been lost on the way although the job was accepted.
            jobid = self._find(name)
            if jobid is not None:
                return jobid
        self._refusals += 1
        msg = f"sbatch did not accept job {name} after {attempt} tries; its last words: {answer}"
        raise SlurmError(msg)

    def queue(self) -> dict[int, QueuedJob] | None:
        """List this user's jobs, also those that ended a short time ago; None if squeue fails."""
        code, out, error = _call(
            ["squeue", "-h", "-u", str(os.getuid()), "-t", "all", "-o", "%A|%T|%r|%j"]
        )
        self.complaint = "" if code == 0 else error or f"exit code {code}"
        if code != 0:
            return None
        jobs = {}
        for line in out.splitlines():
            number, *rest = line.split("|", 3)
            if number.isdecimal() and len(rest) == 3:
                jobs[int(number)] = QueuedJob(*rest)
        return jobs

    def describe_end(self, jobid: int) -> tuple[str, str]:
        """Ask how a job ended: its state, and details in words; empty where nobody knows."""
        code, out, _ = _call(["scontrol", "-o", "show", "job", str(jobid)])
        if code == 0 and "JobState=" in out:
            words = dict(re.findall(r"(\w+)=(\S*)", out))
            return words["JobState"], _details(
                words.get("Reason"), words.get("ExitCode"), words.get("NodeList")
            )
        code, out, _ = _call(
            ["sacct", "-n", "-X", "-P", "-j", str(jobid), "-o", "State,Reason,ExitCode,NodeList"]
        )
        fields = out.splitlines()[0].split("|") if code == 0 and out else []
        if len(fields) == 4:
            return fields[0].partition(" ")[0], _details(*fields[1:])  # "CANCELLED by 1000"
        return "", ""

    def cancel(self, jobids: Iterable[int]) -> None:
        """Cancel jobs; those that have ended do not matter."""
        numbers = [str(jobid) for jobid in jobids]
        if numbers:
            _call(["scancel", *numbers])

    def _find(self, name: str) -> int | None:
        code, out, _ = _call(["squeue", "-h", "-u", str(os.getuid()), "-n", name, "-o", "%A"])
        numbers = [int(line) for line in out.split() if line.isdecimal()]
        return numbers[0] if code == 0 and numbers else None


_UNREACHABLE = re.compile(
    r"unable to contact slurm controller|socket timed out|connection refused|timed out after"
    r"|communication connection failure|zero bytes were transmitted|connect failure",
    re.IGNORECASE,
)
"""What sbatch says of a controller that is away, rather than of a job that it refuses."""


def _details(reason: str | None, exit_code: str | None, hosts: str | None) -> str:
    parts = {"reason": reason, "exit code": exit_code, "on": hosts}
    said = [f"{key} {value}" for key, value in parts.items() if value not in (None, "", "None")]
    return ", ".join(said)


def _call(command: list[str]) -> tuple[int, str, str]:
    """Run a command; its exit code, output and complaints. That it cannot run is a failure too."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            check=False,
            encoding="utf-8",
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=COMMAND_SECS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return -1, "", str(error)
    return done.returncode, done.stdout.strip(), done.stderr.strip()
