# SPDX-License-Identifier: Apache-2.0
"""Voxels: what nibabel gives is what the stream gives, to the last bit and the last byte."""

import gzip
import importlib.metadata
import io
import re
import threading
import tomllib
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from isal import isal_zlib

from nipype_mapsmasker.errors import ImageFileError, ImageHeaderError
from nipype_mapsmasker.io.images import reader as images
from nipype_mapsmasker.io.images.reader import iter_blocks, iter_volumes, read_info, read_volumes
from nipype_mapsmasker.io.images.streams import fill_view
from tests.conftest import AFFINES, N_VOLUMES, SHAPE

INTEGERS = ["u1", "i1", "<i2", ">i2", "<u2", ">u2", "<i4", ">u4", "<i8", ">i8", "<u8"]
FLOATS = ["<f4", ">f4", "<f8", ">f8"]
N_VOXELS = int(np.prod(SHAPE))


def save(path: Path, dtype: str, rng, *, shape=(*SHAPE, N_VOLUMES), cls=None, scaled=False):
    """Write random numbers, optionally as scaled integers."""
    kind = np.dtype(dtype)
    if kind.kind == "f" or scaled:
        data = rng.standard_normal(shape) * 100
    else:
        top = min(np.iinfo(kind).max, 2**52)
        data = rng.integers(max(np.iinfo(kind).min, -top), top, shape, dtype=np.int64)
        data = data.astype(kind)
    if cls is None:
        cls = nib.Nifti1Pair if ".img" in path.name or ".hdr" in path.name else nib.Nifti1Image
    header = cls.header_class(endianness=">" if kind.byteorder == ">" else "<")
    header.set_data_dtype(kind.newbyteorder("="))
    nib.save(cls(data, AFFINES["oblique"], header), path)
    return path


def collect(path, **options) -> np.ndarray:
    """Put the blocks of an image together."""
    shape = read_info(path).grid.shape
    rows = np.concatenate([block.copy() for block in iter_blocks(path, **options)])
    return np.moveaxis(rows.reshape(len(rows), *shape[::-1]).T, -1, -1)


@pytest.mark.parametrize("dtype", INTEGERS + FLOATS)
@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".img", ".hdr", ".img.gz", ".hdr.gz"])
def test_every_stored_type(tmp_path, rng, dtype, ending):
    path = save(tmp_path / f"run{ending}", dtype, rng)
    expected = nib.load(path)
    info = read_info(path)
    assert info.dtype.newbyteorder("=") == expected.get_data_dtype().newbyteorder("=")
    got = collect(path)
    assert got.dtype.isnative
    np.testing.assert_array_equal(got, np.asanyarray(expected.dataobj))
    np.testing.assert_array_equal(read_volumes(path), expected.get_fdata())


