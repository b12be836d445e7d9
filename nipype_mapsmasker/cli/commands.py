# SPDX-License-Identifier: Apache-2.0
"""What each command of ``mapsmasker`` takes."""

from __future__ import annotations

import argparse

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

__all__ = ["add_arguments"]

_INPUT_HELP = "BIDS folder of derivatives, table of runs, images or quoted pattern"

_EARLIER_HELP = "result folder of an earlier run"


def add_arguments(command: str, parser: argparse.ArgumentParser) -> None:
    """
    Add the arguments of a command.

    Parameters
    ----------
    command : str
        Its name.
    parser : ArgumentParser
        Its parser.
    """
    _ADD[command](parser)


def _add_run(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``run``."""
    parser.add_argument("input", metavar="INPUT", help=_INPUT_HELP)
    parser.add_argument("out_dir", metavar="OUT", help="result folder; made if it is absent")
    parser.add_argument(
        "analysis_level", nargs="?", choices=["participant"], help="as BIDS apps have it; optional"
    )
    _add_selection(parser)
    _add_maps(parser)
    _add_extraction(parser)
    _add_cleaning(parser)
    _add_output(parser)
    add_engine(parser)
    add_array(parser)
    add_config(parser)


def _add_inspect(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``inspect``."""
    parser.add_argument("input", metavar="INPUT", help=_INPUT_HELP)
    parser.add_argument(
        "--write-table", metavar="FILE", help="write the runs as a table that 'run' takes"
    )
    _add_selection(parser)
    parser.add_argument("--mask", metavar="FILE", help="brain mask for runs without their own")
    parser.add_argument("--t-r", type=float, metavar="S", help="repetition time of all runs")
    _add_denoise(parser)
    add_verbosity(parser)


def _add_demo(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``demo``."""
    parser.add_argument("out_dir", metavar="OUT", help="folder for the cohort and its results")
    parser.add_argument("--n-subjects", type=int, default=4, help="number of subjects (default 4)")
    add_engine(parser)


def _add_report(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``report``."""
    parser.add_argument("out_dir", metavar="OUT", help=_EARLIER_HELP)
    _add_pages(parser)
    # Unless asked otherwise the pages become what they were.
    parser.set_defaults(displayed_maps=None, cmap=None)
    add_engine(parser)


def _add_figures(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``figures``."""
    parser.add_argument("out_dir", metavar="OUT", help=_EARLIER_HELP)
    parser.add_argument(
        "--format",
        choices=["svg", "pdf", "png"],
        default="svg",
        help="what they are written as (default: svg)",
    )
    add_verbosity(parser)


def _add_recipes(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``recipes``."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="the script to print")
    add_verbosity(parser)


def _add_verify(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``verify``."""
    parser.add_argument("out_dir", metavar="OUT", help=_EARLIER_HELP)
    parser.add_argument(
        "--runs", type=int, metavar="N", help="number of runs, taken at random (default: all)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of that (default: 0)")
    add_verbosity(parser)


def _add_completion(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``completion``."""
    parser.add_argument("shell", choices=["bash", "zsh", "tcsh"], help="the shell")
    add_verbosity(parser)


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
    add_verbosity(parser)


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


_ADD = {
    "run": _add_run,
    "inspect": _add_inspect,
    "group": _add_group,
    "demo": _add_demo,
    "report": _add_report,
    "figures": _add_figures,
    "recipes": _add_recipes,
    "verify": _add_verify,
    "completion": _add_completion,
}
"""One function for each of the parser's ``COMMANDS``."""
