# SPDX-License-Identifier: Apache-2.0
"""
From nilearn's class to ours
============================

A script with ``nilearn.maskers.MultiNiftiMapsMasker`` needs another import, and nothing else:
the same parameters, attributes and methods.
"""

# %%
# Runs in memory, in two groups: in one of them the first two regions go together. The
# functions are those of the recipe ``compare_connectomes``.

import runpy

import numpy as np

from nipype_mapsmasker.cli.recipes import find_recipes

recipe = runpy.run_path(str(find_recipes()["compare_connectomes"]))
rng = np.random.default_rng(7)
maps = recipe["make_maps"](rng)
images, groups = recipe["make_subjects"](maps, 8, rng)

# %%
# The line that changes: ``nilearn.maskers`` becomes ``nipype_mapsmasker.maskers``.

from nipype_mapsmasker.maskers import MultiNiftiMapsMasker

masker = MultiNiftiMapsMasker(maps, detrend=True, standardize="zscore_sample", reports=False)
signals = masker.fit_transform(images)
print(len(signals), "runs;", signals[0].shape, "volumes and maps")

# %%
# And on with the arrays.

import matplotlib.pyplot as plt

figure, axes = plt.subplots(1, 2, figsize=(7, 3), layout="constrained")
for group, ax in enumerate(axes):
    mean = np.mean(
        [np.corrcoef(s.T) for s, g in zip(signals, groups, strict=True) if g == group], axis=0
    )
    np.fill_diagonal(mean, np.nan)  # a region with itself says nothing
    picture = ax.imshow(mean, vmin=-0.3, vmax=0.3, cmap="RdBu_r")
    ax.set(title=f"group {group}", xlabel="map", ylabel="map")
figure.colorbar(picture, ax=axes, label="mean correlation")

# %%
# For many runs on disk, `CohortRequest` does the same with faults, pages and reruns
# (:doc:`/lessons/plot_1_first_cohort`), under the same names of parameters::
#
#     CohortRequest(input="runs.tsv", out_dir="results", maps=["maps.nii.gz"],
#                   detrend=True, standardize="zscore_sample")
#
# Every parameter, attribute and method is compared in :doc:`/reference/maskers`; where numbers
# differ on purpose, :doc:`/explanation/differences` says why. ``mapsmasker verify OUT``
# compares the results of a folder with those of the nilearn that you have.
