# SPDX-License-Identifier: Apache-2.0
"""
First cohort
============

Four subjects, half of them on another grid, and a fifth whose image was cut off while it was
copied. We plan the cohort, run it, see how each run stands, and compare the signals with the
truth.
"""

# %%
# Make a cohort. Its maps overlap, as ICA networks do; each run has confounds, and volumes that
# are to be left out. The table of runs says which file is what.

# sphinx_gallery_thumbnail_path = 'figures/page.png'
from pathlib import Path
from tempfile import mkdtemp

import pandas as pd

from nipype_mapsmasker.testing import make_cohort

folder = Path(mkdtemp())
cohort = make_cohort(
    folder / "data", n_subjects=4, n_maps=8, n_volumes=120, outliers=["truncated"]
)
pd.read_csv(cohort.runs_file, sep="\t")

# %%
# A request holds all that ``mapsmasker run`` can be asked for, under the same names. First the
# plan: nothing is written, and every fault that headers and tables show is found.

from nipype_mapsmasker import CohortRequest, load_runs, load_timeseries, plan_cohort, run_cohort

request = CohortRequest(
    input=cohort.runs_file,
    out_dir=folder / "results",
    maps=[cohort.maps_file],
    labels=[cohort.labels_file],
    atlas_names=["demo"],
    detrend=True,
    standardize="zscore_sample",
    low_pass=0.1,
    high_pass=0.01,
    n_procs=2,
)
plan = plan_cohort(request)
for planned in plan.runs:
    print(planned.run.run_id, planned.state, planned.reason)

# %%
# Run it. The broken run costs itself alone, and says why.

result = run_cohort(request, plan=plan)
print("exit code:", result.exit_code)
for run in result.having("failed"):
    print(run.run_id, "failed:", run.reason)

# %%
# All that is known of the runs is in the result folder: ``report.html`` for people, and
# tables.

load_runs(result.out_dir)[["status", "volumes", "kept", "t_r"]]

# %%
# Verdicts, and the measures that they rest on, are in ``qc.tsv``.

qc = pd.read_csv(result.out_dir / "qc.tsv", sep="\t")
qc[["run_id", "verdict", "keywords"]]

# %%
# The signals of all runs are one frame, with a row per volume that was kept.

signals = load_timeseries(result.out_dir, "demo")
signals.head()

# %%
# How well was each map's signal recovered? Correlate with the truth, band-passed alike.

from nipype_mapsmasker.core.cleaning import Cleaning, clean

for run in result.having("done"):
    ours = signals.loc[run.run_id]
    truth = pd.read_csv(cohort.truth_files[run.run_id], sep="\t").to_numpy()
    band, _ = clean(truth, Cleaning(detrend=True, low_pass=0.1, high_pass=0.01, t_r=2.0))
    kept = ours.index.to_numpy()
    worst = min(
        pd.Series(ours.iloc[:, k].to_numpy()).corr(pd.Series(band[kept, k])) for k in range(8)
    )
    print(f"{run.run_id}: at least r = {worst:.3f}")

# %%
# The same call again does nothing: what is finished and unchanged is not done again.

again = plan_cohort(request)
print({planned.run.run_id: planned.state for planned in again.runs})

# %%
# What the pages show: :doc:`/explanation/pages`. What is done again when:
# :doc:`/how-to/reruns`.
