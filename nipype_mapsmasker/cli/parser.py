# SPDX-License-Identifier: Apache-2.0
"""The arguments of ``mapsmasker``: nothing heavier than argparse is loaded here."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from nipype_mapsmasker import __version__
from nipype_mapsmasker.cli.options import add_options
from nipype_mapsmasker.cli.running import (
    add_array,
    add_config,
    add_engine,
    add_switch,
    add_verbosity,
)
from nipype_mapsmasker.core.denoise.presets import PRESETS
from nipype_mapsmasker.core.parameters import (
    AnalysisParameters,
    CensoringParameters,
    CleaningParameters,
    ConfoundParameters,
    ExtractionParameters,
    FittingParameters,
    HighVarianceParameters,
    OutputParameters,
    PageParameters,
    SelectionParameters,
)

__all__ = ["COMMANDS", "build_parser", "parser_of"]

COMMANDS = (
    "run", "inspect", "group", "demo", "report", "figures", "recipes", "verify", "completion",
)  # fmt: skip
"""Words that may come first; anything else is the input of ``run``."""

_INPUT_HELP = "BIDS folder of derivatives, table of runs, images or quoted pattern"

_RUN_HELP = """\
INPUT is a BIDS folder of derivatives, such as fMRIPrep's (--space and the like choose among its
images, 'mapsmasker inspect INPUT' lists them), a table of runs (.tsv or .csv with the columns
run_id, in_file, confounds, sample_mask, mask, t_r; paths relative to the table, n/a for a gap), an
image, several images, or a quoted pattern of images ('data/sub-*/func/*_bold.nii.gz').

exit codes: 0 every run is done; 1 some runs, or some strategies of a run, failed, and the others
are done; 2 the call is wrong or nothing could be done; 3 a fault of the program; 130 interrupted,
what was done is kept.
"""


class _Parser(argparse.ArgumentParser):
    """Answers in one sentence, as the rest of the program does."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and where to read on."""
        text = message.removeprefix("argument ")
        flag = text.partition(":")[0].split("/")[0]
        action = self._option_string_actions.get(flag)
        if "invalid" in text and action is not None and action.nargs == "+":
            text += f" ({flag} takes all words behind it: write INPUT and OUT before it)"
        self.exit(2, f"mapsmasker: {text if text.endswith(('.', '?')) else text + '.'}\n")


