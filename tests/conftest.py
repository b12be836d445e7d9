# SPDX-License-Identifier: Apache-2.0
"""Fixtures that all tests share: small unequal grids, read-only arrays, a quiet Nipype."""

import logging
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from numpy.typing import NDArray

from nipype_mapsmasker.core.grids import Grid

# Set before any test imports Nipype or matplotlib, and inherited by every process that a test
# starts: nothing is asked of a server, crash files and settings stay out of the home folder and of
# the checkout, figures go to files.
_CONFIG_DIR = Path(tempfile.mkdtemp(prefix="nipype-config-"))
_CONFIG_DIR.joinpath("nipype.cfg").write_text(
    f"[execution]\ncrashdump_dir = {_CONFIG_DIR / 'crashes'}\ncrashfile_format = txt\n"
)
os.environ["NIPYPE_CONFIG_DIR"] = str(_CONFIG_DIR)
os.environ["NIPYPE_NO_ET"] = os.environ["NO_ET"] = "1"
os.environ["MPLBACKEND"] = "Agg"

SHAPE = (7, 8, 9)
"""Grid of the fixtures: unequal axes, so that a swapped axis shows."""

N_VOLUMES = 11
"""T of the fixtures."""

N_MAPS = 3
"""K of the fixtures."""

AFFINES = {
    "isotropic": np.diag([3.0, 3.0, 3.0, 1.0]),
    "anisotropic": np.array([[2.0, 0, 0, -7], [0, 3.0, 0, -11], [0, 0, 4.5, -20], [0, 0, 0, 1]]),
    "flipped": np.array([[-3.0, 0, 0, 9], [0, 3.0, 0, -10], [0, 0, 3.0, -12], [0, 0, 0, 1]]),
    "oblique": np.array(
        [
            [2.9, -0.5, 0.2, -8.0],
            [0.6, 2.8, -0.4, -9.0],
            [-0.1, 0.5, 3.1, -13.0],
            [0.0, 0.0, 0.0, 1.0],
        ]
    ),
}
"""Affines of the fixtures by name, millimetres."""

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
"""Outside data for acceptance tests, beside the checkout; absent for most users."""

settings.register_profile(
    "nipype_mapsmasker",
    derandomize=True,
    database=None,
    deadline=None,  # a clock would judge the machine, not the code
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("nipype_mapsmasker")


def pytest_unconfigure() -> None:
    """Remove the session's Nipype settings."""
    shutil.rmtree(_CONFIG_DIR, ignore_errors=True)


def read_only(array: NDArray) -> NDArray:
    """Forbid writing to an array, so that a function that changes its input fails."""
    array.flags.writeable = False
    return array


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers, the same in every run of every test."""
    return np.random.default_rng(20240611)


@pytest.fixture(params=sorted(AFFINES))
def affine(request: pytest.FixtureRequest) -> NDArray[np.float64]:
    """Each affine of `AFFINES` in turn, read-only."""
    return read_only(AFFINES[request.param].copy())


@pytest.fixture
def grid(affine: NDArray[np.float64]) -> Grid:
    """The fixtures' grid under each affine in turn."""
    return Grid(SHAPE, affine)


@pytest.fixture
def signals(rng: np.random.Generator) -> NDArray[np.float64]:
    """(T, K) signals, read-only."""
    return read_only(rng.standard_normal((N_VOLUMES, N_MAPS)))


@pytest.fixture
def maps(rng: np.random.Generator) -> NDArray[np.float64]:
    """(X, Y, Z, K) overlapping maps with negative weights, read-only."""
    return read_only(rng.standard_normal((*SHAPE, N_MAPS)))


@pytest.fixture
def bold(rng: np.random.Generator) -> NDArray[np.float64]:
    """(X, Y, Z, T) data around 100, read-only."""
    return read_only(100 + rng.standard_normal((*SHAPE, N_VOLUMES)))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the outside data, or a skip that says where it is looked for."""
    if not SHARED_DATA.is_dir():
        pytest.skip("The outside data are not there: they are looked for in ../shared/data.")
    return SHARED_DATA


@pytest.fixture(autouse=True)
def _own_log_is_heard():
    """Undo what a command of an earlier test did to the package's logger."""
    logger = logging.getLogger("nipype_mapsmasker")
    logger.propagate = True
    logger.setLevel(logging.NOTSET)
