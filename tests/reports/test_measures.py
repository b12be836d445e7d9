# SPDX-License-Identifier: Apache-2.0
"""Numbers from arrays, against closed forms."""

import numpy as np
import pytest

from nipype_mapsmasker.reports import measures as m
from nipype_mapsmasker.reports.results import RunResults

from .examples import make_run


def read_only(values: np.ndarray) -> np.ndarray:
    values.flags.writeable = False
    return values


def test_correlations_are_pearson_and_flat_signals_have_none() -> None:
    signals = np.random.default_rng(0).standard_normal((50, 4)) * [1, 1e6, 1e-6, 1] + 100
    signals[:, 3] = 7.0
    matrix = m.correlation_matrix(read_only(signals))
    np.testing.assert_allclose(matrix[:3, :3], np.corrcoef(signals[:, :3].T), atol=1e-9)
    assert np.isnan(matrix[3]).all()
    confounds = np.random.default_rng(1).standard_normal((50, 2))
    got = m.confound_correlations(signals, read_only(confounds))
    assert got.shape == (2, 4)
    assert got[1, 0] == pytest.approx(np.corrcoef(confounds[:, 1], signals[:, 0])[0, 1])


def test_flat_columns_are_constant_or_not_finite() -> None:
    signals = np.array([[1.0, 0.0, 1e8, np.nan], [1.0, 1e-3, 1e8 + 1e-4, 1.0]])
    assert m.flat_columns(read_only(signals)).tolist() == [True, False, True, True]


@pytest.mark.parametrize("with_trend", [False, True])
def test_removed_is_the_share_that_regression_took(with_trend: bool) -> None:
    rng = np.random.default_rng(0)
    confound, other = rng.standard_normal((2, 300, 1))
    raw = 100 + 3 * confound + 4 * other * [1.0, 1.0, 1.0]
    raw = raw + with_trend * np.linspace(-50, 50, 300)[:, np.newaxis]
    line = np.column_stack([np.ones(300), np.arange(300), confound])
    cleaned = raw - line @ np.linalg.lstsq(line, raw, rcond=None)[0]
    run = RunResults(run_id="a", names=["x", "y", "z"], raw=raw, cleaned=cleaned)
    assert m.run_measures(run)["removed"] == pytest.approx(9 / 25, abs=0.05)


@pytest.mark.parametrize(
    "treat", [lambda raw: raw, lambda raw: 3 * (raw - raw.mean(axis=0)), m.detrended]
)
def test_raw_signals_that_pass_for_cleaned_ones_had_nothing_removed(treat) -> None:
    run = make_run(with_maps=False)
    kept = run.raw[run.kept]
    values = m.run_measures(make_run(cleaned=treat(kept), with_maps=False))
    assert values["removed"] < 1e-9


def test_volumes_with_a_regressor_of_their_own_are_not_odd() -> None:
    run = make_run(with_maps=False)
    raw = run.raw.copy()
    first = int(np.flatnonzero(run.kept)[0])
    places = [first, *np.flatnonzero(run.kept)[[50, 90]].tolist()]
    raw[places] += 12 * raw.std(axis=0)
    own = np.zeros((200, 3))
    own[places, range(3)] = 1.0
    startup, spikes = m.odd_volumes(make_run(raw=raw, with_maps=False))
    assert ([*startup], [*spikes]) == (places[:1], places[1:])
    names = [f"motion_outlier{number}" for number in range(3)]
    silenced = make_run(raw=raw, confounds=own, confound_names=names, with_maps=False)
    assert m.odd_volumes(silenced) == ((), ())


def test_temporal_snr_is_mean_over_deviation() -> None:
    raw = 50 + np.random.default_rng(0).standard_normal((2000, 3)) * [1.0, 2.0, 4.0]
    raw += np.linspace(0, 30, 2000)[:, np.newaxis]
    run = RunResults(run_id="a", names=["x", "y", "z"], raw=raw)
    assert m.run_measures(run)["tsnr"] == pytest.approx(65 / 2, rel=0.05)


def test_measures_of_a_run_have_no_nan() -> None:
    values = m.run_measures(make_run(with_maps=False))
    assert set(values) <= set(m.MEASURES)
    assert np.isfinite(list(values.values())).all()
    assert values["kept_share"] == 0.96
    assert values["confounds_after"] < 1e-10
