# SPDX-License-Identifier: Apache-2.0
"""Entry point of the command ``mapsmasker``, and its exit codes."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence

from nipype_mapsmasker.cli.parser import COMMANDS, build_parser
from nipype_mapsmasker.errors import DataFault, EngineError, ParameterError

__all__ = ["EXIT_FAILED_RUNS", "EXIT_GOOD", "EXIT_NOTHING_DONE", "main"]

EXIT_GOOD = 0
"""Every run is done."""

EXIT_FAILED_RUNS = 1
"""Some runs failed; the others are done."""

EXIT_NOTHING_DONE = 2
"""The call is wrong, or nothing could be done."""

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
        0 all good, 1 some runs failed, 2 wrong call or nothing could be done, 130 interrupted.
    """
    given = list(sys.argv[1:] if argv is None else argv)
    # BIDS apps have no word for the job: `mapsmasker INPUT OUT participant ...`
    if given and given[0] not in COMMANDS and not given[0].startswith("-"):
        given.insert(0, "run")
    arguments = build_parser().parse_args(given)
    arguments.command_line = given
    try:
        return _dispatch(arguments)
    except KeyboardInterrupt:
        print(
            "mapsmasker: stopped; what is finished is kept, run it again to go on.",
            file=sys.stderr,
        )
        return EXIT_INTERRUPTED
    except (ParameterError, DataFault, EngineError, OSError) as error:
        if arguments.verbose:
            traceback.print_exc()
        print(f"mapsmasker: {_sentence(error)}", file=sys.stderr)
        return EXIT_NOTHING_DONE


def _dispatch(arguments: argparse.Namespace) -> int:
    """Load what a command needs, and nothing else, and run it."""
    command = arguments.command
    if command == "demo":
        from nipype_mapsmasker.cli.demo import demo

        return demo(arguments)
    if command == "report":
        from nipype_mapsmasker.cli.report import report

        return report(arguments)
    if command == "inspect":
        from nipype_mapsmasker.cli.inspect import inspect

        return inspect(arguments)
    if command == "verify":
        from nipype_mapsmasker.cli.verify import verify

        return verify(arguments)
    from nipype_mapsmasker.cli.run import run

    return run(arguments)


def _sentence(error: BaseException) -> str:
    """Say what is wrong in one sentence, the file included where the system knows it."""
    if isinstance(error, DataFault | ParameterError | EngineError) or not isinstance(
        error, OSError
    ):
        return str(error)
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{error.strerror or error}."
