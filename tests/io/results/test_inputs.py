# SPDX-License-Identifier: Apache-2.0
"""What results were made of, noted call by call."""

from pathlib import Path

from nipype_mapsmasker.io.results.inputs import AtlasInputs, read_inputs, write_inputs


def test_what_is_noted_is_read_again_with_absolute_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_inputs("out", {"a": "m.nii", "b": None}, {"x": AtlasInputs("x.nii", None, ["1", "2"])})
    masks, atlases = read_inputs(tmp_path / "out")
    assert masks == {"x": {"a": str(tmp_path / "m.nii"), "b": None}}
    assert atlases == {"x": AtlasInputs(str(tmp_path / "x.nii"), None, ["1", "2"])}


def test_later_calls_leave_what_is_noted_of_others(tmp_path):
    x, y = (AtlasInputs(f"/{name}.nii", f"/{name}.tsv", [name]) for name in "xy")
    write_inputs(tmp_path, {"a": "/1.nii", "b": None}, {"x": x})
    path = write_inputs(tmp_path, {"b": "/2.nii", "c": None}, {"x": x, "y": y})
    masks, atlases = read_inputs(tmp_path)
    assert masks["x"] == {"a": "/1.nii", "b": "/2.nii", "c": None}
    assert masks["y"] == {"b": "/2.nii", "c": None}
    assert atlases == {"x": x, "y": y}
    before = path.stat().st_ino
    write_inputs(tmp_path, {"c": None}, {"y": y})
    assert path.stat().st_ino == before  # nothing new, nothing written


def test_a_broken_note_says_nothing(tmp_path):
    path = write_inputs(tmp_path, {}, {"x": AtlasInputs("/x.nii", None, ["1"])})
    for text in ("", "[]", '{"atlases": 3, "masks": {}}'):
        Path(path).write_text(text)
        assert read_inputs(tmp_path) == ({}, {})
