# SPDX-License-Identifier: Apache-2.0
"""3D label images: the mean of each region, as ``NiftiLabelsMasker`` gives it."""

import json
from pathlib import Path

import numpy as np
import pytest
from nilearn.maskers import NiftiLabelsMasker

from tests.conftest import AFFINES, SHAPE
from tests.oracles.chain import Job, difference_sd, our_chain, save_image

pytestmark = pytest.mark.filterwarnings("ignore")

VALUES = [2, 17, 300, 5]


@pytest.fixture
def labels(tmp_path: Path, rng: np.random.Generator) -> Path:
    data = rng.choice([0, *VALUES], size=(9, 10, 11)).astype(np.int16)
    affine = AFFINES["isotropic"].copy()
    affine[:3, 3] = [-5.3, -6.1, -8.9]
    return save_image(tmp_path / "labels.nii", data, affine)


@pytest.mark.parametrize("smoothing", [None, 5.0])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", ["isotropic", "flipped", "oblique"])
def test_means_of_regions(
    tmp_path: Path, labels: Path, bold: np.ndarray, name: str, masked: bool, smoothing: float
) -> None:
    run = save_image(tmp_path / "run.nii", bold, AFFINES[name])
    mask = None
    if masked:
        inside = np.zeros(SHAPE, dtype=np.uint8)
        inside[1:6, 1:7, 2:8] = 1
        mask = save_image(tmp_path / "mask.nii", inside, AFFINES[name])
    found, names = our_chain(
        Job(run, labels, mask=mask, smoothing_fwhm=smoothing), tmp_path / "ours"
    )
    masker = NiftiLabelsMasker(
        labels, mask_img=mask, smoothing_fwhm=smoothing, standardize=None, detrend=False,
        resampling_target="data", keep_masked_labels=True, reports=False,
    )  # fmt: skip
    expected = masker.fit_transform(str(run))
    assert names == ["label_002", "label_005", "label_017", "label_300"]
    assert difference_sd(found, expected) < 1e-9


TABLES = {
    "BIDS, in another order, with a background": (
        "a.tsv",
        "index\tname\n300\tThalamus\n0\tBackground\n2\tInsula L\n5\tInsula R\n17\tV1\n9\tSpare\n",
    ),
    "comma": ("a.csv", "index,name\n2,Insula L\n5,Insula R\n17,V1\n300,Thalamus\n"),
    "JSON": (
        "a.json",
        json.dumps({"2": "Insula L", "5": "Insula R", "17": "V1", "300": "Thalamus"}),
    ),
    "plain list": ("a.tsv", "name\nInsula L\nInsula R\nV1\nThalamus\n"),
}


@pytest.mark.parametrize("kind", TABLES)
def test_names_follow_the_labels(
    tmp_path: Path, labels: Path, bold: np.ndarray, kind: str
) -> None:
    file, text = TABLES[kind]
    table = tmp_path / file
    table.write_text(text, encoding="utf-8")
    run = save_image(tmp_path / "run.nii", bold, AFFINES["isotropic"])
    _, names = our_chain(Job(run, labels, labels=table), tmp_path / "ours")
    assert names == ["Insula L", "Insula R", "V1", "Thalamus"]
