# SPDX-License-Identifier: Apache-2.0
"""
Every kind of bad input, planted into a sound cohort.

Each function gets a cohort of its own, spoils something and says what it spoilt: columns of the
runs table to replace (all three runs), a maps image, a mask for all. The regular expression beside
it in `RUN_FAULTS` or `COHORT_FAULTS` is what must be said about it.
"""

import gzip
import os
import struct
from pathlib import Path

import nibabel as nib
import numpy as np

from tests.tiny import GRIDS, N_VOLUMES, write_run, write_table

__all__ = ["BAD", "RUN_FAULTS", "stored", "truncated_gz"]

BAD = 1
"""Which of the three runs is spoilt."""


def replace(cohort, column, value):
    """Replace the bad run's entry of a column."""
    lists = {
        "in_file": cohort.in_files,
        "confounds": cohort.confounds_files,
        "sample_mask": cohort.sample_mask_files,
    }
    values = list(lists[column])
    values[BAD] = None if value is None else str(value)
    return {column: values}


def image(cohort, value):
    """Replace the bad run's image."""
    return replace(cohort, "in_file", value)


def missing(cohort):
    return image(cohort, cohort.folder / "gone.nii.gz")


def folder(cohort):
    path = cohort.folder / "folder.nii.gz"
    path.mkdir()
    return image(cohort, path)


def text(cohort, name="text.nii.gz"):
    path = cohort.folder / name
    path.write_text("These are no voxels.\n" * 40)
    return image(cohort, path)


def text_gz(cohort):
    path = cohort.folder / "zipped_text.nii.gz"
    path.write_bytes(gzip.compress(b"These are no voxels.\n" * 40))
    return image(cohort, path)


def text_nii(cohort):
    return text(cohort, "text.nii")


def text_other(cohort):
    return text(cohort, "notes.txt")


def empty_file(cohort):
    path = cohort.folder / "nothing.nii.gz"
    path.touch()
    return image(cohort, path)


def truncated_gz(cohort):
    path = cohort.folder / "cut.nii.gz"
    whole = Path(cohort.in_files[BAD]).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return image(cohort, path)


def truncated_nii(cohort):
    path = write_run(cohort.folder / "cut.nii", np.random.default_rng(0))
    path.write_bytes(path.read_bytes()[: 352 + 4 * 504 * 10 + 7])
    return image(cohort, path)


def corrupt_gz(cohort):
    path = cohort.folder / "rotten.nii.gz"
    data = bytearray(Path(cohort.in_files[BAD]).read_bytes())
    data[-6] ^= 0xFF
    path.write_bytes(data)
    return image(cohort, path)


def _dimensions(cohort, dims, name):
    path = write_run(cohort.folder / name, np.random.default_rng(0))
    data = bytearray(path.read_bytes())
    data[40:56] = struct.pack("<8h", *dims)
    path.write_bytes(data)
    return image(cohort, path)


def negative(cohort):
    return _dimensions(cohort, (4, 7, -8, 9, 40, 1, 1, 1), "negative.nii")


def zero(cohort):
    return _dimensions(cohort, (4, 7, 0, 9, 40, 1, 1, 1), "zero.nii")


def huge(cohort):
    return _dimensions(cohort, (4, 32767, 32767, 32767, 32767, 1, 1, 1), "huge.nii")


def more_than_the_file(cohort):
    return _dimensions(cohort, (4, 700, 800, 90, 40, 1, 1, 1), "too_much.nii")


def huge_gz(cohort):
    plain = Path(_dimensions(cohort, (4, 3000, 3000, 3000, 40, 1, 1, 1), "x.nii")["in_file"][BAD])
    path = cohort.folder / "huge.nii.gz"
    path.write_bytes(gzip.compress(plain.read_bytes()))
    return image(cohort, path)


def stored(cohort, data, name):
    path = cohort.folder / name
    nib.save(nib.Nifti1Image(data, GRIDS[0].affine), path)
    return path