class _Wide(argparse.RawDescriptionHelpFormatter):
    """Gives the commands their lines."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=16, width=80)


class _ShortHelp(argparse.Action):
    """``-h`` of a command with many options: the usual ones, and where the others are."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        """Print it, and stop."""
        from nipype_mapsmasker.cli.help import short_help

        print(short_help(parser), end="")
        parser.exit(0)


def build_parser() -> argparse.ArgumentParser:
    """
    Build the parser.

    Returns
    -------
    argparse.ArgumentParser
        With the commands of `COMMANDS`.
    """
    from nipype_mapsmasker.cli.help import MAIN_EXAMPLES

    parser = _Parser(
        prog="mapsmasker",
        # A shortened option would not be recognised in the script of an array.
        allow_abbrev=False,
        description="Region time series from overlapping brain maps, for whole cohorts.",
        epilog=MAIN_EXAMPLES,
        formatter_class=_Wide,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", title="commands"
    )
    run = commands.add_parser(
        "run",
        help="extract and clean the signals of runs",
        description="Extract and clean the signals of runs.",
        epilog=_RUN_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    run.add_argument("-h", "--help", action=_ShortHelp, nargs=0, help="show the usual options")
    run.add_argument("--help-all", action="help", help="show all options")
    run.add_argument("input", metavar="INPUT", help=_INPUT_HELP)
    run.add_argument("out_dir", metavar="OUT", help="result folder; made if it is absent")
    run.add_argument(
        "analysis_level", nargs="?", choices=["participant"], help="as BIDS apps have it; optional"
    )
    _add_selection(run)
    _add_maps(run)
    _add_extraction(run)
    _add_cleaning(run)
    _add_output(run)
    add_engine(run)
    add_array(run)
    add_config(run)
    inspect = commands.add_parser(
        "inspect",
        help="list the runs of an input, and what each lacks",
        description="List the runs of an input, what belongs to each, and what is missing.",
        allow_abbrev=False,
    )
    inspect.add_argument("input", metavar="INPUT", help=_INPUT_HELP)
    inspect.add_argument(
        "--write-table", metavar="FILE", help="write the runs as a table that 'run' takes"
    )
    _add_selection(inspect)
    inspect.add_argument("--mask", metavar="FILE", help="brain mask for runs without their own")
    inspect.add_argument("--t-r", type=float, metavar="S", help="repetition time of all runs")
    _add_denoise(inspect)
    add_verbosity(inspect)
    group = commands.add_parser(
        "group",
        help="put results together: tables, mean matrices, QC-FC",
        description="Put the results of a folder together, from its own files: tidy tables, mean "
        "and tangent-space matrices, a table and figure of what motion each strategy leaves and "
        "what it costs. 'mapsmasker INPUT OUT group' means the same; INPUT is not read.",
        allow_abbrev=False,
    )
    _add_group(group)
    add_verbosity(group)
    demo = commands.add_parser(
        "demo",
        help="make a small cohort with known truth and run it",
        description="Make a small cohort with known truth, run it, and say how well it went.",
    )
    demo.add_argument("out_dir", metavar="OUT", help="folder for the cohort and its results")
    demo.add_argument("--n-subjects", type=int, default=4, help="number of subjects (default 4)")
    add_engine(demo)
    report = commands.add_parser(
        "report",
        help="make the pages of a result folder again",
        description="Make the pages of a result folder again, without the images.",
    )
    report.add_argument("out_dir", metavar="OUT", help="result folder of an earlier run")
    _add_pages(report)
    # Unless asked otherwise the pages become what they were.
    report.set_defaults(displayed_maps=None, cmap=None)
    add_engine(report)
    figures = commands.add_parser(
        "figures",
        help="draw figures of a result folder for a paper",
        description="Draw carpets, spectra, matrices and the cohort's figures into OUT/figures.",
    )
    figures.add_argument("out_dir", metavar="OUT", help="result folder of an earlier run")
    figures.add_argument(
        "--format",
        choices=["svg", "pdf", "png"],
        default="svg",
        help="what they are written as (default: svg)",
    )
    add_verbosity(figures)
    recipes = commands.add_parser(
        "recipes",
        help="list scripts to start from, or print one",
        description="List scripts that use the package from Python, or print one to start from.",
    )
    recipes.add_argument("name", nargs="?", metavar="NAME", help="the script to print")
    add_verbosity(recipes)
    _add_verify(commands)
    completion = commands.add_parser(
        "completion",
        help="print a script for the Tab key of your shell",
        description="Print a script that makes a shell complete commands and options by the Tab "
        "key; needs shtab (pip install 'nipype-mapsmasker[completion]').",
    )
    completion.add_argument("shell", choices=["bash", "zsh", "tcsh"], help="the shell")
    add_verbosity(completion)
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


def _add_verify(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command that compares results with nilearn's."""
    verify = commands.add_parser(
        "verify",
        help="compare runs of a result folder with nilearn's numbers",
        description="Do runs of a result folder again with the installed nilearn, in float64, "
        "from the same inputs and parameters, and tell the largest differences in standard "
        "deviations, with their documented cause.",
        epilog="exit codes: 0 all the same, or documented; 1 a difference without a documented "
        "cause; 2 the call is wrong.",
        allow_abbrev=False,
    )
    verify.add_argument("out_dir", metavar="OUT", help="result folder of an earlier run")
    verify.add_argument(
        "--runs", type=int, metavar="N", help="number of runs, taken at random (default: all)"
    )
    verify.add_argument("--seed", type=int, default=0, metavar="S", help="of that (default: 0)")
    add_verbosity(verify)


