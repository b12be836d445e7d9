# SPDX-License-Identifier: Apache-2.0
"""`ExtractSignals` and `HighVarianceConfounds`: a run to tables, by files."""

import json
import shutil

import nibabel as nib
import numpy as np
import pytest

from nipype_mapsmasker.errors import GridError, SignalError, TableError
from nipype_mapsmasker.interfaces import ExtractSignals, FitMaps, HighVarianceConfounds
from nipype_mapsmasker.io.images import reader as images
from nipype_mapsmasker.io.images.writer import write_image
from nipype_mapsmasker.io.tables.rows import read_rows
from nipype_mapsmasker.io.tables.signals import read_signals
from tests.tiny import GRIDS, N_MAPS, N_VOLUMES, T_R, least_squares, values_of, write_mask


@pytest.fixture
def opened(monkeypatch):
    """The images that were opened for their data, in order."""
    paths = []
    genuine = images.open_stream

    def open_stream(info):
        paths.append(info.path.name)
        return genuine(info)

    monkeypatch.setattr(images, "open_stream", open_stream)
    return paths


def test_signals_are_the_least_squares_solution(tiny, extracted):
    signals, names = read_signals(extracted.signals_files[0])
    assert names == ["map_1", "map_2", "map_3"]
    expected = least_squares(tiny.in_files[0], tiny.maps_file)
    np.testing.assert_allclose(signals, expected, rtol=0, atol=1e-9 * expected.std())


def test_lists_of_one_atlas_stay_lists(extracted):
    for name in ("signals_files", "coverage_files", "fit_quality_files"):
        assert isinstance(getattr(extracted, name), list)
        assert len(getattr(extracted, name)) == 1


def test_says_what_it_saw(tiny, extracted):
    assert extracted.n_volumes == N_VOLUMES
    assert (extracted.t_r, extracted.t_r_origin) == (T_R, "header")
    assert extracted.messages == []
    assert extracted.seconds > 0
    assert extracted.peak_mb > 1
    mean = np.asarray(nib.load(extracted.mean_file).dataobj)
    expected = np.asarray(nib.load(tiny.in_files[0]).dataobj, dtype=float).mean(axis=-1)
    np.testing.assert_allclose(mean, expected, rtol=1e-6)
    quality, columns = read_signals(extracted.fit_quality_files[0])
    assert columns == ["r_squared", "missing_voxels", "no_data", "fluctuation_r_squared"]
    assert quality.shape == (N_VOLUMES, 4)
    assert not quality[:, 1:3].any()
    assert 0 < quality[0, 3] < 1
    assert (quality[:, 3] == quality[0, 3]).all()
    coverage = [float(row["coverage"]) for row in read_rows(extracted.coverage_files[0])]
    assert coverage == [1.0] * N_MAPS


def test_several_atlases_read_the_image_once(tiny, fitted, tmp_path, opened):
    (tmp_path / "mask").mkdir()
    masked = FitMaps(
        maps_file=tiny.maps_file, reference_file=tiny.in_files[0], mask_file=tiny.mask_file
    ).run(cwd=tmp_path / "mask").outputs  # fmt: skip
    opened.clear()
    operators = [fitted.operator_file, masked.operator_file]
    outputs = ExtractSignals(in_file=tiny.in_files[0], operator_files=operators).run(
        cwd=tmp_path
    ).outputs  # fmt: skip
    assert opened == ["sub-01_task-rest_bold.nii.gz"]
    first, second = map(values_of, outputs.signals_files)
    inside = np.asarray(nib.load(tiny.mask_file).dataobj).reshape(-1, order="F") > 0
    for signals, mask in ((first, None), (second, inside)):
        expected = least_squares(tiny.in_files[0], tiny.maps_file, mask)
        np.testing.assert_allclose(signals, expected, rtol=0, atol=1e-9 * expected.std())


def test_t_r_argument_beats_the_sidecar_beats_the_header(tiny, fitted, tmp_path):
    image = tmp_path / "run.nii.gz"
    shutil.copy(tiny.in_files[0], image)
    extract = ExtractSignals(in_file=str(image), operator_files=[fitted.operator_file])
    outputs = extract.run(cwd=tmp_path).outputs
    assert (outputs.t_r, outputs.t_r_origin, outputs.messages) == (2.0, "header", [])
    (tmp_path / "run.json").write_text(json.dumps({"RepetitionTime": 1.99}))
    outputs = extract.run(cwd=tmp_path).outputs
    assert (outputs.t_r, outputs.t_r_origin) == (1.99, "sidecar")
    (tmp_path / "run.json").write_text(json.dumps({"RepetitionTime": 1.5}))
    with pytest.raises(TableError, match=r"1\.5 s by its sidecar .* 2 s by its header"):
        extract.run(cwd=tmp_path)
    extract.inputs.t_r = 3.0
    outputs = extract.run(cwd=tmp_path).outputs
    assert (outputs.t_r, outputs.t_r_origin, len(outputs.messages)) == (3.0, "argument", 2)


