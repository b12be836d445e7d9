# SPDX-License-Identifier: Apache-2.0
"""
A night on SLURM
================

Hundreds of runs: an array of jobs, each of which does some of the runs, and a last job that
makes tables and pages. Here the script is written and shown; on a cluster you would hand it to
``sbatch``.
"""

# %%
# A cohort stands in for yours. On a cluster, all paths have to be the same on every node.

# sphinx_gallery_thumbnail_path = 'figures/benchmark_scaling.png'
from pathlib import Path
from tempfile import mkdtemp

from nipype_mapsmasker import CohortRequest, run_cohort
from nipype_mapsmasker.testing import make_cohort

folder = Path(mkdtemp())
cohort = make_cohort(folder / "data", n_subjects=6, grids=1, n_maps=4, n_volumes=100)

# %%
# The request is that of any other run, and has one field more; in a shell the option is
# ``--write-slurm-array night.sh``.

request = CohortRequest(
    input=cohort.runs_file,
    out_dir=folder / "results",
    maps=[cohort.maps_file],
    detrend=True,
    n_procs=2,
    batch_size=2,
    write_slurm_array=folder / "night.sh",
)
result = run_cohort(request)
print((folder / "night.sh").read_text().replace(str(folder), "/data/study"))

# %%
# In the evening::
#
#     sbatch night.sh
#
# In the morning ``report.html`` has the worst runs first, and ``runs.tsv`` tells of each run
# whether it is done, failed and why, or was not reached. What was not reached is done when the
# same script is submitted again, and nothing is done twice.
#
# Partitions, accounts, and the other way (every step of every run a job) are in
# :doc:`/how-to/slurm`; what was broken on purpose to see whether a night survives it, in
# :doc:`/explanation/night`.
