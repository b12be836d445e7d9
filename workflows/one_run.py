# SPDX-License-Identifier: Apache-2.0
"""
Extract and clean the signals of one run.

    python workflows/one_run.py BOLD MAPS OUT [--confounds TSV] [--sample-mask TSV] [--mask IMAGE]

The confounds are those columns of the table that the patterns below choose: motion, its
derivatives, and the mean signals of tissues, as fMRIPrep names them.
"""

import argparse
from pathlib import Path

from nipype_mapsmasker.workflows import init_run_wf

STRATEGY = {
    "detrend": True,
    "low_pass": 0.1,
    "high_pass": 0.01,
    "standardize": "zscore_sample",
    "confounds_columns": ["trans_*", "rot_*", "csf", "white_matter"],
}
"""Band-pass 0.01 to 0.1 Hz, motion and tissue signals regressed out."""


def main() -> None:
    """Build the workflow from the command line's arguments and run it here."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("bold", type=Path)
    parser.add_argument("maps", type=Path)
    parser.add_argument("out_dir", type=Path)
    parser.add_argument("--confounds", type=Path)
    parser.add_argument("--sample-mask", type=Path)
    parser.add_argument("--mask", type=Path)
    given = parser.parse_args()

    workflow = init_run_wf(out_dir=str(given.out_dir.absolute()), strategies={"": STRATEGY})
    workflow.base_dir = str(given.out_dir.absolute() / "work")
    # Nipype runs every node in a folder of its own: paths must be absolute.
    inputs = workflow.inputs.inputnode
    inputs.run_id = given.bold.name.split(".")[0].removesuffix("_bold")
    inputs.in_file = str(given.bold.absolute())
    inputs.maps_img = str(given.maps.absolute())
    inputs.confounds_files = given.confounds and str(given.confounds.absolute())
    inputs.sample_mask_file = given.sample_mask and str(given.sample_mask.absolute())
    inputs.mask_img = given.mask and str(given.mask.absolute())
    workflow.run()


if __name__ == "__main__":
    main()
