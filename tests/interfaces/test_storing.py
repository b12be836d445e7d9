# SPDX-License-Identifier: Apache-2.0
"""`StoreRun` and `SummariseRuns`: final names, the manifest last, no half files."""

import json
import pickle
from pathlib import Path

import pytest

from nipype_mapsmasker.interfaces import CleanSignals, StoreRun, SummariseRuns
from nipype_mapsmasker.io.results import storing
from nipype_mapsmasker.io.results.dataset import bids_uri
from nipype_mapsmasker.io.results.layout import run_files
from nipype_mapsmasker.io.results.manifests import read_manifest
from nipype_mapsmasker.io.tables.rows import read_rows

RUN_ID = "sub-01_ses-2_task-rest"


@pytest.fixture
def store(tiny, fitted, extracted, tmp_path):
    """A sink of the first run with one strategy."""
    (tmp_path / "work").mkdir()
    cleaned = CleanSignals(signals_file=extracted.signals_files[0]).run(cwd=tmp_path / "work")
    return StoreRun(
        run_id=RUN_ID,
        in_file=tiny.in_files[0],
        key="k",
        extraction_key="e",
        out_dir=str(tmp_path / "out"),
        atlases=["tiny"],
        strategies=[""],
        checksums=[fitted.maps_checksum],
        signals_files=extracted.signals_files,
        coverage_files=extracted.coverage_files,
        fit_quality_files=extracted.fit_quality_files,
        mean_file=extracted.mean_file,
        t_r=2.0,
        timeseries_0=cleaned.outputs.out_file,
        summary_0=cleaned.outputs.summary_file,
        provenance={"versions": {"numpy": "2"}},
    )


def test_writes_every_file_under_its_name(store, tiny, tmp_path):
    outputs = store.run(cwd=tmp_path).outputs
    func = tmp_path / "out" / "sub-01" / "ses-2" / "func"
    endings = [
        "atlas-tiny_desc-raw_timeseries.json",
        "atlas-tiny_desc-raw_timeseries.tsv",
        "atlas-tiny_stat-coverage_bold.json",
        "atlas-tiny_stat-coverage_bold.tsv",
        "atlas-tiny_timeseries.json",
        "atlas-tiny_timeseries.tsv",
        "boldref.json",
        "boldref.nii.gz",
    ]
    assert sorted(path.name for path in func.iterdir()) == [f"{RUN_ID}_{end}" for end in endings]
    names = run_files(tmp_path / "out", RUN_ID)
    assert names.folder == func
    assert sorted(names.private.iterdir()) == sorted([names.manifest, names.fit_quality("tiny")])
    assert outputs.manifest_file == str(names.manifest)
    assert outputs.fault_file is None
    manifest = read_manifest(Path(outputs.manifest_file))
    assert (manifest.key, manifest.extraction_key) == ("k", "e")
    assert manifest.row["status"] == "done"
    assert manifest.is_whole()
    sidecar = json.loads((func / f"{RUN_ID}_atlas-tiny_timeseries.json").read_text())
    assert sidecar["RepetitionTime"] == 2.0
    assert sidecar["SamplingFrequency"] == 0.5
    assert sidecar["SourceFile"] == tiny.in_files[0]
    raw = names.raw("tiny").relative_to(tmp_path / "out").as_posix()
    assert sidecar["Sources"] == [f"bids::{raw}", bids_uri(tiny.in_files[0], tmp_path / "out")]
    for table in (names.timeseries("tiny"), names.raw("tiny"), names.coverage("tiny")):
        about = json.loads(table.with_suffix(".json").read_text())
        header = table.read_text().splitlines()[0].split("\t")
        assert all(about[column]["Description"] for column in header)
    assert sidecar["Atlas"]["Name"] == "tiny"
    assert sidecar["VolumesKept"] == 40


