# SPDX-License-Identifier: Apache-2.0
"""The parser of ``mapsmasker``; a command's own arguments are loaded when it is asked for."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from nipype_mapsmasker import __version__
from nipype_mapsmasker.cli.help import MAIN_EXAMPLES, short_help

__all__ = ["COMMANDS", "build_parser", "parser_of"]

_RUN_HELP = """\
INPUT is a BIDS folder of derivatives, such as fMRIPrep's (--space and the like choose among its
images, 'mapsmasker inspect INPUT' lists them), a table of runs (.tsv or .csv with the columns
run_id, in_file, confounds, sample_mask, mask, t_r; paths relative to the table, n/a for a gap), an
image, several images, or a quoted pattern of images ('data/sub-*/func/*_bold.nii.gz').

exit codes: 0 every run is done; 1 some runs, or some strategies of a run, failed, and the others
are done; 2 the call is wrong or nothing could be done; 3 a fault of the program; 130 interrupted,
what was done is kept.
"""

_SAID: dict[str, dict[str, Any]] = {
    "run": {
        "help": "extract and clean the signals of runs",
        "description": "Extract and clean the signals of runs.",
        "epilog": _RUN_HELP,
        "formatter_class": argparse.RawDescriptionHelpFormatter,
    },
    "inspect": {
        "help": "list the runs of an input, and what each lacks",
        "description": "List the runs of an input, what belongs to each, and what is missing.",
    },
    "group": {
        "help": "put results together: tables, mean matrices, QC-FC",
        "description": "Put the results of a folder together, from its own files: tidy tables, "
        "mean and tangent-space matrices, a table and figure of what motion each strategy leaves "
        "and what it costs. 'mapsmasker INPUT OUT group' means the same; INPUT is not read.",
    },
    "demo": {
        "help": "make a small cohort with known truth and run it",
        "description": "Make a small cohort with known truth, run it, and say how well it went.",
    },
    "report": {
        "help": "make the pages of a result folder again",
        "description": "Make the pages of a result folder again, without the images.",
    },
    "figures": {
        "help": "draw figures of a result folder for a paper",
        "description": "Draw carpets, spectra, matrices and the cohort's figures into "
        "OUT/figures.",
    },
    "recipes": {
        "help": "list scripts to start from, or print one",
        "description": "List scripts that use the package from Python, or print one to start "
        "from.",
    },
    "verify": {
        "help": "compare runs of a result folder with nilearn's numbers",
        "description": "Do runs of a result folder again with the installed nilearn, in float64, "
        "from the same inputs and parameters, and tell the largest differences in standard "
        "deviations, with their documented cause.",
        "epilog": "exit codes: 0 all the same, or documented; 1 a difference without a documented "
        "cause; 2 the call is wrong.",
    },
    "completion": {
        "help": "print a script for the Tab key of your shell",
        "description": "Print a script that makes a shell complete commands and options by the "
        "Tab key; needs shtab (pip install 'nipype-mapsmasker[completion]').",
    },
}
"""What is said of each command."""

COMMANDS = tuple(_SAID)
"""Words that may come first; anything else is the input of ``run``."""


class _Parser(argparse.ArgumentParser):
    """Answers in one sentence, as the rest of the program does."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and where to read on."""
        text = message.removeprefix("argument ")
        for kind, wanted in (("float", "a number"), ("int", "a whole number")):
            text = text.replace(f"invalid {kind} value: ", f"expected {wanted}, got ")
        names = text.partition(":")[0]
        flag = names.split("/")[0]
        action = self._option_string_actions.get(flag)
        text = text if action is None else flag + text.removeprefix(names)
        is_value = "invalid choice" in text or ", got " in text
        if is_value and action is not None and action.nargs == "+":
            text += f" ({flag} takes all words behind it: write INPUT and OUT before it)"
        self.exit(2, f"mapsmasker: {text if text.endswith(('.', '?')) else text + '.'}\n")


class _Wide(argparse.RawDescriptionHelpFormatter):
    """Gives each command one line, so that all is seen at once on a terminal of 24."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=17, width=80)
        self._action_max_length = 15  # the longest command, with its indentation

    def _format_action(self, action: argparse.Action) -> str:
        text = super()._format_action(action)
        # Of the commands' list the first line says no more than the title above it.
        return text.partition("\n")[2] if action.nargs == argparse.PARSER else text


class _ShortHelp(argparse.Action):
    """``-h`` of a command with many options: the usual ones, and where the others are."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        """Print it, and stop."""
        print(short_help(parser), end="")
        parser.exit(0)


def build_parser(commands: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """
    Build the parser.

    Parameters
    ----------
    commands : sequence of str
        The commands whose arguments are wanted; all by default. Of the others it knows the names.

    Returns
    -------
    argparse.ArgumentParser
        With the commands of `COMMANDS`.
    """
    parser = _Parser(
        prog="mapsmasker",
        # A shortened option would not be recognised in the script of an array.
        allow_abbrev=False,
        description="Region time series from overlapping brain maps, for whole cohorts.",
        epilog=MAIN_EXAMPLES,
        formatter_class=_Wide,
        add_help=False,
    )
    parser.add_argument("-h", "--help", action="help", help=argparse.SUPPRESS)
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    children = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", title="commands"
    )
    for name, said in _SAID.items():
        child = children.add_parser(name, **said, allow_abbrev=False, add_help=name != "run")
        if name not in commands:
            continue
        if name == "run":
            child.add_argument(
                "-h", "--help", action=_ShortHelp, nargs=0, help="show the usual options"
            )
            child.add_argument("--help-all", action="help", help="show all options")
        # Loads the parameters, which the help of the whole program does without.
        from nipype_mapsmasker.cli.commands import add_arguments

        add_arguments(name, child)
    return parser


def parser_of(parser: argparse.ArgumentParser, command: str) -> argparse.ArgumentParser:
    """
    Give the parser of one command.

    Parameters
    ----------
    parser : ArgumentParser
        Of `build_parser`.
    command : str
        One of `COMMANDS`.

    Returns
    -------
    ArgumentParser
        It knows its options.
    """
    (commands,) = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    found: argparse.ArgumentParser = commands.choices[command]
    return found
