# SPDX-License-Identifier: Apache-2.0
"""Every option reaches its parameter, in both orders of words."""

import json
from dataclasses import fields

import pytest

from nipype_mapsmasker.cli.main import main
from nipype_mapsmasker.cli.options import masker_parameters
from nipype_mapsmasker.cli.parser import build_parser
from nipype_mapsmasker.core.parameters import MaskerParameters
from nipype_mapsmasker.errors import ParameterError

SHARED = {
    "atlases": (["--atlas-names", "mine"], ["mine"]),
    "allow_overlap": (["--no-allow-overlap"], False),
    "smoothing_fwhm": (["--smoothing-fwhm", "4", "5", "6"], [4.0, 5.0, 6.0]),
    "resampling_target": (["--resampling-target", "none"], None),
    "demean": (["--demean"], True),
    "keep_masked_maps": (["--no-keep-masked-maps"], False),
    "min_coverage": (["--min-coverage", "0.5"], 0.5),
    "missing_voxels": (["--missing-voxels", "exclude"], "exclude"),
    "interpolation": (["--interpolation", "linear"], "linear"),
    "clip": (["--no-clip"], False),
    "mask_threshold": (["--mask-threshold", "0.3"], 0.3),
    "high_variance_confounds": (["--high-variance-confounds"], True),
    "n_confounds": (["--n-confounds", "3"], 3),
    "percentile": (["--percentile", "4"], 4.0),
    "dtype": (["--dtype", "float32"], "float32"),
    "output_type": (["--output-type", "nan"], "nan"),
    "denoise": (["--denoise", "simple", "36P"], ["simple", "36P"]),
    "fd_thresh": (["--fd-thresh", "0.3"], 0.3),
    "dvars_thresh": (["--dvars-thresh", "2"], 2.0),
    "min_segment": (["--min-segment", "3"], 3),
    "dummy_scans": (["--dummy-scans", "2"], 2),
    "min_volumes": (["--min-volumes", "50"], 50),
    "min_minutes": (["--min-minutes", "4"], 4.0),
    "max_censored": (["--max-censored", "0.4"], 0.4),
    "connectivity": (["--connectivity", "pearson", "partial"], ["pearson", "partial"]),
    "shrinkage": (["--shrinkage", "ledoit-wolf"], "ledoit-wolf"),
    "fisher_z": (["--fisher-z", "--connectivity", "pearson"], True),
    "dual_regression": (["--dual-regression"], True),
    "output_format": (["--output-format", "npy"], "npy"),
    "inverse_transform": (["--inverse-transform"], True),
    "compress": (["--compress", "zstd"], "zstd"),
    "reports": (["--no-reports"], False),
    "displayed_maps": (["--displayed-maps", "0", "2"], [0, 2]),
    "cmap": (["--cmap", "viridis"], "viridis"),
    "on_error": (["--on-error", "raise"], "raise"),
}
"""By parameter: words, and the value that they mean; never the default."""

STRATEGY = {
    "detrend": (["--detrend"], True),
    "standardize": (["--standardize", "psc"], "psc"),
    "standardize_confounds": (["--no-standardize-confounds"], False),
    "filter": (["--filter", "none"], None),
    "low_pass": (["--low-pass", "0.1"], 0.1),
    "high_pass": (["--high-pass", "0.01"], 0.01),
    "ensure_finite": (["--ensure-finite"], True),
    "extrapolate": (["--extrapolate"], True),
    "butterworth_order": (["--butterworth-order", "3"], 3),
    "butterworth_padtype": (["--butterworth-padtype", "none"], None),
    "butterworth_padlen": (["--butterworth-padlen", "7"], 7),
    "confounds_columns": (["--confounds-columns", "csf", "trans_*"], ["csf", "trans_*"]),
    "confounds_na": (["--confounds-na", "zero"], "zero"),
    "missing_confounds": (["--missing-confounds", "skip"], "skip"),
}
"""The same for what makes up a strategy."""


