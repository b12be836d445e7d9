# SPDX-License-Identifier: Apache-2.0
"""What the methods text says of strategies, word for word and for every preset."""

from dataclasses import asdict

import pytest

from nipype_mapsmasker.core.denoise.presets import PRESETS, preset
from nipype_mapsmasker.core.denoise.volumes import censoring_of
from nipype_mapsmasker.reports.methods_denoising import strategy_sentences


def told(strategy, groups, censored=None, **limits):
    """Say what a choice by a strategy comes to."""
    selection = {
        "strategy": asdict(strategy),
        "censoring": asdict(censoring_of(strategy, **limits)),
        "groups": groups,
        "n_regressors": sum(groups.values()),
        "censored": censored or {},
    }
    return strategy_sentences(selection)


def test_scrubbing():
    groups = {"motion": 24, "wm_csf": 8, "high_pass": 3, "scrub": 0}
    censored = {"dummy_scan": 2, "framewise_displacement": 7, "short_segment": 4}
    assert told(preset("scrubbing"), groups, censored) == [
        "By the strategy scrubbing 35 regressors were taken from the table of confounds: six "
        "motion parameters with their derivatives and the squares of both (24), mean signals of "
        "white matter and cerebrospinal fluid with their derivatives and the squares of both (8) "
        "and discrete cosines for slow drifts (3).",
        "Volumes were censored where framewise displacement exceeded 0.5 mm or standardised DVARS "
        "exceeded 1.5, and where fewer than 5 volumes in a row were left between such.",
        "Volumes that were left out: 2 before the steady state, 7 for their displacement, 4 in "
        "short segments.",
    ]


def test_thresholds_are_those_that_held():
    second = told(preset("36P"), {"motion": 24}, fd_thresh=0.3, min_segment=0)[1]
    assert second == "Volumes were censored where framewise displacement exceeded 0.3 mm."
    assert len(told(preset("scrubbing"), {"motion": 1}, fd_thresh="off", dvars_thresh="off")) == 1


@pytest.mark.parametrize("name", [name for name in PRESETS if PRESETS[name].strategy])
def test_every_preset_has_words(name):
    strategy = preset(name)
    regressed = [group for group in strategy.strategy if group != "scrub"]
    first = told(strategy, dict.fromkeys(regressed, 2))[0]
    assert first.startswith(f"By the strategy {name} {2 * len(regressed)} regressors were taken")
    assert first.count("(2)") == len(regressed)
    assert "_" not in first.replace(name, "")


@pytest.mark.parametrize(
    ("words", "group", "said"),
    [
        ({"compcor": "temporal", "n_compcor": 5}, "compcor", "temporal CompCor components, up to "
         "5 of each mask"),
        ({"n_compcor": 0.5}, "compcor", "anatomical CompCor components of both tissues "
         "together, as many as explain 50% of the "
         "variance of each mask"),
        ({"global_signal": "full"}, "global_signal", "global signal with its derivatives and the "
         "squares of both"),
        ({"tedana": "aggressive"}, "tedana", "components that tedana rejected"),
        ({"tedana": "non-aggressive"}, "tedana", "components that tedana classified"),
    ],
)  # fmt: skip
def test_words_of_groups(words, group, said):
    selection = {
        "strategy": asdict(preset("simple")) | words | {"name": "own"},
        "groups": {group: 1},
        "n_regressors": 1,
    }
    assert strategy_sentences(selection) == [
        f"By the strategy own 1 regressor was taken from the table of confounds: {said} (1)."
    ]


def test_nothing_is_said_of_what_was_not_chosen():
    assert strategy_sentences({}) == []
    assert told(preset("none"), {}) == ["By the strategy none no confounds were regressed."]
