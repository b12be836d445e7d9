# SPDX-License-Identifier: Apache-2.0
"""
Dual regression
===============

Group maps, and what they look like in each subject: first the signals of the maps (as everywhere
here), then, with the cleaned signals as regressors, a map per component in the run's own voxels.
"""

# %%
# Two subjects on one grid, with noise.

from pathlib import Path
from tempfile import mkdtemp

from nipype_mapsmasker import CohortRequest, run_cohort
from nipype_mapsmasker.testing import make_cohort

folder = Path(mkdtemp())
cohort = make_cohort(folder / "data", n_subjects=2, grids=1, n_maps=4, n_volumes=120)

# %%
# Detrending, confounds and censoring are fitted together with the signals, so that nothing
# comes back. A Butterworth filter is refused for that reason; cosines do the same as
# regressors.

result = run_cohort(
    CohortRequest(
        input=cohort.runs_file,
        out_dir=folder / "results",
        maps=[cohort.maps_file],
        atlas_names=["ica"],
        detrend=True,
        filter="cosine",
        high_pass=0.01,
        dual_regression=True,
        n_procs=2,
    )
)
print("exit code:", result.exit_code)

# %%
# Each run has the effects and their z values, one volume per component.

import nibabel as nib

(z_file,) = (folder / "results" / "sub-01").rglob("*_stat-z_*_statmap.nii.gz")
print(z_file.name)
z_map = nib.load(z_file)
z_map.shape

# %%
# The group's component and the subject's: the second is in the subject's own voxels.

import matplotlib.pyplot as plt
import numpy as np

group_map = nib.load(cohort.maps_file)
shown = [np.asarray(image.dataobj)[..., 0] for image in (group_map, z_map)]
figure, axes = plt.subplots(1, 2, figsize=(7, 3), layout="constrained")
for ax, data, title in zip(
    axes, shown, ["the group's map: weight", "that of sub-01: z"], strict=True
):
    peak = np.unravel_index(np.argmax(data), data.shape)
    picture = ax.imshow(data[:, :, peak[2]].T, origin="lower", cmap="magma")
    ax.set(title=title, xticks=[], yticks=[])
    figure.colorbar(picture, ax=ax)

# %%
# The files' names are in :doc:`/reference/made/outputs`, and how this goes together with
# strategies in :doc:`/how-to/strategies`.
