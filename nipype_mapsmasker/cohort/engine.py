# SPDX-License-Identifier: Apache-2.0
"""Nipype as an engine: configuration, logs, plugins, and going on after a crash of one run."""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nipype_mapsmasker.cohort.crashes import Crash, Watcher, find_crashes, reason_of
from nipype_mapsmasker.cohort.progress import Progress
from nipype_mapsmasker.errors import EngineError, ParameterError
from nipype_mapsmasker.io.sidecars import read_json_object

__all__ = ["check_engine", "configure", "crash_dir", "make_plugin", "run_until_done"]

MAX_PASSES = 5
"""Attempts to finish the other runs after some crashed for reasons outside their data."""

HANDLER_NAME = "mapsmasker"
"""Name of the handler that writes to ``OUT/logs``."""

NIPYPE_LOGGERS = ("nipype.workflow", "nipype.interface", "nipype.utils")
"""Loggers that tell of every node."""


def configure(out_dir: Path, *, log_name: str, verbose: bool, quiet: bool) -> None:
    """
    Send Nipype's own log lines and crash files below ``OUT/logs``.

    Parameters
    ----------
    out_dir : Path
        The result folder.
    log_name : str
        Name of the log file.
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
                "crashdump_dir": str(crash_dir(out_dir)),
                "crashfile_format": "txt",
            },
            "logging": {"log_to_file": False},
        }
    )
    handler = _LogFile(logs / log_name, encoding="utf-8")
    handler.set_name(HANDLER_NAME)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s: %(message)s"))
    for name in NIPYPE_LOGGERS:
        logger = nipype_logging.getLogger(name) or logging.getLogger(name)
        if not verbose:
            logger.handlers = [old for old in logger.handlers if old.name == HANDLER_NAME]
            logger.propagate = False
        _replace_handler(logger, handler)
    own = logging.getLogger("nipype_mapsmasker")
    _replace_handler(own, handler)
    own.setLevel(logging.DEBUG if verbose else logging.ERROR if quiet else logging.INFO)
    own.propagate = verbose


class _LogFile(logging.FileHandler):
    """A log that a full disk cannot turn into tracebacks on the screen."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Lose the line: what is wrong is told by what fails besides."""


def _replace_handler(logger: logging.Logger, handler: logging.Handler) -> None:
    """Let a logger write to this result folder and to no earlier one."""
    for old in [old for old in logger.handlers if old.name == HANDLER_NAME]:
        logger.removeHandler(old)
        old.close()
    logger.addHandler(handler)


def crash_dir(out_dir: Path) -> Path:
    """
    Name the folder of this process's crash files.

    Parameters
    ----------
    out_dir : Path
        The result folder.

    Returns
    -------
    Path
        Its own, so that slices of one cohort do not read each other's.

    Notes
    -----
    Nipype's configuration takes no path with a percent sign: such a folder has a stand-in.
    """
    folder = (out_dir / "logs" / f"crashes-{os.getpid()}").absolute()
    if "%" in str(folder):
        folder = Path(tempfile.gettempdir(), f"mapsmasker-crashes-{os.getpid()}")
    return folder


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
        plugin_args["n_procs"] = arguments.n_procs
    if arguments.mem_gb is not None:
        plugin_args["memory_gb"] = arguments.mem_gb
    if arguments.plugin_args is not None:
        plugin_args |= read_json_object(arguments.plugin_args, "--plugin-args")
    if arguments.plugin == "Linear":
        from nipype.pipeline.plugins import LinearPlugin

        return LinearPlugin(plugin_args=plugin_args)
    import nipype_mapsmasker.plugins as plugins

    if arguments.plugin == "SLURMGraph":
        # Nipype returns once all is submitted; what follows here needs the results.
        plugin_args.setdefault("wait", True)
        del plugin_args["status_callback"]
    # A node that asks for more than there is runs alone rather than not at all.
    plugin_args.setdefault("raise_insufficient", False)
    return getattr(plugins, f"{arguments.plugin}Plugin")(plugin_args=plugin_args)


def check_engine(arguments: argparse.Namespace) -> None:
    """
    Refuse options of the engine that cannot be meant, before anything is read.

    Parameters
    ----------
    arguments : argparse.Namespace
        With the engine's options.

    Raises
    ------
    ParameterError
        They cannot be.
    """
    if arguments.n_procs is not None and arguments.n_procs < 1:
        msg = f"--n-procs must be at least 1; got {arguments.n_procs}."
        raise ParameterError(msg)
    if arguments.mem_gb is not None and not arguments.mem_gb > 0:
        msg = f"--mem-gb must be positive; got {arguments.mem_gb}."
        raise ParameterError(msg)
    if arguments.plugin_args is not None:
        read_json_object(arguments.plugin_args, "--plugin-args")


def run_until_done(
    build: Callable[[dict[str, Crash]], Any],
    arguments: argparse.Namespace,
    run_ids: list[str],
    progress: Progress,
    crashed: dict[str, Crash],
) -> None:
    """
    Run a workflow; where runs crash, run it again without them.

    Parameters
    ----------
    build : callable
        Given the runs to leave out, builds the workflow.
    arguments : argparse.Namespace
        With the engine's options.
    run_ids : list of str
        The runs, in the workflow's order.
    progress : Progress
        Shown to the user.
    crashed : dict of str to Crash
        Is filled with the runs that crashed.

    Raises
    ------
    EngineError
        Something else than single runs crashed, or ``--on-error raise``.

    Notes
    -----
    One crashed element stops all that follows a MapNode. The next time, that element is given
    a fault instead, everything else comes from Nipype's cache, and what follows is reached. Where
    all runs crashed, as on a full disk, what they reached is left for the next call.
    """
    for attempt in range(MAX_PASSES):
        watcher = Watcher(progress)
        workflow = build(crashed)
        try:
            workflow.run(plugin=make_plugin(arguments, watcher))
        except Exception as error:
            found = find_crashes(crash_dir(Path(arguments.out_dir)), watcher, error, run_ids)
            fresh = {name: crash for name, crash in found.items() if name not in crashed}
            crashed |= fresh
            is_hopeless = not fresh or len(crashed) == len(run_ids) or attempt == MAX_PASSES - 1
            if arguments.on_error == "raise" or is_hopeless:
                reasons = [crash.reason for crash in fresh.values()]
                folder = crash_dir(Path(arguments.out_dir))
                reason = (reasons or [reason_of(error, folder)])[0]
                if reason == "KeyboardInterrupt":  # Linear takes it for a crash
                    raise KeyboardInterrupt from error
                raise EngineError(reason) from error
        else:
            return
