# SPDX-License-Identifier: Apache-2.0
"""Small maps and runs in memory, which nobody may write to."""

import nibabel as nib
import numpy as np
import pytest

SHAPE, N_VOLUMES, N_MAPS = (7, 8, 9), 40, 3

AFFINE = np.diag([3.0, 2.5, 4.0, 1.0])


def frozen(data, affine=AFFINE):
    """Make an image of an array that is read-only, so that hidden changes fail."""
    data.flags.writeable = False
    return nib.Nifti1Image(data, affine)


@pytest.fixture
def rng():
    return np.random.default_rng(17)


@pytest.fixture
def maps(rng):
    return frozen(rng.random((*SHAPE, N_MAPS)))


@pytest.fixture
def runs(rng):
    return [frozen(100 + rng.standard_normal((*SHAPE, N_VOLUMES))) for _ in range(3)]


@pytest.fixture
def expected(maps, runs):
    """Closed form: the least-squares coefficients of every volume."""
    matrix = np.asarray(maps.dataobj).reshape(-1, N_MAPS)
    return [
        np.linalg.lstsq(matrix, np.asarray(run.dataobj).reshape(-1, N_VOLUMES))[0].T
        for run in runs
    ]
