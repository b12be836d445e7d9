# SPDX-License-Identifier: Apache-2.0
"""Weights that are mapped from a file are never whole in memory, and stay what they are."""

from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from nipype_mapsmasker.core.mapped import MAPPED_BYTES
from nipype_mapsmasker.core.tiles import TiledRows

N_ROWS, N_VOXELS, N_TILES = 8, 1 << 15, 24


def mapped(path: Path, rng: np.random.Generator, mode: Literal["r", "c"]) -> TiledRows:
    values = rng.standard_normal(N_ROWS * N_VOXELS * N_TILES)
    values.tofile(path)
    return TiledRows(
        N_ROWS,
        np.arange(N_TILES + 1) * N_VOXELS,
        np.arange(N_TILES + 1) * N_ROWS,
        np.tile(np.arange(N_ROWS), N_TILES),
        np.asarray(np.memmap(path, np.float64, mode)),
    )


def resident_bytes(path: Path) -> int:
    """Ask the kernel how much of a mapped file counts as this process's memory."""
    lines = Path("/proc/self/smaps").read_text().splitlines()
    sizes, is_ours = 0, False
    for line in lines:
        name = line.partition(" ")[0]
        if not name.endswith(":"):
            is_ours = line.endswith(str(path))
        elif is_ours and name == "Rss:":
            sizes += int(line.split()[1]) * 1024
    return sizes


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="asks Linux for its memory")
def test_of_a_mapped_matrix_a_few_mb_are_resident(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    rows = mapped(tmp_path / "values", rng, "r")
    block_bytes = N_ROWS * N_VOXELS * 8
    seen, total = [], 0.0
    for tile in rows.tiles():
        total += float(tile.block.sum())
        seen.append(resident_bytes(tmp_path / "values"))
    assert rows.values.nbytes > 10 * MAPPED_BYTES
    assert block_bytes <= max(seen) <= MAPPED_BYTES + 2 * block_bytes
    assert total == pytest.approx(float(np.fromfile(tmp_path / "values").sum()), rel=1e-9)


def test_what_was_changed_in_memory_alone_stays(tmp_path: Path, rng: np.random.Generator) -> None:
    rows = mapped(tmp_path / "values", rng, "c")
    rows.values[:] = 7.0
    for _ in range(2):
        assert all(bool((tile.block == 7.0).all()) for tile in rows.tiles())
    assert not (np.fromfile(tmp_path / "values") == 7.0).any()
