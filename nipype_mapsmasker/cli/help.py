# SPDX-License-Identifier: Apache-2.0
"""What fits on the first screen: the usual options of ``run``, its groups, and examples."""

from __future__ import annotations

import argparse
from textwrap import wrap

__all__ = ["COMMON", "MAIN_EXAMPLES", "short_help"]

COMMON = {
    "--maps": ("FILE ...", "4D image of maps, or 3D image of labels"),
    "--atlas": ("NAME ...", "or an atlas by name, such as DiFuMo:64"),
    "--space": ("NAME", "of a BIDS folder's images (MNI152NLin6Asym ...)"),
    "--denoise": ("NAME ...", "simple, scrubbing.5, 36P, acompcor ... or a file"),
    "--confounds-columns": ("NAME ...", "or columns by name: 'trans_*' 'rot_*' csf"),
    "--standardize": ("KIND", "zscore, zscore_sample, psc; with --detrend"),
    "--high-pass": ("HZ", "and --low-pass HZ: the pass band"),
    "--smoothing-fwhm": ("MM", "smooth the images first"),
    "--connectivity": ("NAME ...", "pearson, partial, precision, covariance"),
    "--dry-run": ("", "show the plan and every fault, and stop"),
}
"""The usual options of ``run``: what stands behind each, and what it is for, in a few words."""

MAIN_EXAMPLES = """\
examples:
  mapsmasker demo demo_out
  mapsmasker inspect fmriprep --space MNI152NLin6Asym
  mapsmasker fmriprep out --space MNI152NLin6Asym --maps m.nii --denoise simple
The word 'run' may be left out. 'mapsmasker COMMAND --help' tells more of each.
"""
"""Ends the help of the whole program."""

RUN_EXAMPLES = """\
examples:
  mapsmasker fmriprep out --space MNI152NLin6Asym --maps m.nii --denoise simple
  mapsmasker runs.tsv out --maps m.nii --detrend --standardize zscore --dry-run
  mapsmasker data/*_bold.nii.gz out --maps m.nii --smoothing-fwhm 6 --n-procs 8
"""
"""Ends the short help of ``run``."""

WIDTH = 79
"""Columns of a usual terminal, less one."""


def short_help(parser: argparse.ArgumentParser) -> str:
    """
    Write the first screen of ``run --help``.

    Parameters
    ----------
    parser : ArgumentParser
        Of ``run``.

    Returns
    -------
    str
        At most 23 lines of 80 columns, for a terminal of 24.
    """
    lines = ["usage: mapsmasker run INPUT OUT (--maps FILE ... | --atlas NAME ...) [more]"]
    lines += ["  INPUT  BIDS folder of derivatives (fMRIPrep ...), table of runs, or images"]
    lines += ["  OUT    result folder", "", "the usual options:"]
    for flag, (value, words) in COMMON.items():
        lines.append(f"  {f'{flag} {value}'.rstrip():<28} {words}")
    titles = [group.title for group in parser._action_groups[2:] if group._group_actions]
    more = f"all options, with --help-all: {'; '.join(filter(None, titles))}."
    lines += [*wrap(more, WIDTH), "", RUN_EXAMPLES]
    return "\n".join(lines)
