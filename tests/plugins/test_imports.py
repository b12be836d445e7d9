# SPDX-License-Identifier: Apache-2.0
"""What a worker has to import: as much as extraction needs, and no more."""

import subprocess
import sys

HEAVY = ("IPython", "PIL", "jinja2", "matplotlib", "nilearn", "pandas", "sklearn")
"""Packages that no step of a run needs."""


def test_workers_import_nothing_that_extraction_does_not_need():
    """A driver that has built a cohort's workflow has what its forked workers have."""
    code = (
        "import sys\n"
        "from nipype_mapsmasker.workflows import init_cohort_wf\n"
        "from nipype_mapsmasker.plugins import MultiProcPlugin\n"
        "init_cohort_wf(out_dir='out', batch_size=2, denoise=['simple'])\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
