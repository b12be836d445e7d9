# SPDX-License-Identifier: Apache-2.0
"""A request holds all that can be asked for, and refuses what makes no sense before any work."""

import shlex
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path

import pytest

import nipype_mapsmasker
from nipype_mapsmasker.cli.parser import build_parser
from nipype_mapsmasker.cli.run import request_of
from nipype_mapsmasker.cohort import CohortRequest, RunSpec
from nipype_mapsmasker.cohort.words import words_of
from nipype_mapsmasker.core.parameters import MaskerParameters, parameters_of
from nipype_mapsmasker.errors import ParameterError

GIVEN = {"input": "runs.tsv", "out_dir": "out", "maps": ["maps.nii.gz"]}
"""What must be given."""


@pytest.mark.parametrize("name", ["input", "out_dir"])
def test_input_and_place_must_be_given(name):
    with pytest.raises(TypeError, match=f"missing 1 required keyword-only argument: '{name}'"):
        CohortRequest(**{key: value for key, value in GIVEN.items() if key != name})


def test_maps_or_an_atlas_must_be_given():
    with pytest.raises(ParameterError, match="No maps are given"):
        CohortRequest(**{key: value for key, value in GIVEN.items() if key != "maps"})
    given = {**GIVEN, "maps": (), "atlas": ["DiFuMo:64"]}
    assert CohortRequest(**given).atlases == ("DiFuMo:64",)
    both = {**GIVEN, "atlas": "Toy"}
    assert CohortRequest(**both).atlases == ("maps", "Toy")


def test_every_parameter_of_a_masker_is_a_field_with_the_same_default():
    request = CohortRequest(**GIVEN)
    plain = MaskerParameters()
    others = {"atlases", "on_error"}
    for name in set(parameters_of(MaskerParameters)) - others:
        assert getattr(request, name) == getattr(plain, name)
    assert (request.on_error, plain.on_error) == ("record", "raise")
    assert request.masker() == replace(plain, atlases=("maps",), on_error="record")


def test_every_field_is_declared_but_what_follows_from_others():
    assert {field.name for field in fields(CohortRequest)} - {*parameters_of(CohortRequest)} == {
        "atlases"
    }
    with pytest.raises(TypeError, match="atlases"):
        CohortRequest(**GIVEN, atlases=["mine"])


def test_atlases_follow_from_maps_also_when_replaced():
    request = CohortRequest(**GIVEN)
    assert replace(request, maps=["a/x_maps.nii", "b/x_maps.nii"]).atlases == ("x", "x2")
    assert replace(request, atlas_names=["mine"]).atlases == ("mine",)


def test_paths_may_be_paths_and_one_may_stand_for_a_list():
    request = CohortRequest(
        input=Path("runs.tsv"),
        out_dir=Path("out"),
        maps=Path("m.nii"),
        labels="n/a",
        mask=Path("b"),
    )
    assert (request.input, request.out_dir, request.maps) == ("runs.tsv", "out", ("m.nii",))
    assert (request.labels, request.mask) == ((None,), "b")
    run = RunSpec(run_id="a", in_file=Path("a.nii"), confounds=[Path("c.tsv")], mask=Path("b"))
    assert (run.in_file, run.confounds, run.mask) == ("a.nii", ("c.tsv",), "b")
    assert CohortRequest(**GIVEN | {"input": [run, Path("b.nii")]}).input == (run, "b.nii")


