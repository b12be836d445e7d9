# SPDX-License-Identifier: Apache-2.0
"""Entry point of the command ``mapsmasker``, and its exit codes."""

from __future__ import annotations

import argparse
import atexit
import gc
import os
import sys
import traceback
from collections.abc import Sequence

from nipype_mapsmasker.cli.streams import steady_streams
from nipype_mapsmasker.cli.words import parse
from nipype_mapsmasker.cohort.collecting import seldom_collected
from nipype_mapsmasker.errors import DataFault, EngineError, ParameterError
from nipype_mapsmasker.io.results.faults import is_out_of_memory, system_sentence

__all__ = [
    "EXIT_FAILED_RUNS",
    "EXIT_GOOD",
    "EXIT_INTERRUPTED",
    "EXIT_NOTHING_DONE",
    "EXIT_PROGRAM_FAULT",
    "main",
]

EXIT_GOOD = 0
"""Every run is done."""

EXIT_FAILED_RUNS = 1
"""Some runs failed; the others are done."""

EXIT_NOTHING_DONE = 2
"""The call is wrong, or nothing could be done."""

EXIT_PROGRAM_FAULT = 3
"""The program itself is at fault, whatever the data are; a traceback tells where."""

EXIT_INTERRUPTED = 130
"""Stopped by the user; what was done is kept."""


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; those of the process by default.

    Returns
    -------
    int
        0 all good, 1 some runs failed, 2 wrong call or nothing could be done, 3 a fault of the
        program itself, 130 interrupted.
    """
    # Idle threads of OpenBLAS go to sleep at once, in place of waiting busily for a tenth of a
    # second on the cores that others need; it reads this when NumPy loads it.
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
    # Nothing waits to be finalized at the end: to look for cycles among all modules' objects once
    # more took a quarter of a second.
    atexit.register(gc.freeze)
    with steady_streams():
        return _main(argv)


def _main(argv: Sequence[str] | None) -> int:
    given = list(sys.argv[1:] if argv is None else argv)
    is_verbose = not {"-v", "--verbose"}.isdisjoint(given)
    arguments = argparse.Namespace(command="mapsmasker")
    try:
        arguments = parse(given)
        return _dispatch(arguments)
    except KeyboardInterrupt:
        print(
            "mapsmasker: stopped; what is finished is kept, run it again to go on.",
            file=sys.stderr,
        )
        return EXIT_INTERRUPTED
    except Exception as error:
        is_foreseen = isinstance(error, ParameterError | DataFault | EngineError | OSError)
        if is_out_of_memory(error) or is_foreseen:
            if is_verbose:
                traceback.print_exc()
            print(f"mapsmasker: {_sentence(error, arguments)}", file=sys.stderr)
            return EXIT_NOTHING_DONE
        traceback.print_exc()
        print(
            "mapsmasker: this is a fault of the program, not of your data; please report it with "
            "the lines above. What is finished is kept.",
            file=sys.stderr,
        )
        return EXIT_PROGRAM_FAULT


def _dispatch(arguments: argparse.Namespace) -> int:
    """Load what a command needs, and nothing else, and run it."""
    command = arguments.command
    if command == "demo":
        from nipype_mapsmasker.cli.demo import demo

        return demo(arguments)
    if command == "report":
        from nipype_mapsmasker.cli.report import report

        return report(arguments)
    if command == "figures":
        from nipype_mapsmasker.cli.report import figures

        return figures(arguments)
    if command == "group":
        from nipype_mapsmasker.cli.group import group

        return group(arguments)
    if command == "inspect":
        from nipype_mapsmasker.cli.inspect import inspect

        return inspect(arguments)
    if command == "recipes":
        from nipype_mapsmasker.cli.recipes import recipes

        return recipes(arguments)
    if command == "completion":
        from nipype_mapsmasker.cli.completion import completion

        return completion(arguments)
    if command == "verify":
        from nipype_mapsmasker.cli.verify import verify

        return verify(arguments)
    with seldom_collected():
        from nipype_mapsmasker.cli.run import run

    return run(arguments)


def _sentence(error: BaseException, arguments: argparse.Namespace) -> str:
    """Say what is wrong in one sentence, the place included where the system knows it."""
    if is_out_of_memory(error):
        return (
            "there is not enough memory; what is finished is kept, run it again with more, or "
            "with fewer processes (--n-procs)."
        )
    if isinstance(error, OSError) and not isinstance(error, DataFault):
        return system_sentence(error, str(getattr(arguments, "out_dir", arguments.command)))
    return str(error)
