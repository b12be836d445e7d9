# SPDX-License-Identifier: Apache-2.0
"""Zstandard images: the values of gzip's, damaged ones refused, the same bytes each time."""

import io
import sys

import nibabel as nib
import numpy as np
import pytest

from nipype_mapsmasker.core.grids import Grid
from nipype_mapsmasker.errors import ImageFileError, ParameterError
from nipype_mapsmasker.io.images.reader import iter_blocks, read_info, read_volumes
from nipype_mapsmasker.io.images.writer import write_image
from tests.conftest import AFFINES, N_VOLUMES, SHAPE

zstandard = pytest.importorskip("zstandard")

N_VOXELS = int(np.prod(SHAPE))
GRID = Grid(SHAPE, AFFINES["oblique"])


@pytest.fixture
def volumes(rng):
    """(T, V) integers, read-only."""
    rows = rng.integers(0, 3000, (N_VOLUMES, N_VOXELS)).astype(np.int16)
    rows.flags.writeable = False
    return rows


@pytest.fixture
def image(tmp_path, volumes):
    """An image as we write it."""
    blocks = np.array_split(volumes, 3)
    path = tmp_path / "run.nii.zst"
    return write_image(path, GRID, blocks, n_volumes=N_VOLUMES, dtype="int16", t_r=2.0)


def test_what_is_written_is_read_back_and_equals_gzip(tmp_path, image, volumes):
    other = tmp_path / "run.nii.gz"
    write_image(other, GRID, [volumes], n_volumes=N_VOLUMES, dtype="int16", t_r=2.0)
    for threads in (0, 1):
        found = [b.copy() for b in iter_blocks(image, block_bytes=5000, threads=threads)]
        np.testing.assert_array_equal(np.concatenate(found), volumes)
    ours, theirs = read_info(image), read_info(other)
    assert (ours.shape, ours.t_r, ours.dtype) == (theirs.shape, theirs.t_r, theirs.dtype)
    assert ours.compressed


def test_it_is_the_nifti_file_and_nothing_else(tmp_path, image, volumes):
    plain = tmp_path / "run.nii"
    write_image(plain, GRID, [volumes], n_volumes=N_VOLUMES, dtype="int16", t_r=2.0)
    inflated = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(image.read_bytes())).read()
    assert inflated == plain.read_bytes()
    again = write_image(
        tmp_path / "again.nii.zst", GRID, list(volumes[:, None]), n_volumes=N_VOLUMES,
        dtype="int16", t_r=2.0,
    )  # fmt: skip
    assert again.read_bytes() == image.read_bytes()


def test_frames_in_a_row_are_one_image(tmp_path, volumes):
    values = volumes.reshape(N_VOLUMES, *SHAPE[::-1]).T
    nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / "a.nii")
    raw = (tmp_path / "a.nii").read_bytes()
    pack = zstandard.ZstdCompressor().compress
    path = tmp_path / "a.nii.zst"
    path.write_bytes(b"".join(pack(raw[start : start + 999]) for start in range(0, len(raw), 999)))
    np.testing.assert_array_equal(read_volumes(path), values)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda raw: raw[: len(raw) // 2], "truncated"),
        (lambda raw: raw[: len(raw) // 2] + bytes(64) + raw[len(raw) // 2 + 64 :], "not intact Z"),
        (lambda raw: raw[:-4] + bytes(4), "not intact Zstandard data"),
        (lambda raw: b"\x1f\x8b" + raw[2:], "named as Zstandard data but starts with"),
        (lambda raw: raw[:30], "holds 0 inflated bytes"),
    ],
)
def test_damage_is_a_fault_of_the_run(image, spoil, words):
    image.write_bytes(spoil(image.read_bytes()))
    with pytest.raises(ImageFileError, match=words):
        list(iter_blocks(image))


@pytest.mark.parametrize("name", ["run.nii", "run.nii.gz"])
def test_names_say_what_it_is(image, name):
    other = image.rename(image.with_name(name))
    with pytest.raises(ImageFileError, match=r"Zstandard data, but its name|named as gzip data"):
        read_info(other)


def test_a_few_bytes_that_inflate_to_much_are_read_in_pieces(tmp_path):
    header = nib.Nifti1Header()
    header.set_data_dtype("uint8")
    header.set_data_shape((100, 100, 100, 40))
    header["vox_offset"], header["magic"] = 352, b"n+1"
    packer = zstandard.ZstdCompressor().compressobj()
    raw = packer.compress(header.binaryblock + bytes(4)) + packer.compress(bytes(40_000_000))
    path = tmp_path / "zeros.nii.zst"
    path.write_bytes(raw + packer.flush())
    assert path.stat().st_size < 10_000
    assert sum(len(block) for block in iter_blocks(path)) == 40


def test_without_the_package_the_message_says_what_to_install(tmp_path, image, monkeypatch):
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(ImageFileError, match=r"pip install 'nipype-mapsmasker\[zstd\]'"):
        read_info(image)
    with pytest.raises(ParameterError, match=r"pip install 'nipype-mapsmasker\[zstd\]'"):
        write_image(tmp_path / "b.nii.zst", GRID, [np.ones((1, N_VOXELS))], n_volumes=1)
    assert not (tmp_path / "b.nii.zst").exists()


def test_a_longer_image_that_is_cut_says_how_many_volumes_there_are(tmp_path, rng):
    grid = Grid((40, 40, 40), np.eye(4))
    blocks = rng.integers(0, 3000, (6, 64000)).astype(np.int16)
    path = write_image(tmp_path / "a.nii.zst", grid, [blocks], n_volumes=6, dtype="int16")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ImageFileError, match=r"truncated: it holds [23] of the 6 volumes"):
        list(iter_blocks(path))