def parameters(*words):
    return masker_parameters(
        build_parser().parse_args(["run", "runs.tsv", "out", "--maps", "maps.nii", *words])
    )


@pytest.mark.parametrize("name", SHARED)
def test_option_reaches_the_parameters(name):
    words, value = SHARED[name]
    assert getattr(parameters(), name) != value
    assert getattr(parameters(*words), name) == value


@pytest.mark.parametrize("name", STRATEGY)
def test_option_reaches_the_strategy(name):
    words, value = STRATEGY[name]
    assert parameters().cleanings()[""][name] != value
    assert parameters(*words).cleanings()[""][name] == value


def test_no_parameter_is_without_an_option():
    known = {field.name for field in fields(MaskerParameters)}
    assert known == {*SHARED, *STRATEGY, "strategies"}


def test_one_width_is_one_number():
    assert parameters("--smoothing-fwhm", "6").smoothing_fwhm == 6.0


def test_strategies_have_the_options_as_defaults(tmp_path):
    file = tmp_path / "mine.json"
    file.write_text(json.dumps([{"name": "plain"}, {"name": "band", "detrend": False}]))
    strategies = parameters("--detrend", "--denoise", "36P", str(file)).cleanings()
    assert list(strategies) == ["36P", "plain", "band"]
    assert [values["detrend"] for values in strategies.values()] == [True, True, False]


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("[3]", "mine.json holds int"),
        ("{", "mine.json is not a file of strategies"),
        ('{"fwhm": 1}', "mine.json: The strategy 'mine' has the word 'fwhm'"),
        ('{"name": "36.P"}', "'36P' and '36.P' would both write"),
        ('{"name": "raw"}', "'raw' cannot name its results"),
        ('{"low_pass": -1}', "low_pass must be a positive number"),
        ('{"strategy": ["high_pass"], "high_pass": 0.01}', "asks for another one"),
    ],
)
def test_bad_strategies(tmp_path, content, match):
    file = tmp_path / "mine.json"
    file.write_text(content)
    with pytest.raises(ParameterError, match=match):
        parameters("--denoise", "36P", str(file))


def test_a_strategy_and_columns_by_hand_are_refused():
    with pytest.raises(ParameterError, match="give one of the two"):
        parameters("--denoise", "simple", "--confounds-columns", "csf")
    with pytest.raises(ParameterError, match="No strategy is called 'simpel'; is 'simple' meant"):
        parameters("--denoise", "simpel")


def test_thresholds_are_numbers_or_off():
    assert parameters("--fd-thresh", "off").fd_thresh == "off"
    assert parameters("--dummy-scans", "4").dummy_scans == 4
    with pytest.raises(ParameterError, match="--fd-thresh takes a number or 'off'; got 'of'"):
        parameters("--fd-thresh", "of")


def test_two_atlases_get_different_names():
    given = ["run", "runs.tsv", "out", "--maps", "a/maps.nii.gz", "b/maps.nii.gz"]
    assert masker_parameters(build_parser().parse_args(given)).atlases == ["maps", "maps2"]


@pytest.mark.parametrize("level", [[], ["participant"]])
def test_order_of_bids_apps_without_the_word_run(tiny, tmp_path, capsys, level):
    table = tiny.write_table(tmp_path / "runs.tsv")
    words = [str(table), str(tmp_path / "out"), *level, "--maps", tiny.maps_file, "--dry-run"]
    assert main(words) == 0
    assert "3 runs: 3 to do" in capsys.readouterr().out


def test_options_may_come_before_input_and_out(tiny, tmp_path, call):
    table = tiny.write_table(tmp_path / "runs.tsv")
    told = call("run", "--detrend", table, tmp_path / "out", "--maps", tiny.maps_file, "--dry-run")
    assert told.code == 0


@pytest.mark.parametrize(
    "words",
    [[], ["run"], ["run", "a"], ["run", "a", "b"], ["run", "a", "b", "--maps", "c", "--clean"]],
)
def test_a_wrong_call_is_exit_code_2(call, words):
    if not words:
        words = ["--no-such-option"]
    assert call(*words).code == 2
