# SPDX-License-Identifier: Apache-2.0
"""Second calls on one result folder: what they must notice, keep and leave alone."""

import json
import shutil
from pathlib import Path

import pytest

from nipype_mapsmasker.cohort import plan_cohort
from nipype_mapsmasker.io.results.frames import load_timeseries
from nipype_mapsmasker.io.results.layout import run_files
from nipype_mapsmasker.io.tables.rows import read_rows
from tests.tiny import N_VOLUMES


@pytest.fixture
def image(own_tiny):
    """Give one image of the cohort."""
    return own_tiny.in_files[0]


def test_plan_is_renewed_once_the_folder_is_held(own_tiny, tmp_path, call, monkeypatch):
    from nipype_mapsmasker.cli import run

    out = tmp_path / "out"
    seen = []

    def plan_then_be_overtaken(*given):
        plan = plan_cohort(*given)
        if not seen:
            seen.append([one.state for one in plan.runs])
            call("run", own_tiny.in_files[0], out, "--maps", own_tiny.maps_file)
        return plan

    monkeypatch.setattr(run, "plan_cohort", plan_then_be_overtaken)
    called = call("run", own_tiny.in_files[0], out, "--maps", own_tiny.maps_file)
    assert seen == [["todo"]]
    assert called.code == 0
    assert "0 runs done, 1 was up to date" in called.err


def test_formats_do_not_pile_up(image, own_tiny, tmp_path, call):
    out = tmp_path / "out"
    assert call("run", image, out, "--maps", own_tiny.maps_file).code == 0
    before = load_timeseries(out, "maps")
    options = ("--output-format", "npy", "--detrend")
    assert call("run", image, out, "--maps", own_tiny.maps_file, *options).code == 0
    kinds = {path.suffix for path in out.rglob("*_atlas-maps_timeseries.*")}
    assert kinds == {".npy", ".json"}
    assert abs(load_timeseries(out, "maps").mean()).max() < 1e-9 < abs(before.mean()).max()


def test_image_by_image_makes_a_cohort(own_tiny, tmp_path, call):
    out = tmp_path / "out"
    for image in own_tiny.in_files:
        assert call("run", image, out, "participant", "--maps", own_tiny.maps_file).code == 0
    rows = read_rows(out / "runs.tsv")
    assert sorted(row["status"] for row in rows) == ["done"] * len(own_tiny.in_files)
    assert load_timeseries(out, "maps").index.get_level_values(0).nunique() == len(rows)


def test_an_image_that_is_away_for_a_while_costs_nothing(image, own_tiny, tmp_path, call):
    out, away = tmp_path / "out", tmp_path / "away.nii"
    table = tmp_path / "runs.tsv"
    table.write_text(f"run_id\tin_file\na\t{image}\n")
    assert call("run", table, out, "--maps", own_tiny.maps_file).code == 0
    shutil.move(image, away)
    called = call("run", table, out, "--maps", own_tiny.maps_file)
    assert called.code == 2
    assert read_rows(out / "runs.tsv")[0]["status"] == "failed"
    assert run_files(out, "a").manifest.is_file()
    shutil.move(away, image)
    assert call("run", table, out, "--maps", own_tiny.maps_file).code == 0


def test_a_folder_of_data_is_no_result_folder(image, own_tiny, call):
    folder = Path(image).parent
    before = sorted(folder.iterdir())
    called = call("run", image, folder, "--maps", own_tiny.maps_file)
    assert called.code == 2
    assert "folders of data are never written to" in called.err
    assert sorted(folder.iterdir()) == before


def test_confounds_and_sample_mask_are_told_apart(image, own_tiny, tmp_path, call):
    keep = tmp_path / "keep.tsv"
    keep.write_text("keep\n" + "1\n" * (N_VOLUMES - 2) + "0\n0\n")
    out, common = tmp_path / "out", ("--maps", own_tiny.maps_file)
    assert call("run", image, out, *common, "--confounds", keep).code == 0
    called = call("run", image, out, *common, "--sample-mask", keep)
    assert "1 run done, 0 were up to date" in called.err
    sidecar = json.loads(next(out.rglob("*_atlas-maps_timeseries.json")).read_text())
    assert sidecar["VolumesKept"] == N_VOLUMES - 2


def test_colours_that_do_not_exist_are_refused_before_any_work(image, own_tiny, tmp_path, call):
    out = tmp_path / "out"
    words = ("run", image, out, "--maps", own_tiny.maps_file, "--cmap", "nocolours")
    called = call(*words, engine=("--plugin", "Linear"))
    assert called.code == 2
    assert "nocolours" in called.err
    assert not out.exists()


def test_every_mask_costs_a_fit_on_disk(own_tiny, tmp_path, call):
    masks = []
    for number in range(3):
        masks.append(tmp_path / f"mask{number}.nii.gz")
        shutil.copy(own_tiny.mask_file, masks[-1])
    table = own_tiny.write_table(tmp_path / "runs.tsv", mask=masks)
    words = ("run", table, tmp_path / "out", "--maps", own_tiny.maps_file, "--dry-run")
    assert "for 3 fits" in call(*words).out
