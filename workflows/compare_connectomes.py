# SPDX-License-Identifier: Apache-2.0
"""
Compare connectomes of two groups on maps, with a masker class in a script.

    python workflows/compare_connectomes.py [--reference] [--n-subjects N] [--n-jobs N]

Half of the synthetic subjects have two regions whose signals go together, the other half not. A
masker extracts the signals, each subject's connectome is made in two ways, correlation and
partial correlation, and a nearest-mean classifier tells the groups apart from all subjects but
one. With ``--reference`` the import line is nilearn's: nothing else changes.
"""

import argparse
from typing import Any

import nibabel as nib
import numpy as np

SHAPE = (20, 24, 20)

N_MAPS = 8

N_VOLUMES = 120

COUPLING = 0.12
"""Share of the first region's signal in the second one's, in one of the groups."""


def masker_class(reference: bool) -> Any:
    """Choose the class: the line that is all there is to change in a script."""
    if reference:
        from nilearn.maskers import MultiNiftiMapsMasker as Theirs

        return Theirs
    from nipype_mapsmasker.maskers import MultiNiftiMapsMasker

    return MultiNiftiMapsMasker


def make_maps(rng: np.random.Generator) -> nib.Nifti1Image:
    """Make overlapping round maps."""
    points = np.stack(np.indices(SHAPE), axis=-1)
    centres = rng.uniform(4, np.array(SHAPE) - 4, (N_MAPS, 3))
    apart = ((points[..., None, :] - centres) ** 2).sum(axis=-1)
    return nib.Nifti1Image(np.exp(-apart / 18), np.diag([4.0, 4.0, 4.0, 1.0]))


def make_subjects(
    maps: nib.Nifti1Image, n_subjects: int, rng: np.random.Generator
) -> tuple[list[nib.Nifti1Image], np.ndarray]:
    """Make runs in memory, and the group of each."""
    groups = np.arange(n_subjects) % 2
    weights = np.asarray(maps.dataobj)
    images = []
    for group in groups:
        signals = rng.standard_normal((N_VOLUMES, N_MAPS))
        if group:
            signals[:, 1] += COUPLING / (1 - COUPLING) * signals[:, 0]
        data = weights @ signals.T + 0.5 * rng.standard_normal((*SHAPE, N_VOLUMES))
        images.append(nib.Nifti1Image(data, maps.affine))
    return images, groups


def connectome(signals: np.ndarray, kind: str) -> np.ndarray:
    """Give the entries of a subject's connectome below its diagonal."""
    matrix = np.corrcoef(signals.T)
    if kind == "partial correlation":
        inverse = np.linalg.inv(matrix)
        size = np.sqrt(np.diag(inverse))
        matrix = -inverse / np.outer(size, size)
    return matrix[np.tril_indices(len(matrix), -1)]


def score(features: np.ndarray, groups: np.ndarray) -> float:
    """Tell the share of subjects whose group the others' means give."""
    right = 0
    for left_out, group in enumerate(groups):
        rest = np.arange(len(groups)) != left_out
        means = [features[rest & (groups == g)].mean(axis=0) for g in (0, 1)]
        apart = [np.linalg.norm(features[left_out] - mean) for mean in means]
        right += int(np.argmin(apart) == group)
    return right / len(groups)


def main() -> None:
    """Print the scores of both kinds of connectomes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reference", action="store_true", help="take nilearn's class")
    parser.add_argument("--n-subjects", type=int, default=16)
    parser.add_argument("--n-jobs", type=int, default=1)
    options = parser.parse_args()
    rng = np.random.default_rng(7)
    maps = make_maps(rng)
    images, groups = make_subjects(maps, options.n_subjects, rng)
    masker = masker_class(options.reference)(
        maps, detrend=True, standardize="zscore_sample", n_jobs=options.n_jobs, reports=False
    )
    signals = masker.fit_transform(images)
    for kind in ("correlation", "partial correlation"):
        features = np.array([connectome(table, kind) for table in signals])
        print(f"{kind}: {score(features, groups):.4f} (sum {np.abs(features).sum():.6f})")


if __name__ == "__main__":
    main()