@pytest.mark.parametrize("dtype", ["u1", "<i2", ">i2", ">i4"])
@pytest.mark.parametrize("cls", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_scaled_integers_are_nibabels_to_the_last_bit(tmp_path, rng, dtype, cls, ending):
    path = save(tmp_path / f"run{ending}", dtype, rng, cls=cls, scaled=True)
    info = read_info(path)
    assert info.scaled
    for options in ({}, {"block_bytes": 1}, {"threads": 0, "block_bytes": N_VOXELS * 8 * 4}):
        got = collect(path, **options)
        assert got.dtype == np.float64
        np.testing.assert_array_equal(got, nib.load(path).get_fdata())


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("threads", [0, 1])
@pytest.mark.parametrize("n_volumes", [1, 2, 3, 5, 10, 11, 12, 100])
def test_blocks_hold_what_they_may(tmp_path, rng, ending, threads, n_volumes):
    path = save(tmp_path / f"run{ending}", "<i2", rng)
    block_bytes = n_volumes * N_VOXELS * 2 + 1
    sizes = [len(b) for b in iter_blocks(path, block_bytes=block_bytes, threads=threads)]
    assert sum(sizes) == N_VOLUMES
    assert sizes[:-1] == [n_volumes] * (len(sizes) - 1)
    np.testing.assert_array_equal(
        collect(path, block_bytes=block_bytes, threads=threads),
        np.asanyarray(nib.load(path).dataobj),
    )


def test_a_block_may_be_changed_without_harm(tmp_path, rng):
    path = save(tmp_path / "run.nii.gz", "<f4", rng)
    expected = nib.load(path).get_fdata()
    volumes = []
    for block in iter_blocks(path, block_bytes=N_VOXELS * 4 * 2):
        volumes.extend(block.copy())
        block[...] = np.nan
    np.testing.assert_array_equal(np.array(volumes), expected.reshape(-1, 11, order="F").T)


@pytest.mark.parametrize(("n_ahead", "threads", "n_buffers"), [(0, 1, 2), (4, 1, 5), (4, 0, 1)])
def test_memory_is_what_is_read_ahead_whatever_the_length(
    tmp_path, rng, monkeypatch, n_ahead, threads, n_buffers
):
    path = save(tmp_path / "run.nii", "<i2", rng)
    monkeypatch.setattr(images, "AHEAD_BYTES", n_ahead * N_VOXELS * 2)
    blocks = iter_blocks(path, block_bytes=N_VOXELS * 2, threads=threads)
    assert len({block.ctypes.data for block in blocks}) == n_buffers


@pytest.mark.parametrize("shape", [SHAPE, (*SHAPE, 1), (*SHAPE, 4, 1)])
def test_dimensions_that_count_as_3d_or_4d(tmp_path, rng, shape):
    path = save(tmp_path / "a.nii.gz", "<f8", rng, shape=shape)
    data = nib.load(path).get_fdata()
    n_volumes = int(np.prod(shape[3:]))
    whole = read_volumes(path, ndim=4)
    assert whole.flags.f_contiguous
    np.testing.assert_array_equal(whole, data.reshape(*SHAPE, n_volumes))
    if n_volumes == 1:
        np.testing.assert_array_equal(read_volumes(path, ndim=3), data.reshape(SHAPE))
    assert read_volumes(path).shape == (SHAPE if len(shape) == 3 else (*SHAPE, n_volumes))


def test_a_run_where_a_volume_is_expected(tmp_path, rng):
    path = save(tmp_path / "run.nii", "<i2", rng)
    with pytest.raises(ImageHeaderError, match="4D image of 11 volumes, where one 3D volume"):
        read_volumes(path, ndim=3)


def test_whole_images_in_another_type(tmp_path, rng):
    path = save(tmp_path / "mask.nii", "u1", rng, shape=SHAPE)
    got = read_volumes(path, dtype=np.int16)
    assert got.dtype == np.int16
    np.testing.assert_array_equal(got, nib.load(path).get_fdata())


def test_volumes_are_the_callers_to_keep(tmp_path, rng):
    path = save(tmp_path / "maps.nii.gz", "<f4", rng)
    volumes = list(iter_volumes(path))
    assert {(v.dtype.name, v.shape, v.flags.f_contiguous) for v in volumes} == {
        ("float64", SHAPE, True)
    }
    np.testing.assert_array_equal(np.stack(volumes, -1), nib.load(path).get_fdata())


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("threads", [0, 1])
def test_truncated(tmp_path, rng, ending, threads):
    path = save(tmp_path / f"run{ending}", "<i2", rng)
    info = read_info(path)
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) * 6 // 11])
    # The first reading of the header was of the whole file: the file shrinks while it is read.
    for block_bytes in (N_VOXELS * 2, 2**24):
        with pytest.raises(ImageFileError, match=r"holds [56] of the 11 volumes that its header"):
            list(iter_blocks(info, threads=threads, block_bytes=block_bytes))


def test_truncated_inside_the_gzip_trailer(tmp_path, rng):
    path = save(tmp_path / "run.nii.gz", "<i2", rng)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ImageFileError, match="truncated"):
        list(iter_blocks(path))


def test_a_complete_gzip_file_with_too_few_volumes(tmp_path, rng):
    path = save(tmp_path / "run.nii", "<i2", rng)
    zipped = tmp_path / "run.nii.gz"
    zipped.write_bytes(gzip.compress(path.read_bytes()[: 352 + N_VOXELS * 2 * 7 + 100]))
    with pytest.raises(ImageFileError, match="holds 7 of the 11 volumes"):
        list(iter_blocks(zipped))


@pytest.mark.parametrize("where", [-8, -4, -5000])
def test_a_wrong_byte_is_found_by_the_checksum(tmp_path, rng, where):
    path = save(tmp_path / "run.nii.gz", "<f4", rng)
    raw = bytearray(path.read_bytes())
    raw[where] ^= 0x10
    path.write_bytes(raw)
    with pytest.raises(ImageFileError, match=r"not intact gzip data|truncated"):
        list(iter_blocks(path))


