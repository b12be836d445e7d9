# SPDX-License-Identifier: Apache-2.0
"""What every step of a run shares: recorded faults, passing them on, cache keys, threads."""

import json
import pickle
from pathlib import Path

import pytest
from threadpoolctl import threadpool_info

from nipype_mapsmasker.errors import ImageFileError, ParameterError
from nipype_mapsmasker.interfaces import (
    CleanSignals,
    Connectivity,
    DualRegression,
    ExtractSignals,
    FitMaps,
    HighVarianceConfounds,
    InverseTransform,
    ResampleImage,
    SelectConfounds,
)
from nipype_mapsmasker.interfaces.base import RunInterface, blas_threads

STEPS = {
    ExtractSignals: {"operator_files": ["operator.npz"]},
    CleanSignals: {},
    HighVarianceConfounds: {},
    InverseTransform: {},
    FitMaps: {},
    ResampleImage: {},
    SelectConfounds: {},
    Connectivity: {},
    DualRegression: {},
}
"""Every step of a run, and inputs that it cannot do without."""


@pytest.fixture(params=STEPS, ids=lambda step: step.__name__)
def step(request, tiny):
    """Each step in turn, with an image that does not exist."""
    cls = request.param
    values = dict(STEPS[cls])
    if cls in (InverseTransform, FitMaps):
        values["maps_file"] = tiny.maps_file
    if cls in (InverseTransform, CleanSignals, Connectivity, SelectConfounds):
        values["signals_file"] = str(tiny.folder / "gone.tsv")
    elif cls is FitMaps:
        values["labels_file"] = str(tiny.folder / "gone.tsv")
    else:
        if cls is DualRegression:
            values["signals_file"] = str(tiny.folder / "gone.tsv")
        values["in_file"] = str(tiny.folder / "gone.nii.gz")
    return cls(run_id="sub-09", **values)


def test_raises_a_fault_by_default(step, tmp_path):
    with pytest.raises((OSError, ValueError), match=r"gone\.(tsv|nii\.gz)"):
        step.run(cwd=tmp_path)


def test_records_a_fault(step, tmp_path):
    step.inputs.on_error = "record"
    outputs = step.run(cwd=tmp_path).outputs
    fault = json.loads(Path(outputs.fault_file).read_text())
    assert fault["run_id"] == "sub-09"
    assert fault["step"] == type(step).__name__
    assert "gone." in fault["reason"]
    assert "Traceback" in fault["traceback"]
    others = {name: value for name, value in outputs.get().items() if name != "fault_file"}
    assert not any(
        value not in (None, [], [None], 0, 0.0, "unknown") for value in others.values()
    ), others


def test_passes_an_upstream_fault_through(step, tmp_path):
    fault = tmp_path / "earlier.json"
    fault.write_text("{}")
    step.inputs.upstream_fault = str(fault)
    outputs = step.run(cwd=tmp_path).outputs
    assert outputs.fault_file == str(fault)
    assert [path.name for path in tmp_path.iterdir()] == ["earlier.json"]


def test_threads_do_not_change_the_key(step):
    before = step.inputs.get_hashval()
    step.inputs.num_threads = 4
    assert step.inputs.get_hashval() == before


@pytest.mark.parametrize("name", ["run_id", "source", "algorithm"])
def test_identity_changes_the_key(step, name):
    before = step.inputs.get_hashval()
    setattr(step.inputs, name, 99 if name == "algorithm" else "another")
    assert step.inputs.get_hashval() != before


def test_survives_pickling_with_its_inputs(step):
    again = pickle.loads(pickle.dumps(step))
    assert again.inputs.get_hashval() == step.inputs.get_hashval()
    assert again.inputs.get() == step.inputs.get()


@pytest.mark.parametrize("cls", [ExtractSignals, HighVarianceConfounds])
def test_refuses_none_without_an_upstream_fault(cls, tmp_path):
    with pytest.raises(ParameterError, match=r"got None as in_file, .* upstream_fault"):
        cls(in_file=None, **STEPS[cls]).run(cwd=tmp_path)


def test_raises_what_is_not_a_fault_of_the_data(tmp_path, monkeypatch):
    """A full disk is to be tried again, so it must not be recorded as the run's fault."""

    def fail(self, cwd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(CleanSignals, "_process", fail)
    with pytest.raises(OSError, match="No space left"):
        CleanSignals(signals_file="x.tsv", on_error="record").run(cwd=tmp_path)


def test_recorded_faults_name_their_kind(tmp_path, tiny):
    step = HighVarianceConfounds(in_file=str(tiny.folder / "gone.nii"), on_error="record")
    fault = json.loads(Path(step.run(cwd=tmp_path).outputs.fault_file).read_text())
    assert fault["kind"] == ImageFileError.__name__


def test_limits_blas_threads_and_gives_them_back():
    def threads():
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    before = threads()
    with blas_threads(1):
        assert set(threads()) <= {1}
    assert threads() == before


def test_every_step_of_a_run_is_tested_here():
    def below(cls):
        return {cls}.union(*(below(child) for child in cls.__subclasses__()))

    package = {cls for cls in below(RunInterface) if cls.__module__.startswith("nipype_maps")}
    assert package - {RunInterface} <= set(STEPS) | _reports(package)


def _reports(classes):
    """Pages have tests of their own."""
    return {cls for cls in classes if cls.__name__.startswith("Report")}
