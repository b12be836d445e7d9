# SPDX-License-Identifier: Apache-2.0
"""Options that make no sense are refused when the workflow is built, in one sentence."""

import json

import pytest

from nipype_mapsmasker.core.parameters import MaskerParameters
from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.workflows import init_cohort_wf, init_run_wf
from nipype_mapsmasker.workflows.connections import first_known, pick, pick_each

REFUSED = [
    ({"resampling_target": "image"}, "resampling_target must be one of .*'image'"),
    ({"missing_voxels": "drop"}, "missing_voxels must be one of .*'drop'"),
    ({"interpolation": "cubic"}, "interpolation must be one of .*'cubic'"),
    ({"on_error": "ignore"}, "on_error must be one of .*'ignore'"),
    ({"output_format": "csv"}, "output_format must be one of .*'csv'"),
    ({"dtype": "int16"}, "dtype must be one of .*'int16'.* decimals"),
    ({"smoothing_fwhm": -1}, "smoothing_fwhm must be .* got -1"),
    ({"smoothing_fwhm": [4, 4]}, r"smoothing_fwhm must be .* got \[4, 4\]"),
    ({"smoothing_fwhm": float("nan")}, "smoothing_fwhm must be .* got nan"),
    ({"smoothing_fwhm": 8, "missing_voxels": "exclude"}, "cannot be combined with smoothing"),
    ({"min_coverage": 2}, "min_coverage must be a number between 0 and 1, or None.* got 2"),
    ({"atlases": []}, "atlases is empty"),
    ({"atlases": ["a", "a"]}, "atlas names .* not all different"),
    ({"atlases": ["a_b"]}, "atlas name 'a_b' cannot be part"),
    ({"atlases": ["raw"]}, "atlas name 'raw' cannot be part"),
    ({"atlases": ["a/b"]}, "atlas 'a/b' cannot be part of a file name"),
    ({"strategies": {}}, "strategies is empty"),
    ({"strategies": {"a b": {}}}, "strategy name 'a b' cannot be part"),
    ({"strategies": {"": {"lowpass": 1}}}, r"sets \['lowpass'\], which is not known"),
    ({"strategies": {"": {"confounds_na": "mean"}}}, "confounds_na must be one of"),
    ({"strategies": {"": {"filter": "box"}}}, "filter.*'box'"),
    ({"strategies": {"": {"standardize": "max"}}}, "standardize.*'max'"),
    ({"strategies": {"": {"low_pass": 0.01, "high_pass": 0.1}}}, "high_pass.*low_pass"),
    ({"strategies": {"": {"low_pass": -0.1}}}, "low_pass.*-0.1"),
    ({"strategies": {"": {"filter": "cosine", "low_pass": 0.1, "high_pass": 0.01}}}, "low_pass"),
]


@pytest.mark.parametrize("builder", [init_cohort_wf, init_run_wf])
@pytest.mark.parametrize(("parameters", "match"), REFUSED, ids=[str(r[0]) for r in REFUSED])
def test_refuses(builder, parameters, match):
    with pytest.raises(ParameterError, match=match) as caught:
        builder(**parameters)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("builder", [init_cohort_wf, init_run_wf])
def test_an_unknown_parameter_is_a_type_error(builder):
    with pytest.raises(TypeError, match="smooth_fwhm"):
        builder(smooth_fwhm=3)


@pytest.mark.parametrize(
    ("given", "expected"),
    [(None, None), (0, None), (8, 8.0), ([0, 0, 0], None), ([4, 5, 6], (4.0, 5.0, 6.0)), ([3], 3)],
)
def test_smoothing_as_the_interfaces_take_it(given, expected):
    assert MaskerParameters(smoothing_fwhm=given).fwhm == expected


def test_record_is_plain_json():
    params = MaskerParameters(atlases=("a",), smoothing_fwhm=(1, 2, 3), displayed_maps=(0, 1))
    record = params.record()
    assert json.loads(json.dumps(record)) == record


@pytest.mark.parametrize(
    ("strategy", "least"),
    [({}, 1), ({"filter": "cosine", "high_pass": 0.01}, 1), ({"low_pass": 0.1}, 19)],
)
def test_volumes_that_the_filter_needs(strategy, least):
    assert MaskerParameters(strategies={"": strategy}).volumes_needed() == least


def test_functions_on_edges():
    assert pick("only", 0) == "only"
    assert pick(["a", "b"], 1) == "b"
    assert pick_each([["a", "b"], [None, None]], 1) == ["b", None]
    assert first_known([None, 0, 1]) == 0
    assert first_known([None]) is None
    assert first_known("x") == "x"


@pytest.mark.parametrize("kind", ["atlases", "strategies"])
@pytest.mark.parametrize("names", [("x+y", "x-y"), ("A", "a")])
def test_names_that_nodes_or_disks_take_for_one_are_refused(kind, names):
    values = names if kind == "atlases" else {name: {} for name in names}
    with pytest.raises(ParameterError, match="not all different, '\\+', '-' and capitals aside"):
        MaskerParameters(**{kind: values})


def test_an_image_cannot_be_rebuilt_without_the_lost_maps():
    with pytest.raises(ParameterError, match="keep_masked_maps=False drops"):
        MaskerParameters(inverse_transform=True, keep_masked_maps=False)


def test_columns_are_a_list_of_names():
    with pytest.raises(ParameterError, match="give a list of names or patterns"):
        MaskerParameters(strategies={"": {"confounds_columns": "csf"}})
