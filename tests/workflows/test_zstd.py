# SPDX-License-Identifier: Apache-2.0
"""A run that is stored as .nii.zst, and images rebuilt as such, through the whole graph."""

import numpy as np
import pytest

from nipype_mapsmasker.cohort import CohortRequest, run_cohort
from nipype_mapsmasker.core.grids import Grid
from nipype_mapsmasker.io.images.reader import read_info, read_volumes
from nipype_mapsmasker.io.images.writer import write_image

pytest.importorskip("zstandard")


def test_a_zstandard_run_gives_the_signals_of_the_gzip_run(tmp_path, rng):
    grid = Grid((7, 8, 9), np.diag([3.0, 3.0, 3.0, 1.0]))
    maps = write_image(tmp_path / "m.nii", grid, [rng.random((2, 504))], n_volumes=2)
    volumes = rng.integers(1, 2000, (12, 504)).astype(np.int16)
    tables = {}
    for kind, suffix in (("gzip", "gz"), ("zstd", "zst")):
        run = tmp_path / kind / f"sub-01_task-rest_bold.nii.{suffix}"
        run.parent.mkdir()
        write_image(run, grid, [volumes], n_volumes=12, dtype="int16", t_r=2.0)
        result = run_cohort(
            CohortRequest(
                input=str(run),
                out_dir=tmp_path / f"out_{kind}",
                maps=[maps],
                reports=False,
                plugin="Linear",
                inverse_transform=True,
                compress=kind,
            )
        )
        assert result.exit_code == 0
        files = {path.name: path for path in result.runs[0].files}
        [signals] = [path for name, path in files.items() if name.endswith("m_timeseries.tsv")]
        [image] = [path for name, path in files.items() if name.endswith(f"m_bold.nii.{suffix}")]
        tables[kind] = signals.read_text(), read_volumes(image)
        assert read_info(image).n_volumes == 12
        # What the other compression had made goes when it is not made any more.
        assert len(list(image.parent.glob("*_desc-m_bold.nii*"))) == 1
    assert tables["gzip"][0] == tables["zstd"][0]
    np.testing.assert_array_equal(tables["gzip"][1], tables["zstd"][1])
