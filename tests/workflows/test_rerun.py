# SPDX-License-Identifier: Apache-2.0
"""A second run of an unchanged workflow executes no extraction; a changed one, what changed."""

import os
from pathlib import Path

import pytest

from nipype_mapsmasker.workflows import init_cohort_wf
from tests.tiny import make_tiny, set_inputs, write_run


@pytest.fixture
def cohort(tmp_path):
    """A cohort that a test may change."""
    return make_tiny(tmp_path / "cohort")


@pytest.fixture
def executed(cohort, run, tmp_path, monkeypatch):
    """A function that runs the cohort's workflow and lists the steps that it executed."""
    from nipype_mapsmasker.interfaces.base import RunInterface

    done = []
    genuine = RunInterface._run_interface

    def run_interface(self, runtime):
        done.append((type(self).__name__, self.inputs.run_id))
        return genuine(self, runtime)

    monkeypatch.setattr(RunInterface, "_run_interface", run_interface)

    def run_again(*, out_dir="out", order=slice(None), **parameters):
        done.clear()
        workflow = init_cohort_wf(
            reports=False, inverse_transform=True, out_dir=str(tmp_path / out_dir), **parameters
        )
        set_inputs(workflow, cohort, "confounds_files")
        inputs = workflow.inputs.inputnode
        for name in ("run_ids", "in_files", "confounds_files"):
            setattr(inputs, name, getattr(cohort, name)[order])
        run(workflow)
        return sorted(done)

    return run_again


def of(step, done):
    """List the runs for which a step was executed."""
    return [run_id for name, run_id in done if name == step]


def test_the_first_run_executes_everything(executed, cohort, opened):
    done = executed()
    for step in ("ExtractSignals", "CleanSignals", "InverseTransform"):
        assert of(step, done) == cohort.run_ids
    assert len(of("FitMaps", done)) == 2
    assert len([name for name in opened if "_bold" in name]) == 3


def test_the_second_run_executes_and_opens_nothing(executed, opened):
    executed()
    opened.clear()
    assert executed() == []
    assert opened == []


def test_two_more_times_change_nothing_either(executed):
    """Results that are written anew would look changed to what follows."""
    executed()
    assert executed() == []
    assert executed() == []


def test_a_changed_cleaning_extracts_nothing(executed, cohort, opened):
    executed()
    opened.clear()
    done = executed(strategies={"": {"detrend": True}})
    assert of("CleanSignals", done) == cohort.run_ids
    assert of("ExtractSignals", done) == of("FitMaps", done) == []
    assert not [name for name in opened if "_bold" in name]


def test_a_changed_image_is_extracted_alone(executed, cohort):
    executed()
    path = Path(cohort.in_files[2])
    os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns + 10**9))
    done = executed()
    assert of("ExtractSignals", done) == [cohort.run_ids[2]]


def test_an_image_replaced_by_one_of_equal_size_and_date_is_extracted(executed, cohort, rng):
    """Nipype's own cache key, size and date without the path, would not see it."""
    path = write_run(cohort.folder / "plain.nii", rng)
    cohort.in_files[2] = str(path)
    executed()
    before = path.stat()
    write_run(path, rng)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert of("ExtractSignals", executed()) == [cohort.run_ids[2]]


def test_dropping_the_last_run_extracts_nothing(executed, cohort):
    """The command line goes further: its manifests know runs by name, in any order."""
    executed()
    done = executed(order=slice(0, 2))
    assert of("ExtractSignals", done) == []


def test_another_result_folder_executes_nothing(executed, tmp_path):
    executed()
    assert executed(out_dir="elsewhere") == []
    assert (tmp_path / "elsewhere" / "runs.tsv").is_file()


def test_a_lost_result_comes_back_without_extraction(executed, cohort, tmp_path):
    executed()
    name = f"{cohort.run_ids[0]}_atlas-maps_timeseries.tsv"
    table = tmp_path / "out" / "sub-01" / "func" / name
    before = table.read_bytes()
    table.unlink()
    assert executed() == []
    assert table.read_bytes() == before


def test_a_changed_table_cleans_its_run_alone(executed, cohort):
    executed()
    table = Path(cohort.confounds_files[1])
    table.write_text(table.read_text().replace("csf_derivative1", "csf_slope"))
    done = executed()
    assert of("CleanSignals", done) == [cohort.run_ids[1]]
    assert of("ExtractSignals", done) == []


@pytest.mark.parametrize("fault", ["gone", "cut"])
def test_a_recorded_fault_makes_no_other_run_anew(executed, cohort, tmp_path, fault):
    bad = tmp_path / f"{fault}.nii.gz"
    if fault == "cut":
        bad.write_bytes(Path(cohort.in_files[1]).read_bytes()[:5000])
    cohort.in_files[1] = str(bad)
    executed(on_error="record")
    again = executed(on_error="record")
    assert {run_id for _, run_id in again} <= {cohort.run_ids[1], ""}
    assert of("FitMaps", again) == []
