# SPDX-License-Identifier: Apache-2.0
"""Headers: what nibabel reads is what we read, and what cannot be true is refused."""

import errno
import gzip
import struct
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from nipype_mapsmasker.errors import ImageFileError, ImageHeaderError
from nipype_mapsmasker.io.images import headers
from nipype_mapsmasker.io.images.headers import read_info
from nipype_mapsmasker.io.images.nifti import repetition_time
from tests.conftest import AFFINES, N_VOLUMES, SHAPE

DIM, DATATYPE, PIXDIM, OFFSET, SLOPE, INTER = 40, 70, 76, 108, 112, 116
UNITS, QFORM, SFORM, QUATERNION, SROW, MAGIC = 123, 252, 254, 256, 280, 344


def nifti(path: Path, shape=(*SHAPE, N_VOLUMES), affine=AFFINES["oblique"], cls=nib.Nifti1Image):
    """Write a float32 image of ramps."""
    data = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    nib.save(cls(data, affine), path)
    return path


def patch(path: Path, offset: int, layout: str, *values) -> Path:
    """Overwrite bytes of an uncompressed file."""
    raw = bytearray(path.read_bytes())
    struct.pack_into("<" + layout, raw, offset, *values)
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize("name", AFFINES)
@pytest.mark.parametrize("forms", ["s", "q", "both", "none"])
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("order", "<>")
def test_affine_is_nibabels(tmp_path, name, forms, version, order):
    cls = {1: nib.Nifti1Image, 2: nib.Nifti2Image}[version]
    image = cls(np.zeros((*SHAPE, 2)), None, cls.header_class(endianness=order))
    image.header.set_zooms((2.0, 3.0, 4.5, 1.5))
    if forms in ("q", "both"):
        image.set_qform(AFFINES[name], 1)
    if forms in ("s", "both"):
        image.set_sform(AFFINES[name] * [[1.1], [1], [1], [1]], 4)
    nib.save(image, tmp_path / "a.nii")
    loaded = nib.load(tmp_path / "a.nii")
    assert loaded.header.endianness == order
    info = read_info(tmp_path / "a.nii")
    np.testing.assert_allclose(info.grid.affine, loaded.affine, rtol=0, atol=1e-14)
    assert info.shape == loaded.shape


@pytest.mark.parametrize(
    ("offset", "layout", "value"),
    [
        (PIXDIM, "f", -1.0),
        (PIXDIM, "f", 0.0),
        (PIXDIM + 4, "3f", (0.0, 2.0, 0.0)),
        (PIXDIM + 4, "3f", (-2.0, 2.0, 3.0)),
        (QFORM, "h", 77),
        (QUATERNION, "3f", (1.0, 0.0, 0.0)),
        (QUATERNION, "3f", (0.6, 0.8, 1e-4)),
    ],
)
@pytest.mark.parametrize("with_qform", [True, False])
def test_affine_of_odd_headers_is_nibabels(tmp_path, offset, layout, value, with_qform, caplog):
    image = nib.Nifti1Image(np.zeros((*SHAPE, 2), np.float32), None)
    image.set_qform(AFFINES["oblique"], int(with_qform))
    image.set_sform(None, 0)
    nib.save(image, tmp_path / "a.nii")
    values = value if isinstance(value, tuple) else (value,)
    patch(tmp_path / "a.nii", offset, layout, *values)
    expected = nib.load(tmp_path / "a.nii").affine
    np.testing.assert_allclose(
        read_info(tmp_path / "a.nii").grid.affine, expected, rtol=0, atol=1e-14
    )


def test_unknown_sform_code_is_none(tmp_path):
    path = patch(nifti(tmp_path / "a.nii"), SFORM, "h", 9)
    np.testing.assert_allclose(read_info(path).grid.affine, nib.load(path).affine, atol=1e-14)