def test_a_failed_copy_leaves_no_manifest(store, tmp_path, monkeypatch):
    manifest = Path(store.run(cwd=tmp_path).outputs.manifest_file)
    genuine = storing.shutil.copyfile

    def fail(source, target):
        if "coverage" in str(source):
            raise OSError(28, "No space left on device")
        return genuine(source, target)

    monkeypatch.setattr(storing.shutil, "copyfile", fail)
    with pytest.raises(OSError, match="No space left"):
        store.run(cwd=tmp_path)
    assert not manifest.exists()
    folder = run_files(tmp_path / "out", RUN_ID).folder
    assert not [path for path in folder.iterdir() if not path.name.startswith(RUN_ID)]


def test_a_changed_result_shows_in_the_manifest(store, tmp_path):
    manifest = Path(store.run(cwd=tmp_path).outputs.manifest_file)
    table = run_files(tmp_path / "out", RUN_ID).timeseries("tiny")
    table.write_text(table.read_text()[:-1])
    assert not read_manifest(manifest).is_whole()


@pytest.mark.parametrize("is_extracted", [True, False])
def test_a_failed_run_gets_a_log_and_keeps_its_raw_signals(store, tmp_path, is_extracted):
    manifest = Path(store.run(cwd=tmp_path).outputs.manifest_file)
    fault = tmp_path / "fault.json"
    fault.write_text(json.dumps({"step": "S", "reason": "It broke.", "traceback": "Trace"}))
    store.inputs.upstream_fault = str(fault)
    signals = store.inputs.signals_files
    if not is_extracted:
        store.inputs.signals_files = [None]
    outputs = store.run(cwd=tmp_path).outputs
    assert (outputs.manifest_file, outputs.fault_file) == (None, str(fault))
    names = run_files(tmp_path / "out", RUN_ID)
    if is_extracted:
        record = read_manifest(manifest)
        assert record.failed == {"": "It broke."}
        assert record.row == {"run_id": RUN_ID, "status": "failed", "reason": "It broke."}
        assert record.lists(names.raw("tiny"))
        assert not names.timeseries("tiny").exists()
    else:
        assert not manifest.exists()
    store.inputs.signals_files = signals
    log = (tmp_path / "out" / "logs" / f"{RUN_ID}.txt").read_text()
    assert "S: It broke." in log
    assert "Trace" in log
    store.inputs.upstream_fault = None
    store.run(cwd=tmp_path)
    assert not list((tmp_path / "out" / "logs").iterdir())


def test_survives_pickling(store, tmp_path):
    again = pickle.loads(pickle.dumps(store))
    assert again.run(cwd=tmp_path).outputs.manifest_file


def test_summary_lists_every_run(store, fitted, tmp_path):
    manifest = store.run(cwd=tmp_path).outputs.manifest_file
    fault = tmp_path / "fault.json"
    fault.write_text(json.dumps({"step": "S", "reason": "It broke.", "traceback": ""}))
    outputs = SummariseRuns(
        run_ids=[RUN_ID, "bad", "lost"],
        manifest_files=[manifest, None, None],
        fault_files=[None, str(fault), None],
        out_dir=str(tmp_path / "out"),
        atlases=["tiny"],
        coverage_files=[[fitted.coverage_file, None, fitted.coverage_file]],
        provenance={"versions": {"nipype-mapsmasker": "1"}, "command": "mapsmasker run"},
    ).run(cwd=tmp_path).outputs  # fmt: skip
    rows = read_rows(outputs.out_file)
    assert [row["status"] for row in rows] == ["done", "failed", "failed"]
    assert [row["reason"] for row in rows] == [None, "It broke.", "The results are missing."]
    assert (rows[0]["volumes"], rows[0]["kept"]) == ("40", "40")
    assert outputs.n_failed == 2
    maps = read_rows(tmp_path / "out" / "atlas-tiny_maps.tsv")
    assert [row["name"] for row in maps] == ["map_1", "map_2", "map_3"]
    assert [row["fits"] for row in maps] == ["1"] * 3  # equal tables are of one fit
    description = json.loads((tmp_path / "out" / "dataset_description.json").read_text())
    assert description["Command"] == "mapsmasker run"
