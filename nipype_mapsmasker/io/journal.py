# SPDX-License-Identifier: Apache-2.0
"""What became of each run of a batch, written down as it happens: a killed process tells too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["JOURNAL_NAME", "RunStory", "note", "read_journal"]

JOURNAL_NAME = "runs.jsonl"
"""File in the folder of a batch."""


@dataclass
class RunStory:
    """
    Hold what is known of a run of a batch.

    Parameters
    ----------
    step : str
        The step that it reached.
    state : {'started', 'done', 'crashed'}
        Where it stands: what started and did not end was with a process that is lost.
    reason, traceback : str
        Why it crashed.
    """

    step: str = ""
    state: str = "started"
    reason: str = ""
    traceback: str = ""


def note(folder: Path, run_id: str, values: Mapping[str, str]) -> None:
    """
    Add a line.

    Parameters
    ----------
    folder : Path
        The folder of the batch.
    run_id : str
        The run.
    values : mapping of str to str
        Fields of its `RunStory` that change.
    """
    line = json.dumps({"run_id": run_id, **values}) + "\n"
    with (folder / JOURNAL_NAME).open("a", encoding="utf-8") as stream:
        stream.write(line)


def read_journal(folder: Path) -> dict[str, RunStory]:
    """
    Read what became of the runs of a batch.

    Parameters
    ----------
    folder : Path
        The folder of the batch.

    Returns
    -------
    dict of str to RunStory
        By run, of those that were begun; a last line that was cut short is passed over.
    """
    found: dict[str, RunStory] = {}
    try:
        text = (folder / JOURNAL_NAME).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return found
    for line in text.splitlines():
        try:
            values = json.loads(line)
            story = found.setdefault(values.pop("run_id"), RunStory())
        except (ValueError, KeyError, AttributeError):
            continue
        for name, value in values.items():
            setattr(story, name, value)
    return found
