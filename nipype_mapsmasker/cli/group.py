# SPDX-License-Identifier: Apache-2.0
"""The command ``group``: results of a folder to what its runs say together."""

from __future__ import annotations

import argparse
import sys

from nipype_mapsmasker.cli.screen import counted
from nipype_mapsmasker.cohort.group import GroupOptions, group_cohort

__all__ = ["group"]


def group(arguments: argparse.Namespace) -> int:
    """
    Run the command.

    Parameters
    ----------
    arguments : argparse.Namespace
        Of the command ``group``.

    Returns
    -------
    int
        0, or 1 where some subjects or matrices had to be left out.
    """
    options = GroupOptions(
        combine_runs=arguments.combine_runs,
        min_share=arguments.min_share,
        shrinkage=arguments.shrinkage,
    )
    result = group_cohort(arguments.out_dir, options)
    if not arguments.quiet:
        for one in result.groups:
            name = f"atlas {one.atlas}" + (f", {one.strategy}" if one.strategy else "")
            counts = ", ".join(counted(one.row[f"{what}s"], what) for what in ("subject", "run"))
            print(f"mapsmasker: {name}: {counts}", file=sys.stderr)
            for text in one.warnings:
                print(f"mapsmasker: {name}: {text}", file=sys.stderr)
    for path in result.files:
        print(path)
    return 1 if any(not one.row["subjects"] for one in result.groups) else 0
