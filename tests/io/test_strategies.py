# SPDX-License-Identifier: Apache-2.0
"""Strategies from files of one's own, of giga_connectome and of XCP-D."""

import json

import pytest

from nipype_mapsmasker.core.denoise.presets import preset
from nipype_mapsmasker.core.parameters.denoising import denoising_strategies
from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io import strategies as files


def read_strategies(said):
    """Read names and files, and make them strategies."""
    found = denoising_strategies(files.read_strategies(said), ["detrend", "low_pass"])
    return [strategy for strategy, _ in found.values()]


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def test_names_and_files_together(tmp_path):
    own = write(tmp_path / "mine.json", {"preset": "simple", "motion": "basic", "scrub": 3})
    first, second = read_strategies(["36P", own])
    assert first is preset("36P")
    assert (second.name, second.strategy, second.motion) == (
        "mine", ("high_pass", "motion", "wm_csf"), "basic",
    )  # fmt: skip


def test_giga_connectome(tmp_path):
    said = {
        "name": "scrubbing.2+gsr",
        "function": "load_confounds_strategy",
        "parameters": {
            "denoise_strategy": "scrubbing",
            "global_signal": "basic",
            "fd_threshold": 0.2,
            "std_dvars_threshold": None,
        },
    }
    (read,) = read_strategies([write(tmp_path / "x.json", said)])
    assert read == preset("scrubbing.2+gsr")
    said["parameters"] = {"motion": "basic"}
    (read,) = read_strategies([write(tmp_path / "x.json", said)])
    assert read.strategy == ("motion", "high_pass", "wm_csf")


def test_xcpd(tmp_path):
    pytest.importorskip("yaml")
    text = """
name: mine_too
description: words
confounds:
    preproc_confounds:
        dataset: preprocessed
        query: {desc: confounds}
        columns: [trans_x, "^cosine\\\\d+$"]
    more:
        dataset: other
        columns: ["^aroma_orth_motion_.*$"]
"""
    (read,) = read_strategies([write(tmp_path / "x.yml", text)])
    assert read.name == "mine_too"
    assert read.columns == ("trans_x",)
    assert read.regex == ("^cosine\\d+$", "^aroma_orth_motion_.*$")


def test_several_in_one_file(tmp_path):
    path = write(
        tmp_path / "two.json",
        [{"name": "a", "columns": "csf"}, {"name": "b", "strategy": ["motion"]}],
    )
    assert [strategy.name for strategy in read_strategies([path])] == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "x.json is not a file of strategies"),
        ([3], "x.json holds int '3', where a strategy is expected"),
        ({}, "x.json holds dict"),
        ({"motion": "al"}, r"x.json: The strategy 'x' says motion='al'"),
        ({"preset": "sipmle"}, r"x.json: No strategy is called 'sipmle'"),
    ],
)
def test_files_that_are_none(tmp_path, content, message):
    with pytest.raises(ParameterError, match=message):
        read_strategies([write(tmp_path / "x.json", content)])


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match=r"missing\.json"):
        read_strategies([str(tmp_path / "missing.json")])


def test_words_of_cleaning_are_for_this_strategy_alone(tmp_path):
    path = write(tmp_path / "x.json", {"preset": "36P", "low_pass": 0.1, "detrend": True})
    said = files.read_strategies(["simple", path])
    found = denoising_strategies(said, ["detrend", "low_pass"])
    assert [own for _, own in found.values()] == [{}, {"low_pass": 0.1, "detrend": True}]
    assert list(found) == ["simple", "x"]


@pytest.mark.parametrize("name", ["deep.json", "deep.yaml"])
def test_brackets_without_end(tmp_path, name):
    (tmp_path / name).write_text("[" * 20_000)
    with pytest.raises(ParameterError, match="nested too deeply"):
        read_strategies([tmp_path / name])
