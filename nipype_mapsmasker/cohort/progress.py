# SPDX-License-Identifier: Apache-2.0
"""How far a cohort is, told in small events to whoever asked for them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Progress", "ProgressEvent", "element_of"]


@dataclass(frozen=True, kw_only=True)
class ProgressEvent:
    """
    Say how far a cohort is.

    Parameters
    ----------
    step : str
        The step that moved on, such as ``extract`` or ``store``.
    reached : int
        Runs that are through this step.
    done, failed : int
        Runs whose results are in place, and that failed; what is neither is not stored yet.
    total : int
        Runs that are worked on.
    steps_done, steps_total : int
        Steps of all runs, each counted once, however many attempts there are.
    seconds : float
        Time since the work began.
    """

    step: str
    reached: int
    done: int
    failed: int
    total: int
    steps_done: int
    steps_total: int
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
    Count how far a workflow is: each run takes the same number of steps.

    Parameters
    ----------
    n_runs : int
        Runs that are worked on.
    n_steps : int
        Steps per run.
    is_done : callable
        Given a run's number, tells whether its results are in place.
    tell : callable, optional
        Is given a `ProgressEvent` whenever a step of a run ends.
    """

    def __init__(
        self,
        n_runs: int,
        n_steps: int,
        is_done: Callable[[int], bool],
        tell: Callable[[ProgressEvent], None] | None = None,
    ) -> None:
        self._n_runs = n_runs
        self._is_done = is_done
        self._total = n_runs * n_steps
        self._tell = tell
        self._seen: dict[str, set[int]] = {}
        self._stored: dict[int, bool] = {}
        self._start = time.monotonic()

    @property
    def count(self) -> int:
        """Steps that are done, each once, however many attempts there were."""
        return min(sum(len(numbers) for numbers in self._seen.values()), self._total)

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
        if status == "start" or element is None:
            self._take_all(node, status)
            return
        step, number = element
        if step.startswith("fit_maps") or number >= self._n_runs:
            return
        self._seen.setdefault(step, set()).add(number)
        if step == "store" and status == "end":
            self._stored[number] = self._is_done(number)
        self._say(step)

    def _take_all(self, node: Any, status: str) -> None:
        """Take note of a MapNode over runs that is found done as a whole, or run by Linear."""
        is_over_runs = hasattr(node, "iterfield") and not node.name.startswith("fit_maps")
        if status != "end" or not is_over_runs:
            return
        numbers = set(range(self._n_runs))
        if self._seen.get(node.name) == numbers:
            return
        self._seen[node.name] = numbers
        if node.name == "store":
            self._stored = {number: self._is_done(number) for number in numbers}
        self._say(node.name)

    def _say(self, step: str) -> None:
        """Tell how far it is."""
        if self._tell is None:
            return
        done = sum(self._stored.values())
        self._tell(
            ProgressEvent(
                step=step,
                reached=len(self._seen[step]),
                done=done,
                failed=len(self._stored) - done,
                total=self._n_runs,
                steps_done=self.count,
                steps_total=self._total,
                seconds=time.monotonic() - self._start,
            )
        )
