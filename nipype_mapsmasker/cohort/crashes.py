# SPDX-License-Identifier: Apache-2.0
"""Crashes of single runs: which, why, and what is left of them in the files."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nipype_mapsmasker.cohort.progress import Progress, element_of
from nipype_mapsmasker.io.journal import RunStory, read_journal
from nipype_mapsmasker.workflows.batching import BATCH_NODE

__all__ = [
    "Crash",
    "Watcher",
    "find_crashes",
    "last_line",
    "reason_of",
    "tidy_crashes",
    "with_full_disks",
]

_LINEAR_ERROR = re.compile(r"Subnodes of node: (\w+) failed:\n(.*)", re.S)
_LINEAR_SUBNODE = re.compile(
    r"Subnode (\d+) failed\s+Error: (.*?)(?=\nSubnode \d+ failed|\Z)", re.S
)
_NOTES = re.compile(
    r"\n\s*(When creating this crashfile|During the creation of this crashfile).*", re.S
)
"""What Nipype appends to a traceback where it could not write or read a result."""

_ERRNO = re.compile(r"^\[Errno \d+\] (.*?)(?:: (?:'.*' -> )?'(.*)')?$")
"""How Python writes what the system says, perhaps with the file."""

_FULL = ("No space left on device", "Disk quota exceeded")
"""What the system says of a full disk."""

FULL_BYTES = 1 << 16
"""A disk with less room than this is full: Nipype may lose a result on it without a word."""

_CLASS = re.compile(r"^[A-Za-z_][\w.]*(Error|Exception|Fault|Interrupt): ")


@dataclass(frozen=True)
class Crash:
    """
    Hold what is known of a run that crashed for reasons outside its data.

    Parameters
    ----------
    step : str
        The node.
    reason : str
        One sentence.
    traceback : str
        All that is known.
    """

    step: str
    reason: str
    traceback: str


class Watcher:
    """
    Follow the nodes of one attempt.

    Parameters
    ----------
    progress : Progress
        Told of every node.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.crashed: dict[int, str] = {}
        self.ended: set[int] = set()

    def __call__(self, node: Any, status: str) -> None:
        """Take note of a node that starts, ends or crashes."""
        self._progress.update(node, status)
        element = element_of(node)
        if element is None or element[0] != BATCH_NODE:
            return
        if status == "exception":
            self.crashed[element[1]] = node.name
        if status == "end":
            self.ended.add(element[1])

    def __reduce__(self) -> tuple[Any, ...]:
        # Nipype stores its plugin, and so its callback, with every MapNode; nobody reads it.
        return (str, ())


def find_crashes(
    folder: Path, batches: Path, watcher: Watcher, error: BaseException, parts: list[list[str]]
) -> tuple[dict[str, Crash], set[str]]:
    """
    Find out which runs crashed in an attempt, and why.

    Parameters
    ----------
    folder : Path
        Of the crash files.
    batches : Path
        Of the node whose elements are batches of runs.
    watcher : Watcher
        Of the attempt.
    error : BaseException
        What the attempt ended with.
    parts : list of list of str
        The runs of each batch.

    Returns
    -------
    crashes : dict of str to Crash
        By run.
    ended : set of str
        Runs that came to their end, crashed ones not among them.
    """
    files = sorted(folder.glob("crash-*"), key=lambda path: path.stat().st_mtime_ns)
    texts = {}
    for number, name in watcher.crashed.items():
        own_files = [path for path in files if f"-{name}-" in path.name]
        texts[number] = own_files[-1].read_text(errors="replace") if own_files else str(error)
    # Linear runs a MapNode as one, and tells which elements failed in its error. SLURMGraph too,
    # in the output of its jobs.
    for name, text in _LINEAR_ERROR.findall(str(error)):
        if name == batches.name:
            texts |= {int(number): story for number, story in _LINEAR_SUBNODE.findall(text)}
    found: dict[str, Crash] = {}
    ended: set[str] = set()
    for number, run_ids in enumerate(parts):
        stories = read_journal(batches / "mapflow" / f"_{batches.name}{number}")
        own = {name: story for name, story in stories.items() if name in run_ids}
        ended |= set(run_ids) if number in watcher.ended else set()
        ended |= {name for name, story in own.items() if story.state == "done"}
        found |= {
            name: Crash(story.step, last_line(story.traceback) or story.reason, story.traceback)
            for name, story in own.items()
            if story.state == "crashed"
        }
        if number in texts:
            found |= _lost(run_ids, own, texts[number])
    return found, ended