@pytest.mark.parametrize(
    ("spacing", "units", "seconds"),
    [
        (2.0, 8, 2.0),
        (0.8, 8, 0.8),
        (2000.0, 16, 2.0),
        (720.0, 16, 0.72),
        (2.2e6, 24, 2.2),
        (2.0, 0, 2.0),
        (2000.0, 0, 2.0),
        (0.0, 8, None),
        (-1.0, 8, None),
        (float("nan"), 8, None),
        (2.0, 32, None),
    ],
)
def test_repetition_time(tmp_path, spacing, units, seconds):
    path = patch(nifti(tmp_path / "a.nii"), PIXDIM + 16, "f", spacing)
    patch(path, UNITS, "B", 2 | units)
    assert read_info(path).t_r == seconds
    assert repetition_time(spacing, units, single_precision=False) == seconds


def test_a_3d_image_has_no_repetition_time(tmp_path):
    path = patch(nifti(tmp_path / "a.nii", SHAPE), PIXDIM + 16, "f", 2.0)
    info = read_info(path)
    assert (info.t_r, info.ndim, info.n_volumes, info.shape) == (None, 3, 1, SHAPE)


def test_singleton_axes_after_the_fourth_are_dropped(tmp_path):
    info = read_info(nifti(tmp_path / "a.nii", (*SHAPE, N_VOLUMES, 1, 1)))
    assert (info.ndim, info.n_volumes) == (4, N_VOLUMES)


def test_one_volume_with_four_axes_stays_4d(tmp_path):
    info = read_info(nifti(tmp_path / "a.nii.gz", (*SHAPE, 1)))
    assert (info.ndim, info.n_volumes, info.shape) == (4, 1, (*SHAPE, 1))


@pytest.mark.parametrize("slope", [0.0, float("nan"), float("inf")])
def test_no_slope_no_scaling(tmp_path, slope):
    path = patch(nifti(tmp_path / "a.nii"), SLOPE, "ff", slope, 5.0)
    info = read_info(path)
    assert (info.slope, info.intercept, info.scaled) == (1.0, 0.0, False)
    np.testing.assert_array_equal(nib.load(path).get_fdata().ravel()[:3], [0, 1, 2])


def test_offset_zero_means_after_the_header(tmp_path):
    assert read_info(patch(nifti(tmp_path / "a.nii"), OFFSET, "f", 0.0)).data_offset == 352


def test_header_extensions_are_skipped(tmp_path):
    image = nib.Nifti1Image(np.ones(SHAPE, np.float32), np.eye(4))
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"x" * 600))
    nib.save(image, tmp_path / "a.nii.gz")
    assert read_info(tmp_path / "a.nii.gz").data_offset > 900


@pytest.mark.parametrize(
    ("offset", "layout", "values", "text"),
    [
        (DIM, "h", (0,), "0 dimensions"),
        (DIM, "h", (-4,), "-4 dimensions"),
        (DIM, "h", (9,), "9 dimensions"),
        (DIM + 2, "h", (-7,), "dimensions -7 x 8 x 9 x 11, which cannot be"),
        (DIM + 8, "h", (0,), "dimensions 7 x 8 x 9 x 0, which cannot be"),
        (DIM + 2, "3h", (32767, 32767, 32767), "holds 0 of the 11 volumes"),
        (DIM + 8, "h", (200,), "holds 11 of the 200 volumes that its header promises"),
        (DIM, "h", (2,), "is a 2D image"),
        (DIM, "6h", (5, 7, 8, 9, 2, 11), "is a 5D image .*split it"),
        (DIM, "6h", (5, 7, 8, 9, 1, 11), "fourth axis and 11 along its last.*save it as 7 x 8 x"),
        (DIM, "7h", (6, 7, 8, 9, 1, 1, 11), "is a 6D image .*save it as 7 x 8 x 9 x 11 if"),
        (DATATYPE, "h", (128,), "RGB colours"),
        (DATATYPE, "h", (2304,), "RGBA colours"),
        (DATATYPE, "h", (32,), "complex64"),
        (DATATYPE, "h", (1,), "single bits"),
        (DATATYPE, "h", (1536,), "float128"),
        (DATATYPE, "h", (0,), "unknown"),
        (DATATYPE, "h", (999,), "not a type of the NIfTI standard"),
        (OFFSET, "f", (100.0,), "inside the header"),
        (OFFSET, "f", (-352.0,), "at byte -352"),
        (OFFSET, "f", (float("nan"),), "at byte nan"),
        (OFFSET, "f", (1e9,), "holds 0 of the 11 volumes"),
        (SROW, "f", (float("nan"),), "affine says nothing .*finite 4 x 4"),
        (SROW, "12f", (0.0,) * 12, "affine says nothing .*inverted"),
        (SLOPE, "ff", (2.0, float("nan")), "scales voxels by 2 and adds nan"),
    ],
)
def test_a_header_that_cannot_be_true(tmp_path, offset, layout, values, text):
    path = patch(nifti(tmp_path / "a.nii"), offset, layout, *values)
    with pytest.raises((ImageHeaderError, ImageFileError), match=text) as caught:
        read_info(path)
    assert str(path) in str(caught.value)


