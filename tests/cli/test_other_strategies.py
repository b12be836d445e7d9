# SPDX-License-Identifier: Apache-2.0
"""A second call with other strategies: what is clean stays, and no image is read."""

from __future__ import annotations

import json

import pytest

from nipype_mapsmasker.io.results.layout import run_files
from nipype_mapsmasker.io.results.manifests import read_manifest
from nipype_mapsmasker.io.tables.rows import read_rows
from tests.tiny import make_tiny


@pytest.fixture
def tiny(tmp_path):
    """Two runs."""
    return make_tiny(tmp_path / "data", grids=(0, 0))


@pytest.fixture
def out(tmp_path):
    """The result folder."""
    return tmp_path / "out"


def denoise(tiny, call, out, chosen, *more):
    """Call with strategies of one's own; give the exit code."""
    path = out.parent / "own.json"
    path.write_text(json.dumps([{"name": name, **words} for name, words in chosen.items()]))
    names = ("run_id", "in_file", "confounds", "sample_mask")
    lists = (tiny.run_ids, tiny.in_files, tiny.confounds_files, tiny.sample_mask_files)
    table = tiny.write_table(out.parent / "runs.tsv", **dict(zip(names, lists, strict=True)))
    given = ("run", table, out, "--maps", tiny.maps_file, "--mask", tiny.mask_file, "--detrend")
    words = ("--denoise", path, "--connectivity", "pearson", "precision", *more)
    return call(*given, *words).code


def test_other_strategies_clean_nothing_that_is_clean(tiny, out, call, work):
    """Of strategies that stay nothing is done again; for the others no image is read."""
    chosen = {
        "none": {"strategy": []},
        "all": {"columns": ["*"]},
        "some": {"columns": ["*"], "detrend": False},
    }
    assert denoise(tiny, call, out, chosen) == 0
    work.clear()
    chosen = {
        "all": chosen["all"],
        "some": {"columns": ["*"], "standardize": "zscore"},
        "more": {"columns": ["*"], "low_pass": 0.1},
    }
    kept = [run_files(out, run_id).timeseries("maps", "all") for run_id in tiny.run_ids]
    before = [path.stat().st_ino for path in kept]
    assert denoise(tiny, call, out, chosen) == 0
    assert (work["fits"], work["images"], work["cleanings"]) == (0, 0, 4)
    assert [path.stat().st_ino for path in kept] == before
    fresh = out.with_name("fresh")
    assert denoise(tiny, call, fresh, chosen) == 0
    keys = ("run_id", "status", "reason", "volumes", "kept", "warnings")
    tables = [read_rows(folder / "runs.tsv") for folder in (out, fresh)]
    old, new = ([[row[key] for key in keys] for row in table] for table in tables)
    assert old == new
    for run_id in tiny.run_ids:
        records = [read_manifest(run_files(folder, run_id).manifest) for folder in (out, fresh)]
        assert sorted(records[0].files) == sorted(records[1].files)
        for name in records[0].files:
            if name.endswith(".tsv"):
                assert (out / name).read_bytes() == (fresh / name).read_bytes(), name
    work.clear()
    assert denoise(tiny, call, out, chosen) == 0
    assert work["cleanings"] == 0


def test_warnings_of_an_extraction_stay_with_other_strategies(tiny, out, call, work):
    """Whatever strategies an earlier call had, what its extraction said is said again."""
    run_id = tiny.run_ids[0]
    assert denoise(tiny, call, out, {"none": {"strategy": []}}) == 0
    sidecar = run_files(out, run_id).raw_sidecar("maps")
    told = json.loads(sidecar.read_text())
    assert told["extraction_warnings"] == []
    sidecar.write_text(json.dumps(told | {"extraction_warnings": ["It was dark."]}))
    work.clear()
    assert denoise(tiny, call, out, {"all": {"columns": ["*"]}}) == 0
    assert (work["images"], work["cleanings"]) == (0, 2)
    assert "It was dark." in read_rows(out / "runs.tsv")[0]["warnings"]


@pytest.mark.parametrize("names", [["all"], ["all", "more"]])
def test_a_run_that_all_strategies_fail_is_not_read_again(tiny, out, call, work, names):
    """Its raw signals stay: with other strategies it is done without its image."""
    chosen = {name: {"columns": ["*"]} for name in names}
    words = ("--min-volumes", "1000")
    assert denoise(tiny, call, out, chosen, *words) == 2
    assert work["images"] == 2
    first = read_rows(out / "runs.tsv")
    assert {row["status"] for row in first} == {"failed"}
    assert all("min_volumes=1000 asks for more" in row["reason"] for row in first)
    names = run_files(out, tiny.run_ids[0])
    assert first[0]["reason"] in names.log.read_text()
    assert names.raw("maps").exists()
    assert not names.timeseries("maps", "all").exists()
    work.clear()
    assert denoise(tiny, call, out, chosen, *words) == 2
    assert (work["images"], work["fits"]) == (0, 0)
    assert read_rows(out / "runs.tsv") == first
    work.clear()
    assert denoise(tiny, call, out, chosen) == 0
    assert (work["images"], work["cleanings"]) == (0, 2 * len(chosen))
    assert {row["status"] for row in read_rows(out / "runs.tsv")} == {"done"}
    assert not names.log.exists()
