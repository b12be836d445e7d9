# SPDX-License-Identifier: Apache-2.0
"""Progress on stderr: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["Progress", "element_of"]

PLAIN_SECS = 30.0
"""Least time between two lines that a log file gets, but for the first and the last of a step."""

BAR = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}{postfix}]"  # noqa: E501
"""Share, steps done, time gone and left, rate, runs."""


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
    Show how far a workflow is: each run takes the same number of steps.

    Parameters
    ----------
    n_runs : int
        Runs that are worked on.
    n_steps : int
        Steps per run.
    is_done : callable
        Given a run's number, tells whether its results are in place.
    quiet : bool
        Show nothing.
    """

    def __init__(
        self, n_runs: int, n_steps: int, is_done: Callable[[int], bool], *, quiet: bool
    ) -> None:
        self._n_runs = n_runs
        self._is_done = is_done
        self._total = n_runs * n_steps
        self._seen: dict[str, set[int]] = {}
        self._stored: dict[int, bool] = {}
        self._bar: Any = None
        self._plain = not quiet and not sys.stderr.isatty()
        self._start = self._last = time.monotonic()
        if not quiet and sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(
                total=self._total, unit="step", file=sys.stderr, dynamic_ncols=True, bar_format=BAR
            )

    @property
    def count(self) -> int:
        """Steps that are done, each once, however many attempts there were."""
        return sum(len(numbers) for numbers in self._seen.values())

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
        self._show(step)

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
        self._show(node.name)

    def _show(self, step: str) -> None:
        done = sum(self._stored.values())
        failed = len(self._stored) - done
        count = min(self.count, self._total)
        if self._bar is not None:
            self._bar.set_description(step, refresh=False)
            self._bar.set_postfix(
                runs=f"{done} done, {failed} failed of {self._n_runs}", refresh=False
            )
            self._bar.update(count - self._bar.n)
        elif self._plain:
            now = time.monotonic()
            ends_step = len(self._seen[step]) == self._n_runs
            if not ends_step and now - self._last < PLAIN_SECS:
                return
            self._last = now
            rate = count / max(now - self._start, 1e-3)
            sys.stderr.write(
                f"mapsmasker: {step}: {len(self._seen[step])} of {self._n_runs} runs; "
                f"{done} done, {failed} failed; {rate:.1f} steps/s, "
                f"{(self._total - count) / rate:.0f} s left\n"
            )
            sys.stderr.flush()

    def close(self) -> None:
        """Leave the line."""
        if self._bar is not None:
            self._bar.close()
