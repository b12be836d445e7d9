# SPDX-License-Identifier: Apache-2.0
"""Which volumes are kept, why the others are not, and when too few are left."""

import numpy as np
import pytest

from nipype_mapsmasker.core.denoise.limits import Limits, check_limits
from nipype_mapsmasker.core.denoise.presets import preset
from nipype_mapsmasker.core.denoise.volumes import (
    Censoring,
    censoring_of,
    choose_volumes,
    short_segments,
)
from nipype_mapsmasker.errors import ParameterError, SignalError

NAN = np.nan


def flags(text):
    return np.array([letter == "1" for letter in text])


@pytest.mark.parametrize(
    ("censored", "shortest", "short"),
    [
        ("0000000000", 5, "0000000000"),  # nothing is censored, so nothing is a segment
        ("0000100000", 5, "1111000000"),
        ("0000010000", 5, "0000001111"),
        ("0000010000", 4, "0000000000"),
        ("1001001111", 2, "0000000000"),
        ("1001001111", 3, "0110110000"),
        ("1111111111", 3, "0000000000"),
    ],
)
def test_short_segments(censored, shortest, short):
    assert short_segments(flags(censored), shortest).tolist() == flags(short).tolist()


def test_reasons_of_every_volume():
    volumes = choose_volumes(
        9,
        Censoring(fd_threshold=0.5, std_dvars_threshold=1.5, min_segment=2),
        non_steady=flags("100000000"),
        displacement=np.array([NAN, 0.1, 0.6, 0.1, 0.9, 0.1, 0.1, 0.1, 0.1]),
        std_dvars=np.array([NAN, 1, 1, 1, 1.6, 1, 1, 1, 1]),
        no_data=flags("000000010"),
        sample_mask=flags("111111110"),
    )
    assert volumes.named() == [
        "dummy_scan", "", "framewise_displacement", "short_segment",
        "framewise_displacement+std_dvars", "", "", "no_data", "sample_mask",
    ]  # fmt: skip
    assert volumes.keep.tolist() == flags("010001100").tolist()
    assert volumes.counts()["framewise_displacement"] == 2


@pytest.mark.parametrize(("dummies", "kept"), [("auto", 5), (0, 6), (3, 3)])
def test_dummy_scans(dummies, kept):
    volumes = choose_volumes(6, Censoring(dummy_scans=dummies), non_steady=flags("100000"))
    assert volumes.keep.sum() == kept


def test_a_threshold_needs_its_measure():
    rule = Censoring(fd_threshold=0.5)
    with pytest.raises(SignalError, match=r"no column 'framewise_displacement'.*switch fd_thresh"):
        choose_volumes(3, rule)
    with pytest.raises(SignalError, match="no value in column 'framewise_displacement'"):
        choose_volumes(3, rule, displacement=np.full(3, NAN))
    with pytest.raises(SignalError, match="no value of 'framewise_displacement' at volume 2 of 4"):
        choose_volumes(4, rule, displacement=np.array([NAN, 0.1, NAN, 0.1]))
    assert choose_volumes(3, Censoring(), displacement=np.full(3, NAN)).keep.all()


def test_options_change_the_rules_of_every_strategy():
    own = censoring_of(preset("scrubbing"))
    assert (own.fd_threshold, own.std_dvars_threshold, own.min_segment) == (0.5, 1.5, 5)
    assert censoring_of(preset("scrubbing"), dvars_thresh="off").std_dvars_threshold is None
    assert censoring_of(preset("scrubbing"), min_segment=0).min_segment == 0
    added = censoring_of(preset("none"), fd_thresh=0.3)
    assert (added.fd_threshold, added.std_dvars_threshold) == (0.3, None)
    assert censoring_of(preset("simple")).fd_threshold is None


@pytest.mark.parametrize(
    "options",
    [{"fd_thresh": 0}, {"dvars_thresh": -1}, {"min_segment": -1}, {"dummy_scans": -2},
     {"fd_thresh": True}, {"fd_thresh": float("nan")}],
)  # fmt: skip
def test_options_out_of_range(options):
    with pytest.raises(ParameterError, match=next(iter(options))):
        censoring_of(preset("simple"), **options)


def kept(n_kept, n_volumes):
    return choose_volumes(n_volumes, Censoring(dummy_scans=n_volumes - n_kept))


def test_limits_on_the_edge():
    volumes = kept(60, 100)
    check_limits(volumes, Limits(min_volumes=60, min_minutes=2, max_censored=0.4), 2.0)
    with pytest.raises(SignalError, match=r"60 of 100 .*dummy_scan 40.*min_volumes=61"):
        check_limits(volumes, Limits(min_volumes=61))
    with pytest.raises(SignalError, match=r"2 minutes, and min_minutes=2.1"):
        check_limits(volumes, Limits(min_minutes=2.1), 2.0)
    with pytest.raises(SignalError, match=r"40 % are censored, and max_censored=0.39"):
        check_limits(volumes, Limits(max_censored=0.39))
    with pytest.raises(SignalError, match="needs the repetition time"):
        check_limits(volumes, Limits(min_minutes=1))
    with pytest.raises(SignalError, match="None of the 100 volumes is kept"):
        check_limits(kept(0, 100), Limits())


@pytest.mark.parametrize(
    "wrong", [{"min_volumes": 0}, {"min_minutes": 0}, {"max_censored": 40}, {"max_censored": -1}]
)
def test_limits_that_cannot_be_meant(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        Limits(**wrong)