def test_a_request_does_not_change():
    with pytest.raises(FrozenInstanceError):
        CohortRequest(**GIVEN).n_procs = 2


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"input": ""}, "input is empty, expected: BIDS folder of derivatives, table of runs"),
        ({"input": []}, "input is empty"),
        ({"input": None}, "input is empty"),
        ({"input": 3}, "input must be a path; got 3"),
        ({"input": ["a.nii", None]}, "input holds None"),
        ({"maps": []}, "No maps are given"),
        ({"maps": [None]}, "maps holds an empty entry"),
        ({"maps": [""]}, "maps holds an empty entry"),
        ({"out_dir": ""}, "out_dir is empty"),
        ({"labels": ["a", "b"]}, "maps has 1 entries and labels 2"),
        ({"atlas_names": ["a", "b"]}, "maps has 1 entries and atlas_names 2"),
        ({"atlas_names": ["a b"]}, "atlas name 'a b' cannot be part"),
        ({"mask": 1}, "mask must be a path; got 1"),
        ({"t_r": 0}, "t_r must be a positive number of seconds"),
        ({"plugin": "Airflow"}, "plugin must be one of 'MultiProc', 'Linear'"),
        ({"n_procs": 0}, "n_procs must be a whole number of at least 1"),
        ({"n_procs": 1.5}, "n_procs must be a whole number"),
        ({"mem_gb": float("nan")}, "mem_gb must be a positive number of GB"),
        ({"plugin_args": "--partition=x"}, "plugin_args must be a mapping"),
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1"),
        ({"slice": "3/2"}, "slice must be K/N"),
        ({"slice": "0/2"}, "slice must be K/N"),
        ({"dry_run": "yes"}, "dry_run must be True or False"),
        ({"on_error": "ignore"}, "on_error must be one of"),
        ({"command": "run a b"}, "command must be a list of words"),
        ({"low_pass": -5}, "low_pass must be a positive number of Hz"),
        ({"strategies": {"a": {"fwhm": 1}}}, r"sets \['fwhm'\], which is not known"),
    ],
)
def test_what_makes_no_sense_is_refused(values, match):
    with pytest.raises(ParameterError, match=match):
        CohortRequest(**GIVEN | values)


WORDS = {
    "engine": {"plugin": "Linear", "n_procs": 3, "mem_gb": 2.5, "clean_work_dir": True},
    "masker": {
        "standardize": "psc", "detrend": True, "filter": None, "smoothing_fwhm": [4.0, 5.0, 6.0],
        "resampling_target": None, "clip": False, "displayed_maps": "all", "reports": False,
    },
    "files": {
        "labels": [None, "names.tsv"], "maps": ["a.nii", "b.nii"], "atlas_names": ["x", "y"],
        "mask": "mask.nii", "t_r": 1.5,
    },
    "one image": {
        "input": "a.nii", "confounds": ["c.tsv", "d.tsv"], "sample_mask": "keep.tsv",
        "work_dir": "w",
    },
}  # fmt: skip
"""Values by what they are about."""


@pytest.mark.parametrize("name", WORDS)
def test_a_request_said_in_words_is_the_same_request(name):
    request = CohortRequest(**GIVEN | WORDS[name])
    words = words_of(request)
    arguments = build_parser().parse_args(words)
    arguments.command_line = words
    again = request_of(arguments)
    for field in fields(CohortRequest):
        before, after = getattr(request, field.name), getattr(again, field.name)
        before, after = (
            tuple(value) if isinstance(value, list) else value for value in (before, after)
        )
        assert field.name == "command" or before == after, field.name


def test_runs_and_strategies_are_said_in_files(tmp_path):
    run = RunSpec(run_id="a", in_file="a.nii", confounds=("b.tsv", "c.tsv"), t_r=2.0)
    request = CohortRequest(
        **GIVEN | {"input": [run]}, mask="m.nii", strategies={"x": {"detrend": True}}
    )
    words = words_of(request, tmp_path / "job.sh")
    arguments = build_parser().parse_args(words)
    arguments.command_line = words
    again = request_of(arguments)
    assert again.strategies == request.strategies
    rows = Path(again.input).read_text().splitlines()
    cwd = Path.cwd()
    assert rows[1].split("\t") == [
        *("a", str(cwd / "a.nii"), f"{cwd / 'b.tsv'};{cwd / 'c.tsv'}", "n/a"),
        *(str(cwd / "m.nii"), "2.0"),
    ]


def test_what_is_asked_for_from_the_top_is_there_and_loads_late():
    for name in nipype_mapsmasker.__all__:
        assert getattr(nipype_mapsmasker, name) is not None
    assert set(nipype_mapsmasker.__all__) <= set(dir(nipype_mapsmasker))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        nipype_mapsmasker.nothing  # noqa: B018 - the access is what is tested
    code = (
        "import sys, nipype_mapsmasker.cohort\n"
        "print(sorted(n for n in sys.modules if n.startswith('nipype_mapsmasker')))\n"
        "from nipype_mapsmasker.cohort import CohortRequest, run_cohort\n"
        "print([n for n in ('nipype', 'tqdm', 'matplotlib') if n in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines() == ["['nipype_mapsmasker', 'nipype_mapsmasker.cohort']", "[]"]


def test_words_are_one_command():
    assert shlex.join(words_of(CohortRequest(**GIVEN))) == "run runs.tsv out --maps maps.nii.gz"