def _add_selection(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose runs of a BIDS folder, also in XCP-D's words."""
    group = parser.add_argument_group("runs of a BIDS folder")
    add_options(group, SelectionParameters)
    for words, name in (
        (("--session-id",), "session_label"),
        (("--task-id",), "task_label"),
    ):
        group.add_argument(*words, dest=name, nargs="+", help=argparse.SUPPRESS)


def _add_maps(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what is fitted."""
    group = parser.add_argument_group("maps")
    group.add_argument(
        "--maps",
        nargs="+",
        action="extend",
        metavar="MAPS",
        help="4D image of maps, or 3D image of integer labels; several share one reading",
    )
    group.add_argument(
        "--atlas",
        nargs="+",
        action="extend",
        metavar="NAME",
        help="atlases by name, such as DiFuMo:64, from the folders of --atlas-dir",
    )
    group.add_argument(
        "--atlas-dir",
        nargs="+",
        action="extend",
        metavar="DIR",
        help="BIDS atlas datasets, or folders of such (default: sourcedata/atlases of the BIDS "
        "folder, and TemplateFlow's folder where TEMPLATEFLOW_HOME is set)",
    )
    group.add_argument(
        "--atlas-names",
        nargs="+",
        action="extend",
        metavar="NAME",
        help="names of the atlases in the results (default: from the file names)",
    )
    group.add_argument(
        "--labels",
        nargs="+",
        action="extend",
        metavar="FILE",
        help="tables of the maps' names (TSV, CSV, JSON), one per maps image; n/a for none",
    )
    group.add_argument("--mask", metavar="FILE", help="brain mask for runs without their own")
    add_options(group, FittingParameters, only=["mask_threshold", "allow_overlap"])


def _add_extraction(parser: argparse.ArgumentParser) -> None:
    """Add the options of extraction."""
    group = parser.add_argument_group("extraction")
    add_options(group, FittingParameters, only=["smoothing_fwhm", "resampling_target", "demean"])
    add_options(group, ExtractionParameters)


def _add_cleaning(parser: argparse.ArgumentParser) -> None:
    """Add the options of cleaning."""
    group = parser.add_argument_group("cleaning")
    add_options(group, CleaningParameters)
    group.add_argument("--t-r", type=float, metavar="S", help="repetition time of all runs")
    group.add_argument(
        "--confounds", nargs="+", metavar="FILE", help="confounds tables, for a single image"
    )
    group.add_argument("--sample-mask", metavar="FILE", help="volumes to keep, for a single image")
    add_options(group, ConfoundParameters)
    add_options(group, HighVarianceParameters)
    _add_denoising(parser)


def _add_denoising(parser: argparse.ArgumentParser) -> None:
    """Add the options of strategies, of censoring, and of what is made of cleaned signals."""
    group = parser.add_argument_group("denoising")
    _add_denoise(group)
    # What a request made in Python may hold is said to the tasks of an array in a file.
    group.add_argument("--strategies", metavar="FILE", help=argparse.SUPPRESS)
    add_options(group, CensoringParameters)
    group = parser.add_argument_group("connectivity")
    add_options(group, AnalysisParameters)


def _add_denoise(group: argparse._ActionsContainer) -> None:
    """Add --denoise."""
    group.add_argument(
        "--denoise",
        nargs="+",
        action="extend",
        metavar="STRATEGY",
        help="strategies that choose regressors and volumes from fMRIPrep's confounds, by name "
        f"({', '.join(PRESETS)}, each perhaps with +gsr) or as files (.json, .yaml)",
    )


def _add_group(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``group``."""
    parser.add_argument("out_dir", metavar="OUT", help="result folder of earlier runs")
    group = parser.add_argument_group("group")
    add_switch(
        group,
        "--combine-runs",
        False,
        "make a subject's matrix of the signals of all runs, standardised per run first, instead "
        "of averaging matrices of runs",
    )
    group.add_argument(
        "--min-share",
        type=float,
        default=0.5,
        metavar="SHARE",
        help="smallest share of subjects who have an edge of the mean (default: 0.5)",
    )
    add_options(group, AnalysisParameters, only=["shrinkage"])


def _add_output(parser: argparse.ArgumentParser) -> None:
    """Add the options of what is written."""
    group = parser.add_argument_group("results")
    add_options(group, OutputParameters)
    add_options(group, PageParameters, only=["reports"])
    _add_pages(parser)


def _add_pages(parser: argparse.ArgumentParser) -> None:
    """Add the options of the pages."""
    group = parser.add_argument_group("pages")
    add_options(group, PageParameters, only=["displayed_maps", "cmap"])