def test_another_grid_is_resampled_or_refused(tiny, fitted, tmp_path):
    extract = ExtractSignals(in_file=tiny.in_files[1], operator_files=[fitted.operator_file])
    assert values_of(extract.run(cwd=tmp_path).outputs.signals_files[0]).shape == (
        N_VOLUMES,
        N_MAPS,
    )
    extract.inputs.resample = False
    with pytest.raises(GridError, match=r"sub-02.* has shape \(8, 7, 9\)"):
        extract.run(cwd=tmp_path)


def test_poor_coverage_becomes_not_available(tiny, fitted, tmp_path):
    data = np.asarray(nib.load(tiny.in_files[0]).dataobj, dtype=float)
    data[:, :, 4:] = 0
    blocks = [data.reshape(-1, N_VOLUMES, order="F").T]
    image = write_image(tmp_path / "half.nii.gz", GRIDS[0], blocks, n_volumes=N_VOLUMES)
    extract = ExtractSignals(
        in_file=str(image), operator_files=[fitted.operator_file], min_coverage=0.1
    )
    outputs = extract.run(cwd=tmp_path).outputs
    assert np.isfinite(values_of(outputs.signals_files[0])).all()
    assert "hardly overlap" in outputs.messages[0]
    covered = [float(row["coverage"]) for row in read_rows(outputs.coverage_files[0])]
    extract.inputs.min_coverage = (min(covered) + max(covered)) / 2
    lost = np.isnan(values_of(extract.run(cwd=tmp_path).outputs.signals_files[0])).all(axis=0)
    assert lost.tolist() == [share < extract.inputs.min_coverage for share in covered]
    extract.inputs.min_coverage = 0.95
    with pytest.raises(SignalError, match=r"zero or n/a in every volume.*min_coverage=0\.95"):
        extract.run(cwd=tmp_path)


def test_lost_maps_stay_as_zeros_or_go(tiny, tmp_path):
    left = np.arange(GRIDS[0].n_voxels) < GRIDS[0].n_voxels // 2
    weights = [np.stack([left, ~left]).astype(float)]
    maps = write_image(tmp_path / "halves.nii.gz", GRIDS[0], weights, n_volumes=2, ndim=4)
    mask = write_mask(tmp_path / "left.nii.gz", left)
    fit = FitMaps(maps_file=str(maps), reference_file=str(maps), mask_file=str(mask))
    operator = fit.run(cwd=tmp_path).outputs.operator_file
    extract = ExtractSignals(in_file=tiny.in_files[0], operator_files=[operator])
    signals, names = read_signals(extract.run(cwd=tmp_path).outputs.signals_files[0])
    assert names == ["map_1", "map_2"]
    assert (signals[:, 1] == 0).all()
    assert (signals[:, 0] != 0).all()
    extract.inputs.keep_masked_maps = False
    assert read_signals(extract.run(cwd=tmp_path).outputs.signals_files[0])[1] == ["map_1"]


def test_a_kept_extraction_stands_in_for_the_image(tiny, fitted, extracted, tmp_path, opened):
    kept = {"signals_files": extracted.signals_files, "n_volumes": N_VOLUMES, "t_r": T_R}
    outputs = ExtractSignals(
        in_file=tiny.in_files[0], operator_files=[fitted.operator_file], kept=kept
    ).run(cwd=tmp_path).outputs  # fmt: skip
    assert outputs.signals_files == extracted.signals_files
    assert opened == []


def test_too_few_volumes_are_refused_unread(tiny, fitted, tmp_path, opened):
    extract = ExtractSignals(
        in_file=tiny.in_files[0], operator_files=[fitted.operator_file], min_volumes=41
    )
    with pytest.raises(SignalError, match=r"sub-01.* has 40 volumes.* at least 41"):
        extract.run(cwd=tmp_path)
    assert opened == []


def test_high_variance_confounds_are_orthonormal_columns(tiny, tmp_path):
    step = HighVarianceConfounds(in_file=tiny.in_files[0], n_confounds=3, percentile=10.0)
    confounds, names = read_signals(step.run(cwd=tmp_path).outputs.confounds_file)
    assert names == ["high_variance_00", "high_variance_01", "high_variance_02"]
    np.testing.assert_allclose(confounds.T @ confounds, np.eye(3), atol=1e-9)


def test_high_variance_confounds_look_inside_a_mask(tiny, tmp_path):
    step = HighVarianceConfounds(in_file=tiny.in_files[0], percentile=10.0)
    everywhere = values_of(step.run(cwd=tmp_path).outputs.confounds_file)
    step.inputs.mask_file = tiny.mask_file
    inside = values_of(step.run(cwd=tmp_path).outputs.confounds_file)
    assert inside.shape == everywhere.shape
    assert not np.allclose(inside, everywhere)