def test_absurd_dimensions(tmp_path):
    path = nifti(tmp_path / "a.nii", cls=nib.Nifti2Image)
    patch(path, 16, "8q", 4, 2**40, 2**40, 2**40, 2, 1, 1, 1)
    with pytest.raises(ImageHeaderError, match="more than any computer can address"):
        read_info(path)


def test_quaternion_too_long(tmp_path):
    path = nifti(tmp_path / "a.nii")
    patch(path, QFORM, "hh3f", 1, 0, 0.9, 0.9, 0.9)
    with pytest.raises(ImageHeaderError, match=r"quaternion .* longer than 1"):
        read_info(path)


def test_a_compressed_file_cannot_hold_more_than_deflate_can_express(tmp_path):
    path = nifti(tmp_path / "a.nii")
    patch(path, DIM + 2, "3h", 900, 900, 900)
    zipped = tmp_path / "a.nii.gz"
    zipped.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(ImageFileError, match="can hold at most 0 of the 11 volumes of 900 x 900"):
        read_info(zipped)


def test_a_compressed_header_behind_a_long_name_is_found(tmp_path):
    path = nifti(tmp_path / "run.nii")
    packed = gzip.compress(path.read_bytes())
    flags, name = bytes([packed[3] | 8]), b"n" * 3_000 + b"\0"  # FNAME, as gzip -N stores it
    long = tmp_path / "long.nii.gz"
    long.write_bytes(packed[:3] + flags + packed[4:10] + name + packed[10:])
    assert read_info(long).shape == read_info(path).shape
    assert (read_info(long).grid.affine == read_info(path).grid.affine).all()


def test_images_on_one_grid_share_it(tmp_path):
    one, other = (read_info(nifti(tmp_path / f"{name}.nii")) for name in "ab")
    assert one.grid is other.grid
    moved = read_info(nifti(tmp_path / "c.nii", affine=AFFINES["oblique"] + np.eye(4)))
    assert moved.grid.affine.tolist() != one.grid.affine.tolist()


