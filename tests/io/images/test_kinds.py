# SPDX-License-Identifier: Apache-2.0
"""What is given in place of an image, and what each is told to be."""

import gzip
import io
import os
import tarfile

import nibabel as nib
import numpy as np
import pytest
from scipy.io import netcdf_file

from nipype_mapsmasker.errors import ImageFileError, ImageHeaderError
from nipype_mapsmasker.io.images.headers import read_info
from nipype_mapsmasker.io.images.reader import read_volumes
from nipype_mapsmasker.io.sidecars import checksum
from tests.conftest import AFFINES, N_VOLUMES, SHAPE

NAMES = ["a.nii", "a.nii.gz", "a.mgz", "a.HEAD", "a.mnc"]


def nifti_bytes():
    image = nib.Nifti1Image(np.ones((*SHAPE, 3), np.float32), AFFINES["oblique"])
    return image.to_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_a_pipe_is_refused_at_once(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(ImageFileError, match=r"is a pipe \(FIFO\), where a file .*; copy"):
        read_info(tmp_path / name)


@pytest.mark.parametrize("link", [False, True])
def test_a_device_is_refused_at_once(tmp_path, link):
    path = "/dev/zero"
    if link:
        path = tmp_path / "a.nii"
        path.symlink_to("/dev/zero")
    for read in (read_info, checksum):
        with pytest.raises(ImageFileError, match="is a device, where a file is expected; copy"):
            read(path)


def test_a_pipe_beside_a_header_is_refused(tmp_path):
    nib.save(nib.Nifti1Pair(np.ones(SHAPE, np.float32), np.eye(4)), tmp_path / "a.img")
    (tmp_path / "a.img").unlink()
    os.mkfifo(tmp_path / "a.img")
    with pytest.raises(ImageFileError):
        read_volumes(tmp_path / "a.hdr")


def test_a_link_to_a_file_is_that_file(tmp_path):
    (tmp_path / "a.nii").write_bytes(nifti_bytes())
    (tmp_path / "b.nii").symlink_to("a.nii")
    assert read_info(tmp_path / "b.nii").shape == (*SHAPE, 3)


@pytest.mark.parametrize(
    ("target", "match"),
    [
        (
            "../.git/annex/objects/8p/zJ/MD5E-s1--0.nii.gz/MD5E-s1--0.nii.gz",
            r"git-annex \(DataLad\) to \S+, which is not there: .* 'datalad get a\.nii\.gz'",
        ),
        ("gone.nii.gz", r"is a link to gone\.nii\.gz, which does not exist; mend the link"),
        ("a.nii.gz", "is a chain of links that never ends; give"),
    ],
)
def test_links_that_lead_nowhere(tmp_path, target, match):
    (tmp_path / "a.nii.gz").symlink_to(target)
    with pytest.raises(ImageFileError, match=match):
        read_info(tmp_path / "a.nii.gz")


def test_a_folder_that_is_a_link_to_nowhere(tmp_path):
    (tmp_path / "sub-1").symlink_to("gone")
    with pytest.raises(ImageFileError, match=r"lies behind \S+sub-1, a link to gone, which does"):
        read_info(tmp_path / "sub-1" / "a.nii")


@pytest.mark.parametrize("name", ["a\0b.nii", "x" * 5000 + ".nii", "~nouser/a.nii", "\udcff.nii"])
def test_names_that_no_file_has(tmp_path, name):
    with pytest.raises(ImageFileError) as caught:
        read_info(tmp_path / name)
    said = str(caught.value)
    assert said.isprintable()
    assert len(said) < 600
    assert said.endswith(("can be read.", "correct the path.", "rename it."))


def tar_bytes():
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.nii"), io.BytesIO(b""))
    return stream.getvalue()


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"PK\x03\x04" + bytes(600), "is an Excel workbook .* a table of runs is given as .tsv"),
        (b"/annex/objects/MD5E-s123--0.nii.gz\n", r"pointer of git-annex .* get its content"),
        (b"version https://git-lfs.github.com/spec/v1\n", "pointer of Git LFS .* get its content"),
        (tar_bytes(), "is a tar archive, where an image is expected; give a NIfTI"),
        (b"MATLAB 5.0 MAT-file" + bytes(600), "is a MATLAB file .* give a NIfTI"),
    ],
)
def test_files_of_another_kind(tmp_path, content, match, zipped):
    path = tmp_path / ("a.nii.gz" if zipped else "a.nii")
    path.write_bytes(gzip.compress(content) if zipped else content)
    with pytest.raises(ImageFileError, match=match):
        read_info(path)


