# SPDX-License-Identifier: Apache-2.0
"""Images to disk: read back by nibabel, the same bytes each time, whole or not at all."""

import gzip
import os
import struct
import threading
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from nipype_mapsmasker.core.grids import Grid, same_grid
from nipype_mapsmasker.errors import DataFault, ParameterError
from nipype_mapsmasker.io.atomic import TEMPORARY_PREFIX, atomic_path
from nipype_mapsmasker.io.images.reader import iter_blocks, read_info
from nipype_mapsmasker.io.images.writer import write_image
from tests.conftest import AFFINES, N_VOLUMES, SHAPE

N_VOXELS = int(np.prod(SHAPE))
GRID = Grid(SHAPE, AFFINES["oblique"])


@pytest.fixture
def volumes(rng):
    """(T, V) numbers, read-only, with a NaN and an infinity."""
    rows = rng.standard_normal((N_VOLUMES, N_VOXELS))
    rows[1, 2], rows[3, 4] = np.nan, np.inf
    rows.flags.writeable = False
    return rows


def names(folder: Path) -> list[str]:
    """Give the names of all that is in a folder."""
    return [path.name for path in folder.iterdir()]


def as_image(rows: np.ndarray) -> np.ndarray:
    """Give (X, Y, Z, T) from (T, V)."""
    return rows.reshape(len(rows), *SHAPE[::-1]).T


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nibabel_reads_it_back(tmp_path, grid, volumes, ending, dtype):
    path = tmp_path / f"run{ending}"
    blocks = np.array_split(volumes, 4)
    assert write_image(path, grid, blocks, n_volumes=N_VOLUMES, dtype=dtype, t_r=0.8) == path
    image = nib.load(path)
    np.testing.assert_array_equal(image.get_fdata(), as_image(volumes.astype(dtype)))
    assert image.get_data_dtype() == np.dtype(dtype)
    assert image.header.get_xyzt_units() == ("mm", "sec")
    np.testing.assert_allclose(image.affine, grid.affine, atol=1e-5)
    sform, sform_code = image.get_sform(coded=True)
    qform, qform_code = image.get_qform(coded=True)
    assert sform_code == 2
    if qform_code:
        np.testing.assert_allclose(qform, sform, atol=1e-4)
    info = read_info(path)
    assert info.t_r == 0.8
    assert same_grid(info.grid, grid)


@pytest.mark.parametrize("flip", [1.0, -1.0])
@pytest.mark.parametrize("turn", [(0, 0, 0), (180, 0, 0), (0, 180, 0), (90, 0, 180), (50, -20, 7)])
def test_rotations_have_a_qform_and_shears_have_none(tmp_path, turn, flip):
    rotation = Rotation.from_euler("xyz", turn, degrees=True).as_matrix()
    affine = np.eye(4)
    affine[:3, :3] = rotation * [flip * 2.0, 3.0, 4.5]
    affine[:3, 3] = 5, -6, 7
    blocks = [np.ones((1, N_VOXELS))]
    path = write_image(tmp_path / "a.nii", Grid(SHAPE, affine), blocks, n_volumes=1)
    qform, code = nib.load(path).get_qform(coded=True)
    assert code == 2
    # The quaternion is stored in single precision, of which a half turn keeps half the digits.
    np.testing.assert_allclose(qform, affine, atol=5e-3 if 180 in turn else 1e-5)
    affine[0, 1] += 0.5
    write_image(path, Grid(SHAPE, affine), blocks, n_volumes=1)
    assert nib.load(path).get_qform(coded=True)[1] == 0


@pytest.mark.parametrize(("ndim", "shape"), [(None, SHAPE), (3, SHAPE), (4, (*SHAPE, 1))])
def test_one_volume(tmp_path, volumes, ndim, shape):
    path = write_image(tmp_path / "a.nii", GRID, [volumes[:1]], n_volumes=1, ndim=ndim, t_r=2.0)
    assert nib.load(path).shape == shape
    assert read_info(path).t_r == (None if len(shape) == 3 else 2.0)


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_integers_are_kept_or_refused(tmp_path, rng, dtype):
    labels = rng.integers(0, 100, (2, N_VOXELS)).astype(float)
    path = write_image(tmp_path / "a.nii.gz", GRID, [labels], n_volumes=2, dtype=dtype)
    np.testing.assert_array_equal(nib.load(path).get_fdata(), as_image(labels))
    for wrong in (0.5, np.nan, 1e30):
        with pytest.raises(ParameterError, match=r"cannot hold the values"):
            write_image(path, GRID, [labels + wrong], n_volumes=2, dtype=dtype)


def test_nifti2_where_an_axis_is_long(tmp_path):
    grid = Grid((1, 1, 2), AFFINES["flipped"])
    rows = np.arange(80000.0).reshape(40000, 2)
    path = write_image(tmp_path / "a.nii.gz", grid, [rows], n_volumes=40000, t_r=1.25)
    image = nib.load(path)
    assert isinstance(image, nib.Nifti2Image)
    np.testing.assert_array_equal(image.get_fdata().reshape(2, -1).T, rows)
    np.testing.assert_array_equal(image.affine, grid.affine)
    np.testing.assert_allclose(image.get_qform(), grid.affine, atol=1e-6)
    assert read_info(path).t_r == 1.25