def test_gzip_members_in_a_row(tmp_path, rng):
    path = save(tmp_path / "run.nii", "<i2", rng)
    raw = path.read_bytes()
    zipped = tmp_path / "run.nii.gz"
    parts = [raw[:100], raw[100:400], raw[400:9999], raw[9999:]]
    zipped.write_bytes(b"".join(map(gzip.compress, parts)))
    np.testing.assert_array_equal(read_volumes(zipped), nib.load(path).get_fdata())


@pytest.mark.parametrize("tail", [b"\0" * 5000, b"left over", b"left over and more"])
def test_what_follows_the_data_harms_nothing(tmp_path, rng, tail):
    path = save(tmp_path / "run.nii", "<i2", rng)
    expected = nib.load(path).get_fdata()
    raw = path.read_bytes()
    path.write_bytes(raw + tail)
    np.testing.assert_array_equal(read_volumes(path), expected)
    zipped = tmp_path / "run.nii.gz"
    zipped.write_bytes(gzip.compress(raw + tail))
    np.testing.assert_array_equal(read_volumes(zipped), expected)
    zipped.write_bytes(gzip.compress(raw) + tail)
    np.testing.assert_array_equal(read_volumes(zipped), expected)


def test_a_file_that_disappears(tmp_path, rng):
    path = save(tmp_path / "run.nii.gz", "<i2", rng)
    info = read_info(path)
    path.unlink()
    with pytest.raises(ImageFileError, match="does not exist"):
        next(iter_blocks(info))


@pytest.mark.parametrize("how", ["close", "raise"])
def test_stopping_early_ends_the_thread_and_closes_the_file(tmp_path, rng, monkeypatch, how):
    monkeypatch.setattr(images, "AHEAD_BYTES", 0)  # so that there is something left to read
    path = save(tmp_path / "run.nii.gz", "<i2", rng)
    before = threading.active_count()
    blocks = iter_blocks(path, block_bytes=N_VOXELS * 2)
    next(blocks)
    assert threading.active_count() == before + 1
    if how == "close":
        blocks.close()
    else:
        with pytest.raises(RuntimeError, match="consumer"):
            blocks.throw(RuntimeError("consumer"))
    assert threading.active_count() == before


def test_bytes_are_opened_in_one_place(tmp_path, rng, monkeypatch):
    path = save(tmp_path / "run.nii.gz", "<i2", rng)
    opened = []
    original = images.open_stream
    monkeypatch.setattr(
        images, "open_stream", lambda info: opened.append(info.path) or original(info)
    )
    list(iter_blocks(path))
    read_volumes(path)
    list(iter_volumes(path))
    assert opened == [path] * 3


def test_system_faults_in_the_thread_are_raised_as_they_are(tmp_path, rng, monkeypatch):
    path = save(tmp_path / "run.nii", "<i2", rng)

    class Failing:
        def readinto(self, view):
            raise OSError(5, "Input/output error")

        def close(self):
            pass

    monkeypatch.setattr(images, "open_stream", lambda info: Failing())
    with pytest.raises(OSError, match="Input/output") as caught:
        list(iter_blocks(path))
    assert not isinstance(caught.value, ImageFileError)


# nibabel leaves the file open itself when it reads the header of an uncompressed .mgh.
leaky = pytest.mark.filterwarnings(
    "ignore:unclosed file:ResourceWarning",
    "ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning",
)


@leaky
@pytest.mark.parametrize(
    ("cls", "name"),
    [
        (nib.Spm2AnalyzeImage, "a.img"),
        (nib.Spm99AnalyzeImage, "a.img"),
        (nib.AnalyzeImage, "a.img"),
        (nib.MGHImage, "a.mgh"),
        (nib.MGHImage, "a.mgz"),
        (nib.Nifti1Image, "a.nii.bz2"),
    ],
)
@pytest.mark.parametrize("dtype", ["<i2", "<f4"])
def test_other_formats_that_nibabel_reads(tmp_path, rng, cls, name, dtype):
    data = rng.integers(-300, 300, (*SHAPE, 5)).astype(dtype)
    image = cls(data, np.diag([3.0, 3, 3, 1]) if cls is nib.AnalyzeImage else AFFINES["flipped"])
    if cls is nib.MGHImage:
        image.header.set_zooms((3.0, 3.0, 3.0, 1500.0))
    nib.save(image, tmp_path / name)
    loaded = nib.load(tmp_path / name)
    info = read_info(tmp_path / name)
    np.testing.assert_allclose(info.grid.affine, loaded.affine, atol=1e-12)
    assert (info.n_volumes, info.streamed) == (5, not name.endswith("bz2"))
    assert info.t_r == (1.5 if cls is nib.MGHImage else info.t_r)
    for options in ({}, {"threads": 0}, {"block_bytes": 2 * N_VOXELS * 8}):
        np.testing.assert_array_equal(collect(tmp_path / name, **options), loaded.get_fdata())


