# SPDX-License-Identifier: Apache-2.0
"""From the command line's INPUT to a list of runs."""

from __future__ import annotations

import argparse
import glob
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nipype_mapsmasker.errors import ImageFileError, ParameterError
from nipype_mapsmasker.io.files import as_text
from nipype_mapsmasker.io.images.names import image_stem
from nipype_mapsmasker.io.results.layout import check_run_ids
from nipype_mapsmasker.io.tables.runs import read_runs_table

__all__ = ["Run", "collect_runs"]

TABLE_SUFFIXES = (".tsv", ".csv")
"""Endings that make INPUT a table of runs."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """
    Hold what the user says of one run.

    Parameters
    ----------
    run_id : str
        Its name.
    in_file : str
        Its image.
    confounds : tuple of str
        Its confounds tables.
    sample_mask, mask : str or None
        Volumes to keep; brain mask.
    t_r : float or None
        Repetition time, s.
    fault : str
        What is wrong with its row of the table; empty where nothing is.
    """

    run_id: str
    in_file: str
    confounds: tuple[str, ...] = ()
    sample_mask: str | None = None
    mask: str | None = None
    t_r: float | None = None
    fault: str = ""


def collect_runs(arguments: argparse.Namespace) -> list[Run]:
    """
    Turn INPUT into runs.

    Parameters
    ----------
    arguments : argparse.Namespace
        Of the command ``run``.

    Returns
    -------
    list of Run
        In the table's, or in alphabetical, order.

    Raises
    ------
    TableError, ImageFileError, ParameterError
        INPUT is nothing of that kind, or two runs have one name.
    """
    given = arguments.input
    if given.lower().endswith(TABLE_SUFFIXES):
        if arguments.confounds or arguments.sample_mask:
            msg = "--confounds and --sample-mask are for a single image; name them in the table."
            raise ParameterError(msg)
        runs = _from_table(Path(given), arguments)
    else:
        runs = _from_images(_images(given), arguments)
    check_run_ids(run.run_id for run in runs)
    return runs


def _from_table(table: Path, arguments: argparse.Namespace) -> list[Run]:
    """Read a table of runs."""
    return [
        Run(
            run_id=row.run_id,
            in_file=row.in_file,
            confounds=row.confounds,
            sample_mask=row.sample_mask,
            mask=row.mask or arguments.mask,
            t_r=arguments.t_r if row.t_r is None else row.t_r,
            fault=row.fault,
        )
        for row in read_runs_table(table)
    ]


def _from_images(images: Sequence[str], arguments: argparse.Namespace) -> list[Run]:
    """Make runs of images, named by their files."""
    if len(images) > 1 and (arguments.confounds or arguments.sample_mask):
        msg = (
            f"--confounds and --sample-mask are for a single image, and there are {len(images)}; "
            "list the runs in a table."
        )
        raise ParameterError(msg)
    return [
        Run(
            run_id=as_text(image_stem(image)).removesuffix("_bold").removesuffix("_desc-preproc"),
            in_file=image,
            confounds=tuple(arguments.confounds or ()),
            sample_mask=arguments.sample_mask,
            mask=arguments.mask,
            t_r=arguments.t_r,
        )
        for image in images
    ]


def _images(given: str) -> list[str]:
    """Find the image, or the images that a pattern means."""
    if Path(given).is_file():
        return [given]
    if Path(given).is_dir():
        msg = (
            f"{given} is a folder, expected a table of runs, an image or a quoted pattern such as "
            f"'{given.rstrip('/')}/sub-*/func/*_bold.nii.gz'."
        )
        raise ParameterError(msg)
    # The standard glob, as the shell would: pathlib takes no absolute patterns.
    found = sorted(glob.glob(given, recursive=True))  # noqa: PTH207
    if not found:
        msg = (
            f"{given} does not exist and matches no file; give a table of runs, an image or a "
            "quoted pattern."
        )
        raise ImageFileError(msg)
    return found
