# SPDX-License-Identifier: Apache-2.0
"""
Choosing a strategy by QC-FC
============================

Does connectivity go with head motion across subjects? Where it does, the strategy has left
motion in the signals. We clean every run in several ways, from one reading of each image, and
compare.
"""

# %%
# Twelve subjects in fMRIPrep's form.

from pathlib import Path
from tempfile import mkdtemp

from nipype_mapsmasker.testing import FmriprepRun, make_fmriprep_folder

folder = Path(mkdtemp())
runs = [
    FmriprepRun(source=f"sub-{n:02d}_task-rest", spaces=["MNI152NLin2009cAsym_res-2"])
    for n in range(1, 13)
]
made = make_fmriprep_folder(folder, runs, n_volumes=100, is_lifelike=True)

# %%
# Three strategies: nothing, motion and tissues, and the same with volumes of high motion left
# out.

from nipype_mapsmasker import CohortRequest, run_cohort

request = CohortRequest(
    input=made.root,
    out_dir=folder / "results",
    maps=[made.maps_files["MNI152NLin2009cAsym"]],
    atlas_names=["Toy"],
    denoise=["none", "simple", "scrubbing.5"],
    standardize="zscore_sample",
    connectivity=["pearson"],
    n_procs=2,
)
result = run_cohort(request)
print("exit code:", result.exit_code)

# %%
# Put the runs together, as ``mapsmasker group`` does.

import pandas as pd

from nipype_mapsmasker.cohort.group import group_cohort

group_cohort(result.out_dir)
table = pd.read_csv(result.out_dir / "group_qcfc.tsv", sep="\t", index_col="strategy")
table[["subjects", "qcfc_median_absolute", "qcfc_distance", "degrees_of_freedom_lost"]].round(3)

# %%
# A strategy pays for what it removes: read the columns of QC-FC together with the degrees of
# freedom that it spends. These made subjects do not differ in motion as real ones do, and
# twelve are few: with twelve, a median of 0.2 is what chance gives.

from nipype_mapsmasker.core.group import edges_of
from nipype_mapsmasker import load_connectivity

import matplotlib.pyplot as plt
import numpy as np

figure, axes = plt.subplots(1, 3, figsize=(9, 3), sharey=True, layout="constrained")
for ax, strategy in zip(axes, ["none", "simple", "scrubbing5"], strict=True):
    frame = load_connectivity(result.out_dir, "Toy", strategy=strategy)
    matrices = np.stack([matrix.to_numpy() for _, matrix in frame.groupby(level=0)])
    ax.hist(edges_of(matrices).ravel(), bins=np.linspace(-1, 1, 21), color="#3c4a5c")
    ax.set(title=strategy, xlabel="correlation of two regions")
axes[0].set_ylabel("pairs of regions, all runs")

# %%
# The true signals are independent: all correlations around zero is right here. Every column is
# in :doc:`/reference/made/outputs`; what was measured and why is in :doc:`/how-to/strategies`.
