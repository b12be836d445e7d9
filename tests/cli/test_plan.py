# SPDX-License-Identifier: Apache-2.0
"""The plan: how little a plan of many runs reads, and what it says of them."""

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from nipype_mapsmasker.io.images import reader as images
from nipype_mapsmasker.io.tables import columns


def test_a_plan_opens_no_image_and_reads_tables_once(tiny, tmp_path, call, monkeypatch):
    read = []
    table = tiny.write_table(tmp_path / "runs.tsv")

    def refuse(*args, **kwargs):
        raise AssertionError

    genuine, text = images.open_stream, columns.read_text
    monkeypatch.setattr(columns, "read_text", lambda path: read.append(str(path)) or text(path))
    monkeypatch.setattr(
        images,
        "open_stream",
        lambda info: refuse() if "bold" in info.path.name else genuine(info),
    )
    told = call("run", table, tmp_path / "out", "--maps", tiny.maps_file, "--dry-run")
    assert told.code == 0
    assert sorted(read) == sorted([*tiny.confounds_files, *tiny.sample_mask_files])


@pytest.mark.slow
def test_a_dry_run_of_2000_runs(tiny, tmp_path, call):
    """In seconds; the clock's limit is generous, for machines that are busy."""
    import time

    image = Path(tiny.in_files[0]).read_bytes()
    names = [f"c{number:02d}" for number in range(180)]
    rng = np.random.default_rng(0)
    rows = ["\t".join(names)]
    rows += ["\t".join(f"{value:.9f}" for value in rng.random(180)) for _ in range(40)]
    text = "\n".join(rows) + "\n"
    lines = ["run_id\tin_file\tconfounds"]
    for number in range(2000):
        run_id = f"sub-{number:04d}_task-rest"
        (tmp_path / f"{run_id}_bold.nii.gz").write_bytes(image)
        (tmp_path / f"{run_id}.tsv").write_text(text)
        lines.append(f"{run_id}\t{run_id}_bold.nii.gz\t{run_id}.tsv")
    (tmp_path / "runs.tsv").write_text("\n".join(lines) + "\n")
    start = time.perf_counter()
    told = call(
        *("run", tmp_path / "runs.tsv", tmp_path / "out", "--maps", tiny.maps_file),
        *("--confounds-columns", "c0*", "--dry-run"),
    )
    seconds = time.perf_counter() - start
    assert told.code == 0
    assert "2000 runs: 2000 to do" in told.out
    assert seconds < 60


def test_the_plan_says_what_runs_have(tiny, tmp_path, call):
    confounds = [tiny.confounds_files[0], "", tiny.confounds_files[2]]
    masks = [tiny.mask_file, "NA", "n/a"]
    table = tiny.write_table(
        tmp_path / "runs.tsv", confounds=confounds[: len(tiny.run_ids)],
        mask=masks[: len(tiny.run_ids)],
    )  # fmt: skip
    told = call("run", table, tmp_path / "out", "--maps", tiny.maps_file, "--dry-run")
    n_runs = len(tiny.run_ids)
    n_confounds = sum(map(bool, confounds[:n_runs]))
    assert (
        f"confounds for {n_confounds}, masks for 1, sample masks for {n_runs} of the runs"
        in told.out
    )


@pytest.mark.parametrize("kind", ["in_file", "mask", "--maps", "--mask"])
def test_a_small_file_with_a_huge_volume_counts_against_the_memory(tiny, tmp_path, call, kind):
    # 16 MB of zeros, compressed to some kB, under a header of one volume: 0.8 GB in work.
    path = tmp_path / "huge.nii.gz"
    shape = (256, 256, 256)
    image = nib.Nifti1Image(np.zeros(shape, np.uint8), np.eye(4))
    path.write_bytes(gzip.compress(image.to_bytes(), 1))
    columns = {kind: [str(path), *getattr(tiny, f"{kind}s", [None] * 9)[1:]]}
    columns = {} if kind.startswith("--") else {kind: columns[kind][: len(tiny.run_ids)]}
    table = tiny.write_table(tmp_path / "runs.tsv", **columns)
    words = ["--maps", path if kind == "--maps" else tiny.maps_file]
    words += ["--mask", path] if kind == "--mask" else []
    told = call("run", table, tmp_path / "o", *words, "--mem-gb", "0.5", "--dry-run")
    assert told.code == (2 if kind.startswith("--") else 1)
    said = told.out + told.err
    assert "huge.nii.gz has volumes of 16777216 voxels (256 x 256 x 256)" in said
    assert "takes about 0.78 GB, where there are 0.5 GB" in said


def test_a_run_without_a_table_is_at_fault_where_columns_are_chosen(tiny, tmp_path, call):
    table = tiny.write_table(tmp_path / "runs.tsv", confounds=["", *tiny.confounds_files[1:]])
    words = ["run", table, tmp_path / "out", "--maps", tiny.maps_file, "--dry-run"]
    told = call(*words, "--confounds-columns", "csf")
    assert told.code == 1
    assert "has no table of confounds, and columns of it were chosen (csf)" in told.out
    assert call(*words).code == 0
    skipped = call(*words, "--confounds-columns", "csf", "--missing-confounds", "skip")
    assert skipped.code == 0