def _lost(run_ids: list[str], stories: Mapping[str, RunStory], text: str) -> dict[str, Crash]:
    """Tell which runs a failed batch was at; all that it had not done, where it never began."""
    at = {name: story.step for name, story in stories.items() if story.state == "started"}
    if not stories:
        at = dict.fromkeys(run_ids, "extract")
    return {name: Crash(step, last_line(text), text) for name, step in at.items()}


def reason_of(error: BaseException, folder: Path) -> str:
    """
    Say why an attempt ended that no single run is to blame for.

    Parameters
    ----------
    error : BaseException
        What it ended with.
    folder : Path
        Of the crash files.

    Returns
    -------
    str
        One sentence.
    """
    # Of several errors Nipype only tells how many there were.
    files = sorted(folder.glob("crash-*"), key=lambda path: path.stat().st_mtime_ns)
    if files:
        return last_line(files[0].read_text(errors="replace"))
    return last_line(str(error))


def last_line(text: str) -> str:
    """
    Give what a traceback says, without the exception's class.

    Parameters
    ----------
    text : str
        The traceback.

    Returns
    -------
    str
        Its last line, or the line that says how a lost worker or job ended.
    """
    lines = [line.strip() for line in _NOTES.sub("", text).splitlines() if line.strip()]
    told = [
        line
        for line in lines
        if line.startswith("Node ") and (" worker " in line or " Slurm job " in line)
    ]
    last = told[-1] if told else lines[-1] if lines else text
    plain = _CLASS.sub("", last)
    system = _ERRNO.match(plain)
    if system is None:
        return plain
    return f"{system[2]}: {system[1]}" if system[2] else system[1]


def with_full_disks(reason: str, folders: Sequence[Path]) -> str:
    """
    Say which folder has a full disk, where that is the reason, and what to do.

    Parameters
    ----------
    reason : str
        Why a run, or all, ended.
    folders : sequence of Path
        Where files are written.

    Returns
    -------
    str
        The reason as it was where no disk is full.
    """
    full = [folder for folder in folders if _free_bytes(folder) < FULL_BYTES]
    told = next((words for words in _FULL if words in reason), "" if not full else _FULL[0])
    if not told:
        return reason
    where = " and ".join(str(folder) for folder in full or folders)
    return (
        f"{where}: {told}; make room there, or give another folder; what is finished is kept, and "
        "the same call goes on."
    )


def _free_bytes(folder: Path) -> int:
    """Give the room on the disk of a folder, which need not exist yet."""
    for place in (folder, *folder.parents):
        with suppress(OSError):
            status = os.statvfs(place)
            return status.f_bavail * status.f_frsize
    return FULL_BYTES


def tidy_crashes(folder: Path, *, keep: bool, node: str = BATCH_NODE) -> None:
    """
    Remove Nipype's crash files; those of runs are in the runs' logs by now.

    Parameters
    ----------
    folder : Path
        Their folder.
    keep : bool
        Keep those of other nodes than runs', because nothing else tells of them.
    node : str
        Name of the node that works on runs.
    """
    if not keep:
        shutil.rmtree(folder, ignore_errors=True)
        return
    for path in folder.glob("crash-*"):
        if f"-_{node}" in path.name:
            path.unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