def test_a_pointer_under_a_name_of_gzip(tmp_path):
    path = tmp_path / "a.nii.gz"
    path.write_bytes(b"/annex/objects/MD5E-s123--0.nii.gz\n")
    with pytest.raises(ImageFileError, match="is a pointer of git-annex"):
        read_info(path)


@pytest.mark.parametrize("name", ["runs.txt", "runs.csv", "a.JSON"])
def test_text_by_its_name(tmp_path, name):
    (tmp_path / name).write_text("run_id\tin_file\n")
    with pytest.raises(ImageFileError, match=r"text by its name; .*table of runs ends in .tsv or"):
        read_info(tmp_path / name)


def test_gzip_inside_gzip(tmp_path):
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(gzip.compress(nifti_bytes())))
    with pytest.raises(ImageFileError, match=r"gzip data inside gzip data: .*unzip it once"):
        read_info(path)


def test_cifti_is_told_by_what_it_is(tmp_path):
    axis = nib.cifti2.BrainModelAxis.from_mask(np.ones(50, bool), name="CortexLeft")
    series = nib.cifti2.SeriesAxis(0, 2, N_VOLUMES)
    image = nib.Cifti2Image(np.zeros((N_VOLUMES, 50), np.float32), (series, axis))
    nib.save(image, tmp_path / "a.dtseries.nii")
    (tmp_path / "a.dtseries.nii").rename(tmp_path / "b.nii")
    with pytest.raises(ImageHeaderError, match=r"is CIFTI data .* give the run as an image"):
        read_info(tmp_path / "b.nii")


ORDERS = {
    "time first": ("time", "zspace", "yspace", "xspace"),
    "time last": ("zspace", "yspace", "xspace", "time"),
    "x first": ("time", "xspace", "yspace", "zspace"),
    "time between": ("zspace", "time", "yspace", "xspace"),
}


def write_minc(path, data, order):
    """Write (X, Y, Z, T) data as MINC 1, its axes in some order."""
    sizes = dict(zip(("xspace", "yspace", "zspace", "time"), data.shape, strict=True))
    with netcdf_file(path, "w", version=1) as file:
        for name, start, step in (
            ("time", 0.0, 2.5), ("zspace", -10.0, 3.5), ("yspace", -13.0, 3.0),
            ("xspace", -12.0, 2.0),
        ):  # fmt: skip
            if name not in order:
                continue
            file.createDimension(name, sizes[name])
            variable = file.createVariable(name, "i", ())
            variable.start, variable.step = np.float64(start), np.float64(step)
            variable.spacing = b"regular__"
        axes = ["xspace", "yspace", "zspace", "time"]
        image = file.createVariable("image", ">i2", order)
        image[:] = np.transpose(data, [axes.index(name) for name in order]).astype(">i2")
        image.valid_range = np.array([-32768.0, 32767.0])
        image.signtype = b"signed__"
        for name, value in (("image-max", 32767.0), ("image-min", -32768.0)):
            file.createVariable(name, "d", ()).data[...] = value


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # netCDF's mapping outlives its file
@pytest.mark.parametrize("order", ORDERS)
def test_time_is_found_in_minc_wherever_it_is(tmp_path, rng, order):
    data = rng.integers(-300, 300, (*SHAPE, N_VOLUMES))
    write_minc(tmp_path / "a.mnc", data, ORDERS[order])
    info = read_info(tmp_path / "a.mnc")
    space = [name for name in ORDERS[order] if name != "time"]
    axes = [("xspace", "yspace", "zspace").index(name) for name in space]
    assert info.shape == (*(SHAPE[axis] for axis in axes), N_VOLUMES)
    assert info.t_r == 2.5
    volumes = read_volumes(tmp_path / "a.mnc")
    np.testing.assert_array_equal(volumes, np.transpose(data, (*axes, 3)))
    # The same place in space, whatever the order of the axes.
    corner = np.zeros(4)
    corner[axes.index(2)], corner[3] = 1.0, 1.0
    np.testing.assert_allclose((info.grid.affine @ corner)[:3], [-12.0, -13.0, -6.5])


def test_data_on_a_surface_are_told_so(tmp_path):
    array = nib.gifti.GiftiDataArray(np.zeros(9, np.float32), "NIFTI_INTENT_SHAPE")
    nib.save(nib.GiftiImage(darrays=[array]), tmp_path / "a.func.gii")
    with pytest.raises(ImageFileError, match="data on a surface: give the run as an image"):
        read_info(tmp_path / "a.func.gii")