@leaky
def test_a_truncated_foreign_image(tmp_path, rng):
    nib.save(nib.MGHImage(rng.standard_normal(SHAPE).astype("f4"), np.eye(4)), tmp_path / "a.mgh")
    raw = (tmp_path / "a.mgh").read_bytes()
    (tmp_path / "a.mgh").write_bytes(raw[:1000])
    with pytest.raises(ImageFileError, match="holds 0 of the 1 volumes"):
        read_info(tmp_path / "a.mgh")


def test_surfaces_are_no_images(tmp_path):
    surface = nib.GiftiImage(
        darrays=[nib.gifti.GiftiDataArray(np.zeros(9, np.float32), "NIFTI_INTENT_SHAPE")]
    )
    nib.save(surface, tmp_path / "a.gii")
    with pytest.raises(ImageFileError, match="is not an image that can be read"):
        read_info(tmp_path / "a.gii")


def test_isals_reader_is_used_within_versions_that_have_it():
    """The class is not documented: its name, its call and its checks are what is relied on."""
    project = tomllib.loads(
        (Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8")
    )["project"]
    wanted = next(text for text in project["dependencies"] if text.startswith("isal"))
    low, high = re.fullmatch(r"isal>=(\d+\.\d+),<(\d+)", wanted).groups()
    version = tuple(int(part) for part in importlib.metadata.version("isal").split(".")[:2])
    assert tuple(map(int, low.split("."))) <= version < (int(high), 0)
    whole = gzip.compress(b"volumes" * 1000)
    reader = isal_zlib._GzipReader(io.BytesIO(whole), 4096)
    buffer = bytearray(7000)
    assert fill_view(reader.readinto, memoryview(buffer)) == 7000
    assert buffer == b"volumes" * 1000
    assert reader.readinto(bytearray(1)) == 0
    wrong = whole[:-8] + bytes(8)
    damaged = isal_zlib._GzipReader(io.BytesIO(wrong), 4096)
    with pytest.raises(gzip.BadGzipFile):
        fill_view(damaged.readinto, memoryview(bytearray(8000)))


@pytest.mark.parametrize(
    ("flag", "field"),
    [
        (4, (60_000).to_bytes(2, "little") + bytes(60_000)),
        (8, b"n" * 9000 + b"\0"),
        (16, b"c" * (2 << 20) + b"\0"),
    ],
    ids=["extra", "name", "remark"],
)
@pytest.mark.parametrize("threads", [0, 1])
def test_gzip_data_with_a_long_header(tmp_path, rng, flag, field, threads):
    path = save(tmp_path / "run.nii.gz", "<i2", rng)
    expected = np.asanyarray(nib.load(path).dataobj)
    content = gzip.compress(gzip.decompress(path.read_bytes()))
    assert content[3] == 0  # no field of this kind so far
    path.write_bytes(content[:3] + bytes([flag]) + content[4:10] + field + content[10:])
    assert read_info(path).grid.shape == SHAPE
    np.testing.assert_array_equal(collect(path, threads=threads), expected)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ImageFileError):
        collect(path, threads=threads)


@pytest.mark.parametrize(("allowed", "n_threads"), [("1", 0), ("2", 1), (None, 1)])
def test_no_thread_is_started_where_one_is_allowed(tmp_path, rng, monkeypatch, allowed, n_threads):
    monkeypatch.setattr(images, "AHEAD_BYTES", 0)  # so that there is something left to read
    path = tmp_path / "run.nii.gz"
    save(path, "<f4", rng)
    if allowed is None:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", allowed)
    blocks = iter_blocks(path, block_bytes=1)
    next(blocks)
    names = [thread.name for thread in threading.enumerate()]
    assert names.count("mapsmasker-read-ahead") == n_threads
    blocks.close()