def rgb(cohort):
    data = np.zeros((7, 8, 9), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    return image(cohort, stored(cohort, data, "rgb.nii.gz"))


def complex_(cohort):
    data = np.zeros((7, 8, 9, 4), dtype=np.complex64)
    return image(cohort, stored(cohort, data, "complex.nii.gz"))


def five(cohort):
    data = np.zeros((7, 8, 9, 4, 3), dtype=np.float32)
    return image(cohort, stored(cohort, data, "five.nii.gz"))


def two(cohort):
    data = np.zeros((7, 8), dtype=np.float32)
    return image(cohort, stored(cohort, data, "two.nii.gz"))


def far_away(cohort):
    far = np.array(GRIDS[0].affine)
    far[:3, 3] = 5000
    data = np.ones((7, 8, 9, N_VOLUMES), dtype=np.float32)
    path = cohort.folder / "far.nii.gz"
    nib.save(nib.Nifti1Image(data, far), path)
    return image(cohort, path)


def no_data(cohort):
    data = np.full((7, 8, 9, N_VOLUMES), np.nan, dtype=np.float32)
    return image(cohort, stored(cohort, data, "nan.nii.gz"))


def pipe(cohort):
    path = cohort.folder / "pipe.nii.gz"
    os.mkfifo(path)
    return image(cohort, path)


def annexed(cohort):
    path = cohort.folder / "annexed.nii.gz"
    path.symlink_to("../.git/annex/objects/8p/zJ/MD5E-s1--0.nii.gz/MD5E-s1--0.nii.gz")
    return image(cohort, path)


def zipped_twice(cohort):
    path = cohort.folder / "twice.nii.gz"
    path.write_bytes(gzip.compress(Path(cohort.in_files[BAD]).read_bytes()))
    return image(cohort, path)


def time_last(cohort):
    data = np.zeros((7, 8, 9, 1, N_VOLUMES), dtype=np.float32)
    return image(cohort, stored(cohort, data, "last.nii.gz"))


def grayordinates(cohort):
    axis = nib.cifti2.BrainModelAxis.from_mask(np.ones(50, bool), name="CortexLeft")
    data = np.zeros((N_VOLUMES, 50), np.float32)
    path = cohort.folder / "gray.dtseries.nii"
    nib.save(nib.Cifti2Image(data, (nib.cifti2.SeriesAxis(0, 2, N_VOLUMES), axis)), path)
    return image(cohort, path)


def time_impossible(cohort):
    run = nib.load(cohort.in_files[BAD])
    run.header.set_zooms((*run.header.get_zooms()[:3], 2000.0))
    nib.save(run, cohort.folder / "slow.nii.gz")
    return image(cohort, cohort.folder / "slow.nii.gz")


def sidecar(cohort, name, text):
    path = cohort.folder / f"{name}.nii.gz"
    path.write_bytes(Path(cohort.in_files[BAD]).read_bytes())
    path.with_name(f"{name}.json").write_text(text)
    return image(cohort, path)


def time_contradicted(cohort):
    return sidecar(cohort, "other_time", '{"RepetitionTime": 0.8}')


def time_endless(cohort):
    return sidecar(cohort, "endless", '{"RepetitionTime": 1' + "0" * 400 + "}")


def sidecar_deep(cohort):
    return sidecar(cohort, "deep", "[" * 200_000)


def confounds_pipe(cohort):
    os.mkfifo(cohort.folder / "pipe.tsv")
    return replace(cohort, "confounds", cohort.folder / "pipe.tsv")


def confounds_sparse(cohort):
    path = cohort.folder / "sparse.tsv"
    with path.open("wb") as file:
        file.truncate(3 << 30)
    return replace(cohort, "confounds", path)


def confounds_blanks(cohort):
    rows = ["  0.1  0.2  0.3"] * N_VOLUMES
    return replace(cohort, "confounds", _confounds(cohort, "rp_run.txt", rows))


def confounds_of_fmriprep(cohort):
    rows = ["csf\tstd_dvars\tframewise_displacement", *["1\t2\t3"] * N_VOLUMES]
    return replace(cohort, "confounds", _confounds(cohort, "prep.tsv", rows))


def confounds_length(cohort):
    return replace(cohort, "confounds", _confounds(cohort, "length.tsv", ["csf", *"12345"]))


def confounds_header(cohort):
    rows = [str(float(number)) for number in range(N_VOLUMES + 1)]
    return replace(cohort, "confounds", _confounds(cohort, "header.tsv", rows))


def confounds_text(cohort):
    rows = ["csf", *["1.5"] * 7, "high", *["1.5"] * (N_VOLUMES - 8)]
    return replace(cohort, "confounds", _confounds(cohort, "words.tsv", rows))


def confounds_gap(cohort):
    rows = ["csf", *["1.5"] * 7, "n/a", *["1.5"] * (N_VOLUMES - 8)]
    return replace(cohort, "confounds", _confounds(cohort, "gaps.tsv", rows))


def confounds_missing(cohort):
    return replace(cohort, "confounds", cohort.folder / "lost.tsv")


def confounds_image(cohort):
    return replace(cohort, "confounds", cohort.in_files[0])


def _confounds(cohort, name, lines):
    path = cohort.folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def sample_mask_length(cohort):
    path = write_table(cohort.folder / "keep_few.tsv", keep=[1, 0, 1])
    return replace(cohort, "sample_mask", path)


def sample_mask_index(cohort):
    path = write_table(cohort.folder / "beyond.tsv", index=[0, 1, N_VOLUMES])
    return replace(cohort, "sample_mask", path)


def sample_mask_empty(cohort):
    path = write_table(cohort.folder / "none_kept.tsv", keep=[0] * N_VOLUMES)
    return replace(cohort, "sample_mask", path)


def sample_mask_text(cohort):
    path = write_table(cohort.folder / "perhaps.tsv", keep=["maybe"] * N_VOLUMES)
    return replace(cohort, "sample_mask", path)


RUN_FAULTS = {
    missing: r"gone\.nii\.gz.* (not exist|no such|not there|missing)",
    folder: r"folder\.nii\.gz.* folder",
    text: r"text\.nii\.gz is named as gzip .* where 1f 8b is expected; rename",
    text_gz: r"zipped_text\.nii\.gz.* not .*image",
    text_nii: r"text\.nii.* (not|no) .*image",
    text_other: r"notes\.txt.* (not|no) .*image",
    empty_file: r"nothing\.nii\.gz is empty \(0 bytes\).*; copy it again",
    truncated_gz: rf"cut\.nii\.gz.* holds \d+ of the {N_VOLUMES} volumes that its header promises",
    truncated_nii: rf"cut\.nii .*10 of the {N_VOLUMES} volumes .* header promises; copy it again",
    corrupt_gz: r"rotten\.nii\.gz.*; copy it again",
    negative: r"negative\.nii has a header with dimensions 7 x -8 x 9 .* at least 1; the file",
    zero: r"zero\.nii has a header with dimensions 7 x 0 x 9 .* at least 1; the file",
    huge: r"huge\.nii .*(can hold|address).*",
    more_than_the_file: r"too_much\.nii is truncated: it holds 0 of the 40 volumes .*; copy",
    huge_gz: r"huge\.nii\.gz.* of the 40 volumes of 3000 x 3000 x 3000 voxels",
    rgb: r"rgb\.nii\.gz stores voxels of .*RGB.* numbers are expected; convert",
    complex_: r"complex\.nii\.gz stores voxels of .*complex.* numbers are expected; convert",
    five: r"five\.nii\.gz is a 5D image \(7 x 8 x 9 x 4 x 3\), where 3 or 4 .*; split it",
    two: r"two\.nii\.gz is a 2D image \(7 x 8\).* give a 3D or 4D image",
    far_away: r"far\.nii\.gz.* overlap",
    no_data: r"nan\.nii\.gz has no data under the maps: .*; check",
    pipe: r"pipe\.nii\.gz is a pipe \(FIFO\), where a file is expected; copy",
    annexed: r"annexed\.nii\.gz is a link of git-annex \(DataLad\) to .*datalad get annexed",
    zipped_twice: r"twice\.nii\.gz holds gzip data inside gzip data: .*unzip it once",
    time_last: r"last\.nii\.gz is a 5D image .* along its last, .*save it as 7 x 8 x 9 x 40",
    grayordinates: r"gray\.dtseries\.nii is CIFTI data .*give the run as an image",
    time_impossible: r"slow\.nii\.gz has a header with a repetition time of 2000 s, .*--t-r",
    time_contradicted: r"other_time\.nii\.gz has .* 0\.8 s by its sidecar .*2 s by its header",
    time_endless: r"endless\.json gives RepetitionTime 1000.*, expected a positive number",
    sidecar_deep: r"deep\.json is not JSON \(its brackets are nested too deeply\); mend it",
    confounds_pipe: r"pipe\.tsv is a pipe \(FIFO\), where a file is expected; copy",
    confounds_sparse: r"sparse\.tsv holds more than \d+ MiB of text",
    confounds_blanks: r"rp_run\.txt has no header, and its 3 columns are separated by blanks",
    confounds_of_fmriprep: r"prep\.tsv is a table of fMRIPrep with 3 columns.*--confounds-columns",
    confounds_length: rf"length\.tsv has 5 rows, where the image has {N_VOLUMES} volumes; give",
    confounds_header: r"header\.tsv has no header: .* where names of columns are expected; add",
    confounds_text: r"words\.tsv has 'high' in column 'csf', row 8 .* number is expected; correct",
    confounds_gap: r"gaps\.tsv has n/a in column 'csf', row 8 .*leave the column out or fill it",
    confounds_missing: r"lost\.tsv.*(not exist|no such|not there|cannot be read)",
    confounds_image: r"sub-01_task-rest_bold\.nii\.gz is not a text .*give a \.tsv or \.csv table",
    sample_mask_length: rf"keep_few\.tsv says of 3 volumes .* image has {N_VOLUMES}; give",
    sample_mask_index: rf"beyond\.tsv lists volume {N_VOLUMES}, where the image has .*; give",
    sample_mask_empty: rf"none_kept\.tsv keeps none of the {N_VOLUMES} volumes; at least one",
    sample_mask_text: r"perhaps\.tsv has 'maybe' in column 'keep', line 2, .*; correct it",
}
"""Faults of one run, which cost the others nothing; and what is said."""
