# SPDX-License-Identifier: Apache-2.0
"""The arguments of ``mapsmasker``: nothing heavier than argparse is loaded here."""

from __future__ import annotations

import argparse

from nipype_mapsmasker import __version__

__all__ = ["COMMANDS", "build_parser"]

COMMANDS = ("run", "demo", "report")
"""Words that may come first; anything else is the input of ``run``."""

PLUGINS = ("MultiProc", "Linear", "SLURM", "SLURMGraph")
"""Engines that ``--plugin`` knows."""

_RUN_HELP = """\
INPUT is a table of runs (.tsv or .csv with the columns run_id, in_file, confounds, sample_mask,
mask, t_r; paths relative to the table, n/a for a gap), an image, or a quoted pattern of images
('data/sub-*/func/*_bold.nii.gz').

exit codes: 0 every run is done; 1 some runs failed, the others are done; 2 the call is wrong or
nothing could be done; 130 interrupted, what was done is kept.
"""


def build_parser() -> argparse.ArgumentParser:
    """
    Build the parser.

    Returns
    -------
    argparse.ArgumentParser
        With the commands run, demo and report.
    """
    parser = argparse.ArgumentParser(
        prog="mapsmasker",
        # A shortened option would not be recognised in the script of an array.
        allow_abbrev=False,
        description="Region time series from overlapping brain maps, for whole cohorts.",
        epilog="The word 'run' may be left out: mapsmasker INPUT OUT --maps MAPS ...",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser(
        "run",
        help="extract and clean the signals of runs",
        description="Extract and clean the signals of runs.",
        epilog=_RUN_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    run.add_argument("input", metavar="INPUT", help="table of runs, image or quoted pattern")
    run.add_argument("out_dir", metavar="OUT", help="result folder; made if it is absent")
    run.add_argument(
        "analysis_level", nargs="?", choices=["participant"], help="as BIDS apps have it; optional"
    )
    _add_maps(run)
    _add_extraction(run)
    _add_cleaning(run)
    _add_output(run)
    _add_engine(run)
    _add_array(run)
    demo = commands.add_parser(
        "demo",
        help="make a small cohort with known truth and run it",
        description="Make a small cohort with known truth, run it, and say how well it went.",
    )
    demo.add_argument("out_dir", metavar="OUT", help="folder for the cohort and its results")
    demo.add_argument("--n-subjects", type=int, default=4, help="number of subjects (default 4)")
    _add_engine(demo)
    report = commands.add_parser(
        "report",
        help="make the pages of a result folder again",
        description="Make the pages of a result folder again, without the images.",
    )
    report.add_argument("out_dir", metavar="OUT", help="result folder of an earlier run")
    _add_pages(report)
    # Unless asked otherwise the pages become what they were.
    report.set_defaults(displayed_maps=None, cmap=None)
    _add_verbosity(report)
    return parser


def _switch(group: argparse._ArgumentGroup, name: str, default: bool, help: str) -> None:
    """Add --name and --no-name."""
    group.add_argument(
        name,
        action=argparse.BooleanOptionalAction,
        default=default,
        help=f"{help} (default: {'yes' if default else 'no'})",
    )


def _add_maps(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what is fitted."""
    group = parser.add_argument_group("maps")
    group.add_argument(
        "--maps",
        nargs="+",
        action="extend",
        required=True,
        metavar="MAPS",
        help="4D image of maps, or 3D image of integer labels; several share one reading",
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
    group.add_argument(
        "--mask-threshold", type=float, metavar="P", help="cut a mask of probabilities here"
    )
    _switch(group, "--allow-overlap", True, "let maps share voxels")


def _add_extraction(parser: argparse.ArgumentParser) -> None:
    """Add the options of extraction."""
    group = parser.add_argument_group("extraction")
    group.add_argument(
        "--smoothing-fwhm",
        type=float,
        nargs="+",
        metavar="MM",
        help="full width at half maximum of Gaussian smoothing, one value or three",
    )
    group.add_argument(
        "--resampling-target",
        choices=["data", "mask", "maps", "none"],
        default="data",
        help="whose grid everything is brought to (default: data)",
    )
    group.add_argument(
        "--interpolation",
        choices=["continuous", "linear", "nearest"],
        default="continuous",
        help="how data are resampled, for the targets mask and maps (default: continuous)",
    )
    _switch(group, "--clip", True, "clip resampled data to the run's range")
    group.add_argument(
        "--missing-voxels",
        choices=["zero", "exclude"],
        default="zero",
        help="what voxels without data count as (default: zero)",
    )
    group.add_argument(
        "--min-coverage",
        type=float,
        metavar="SHARE",
        help="coverage (0 to 1) below which a map's signal is n/a",
    )
    _switch(group, "--keep-masked-maps", True, "keep maps outside the mask as columns of zeros")


def _add_cleaning(parser: argparse.ArgumentParser) -> None:
    """Add the options of cleaning."""
    group = parser.add_argument_group("cleaning")
    _switch(group, "--detrend", False, "remove mean and line")
    group.add_argument(
        "--standardize",
        choices=["zscore", "zscore_sample", "psc", "none"],
        default="none",
        help="divide by the standard deviation (ddof 0 or 1) or the mean (default: none)",
    )
    _switch(group, "--standardize-confounds", True, "standardise confounds first")
    group.add_argument(
        "--filter",
        choices=["butterworth", "cosine", "none"],
        default="butterworth",
        help="kind of filter (default: butterworth)",
    )
    group.add_argument("--low-pass", type=float, metavar="HZ", help="upper cut-off")
    group.add_argument("--high-pass", type=float, metavar="HZ", help="lower cut-off")
    group.add_argument("--t-r", type=float, metavar="S", help="repetition time of all runs")
    group.add_argument("--butterworth-order", type=int, default=5, metavar="N", help="default 5")
    group.add_argument(
        "--butterworth-padtype", choices=["odd", "even", "constant", "none"], default="odd"
    )
    group.add_argument("--butterworth-padlen", type=int, metavar="N", help="volumes of padding")
    _switch(group, "--extrapolate", False, "let the filter see extrapolated censored ends")
    _switch(group, "--ensure-finite", False, "set non-finite values to 0 first")
    group.add_argument(
        "--confounds", nargs="+", metavar="FILE", help="confounds tables, for a single image"
    )
    group.add_argument("--sample-mask", metavar="FILE", help="volumes to keep, for a single image")
    group.add_argument(
        "--confounds-columns",
        nargs="+",
        metavar="NAME",
        help="columns of the confounds to use: names or patterns such as 'trans_*'",
    )
    group.add_argument(
        "--confounds-na",
        choices=["next", "zero", "error"],
        default="next",
        help="what leading n/a of a confound becomes (default: next)",
    )
    _switch(group, "--high-variance-confounds", False, "regress high-variance confounds out")
    group.add_argument("--n-confounds", type=int, default=5, metavar="N", help="how many of them")
    group.add_argument(
        "--percentile", type=float, default=2.0, metavar="P", help="share of voxels they come from"
    )
    group.add_argument(
        "--strategies",
        metavar="FILE",
        help="JSON of several named cleaning strategies; the options above are their defaults",
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    """Add the options of what is written."""
    group = parser.add_argument_group("results")
    group.add_argument("--dtype", choices=["auto", "float32", "float64"], help="default: float64")
    group.add_argument(
        "--output-format", choices=["tsv", "npy", "parquet"], default="tsv", help="default: tsv"
    )
    _switch(group, "--inverse-transform", False, "also rebuild images from the cleaned signals")
    _switch(group, "--reports", True, "make pages")
    _add_pages(parser)


def _add_pages(parser: argparse.ArgumentParser) -> None:
    """Add the options of the pages."""
    group = parser.add_argument_group("pages")
    group.add_argument(
        "--displayed-maps",
        nargs="+",
        default=["10"],
        metavar="N",
        help="how many maps to show, or which (numbers from 0), or 'all' (default: 10; "
        "report: as before)",
    )
    group.add_argument(
        "--cmap",
        default="CMRmap_r",
        help="colours of the background image (default: CMRmap_r; report: as before)",
    )


def _add_engine(parser: argparse.ArgumentParser) -> None:
    """Add the options of the engine."""
    group = parser.add_argument_group("engine")
    group.add_argument("--plugin", choices=PLUGINS, default="MultiProc", help="default: MultiProc")
    group.add_argument(
        "--n-procs", type=int, metavar="N", help="processes (default: the cores at hand)"
    )
    group.add_argument("--mem-gb", type=float, metavar="GB", help="memory (default: that at hand)")
    group.add_argument("--plugin-args", metavar="FILE", help="JSON of further plugin arguments")
    group.add_argument(
        "-w", "--work-dir", metavar="DIR", help="working folder (default: OUT/.mapsmasker/work)"
    )
    _switch(group, "--clean-work-dir", False, "remove the working folder after success")
    group.add_argument("--dry-run", action="store_true", help="say what would be done, and stop")
    group.add_argument(
        "--on-error",
        choices=["record", "raise"],
        default="record",
        help="what a bad run does: be written down, or stop all (default: record)",
    )
    _add_verbosity(parser)


def _add_array(parser: argparse.ArgumentParser) -> None:
    """Add the options of arrays of Slurm."""
    group = parser.add_argument_group("Slurm array")
    group.add_argument(
        "--write-slurm-array",
        metavar="FILE",
        help="write a script for sbatch whose tasks each do some of the runs, and stop",
    )
    group.add_argument(
        "--batch-size", type=int, metavar="N", help="runs per task of the array (default: 20)"
    )
    # For the script: one task's share of the runs, and the step that makes the tables.
    group.add_argument("--slice", metavar="K/N", help=argparse.SUPPRESS)
    group.add_argument("--only-tables", action="store_true", help=argparse.SUPPRESS)


def _add_verbosity(parser: argparse.ArgumentParser) -> None:
    """Add -v and -q."""
    group = parser.add_argument_group("messages")
    group.add_argument("-v", "--verbose", action="store_true", help="more, tracebacks included")
    group.add_argument("-q", "--quiet", action="store_true", help="errors only")
