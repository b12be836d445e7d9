# SPDX-License-Identifier: Apache-2.0
"""One bad run never costs the others; or stops everything, where that is asked for."""

import json
from pathlib import Path

import numpy as np
import pytest

from nipype_mapsmasker.io.tables.rows import read_rows
from tests.tiny import GRIDS, N_VOLUMES, values_of, write_mask, write_table

RECORD = {"on_error": "record"}


@pytest.fixture
def truncated(tiny, tmp_path):
    """The second run's image, cut in half."""
    path = tmp_path / "sub-02_task-rest_bold.nii.gz"
    whole = Path(tiny.in_files[1]).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return str(path)


def reasons(results):
    """Read each run's fault, or None."""
    return [
        None if path is None else json.loads(Path(path).read_text())["reason"]
        for path in results["fault_files"]
    ]


def test_the_others_are_done_and_the_table_says_why(tiny, run_cohort, truncated, tmp_path):
    out = tmp_path / "out"
    results = run_cohort(
        "confounds_files",
        parameters=RECORD
        | {"out_dir": str(out), "inverse_transform": True, "high_variance_confounds": True},
        in_files=[tiny.in_files[0], truncated, tiny.in_files[2]],
    )
    first, second, third = reasons(results)
    assert (first, third) == (None, None)
    assert "holds" in second
    assert f"of the {N_VOLUMES} volumes" in second
    assert results["timeseries_files"][1] == [None]
    assert results["reconstruction_files"][1] == [None]
    assert results["mean_files"][1] is None
    rows = read_rows(out / "runs.tsv")
    assert [row["status"] for row in rows] == ["done", "failed", "done"]
    assert rows[1]["reason"] == second
    assert results["manifest_files"][1] is None
    assert second in (out / "logs" / f"{tiny.run_ids[1]}.txt").read_text()
    assert not list(out.rglob(f"sub-02/**/{tiny.run_ids[1]}*"))


def test_the_others_are_byte_identical_to_what_they_are_alone(tiny, run_cohort, truncated):
    alone = run_cohort()
    beside = run_cohort(
        parameters=RECORD, in_files=[tiny.in_files[0], truncated, tiny.in_files[2]]
    )
    for number in (0, 2):
        first, second = (r["timeseries_files"][number][0] for r in (alone, beside))
        assert Path(first).read_bytes() == Path(second).read_bytes()


def test_raise_stops_with_the_sentence(tiny, run_cohort, truncated):
    with pytest.raises(RuntimeError, match=f"of the {N_VOLUMES} volumes"):
        run_cohort(in_files=[tiny.in_files[0], truncated, tiny.in_files[2]])


@pytest.mark.parametrize(
    "where", ["image", "confounds", "sample_mask", "mask", "short", "no_data", "upstream"]
)
def test_each_step_records(tiny, run_cohort, tmp_path, where):
    values = {
        "in_files": list(tiny.in_files),
        "confounds_files": list(tiny.confounds_files),
        "sample_mask_files": list(tiny.sample_mask_files),
        "mask_img": [tiny.mask_file] * 3,
    }
    short = write_table(tmp_path / "short.tsv", keep=[1, 0, 1])
    if where == "image":
        values["in_files"][1] = str(tmp_path / "gone.nii.gz")
    elif where == "confounds":
        values["confounds_files"][1] = str(short)
    elif where == "sample_mask":
        values["sample_mask_files"][1] = str(short)
    elif where == "mask":
        probabilities = np.linspace(0, 1, GRIDS[0].n_voxels) > 2
        values["mask_img"][1] = str(write_mask(tmp_path / "empty.nii.gz", probabilities))
    elif where == "short":
        values["in_files"][1] = str(tmp_path / "short.nii.gz")
        from tests.tiny import write_run

        write_run(tmp_path / "short.nii.gz", np.random.default_rng(0), n_volumes=4)
    elif where == "no_data":
        values["in_files"][1] = str(tmp_path / "zeros.nii.gz")
        from nipype_mapsmasker.io.images.writer import write_image

        zeros = [np.zeros((N_VOLUMES, GRIDS[0].n_voxels))]
        write_image(tmp_path / "zeros.nii.gz", GRIDS[0], zeros, n_volumes=N_VOLUMES)
    else:
        fault = tmp_path / "earlier.json"
        fault.write_text(json.dumps({"step": "S", "reason": "earlier.nii broke", "traceback": ""}))
        values["upstream_faults"] = [None, str(fault), None]
    strategies = {"a": {"detrend": True, "low_pass": 0.1}, "b": {}}
    results = run_cohort(parameters=RECORD | {"strategies": strategies}, **values)
    first, second, third = reasons(results)
    assert (first, third) == (None, None)
    names = {"image": "gone", "mask": "empty", "no_data": "zeros", "upstream": "earlier"}
    assert names.get(where, "short") in second
    assert results["timeseries_files"][1][1] is None
    for number in (0, 2):
        assert all(
            np.isfinite(values_of(path)).all() for path in results["timeseries_files"][number]
        )


