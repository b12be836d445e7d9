# SPDX-License-Identifier: Apache-2.0
"""Progress on stderr: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

__all__ = ["Progress"]

PLAIN_STEPS = 10
"""Lines that a log file gets per stage."""


class Progress:
    """
    Show how far a workflow is.

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
        self._count = 0
        self._stored = self._failed = 0
        self._seen: set[str] = set()
        self._bar: Any = None
        self._plain = not quiet and not sys.stderr.isatty()
        self._step = max(1, self._total // PLAIN_STEPS)
        if not quiet and sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(total=self._total, unit="step", file=sys.stderr, dynamic_ncols=True)

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
        if status == "start":
            return
        name = node.name
        place = str(node.base_dir) if "mapflow" in str(node.base_dir) else ""
        if not place or name.startswith("_fit_maps") or f"{place}/{name}" in self._seen:
            return
        self._seen.add(f"{place}/{name}")
        self._count += 1
        if name.startswith("_store"):
            done = self._is_done(int(name.removeprefix("_store")))
            self._stored += done
            self._failed += not done
        self._show(name)

    def _show(self, name: str) -> None:
        stage = name.strip("_").rstrip("0123456789")
        if self._bar is not None:
            self._bar.set_description(stage)
            self._bar.set_postfix(done=self._stored, failed=self._failed, runs=self._n_runs)
            self._bar.n = min(self._count, self._total)
            self._bar.refresh()
        elif self._plain and (self._count % self._step == 0 or self._count == self._total):
            print(
                f"mapsmasker: {stage}, step {min(self._count, self._total)} of {self._total}; "
                f"{self._stored} of {self._n_runs} runs stored, {self._failed} failed",
                file=sys.stderr,
                flush=True,
            )

    def close(self) -> None:
        """Leave the line."""
        if self._bar is not None:
            self._bar.close()
