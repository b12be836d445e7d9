# SPDX-License-Identifier: Apache-2.0
"""How far a cohort is, told in small events to whoever asked for them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nipype_mapsmasker.workflows.batching import BATCH_NODE

__all__ = ["Progress", "ProgressEvent", "element_of"]


@dataclass(frozen=True, kw_only=True)
class ProgressEvent:
    """
    Say how far a cohort is.

    Parameters
    ----------
    what : str
        What is worked on: ``runs``, or ``pages`` of runs.
    reached : int
        Runs that came to an end.
    done, failed : int
        Runs whose results are in place, and that failed; what is neither is not stored yet.
    total : int
        Runs that are worked on.
    seconds : float
        Time since the work began.
    """

    what: str
    reached: int
    done: int
    failed: int
    total: int
    seconds: float


def element_of(node: Any) -> tuple[str, int] | None:
    """
    Tell which element of which MapNode a node is.

    Parameters
    ----------
    node : Node
        Any node.

    Returns
    -------
    tuple of str and int, or None
        Name of the MapNode and number of the element; None for a node of its own. The name alone
        would not do: ``_clean_atlas21`` is element 1 of one MapNode, or 21 of another.
    """
    folder = Path(str(node.base_dir))
    if folder.name != "mapflow":
        return None
    step = folder.parent.name
    number = str(node.name).removeprefix(f"_{step}")
    return (step, int(number)) if number.isdecimal() else None


class Progress:
    """
    Count how far a workflow is, whose elements are batches of runs.

    Parameters
    ----------
    n_runs : int
        Runs that are worked on.
    is_done : callable
        Given a run, tells whether its results are in place.
    tell : callable, optional
        Is given a `ProgressEvent` whenever a batch of runs ends.
    what : str
        What is worked on, as events tell it.
    """

    def __init__(
        self,
        n_runs: int,
        is_done: Callable[[str], bool],
        tell: Callable[[ProgressEvent], None] | None = None,
        what: str = "runs",
    ) -> None:
        self._what = what
        self._n_runs = n_runs
        self._is_done = is_done
        self._tell = tell
        self._parts: list[list[str]] = []
        self._ended: dict[str, bool] = {}
        self._start = time.monotonic()

    @property
    def count(self) -> int:
        """Runs that came to an end, each once, however many attempts there were."""
        return len(self._ended)

    def begin(self, parts: list[list[str]]) -> None:
        """Take note of the runs of each batch, at the start of an attempt."""
        self._parts = parts

    def update(self, node: Any, status: str) -> None:
        """
        Take note of a node.

        Parameters
        ----------
        node : Node
            The node.
        status : {'start', 'end', 'exception'}
            What happened to it.
        """
        element = element_of(node)
        if status == "start":
            return
        if element is not None and element[0] == BATCH_NODE and element[1] < len(self._parts):
            self._take(self._parts[element[1]], is_over=status == "end")
        elif node.name == BATCH_NODE and status == "end":  # Linear runs all elements as one
            self._take([run_id for part in self._parts for run_id in part], is_over=True)

    def _take(self, run_ids: list[str], *, is_over: bool) -> None:
        """Take note of runs that ended; of a batch that crashed, only of those that are done."""
        before = dict(self._ended)
        for run_id in run_ids:
            is_done = self._is_done(run_id)
            if is_done or is_over:
                self._ended[run_id] = is_done
        if self._ended != before and self._tell is not None:
            done = sum(self._ended.values())
            self._tell(
                ProgressEvent(
                    what=self._what,
                    reached=self.count,
                    done=done,
                    failed=self.count - done,
                    total=self._n_runs,
                    seconds=time.monotonic() - self._start,
                )
            )
