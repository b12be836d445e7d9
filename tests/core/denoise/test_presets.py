# SPDX-License-Identifier: Apache-2.0
"""Strategies by name: XCP-D's lists as it documents them, labels, and faults."""

import re

import pytest

from nipype_mapsmasker.core.denoise.columns import select_columns
from nipype_mapsmasker.core.denoise.guards import check_filter, check_labels
from nipype_mapsmasker.core.denoise.presets import PRESETS, preset, strategy_label
from nipype_mapsmasker.core.denoise.vocabulary import strategy_from
from nipype_mapsmasker.errors import ParameterError
from tests.confounds_tables import MOTION, table

SIX_AND_CHANGES = [f"{name}{end}" for name in MOTION for end in ("", "_derivative1")]
FRISTON = [*SIX_AND_CHANGES, *(f"{name}_power2" for name in SIX_AND_CHANGES)]
TISSUES = ["csf", "white_matter"]
COMPONENTS = [f"{mask}_comp_cor_0{at}" for mask in "wc" for at in range(5)]
COSINES = [f"cosine0{at}" for at in range(4)]
AROMA = ["aroma_orth_motion_01", "aroma_orth_motion_02"]
SIGNALS = [*TISSUES, "global_signal"]
XCPD = {
    "24P": FRISTON,
    "27P": [*FRISTON, *SIGNALS],
    "36P": [
        *FRISTON,
        *(
            f"{name}{end}"
            for name in SIGNALS
            for end in ("", "_derivative1", "_power2", "_derivative1_power2")
        ),
    ],
    "acompcor": [*SIX_AND_CHANGES, *COMPONENTS, *COSINES],
    "acompcor_gsr": [*SIX_AND_CHANGES, *COMPONENTS, *COSINES, "global_signal"],
    "aroma": [*TISSUES, *AROMA],
    "aroma_gsr": [*SIGNALS, *AROMA],
    "gsr_only": ["global_signal"],
    "none": [],
}


@pytest.mark.parametrize("name", XCPD)
def test_lists_of_xcpd(name):
    columns, said = table("25")
    names = [*columns, *AROMA, "aroma_motion_01"]
    chosen = select_columns(preset(name), names, said).columns
    assert chosen == tuple(sorted(XCPD[name]))


@pytest.mark.parametrize(
    ("name", "count"), [("simple", 30), ("scrubbing", 36), ("compcor", 40), ("36P", 36)]
)
def test_counts(name, count):
    columns, said = table("25")
    assert len(select_columns(preset(name), list(columns), said).columns) == count


def test_every_preset_has_a_label_of_its_own():
    check_labels([preset(name) for name in PRESETS])
    assert all(re.fullmatch("[A-Za-z0-9+]+", strategy_label(name)) for name in PRESETS)


def test_labels_that_become_equal_are_refused():
    mine = strategy_from({"columns": ["csf"]}, "36.P")
    with pytest.raises(ParameterError, match=r"'36P' and '36\.P' would both write"):
        check_labels([preset("36P"), mine])


@pytest.mark.parametrize("name", ["raw", "...", "+"])
def test_labels_that_cannot_be(name):
    with pytest.raises(ParameterError, match="cannot name its results"):
        check_labels([strategy_from({}, name)])


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ParameterError, match=r"'simpel'; is 'simple' meant\?"):
        preset("simpel")


@pytest.mark.parametrize("name", ["27P+gsr", "gsr_only+gsr"])
def test_the_global_signal_is_not_added_twice(name):
    with pytest.raises(ParameterError, match="regresses the global signal already"):
        preset(name)


@pytest.mark.parametrize("name", ["simple", "compcor", "acompcor", "scrubbing.5+gsr"])
def test_cosines_do_not_go_with_a_high_pass(name):
    check_filter(preset(name), None)
    with pytest.raises(ParameterError, match=r"high_pass=0\.01 Hz asks for another one"):
        check_filter(preset(name), 0.01)


@pytest.mark.parametrize(
    "words",
    [
        {"strategy": ["compcor", "motion"]},
        {"columns": ["a_comp_cor_0[0-4]"]},
        {"regex": ["^w_comp_cor_0[0-4]$"]},
    ],
)
def test_compcor_does_not_go_without_cosines(words):
    mine = strategy_from(words, "mine")
    with pytest.raises(ParameterError, match="CompCor's components without the cosines"):
        check_filter(mine, None)
    check_filter(mine, 0.008)
    check_filter(strategy_from({**words, "columns": ["cosine*", "a_comp*"]}, "mine"), None)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"strategy": ["motoin"]}, r"'motoin' in 'strategy'.*is 'motion' meant"),
        ({"motion": "all"}, "motion='all', where one of 'basic'"),
        ({"n_compcor": 0}, "n_compcor=0, where 'all'"),
        ({"n_compcor": True}, "n_compcor=True, where 'all'"),
        ({"scrub": -1}, "scrub=-1, where a whole number"),
        ({"fd_threshold": 0}, "fd_threshold=0, where a number of mm"),
        ({"regex": ["("]}, "regular expression '\\('"),
        ({"moton": "full"}, r"the word 'moton', which is not known; is 'motion' meant\?"),
        ({"columns": 3}, "columns=3, where a list of words"),
    ],
)
def test_words_that_cannot_be_meant(words, message):
    with pytest.raises(ParameterError, match=message):
        strategy_from(words, "mine")
