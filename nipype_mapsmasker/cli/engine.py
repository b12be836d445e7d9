# SPDX-License-Identifier: Apache-2.0
"""Nipype as an engine: configuration, logs, plugins, and going on after a crash of one run."""

from __future__ import annotations

import argparse
import logging
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nipype_mapsmasker.cli.options import read_json_object
from nipype_mapsmasker.cli.progress import Progress
from nipype_mapsmasker.errors import EngineError, ParameterError
from nipype_mapsmasker.io.cleaning import write_json

__all__ = ["configure", "make_plugin", "run_until_done", "write_crash_faults"]

MAX_PASSES = 3
"""Attempts to finish the other runs after some crashed for reasons outside their data."""

_SUBNODE = re.compile(r"^_[A-Za-z0-9_]*?(\d+)$")
_SUBNODE_ERROR = re.compile(
    r"Subnode (\d+) failed\s+Error: (.*?)(?=\nSubnode \d+ failed|\Z)", re.S
)


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

    def __call__(self, node: Any, status: str) -> None:
        """Take note of a node that starts, ends or crashes."""
        self._progress.update(node, status)
        match = _SUBNODE.match(node.name)
        if status == "exception" and match and _is_of_a_run(node.name):
            self.crashed[int(match.group(1))] = node.name

    def __reduce__(self) -> tuple[Any, ...]:
        # Nipype stores its plugin, and so its callback, with every MapNode; nobody reads it.
        return (str, ())


def configure(out_dir: Path, *, verbose: bool, quiet: bool) -> None:
    """
    Send Nipype's own log lines and crash files below ``OUT/logs``.

    Parameters
    ----------
    out_dir : Path
        The result folder.
    verbose : bool
        Also show them.
    quiet : bool
        Show errors only.
    """
    os.environ["NIPYPE_NO_ET"] = "1"
    from nipype import config
    from nipype import logging as nipype_logging

    logs = out_dir / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    config.update_config(
        {
            "execution": {
                "crashdump_dir": str((logs / "crashes").absolute()),
                "crashfile_format": "txt",
            },
            "logging": {"log_to_file": False},
        }
    )
    handler = logging.FileHandler(logs / "nipype.log", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s: %(message)s"))
    for name in ("nipype.workflow", "nipype.interface", "nipype.utils"):
        logger = nipype_logging.getLogger(name) or logging.getLogger(name)
        if not verbose:
            logger.handlers.clear()
            logger.propagate = False
        logger.addHandler(handler)
    own = logging.getLogger("nipype_mapsmasker")
    own.addHandler(handler)
    own.setLevel(logging.DEBUG if verbose else logging.ERROR if quiet else logging.INFO)
    own.propagate = verbose


def make_plugin(arguments: argparse.Namespace, callback: Callable[..., None]) -> Any:
    """
    Make the execution plugin.

    Parameters
    ----------
    arguments : argparse.Namespace
        With the engine's options.
    callback : callable
        Told of every node that starts, ends or fails.

    Returns
    -------
    plugin
        For ``Workflow.run``.

    Raises
    ------
    ParameterError
        Plugin arguments that cannot be meant.
    """
    plugin_args: dict[str, Any] = {"status_callback": callback}
    if arguments.n_procs is not None:
        if arguments.n_procs < 1:
            msg = f"--n-procs must be at least 1; got {arguments.n_procs}."
            raise ParameterError(msg)
        plugin_args["n_procs"] = arguments.n_procs
    if arguments.mem_gb is not None:
        if arguments.mem_gb <= 0:
            msg = f"--mem-gb must be positive; got {arguments.mem_gb}."
            raise ParameterError(msg)
        plugin_args["memory_gb"] = arguments.mem_gb
    if arguments.plugin_args is not None:
        plugin_args |= read_json_object(arguments.plugin_args, "--plugin-args")
    if arguments.plugin == "Linear":
        from nipype.pipeline.plugins import LinearPlugin

        return LinearPlugin(plugin_args=plugin_args)
    import nipype_mapsmasker.plugins as plugins

    # A node that asks for more than there is runs alone rather than not at all.
    plugin_args.setdefault("raise_insufficient", False)
    return getattr(plugins, f"{arguments.plugin}Plugin")(plugin_args=plugin_args)


def run_until_done(
    build: Callable[[dict[str, str]], Any],
    arguments: argparse.Namespace,
    run_ids: list[str],
    progress: Progress,
    logs: Path,
) -> dict[str, str]:
    """
    Run a workflow; where runs crash, run it again without them.

    Parameters
    ----------
    build : callable
        Given the reasons of the runs to leave out, builds the workflow.
    arguments : argparse.Namespace
        With the engine's options.
    run_ids : list of str
        The runs, in the workflow's order.
    progress : Progress
        Shown to the user.
    logs : Path
        Folder of the crash files.

    Returns
    -------
    dict of str to str
        Reasons of the runs that crashed, by name.

    Notes
    -----
    One crashed element stops all that follows a MapNode. The second time, that element is given
    a fault instead, everything else comes from Nipype's cache, and what follows is reached.
    """
    crashed: dict[str, str] = {}
    for attempt in range(MAX_PASSES):
        watcher = Watcher(progress)
        workflow = build(crashed)
        before = set(logs.glob("crashes/*"))
        try:
            workflow.run(plugin=make_plugin(arguments, watcher))
        except Exception as error:
            new = sorted(set(logs.glob("crashes/*")) - before)
            found = {index: _reason(name, new, error) for index, name in watcher.crashed.items()}
            # Linear runs a MapNode as one, and tells which elements failed in its error.
            found |= {
                int(index): _last_line(text) for index, text in _SUBNODE_ERROR.findall(str(error))
            }
            faults = {
                run_ids[index]: text for index, text in found.items() if index < len(run_ids)
            }
            fresh = {name: text for name, text in faults.items() if name not in crashed}
            if arguments.on_error == "raise" or not fresh or attempt == MAX_PASSES - 1:
                reasons = list(fresh.values()) or [_last_line(str(error))]
                raise EngineError(reasons[0]) from error
            crashed |= fresh
        else:
            break
    return crashed


def _is_of_a_run(name: str) -> bool:
    """Tell whether a node works on one run, rather than on a fit or the cohort."""
    steps = ("extract", "high_variance", "clean", "inverse_transform", "report_run", "store")
    return name.lstrip("_").startswith(steps)


def _reason(name: str, crash_files: list[Path], error: BaseException) -> str:
    """Find the last line of a node's traceback."""
    for path in crash_files:
        if f"-{name}-" in path.name:
            lines = [
                line for line in path.read_text(errors="replace").splitlines() if line.strip()
            ]
            return _last_line(lines[-1] if lines else str(error))
    return _last_line(str(error))


def _last_line(text: str) -> str:
    """Give the last line of a traceback without the exception's class."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return re.sub(r"^[A-Za-z_][\w.]*(Error|Exception|Fault): ", "", lines[-1]) if lines else text


def write_crash_faults(folder: Path, crashed: dict[str, str]) -> dict[str, str]:
    """
    Write the faults of crashed runs, for the workflow to pass through.

    Parameters
    ----------
    folder : Path
        Where to.
    crashed : dict of str to str
        Reasons by run.

    Returns
    -------
    dict of str to str
        Fault files by run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for number, (run_id, reason) in enumerate(crashed.items()):
        fault = {"run_id": run_id, "step": "crash", "reason": reason, "traceback": ""}
        files[run_id] = str(write_json(folder / f"fault_{number}.json", fault))
    return files