def test_a_strategy_fails_for_itself(tiny, run_cohort, tmp_path):
    # Volumes every 20 s hold nothing above 0.025 Hz, those every 40 s nothing above 0.0125 Hz.
    strategies = {"fast": {"high_pass": 0.05}, "slow": {"high_pass": 0.02}, "plain": {}}
    out = tmp_path / "out"
    given = {"strategies": strategies, "out_dir": str(out), "inverse_transform": True}
    results = run_cohort(parameters=RECORD | given, t_rs=[2.0, 20.0, 40.0])
    first, second, third = reasons(results)
    assert first is None
    assert second.startswith("Strategy fast: Cleaning leaves nothing")
    assert second.count("Strategy") == 1
    assert third.count("Strategy") == 2
    made = [[path is not None for path in files] for files in results["timeseries_files"]]
    assert made == [[True] * 3, [False, True, True], [False, False, True]]
    assert [[f is not None for f in files] for files in results["reconstruction_files"]] == made
    rows = read_rows(out / "runs.tsv")
    assert [row["status"] for row in rows] == ["done", "incomplete", "incomplete"]
    assert [row["reason"] for row in rows] == [first, second, third]
    assert all(results["manifest_files"])
    # What is made is what is made of it alone.
    alone = run_cohort(t_rs=[2.0, 20.0, 40.0])
    for number in range(3):
        plain, same = (r["timeseries_files"][number][-1] for r in (results, alone))
        assert Path(plain).read_bytes() == Path(same).read_bytes()


def test_a_run_that_every_strategy_fails_has_no_results(tiny, run_cohort, tmp_path):
    out = tmp_path / "out"
    strategies = {"fast": {"high_pass": 0.05}, "slow": {"high_pass": 0.02}}
    given = {"strategies": strategies, "out_dir": str(out)}
    results = run_cohort(parameters=RECORD | given, t_rs=[2.0, 40.0, 2.0])
    assert reasons(results)[1].count("Strategy") == 2
    rows = read_rows(out / "runs.tsv")
    assert [row["status"] for row in rows] == ["done", "failed", "done"]
    assert results["manifest_files"][1] is None


def test_no_sound_run_at_all(tiny, run_cohort, tmp_path):
    out = tmp_path / "out"
    results = run_cohort(
        parameters=RECORD | {"out_dir": str(out), "inverse_transform": True},
        in_files=[str(tmp_path / f"gone{number}.nii") for number in range(3)],
    )
    assert all(f"gone{number}.nii" in reason for number, reason in enumerate(reasons(results)))
    assert {row["status"] for row in read_rows(out / "runs.tsv")} == {"failed"}
    assert not list(out.rglob("sub-*_*.*[!x]t"))


def test_maps_at_fault_fail_every_run_with_the_same_reason(tiny, run_cohort, tmp_path):
    from tests.tiny import write_maps

    maps = write_maps(tmp_path / "empty_maps.nii.gz", np.zeros((2, GRIDS[0].n_voxels)))
    results = run_cohort(parameters=RECORD, maps_img=str(maps))
    assert all("empty_maps.nii.gz" in reason for reason in reasons(results))


def test_a_mended_run_is_done_on_the_next_call(tiny, run_cohort, truncated, tmp_path):
    out = tmp_path / "out"
    files = [tiny.in_files[0], truncated, tiny.in_files[2]]
    run_cohort(parameters=RECORD | {"out_dir": str(out)}, in_files=files)
    Path(truncated).write_bytes(Path(tiny.in_files[1]).read_bytes())
    results = run_cohort(parameters=RECORD | {"out_dir": str(out)}, in_files=files)
    assert reasons(results) == [None] * 3
    assert {row["status"] for row in read_rows(out / "runs.tsv")} == {"done"}
    assert not list((out / "logs").glob("*"))


def test_relative_paths_are_from_the_current_folder(tiny, run_cohort):
    results = run_cohort(parameters=RECORD, in_files=["a.nii", "b.nii", "c.nii"])
    told = [f"{Path.cwd() / name} does not exist" for name in ("a.nii", "b.nii", "c.nii")]
    assert [
        reason[: len(text)] for reason, text in zip(reasons(results), told, strict=True)
    ] == told