def test_bytes_depend_on_the_volumes_alone(tmp_path, rng):
    grid = Grid((30, 30, 30), np.eye(4))
    rows = rng.standard_normal((40, 27000))
    written = []
    for name, n_blocks in [("a", 1), ("b", 7), ("c", 40), ("d", 3)]:
        path = tmp_path / f"{name}.nii.gz"
        blocks = np.array_split(rows, n_blocks)
        write_image(path, grid, iter(blocks), n_volumes=40)
        written.append(path.read_bytes())
    assert written[1:] == written[:1] * 3
    flags, seconds = struct.unpack_from("<3xBI", written[0])
    assert (flags, seconds) == (0, 0)
    assert len(gzip.decompress(written[0])) == 352 + rows.size * 4


def test_reading_and_writing_at_once(tmp_path, volumes):
    first = write_image(tmp_path / "a.nii.gz", GRID, [volumes], n_volumes=N_VOLUMES)
    blocks = iter_blocks(first, block_bytes=N_VOXELS * 4 * 2)
    second = write_image(tmp_path / "b.nii.gz", GRID, blocks, n_volumes=N_VOLUMES)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize(
    ("n_volumes", "text"),
    [(N_VOLUMES - 1, "more than the 10 announced"), (N_VOLUMES + 1, "only 11 of the 12")],
)
def test_another_number_of_volumes(tmp_path, volumes, ending, n_volumes, text):
    with pytest.raises(ParameterError, match=text):
        write_image(tmp_path / f"a{ending}", GRID, [volumes], n_volumes=n_volumes)
    assert not list(tmp_path.iterdir())


def test_calls_that_cannot_be_meant(tmp_path, volumes):
    path = tmp_path / "a.nii"

    def refused(text, where=path, blocks=(volumes,), **options):
        with pytest.raises(ParameterError, match=text):
            write_image(where, GRID, blocks, **({"n_volumes": N_VOLUMES} | options))

    refused("not the name of a NIfTI file", tmp_path / "a.mgz")
    refused("float16 cannot be stored", dtype=np.float16)
    refused("complex128 cannot be stored", dtype=complex)
    refused("bool cannot be stored", dtype=bool)
    refused("ndim=3 with n_volumes=11", ndim=3)
    refused("ndim=2 with", ndim=2)
    refused("n_volumes=0", n_volumes=0)
    refused(r"shape \(11, 503\) arrived, where \(n, 504\)", blocks=[volumes[:, 1:]])
    refused(r"shape \(504,\) arrived", blocks=[volumes[0]])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_a_failing_source_leaves_the_old_file(tmp_path, volumes, ending):
    path = tmp_path / f"a{ending}"
    path.write_bytes(b"old")

    def blocks():
        yield volumes[:5]
        raise MemoryError

    with pytest.raises(MemoryError):
        write_image(path, GRID, blocks(), n_volumes=N_VOLUMES)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == [path.name]


@pytest.mark.parametrize("n_blocks", [1, 500])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_a_full_disk_ends_the_writing_and_is_told_with_the_name(
    tmp_path, volumes, monkeypatch, ending, n_blocks
):
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    original = Path.open
    monkeypatch.setattr(Path, "open", lambda self, mode: original(full, mode))
    path = tmp_path / f"a{ending}"
    n_volumes = N_VOLUMES * n_blocks
    with pytest.raises(OSError, match="No space left") as caught:
        write_image(path, GRID, [volumes] * n_blocks, n_volumes=n_volumes, dtype="f8")
    assert caught.value.filename == str(path)
    assert not isinstance(caught.value, DataFault)
    assert not [thread for thread in threading.enumerate() if "ThreadPool" in thread.name]


@pytest.mark.parametrize(
    "name", ["a b'c\"[x]{y}*.nii.gz", "-x.nii", "ü脑.nii.gz", "x" * 240 + ".nii"]
)
def test_names_of_any_kind(tmp_path, volumes, name):
    write_image(tmp_path / name, GRID, [volumes], n_volumes=N_VOLUMES)
    assert names(tmp_path) == [name]


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_permissions_are_those_of_the_umask(tmp_path, volumes, mask):
    before = os.umask(mask)
    try:
        write_image(tmp_path / "a.nii.gz", GRID, [volumes], n_volumes=N_VOLUMES)
    finally:
        os.umask(before)
    assert (tmp_path / "a.nii.gz").stat().st_mode & 0o777 == 0o666 & ~mask


def write_and_fail(path: Path, fault: type[BaseException]) -> None:
    """Write to a temporary path, then raise."""
    with atomic_path(path) as temporary:
        temporary.write_text("2")
        raise fault


def test_atomic_path_keeps_the_suffix_and_cleans_up(tmp_path):
    with atomic_path(tmp_path / "x.y.nii.gz") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(TEMPORARY_PREFIX)
        assert temporary.name.endswith(".nii.gz")
        temporary.write_text("1")
        assert not (tmp_path / "x.y.nii.gz").exists()
    assert (tmp_path / "x.y.nii.gz").read_text() == "1"
    for fault in (KeyboardInterrupt, ValueError):
        with pytest.raises(fault):
            write_and_fail(tmp_path / "x.y.nii.gz", fault)
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "never.tsv"):
        pass
    assert names(tmp_path) == ["x.y.nii.gz"]
    assert (tmp_path / "x.y.nii.gz").read_text() == "1"
