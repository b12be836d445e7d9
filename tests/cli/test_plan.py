# SPDX-License-Identifier: Apache-2.0
"""The plan: how little a plan of many runs reads, and what it says of them."""

from pathlib import Path

import numpy as np
import pytest

from nipype_mapsmasker.io.images import reader as images
from nipype_mapsmasker.io.tables import confounds


def test_a_plan_opens_no_image_and_reads_tables_once(tiny, tmp_path, call, monkeypatch):
    read = []
    table = tiny.write_table(tmp_path / "runs.tsv")

    def refuse(*args, **kwargs):
        raise AssertionError

    genuine, rows = images.open_stream, confounds.iter_rows
    monkeypatch.setattr(confounds, "iter_rows", lambda path: read.append(str(path)) or rows(path))
    monkeypatch.setattr(
        images,
        "open_stream",
        lambda info: refuse() if "bold" in info.path.name else genuine(info),
    )
    told = call("run", table, tmp_path / "out", "--maps", tiny.maps_file, "--dry-run")
    assert told.code == 0
    assert sorted(read) == sorted(tiny.confounds_files)


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