def test_files_that_are_no_images(tmp_path):
    def refused(name: str, content: bytes, text: str) -> None:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ImageFileError, match=text):
            read_info(tmp_path / name)

    refused("empty.nii", b"", "is empty")
    refused("empty.nii.gz", b"", "is empty")
    refused("text.nii", b"sub-01\tsub-02\n" * 99, "text.nii is not an image")
    refused("page.nii.gz", b"<html>not found</html>", "is a web page")
    refused("zip.nii", gzip.compress(b"x" * 999), "is gzip data, but its name")
    refused("nothing.nii.gz", gzip.compress(b""), "is not an image")
    refused("cut.nii.gz", b"\x1f\x8b\x08", "truncated")
    refused("short.nii", b"\x5c\x01\x00\x00" + b"\0" * 100, "is not an image")
    refused("table.tsv", b"a\tb\n1\t2\n", "is not an image")
    refused("bad.nii.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + b"\xff" * 99, "not intact gzip data")


def test_missing_and_folders(tmp_path):
    with pytest.raises(ImageFileError, match=r"absent.nii does not exist"):
        read_info(tmp_path / "absent.nii")
    (tmp_path / "folder.nii").mkdir()
    with pytest.raises(ImageFileError, match=r"folder.nii is a folder"):
        read_info(tmp_path / "folder.nii")
    path = nifti(tmp_path / "a.nii")
    with pytest.raises(ImageFileError, match="does not exist"):
        read_info(path / "b.nii")
    path.with_name("loop.nii").symlink_to("loop.nii")
    with pytest.raises(ImageFileError, match="links that never ends"):
        read_info(path.with_name("loop.nii"))
    with pytest.raises(ImageFileError, match="too long"):
        read_info(tmp_path / ("x" * 300 + ".nii"))


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOMEM, errno.ENOSPC, errno.EMFILE])
def test_system_faults_are_not_the_datas(tmp_path, monkeypatch, number):
    path = nifti(tmp_path / "a.nii")

    def fail(*args, **kwargs):
        raise OSError(number, "system")

    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(OSError, match="system") as caught:
        read_info(path)
    assert not isinstance(caught.value, ImageFileError)


def test_permission_denied_is_the_files_fault(tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise PermissionError(errno.EACCES, "no")

    path = nifti(tmp_path / "a.nii")
    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(ImageFileError, match="permission denied"):
        read_info(path)


def test_half_a_pair(tmp_path):
    nifti(tmp_path / "a.img", cls=nib.Nifti1Pair)
    (tmp_path / "a.img").rename(tmp_path / "b.img")
    with pytest.raises(ImageFileError, match=r"a.img does not exist"):
        read_info(tmp_path / "a.hdr")
    with pytest.raises(ImageFileError, match=r"b.hdr does not exist"):
        read_info(tmp_path / "b.img")


@pytest.mark.parametrize(
    "name",
    ["with space.nii.gz", "q'uo\"te.nii", "br[a]ck{et}*?.nii.gz", "-dash.nii", "höhe_脑.nii.gz",
     "x" * 200 + ".nii.gz", "sub-01.v2.img", "UPPER.NII.GZ"],
)  # fmt: skip
def test_names_of_any_kind(tmp_path, name):
    cls = nib.Nifti1Pair if name.endswith(".img") else nib.Nifti1Image
    path = nifti(tmp_path / name, cls=cls)
    assert read_info(path).n_volumes == N_VOLUMES
    assert read_info(str(path)).path == path


def test_reading_headers_does_not_import_nibabel(tmp_path):
    import subprocess
    import sys

    path = nifti(tmp_path / "a.nii.gz")
    code = (
        "import sys; from nipype_mapsmasker.io.images.reader import read_info;"
        "import nipype_mapsmasker.io.tables;"
        f"read_info({str(path)!r});"
        "heavy = {'nibabel', 'pandas', 'matplotlib', 'nipype', 'pyarrow'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3], timeout=60
    )


@pytest.mark.parametrize(("is_settled", "n_readings"), [(True, 1), (False, 3)])
def test_a_header_is_read_once_as_long_as_a_settled_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_settled: bool, n_readings: int
) -> None:
    # Times of change cannot be set back, so all files count as settled, or none does.
    monkeypatch.setattr(headers, "is_settled", lambda _: is_settled)
    readings, read = [], headers._read_start
    monkeypatch.setattr(headers, "_read_start", lambda path: readings.append(path) or read(path))
    path = nifti(tmp_path / "run.nii")
    found = [read_info(path) for _ in range(3)]
    assert len(readings) == n_readings
    assert [info.n_volumes for info in found] == [N_VOLUMES] * 3
    nifti(path, shape=(*SHAPE, N_VOLUMES + 2))
    assert read_info(path).n_volumes == N_VOLUMES + 2
    path.unlink()
    with pytest.raises(ImageFileError, match=r"absent|does not exist|[Nn]o such file"):
        read_info(path)
