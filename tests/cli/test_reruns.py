# SPDX-License-Identifier: Apache-2.0
"""A second call does what it must and no more: work is counted, and a page says so."""

from __future__ import annotations

import errno
import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import nipype_mapsmasker.cohort.plan as plan_module
import nipype_mapsmasker.io.results.provenance as provenance_module
import nipype_mapsmasker.workflows.cohort as builder_module
from nipype_mapsmasker.cohort import known
from nipype_mapsmasker.io.results.layout import private_folder, run_files
from nipype_mapsmasker.io.tables.rows import read_rows
from tests.cli.conftest import statuses
from tests.tiny import make_tiny

N_RUNS = 4
"""Runs of the cohort, on two grids."""

GRIDS = (0, 1, 0, 0)
"""Where they are."""

DOCS = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "reruns.md"
"""The page with the table."""


@dataclass
class Scene:
    """
    Hold what a case may change between two calls.

    Parameters
    ----------
    tiny : TinyCohort
        The data.
    out : Path
        The result folder.
    places : list of int
        Runs of the table, in its order.
    words : list of str
        Options of the second call.
    monkeypatch : MonkeyPatch
        For what a new release changes.
    """

    tiny: object
    out: Path
    monkeypatch: object
    places: list[int] = field(default_factory=lambda: [0, 1, 3])
    words: list[str] = field(default_factory=list)

    def result(self, number=0):
        """Name the cleaned signals of a run."""
        return run_files(self.out, self.tiny.run_ids[number]).timeseries("maps")


def nothing(scene):
    """Leave all as it is."""


def add(scene):
    scene.places = [0, 2, 1, 3]


def remove(scene):
    scene.places = [0, 3]


def reorder(scene):
    scene.places = [3, 0, 1]


def rewrite(path, content):
    """Replace a file by another of the same size and date."""
    before = path.stat()
    assert len(content) == before.st_size
    fresh = path.with_name("fresh")
    fresh.write_bytes(content)
    os.utime(fresh, ns=(before.st_atime_ns, before.st_mtime_ns))
    fresh.replace(path)
    assert path.stat().st_mtime_ns == before.st_mtime_ns


def rename_image(scene):
    path = Path(scene.tiny.in_files[0])
    scene.tiny.in_files[0] = str(path.rename(path.with_name("other_bold.nii")))


def rotate(path, n_bytes):
    """Move the voxels of an image on, end to start."""
    content = path.read_bytes()
    start = int(nib.load(path).dataobj.offset)
    voxels = content[start:]
    rewrite(path, content[:start] + voxels[n_bytes:] + voxels[:n_bytes])


def replace_image_alike(scene):
    path = Path(scene.tiny.in_files[0])
    rotate(path, (path.stat().st_size - 352) // 4)


def replace_confounds_alike(scene):
    path = Path(scene.tiny.confounds_files[0])
    lines = path.read_text().splitlines(keepends=True)
    rewrite(path, "".join([*lines[:2], *lines[:1:-1]]).encode())


def describe_confounds(scene):
    path = Path(scene.tiny.confounds_files[0])
    path.with_suffix(".json").write_text('{"a_comp_cor_00": {"Mask": "CSF"}}')


def truncate_result(scene):
    path = scene.result()
    path.write_bytes(path.read_bytes()[:100])


def delete_result(scene):
    scene.result().unlink()


def delete_raw(scene):
    run_files(scene.out, scene.tiny.run_ids[0]).raw("maps").unlink()


def delete_work(scene):
    shutil.rmtree(private_folder(scene.out) / "work")


def delete_work_and_result(scene):
    delete_work(scene)
    delete_raw(scene)


def change_cleaning(scene):
    scene.words = ["--standardize", "psc"]


def change_cleaning_without_work(scene):
    change_cleaning(scene)
    delete_work(scene)


def change_t_r(scene):
    scene.words = ["--t-r", "1.5"]


def change_extraction(scene):
    scene.words = ["--smoothing-fwhm", "5"]


def bump_algorithm(scene):
    for module in (plan_module, provenance_module):
        scene.monkeypatch.setattr(module, "ALGORITHM", 99)
    genuine = builder_module.fit_interface

    def bumped(params):
        interface = genuine(params)
        interface.inputs.algorithm = 99
        return interface

    scene.monkeypatch.setattr(builder_module, "fit_interface", bumped)


def replace_maps_alike(scene):
    path = Path(scene.tiny.maps_file)
    rotate(path, (path.stat().st_size - 352) // 3)


def replace_mask_alike(scene):
    rotate(Path(scene.tiny.mask_file), 100)


def replace_labels_alike(scene):
    path = Path(scene.tiny.labels_file)
    rewrite(path, path.read_bytes().replace(b"one", b"uno"))


def touch_everything(scene):
    for path in Path(scene.tiny.folder).glob("*.tsv"):
        os.utime(path, (10**9, 4 * 10**9))
    for path in scene.out.rglob("*"):
        os.utime(path, (10**9, 4 * 10**9))


CASES = {
    "nothing changed": (nothing, 0, 0, 0),
    "one run added in the middle": (add, 1, 1, 1),
    "one run removed": (remove, 0, 0, 0),
    "runs in another order": (reorder, 0, 0, 0),
    "one image renamed": (rename_image, 0, 1, 1),
    "one image replaced by another of the same size and date": (replace_image_alike, 0, 1, 1),
    "one confounds table replaced by another of the same size and date": (
        replace_confounds_alike, 0, 0, 1,
    ),
    "the JSON beside one confounds table written or changed": (describe_confounds, 0, 0, 1),
    "one result truncated": (truncate_result, 0, 0, 1),
    "one result deleted": (delete_result, 0, 0, 1),
    "the raw signals of one run deleted": (delete_raw, 0, 1, 1),
    "the work folder deleted": (delete_work, 0, 0, 0),
    "the work folder and the raw signals of one run deleted": (delete_work_and_result, 1, 1, 1),
    "a cleaning parameter changed": (change_cleaning, 0, 0, 3),
    "a cleaning parameter changed, the work folder deleted": (
        change_cleaning_without_work, 2, 0, 3,
    ),
    "the repetition time changed": (change_t_r, 0, 0, 3),
    "a parameter of extraction changed": (change_extraction, 2, 3, 3),
    "a release with other numbers": (bump_algorithm, 2, 3, 3),
    "the maps replaced by others of the same size and date": (replace_maps_alike, 2, 3, 3),
    "the mask replaced by another of the same size and date": (replace_mask_alike, 2, 3, 3),
    "the names replaced by others of the same size and date": (replace_labels_alike, 2, 3, 3),
    "the dates of all tables and results changed": (touch_everything, 0, 0, 0),
}  # fmt: skip
"""By what happened between two calls on three runs: how, and then fits, images opened, and
cleanings."""


def uncompressed(tiny):
    """Replace the images by uncompressed ones, so that bytes can change and sizes stay."""
    for name in ("maps_file", "mask_file"):
        _inflate(tiny, name, getattr(tiny, name))
    for number, path in enumerate(tiny.in_files):
        tiny.in_files[number] = str(_plain(path))
    return tiny


def _inflate(tiny, name, path):
    object.__setattr__(tiny, name, str(_plain(path)))


def _plain(path):
    target = Path(str(path).removesuffix(".gz"))
    image = nib.load(path)
    data = np.asanyarray(image.dataobj)
    nib.Nifti1Image(data, image.affine, image.header).to_filename(target)
    Path(path).unlink()
    return target


@pytest.fixture
def scene(tmp_path, monkeypatch):
    """Four runs, of which the first call works on three; their files count as old ones."""
    monkeypatch.setattr(known, "is_settled", lambda _: True)
    tiny = uncompressed(make_tiny(tmp_path / "data", grids=GRIDS))
    return Scene(tiny, tmp_path / "out", monkeypatch)


def call_scene(call, scene, *words, out=None):
    columns = {
        name: [getattr(scene.tiny, attribute)[place] for place in scene.places]
        for name, attribute in (
            ("run_id", "run_ids"), ("in_file", "in_files"), ("confounds", "confounds_files"),
            ("sample_mask", "sample_mask_files"),
        )
    }  # fmt: skip
    table = scene.tiny.write_table(scene.out.parent / "runs.tsv", **columns)
    return call(
        *("run", table, out or scene.out, "--maps", scene.tiny.maps_file, "--labels"),
        *(scene.tiny.labels_file, "--mask", scene.tiny.mask_file, "--detrend"),
        *("--resampling-target", "data", *words),
    )


@pytest.mark.parametrize("name", CASES)
def test_a_second_call_does_what_it_must(scene, call, work, name):
    change, n_fits, n_images, n_cleanings = CASES[name]
    assert call_scene(call, scene).code == 0
    assert (work["fits"], work["images"], work["cleanings"]) == (2, 3, 3)
    change(scene)
    work.clear()
    told = call_scene(call, scene, *scene.words)
    assert told.code == 0, told.err
    assert (work["fits"], work["images"], work["cleanings"]) == (n_fits, n_images, n_cleanings)
    run_ids = [scene.tiny.run_ids[place] for place in scene.places]
    # A run that is in the table no more keeps its row, behind the others.
    left = [scene.tiny.run_ids[place] for place in (0, 1, 3) if place not in scene.places]
    assert list(statuses(scene.out)) == run_ids + left
    assert_as_if_fresh(scene, call)


def assert_as_if_fresh(scene, call):
    """Compare all time series with those of a first call on what there is now."""
    fresh = scene.out.with_name("fresh")
    assert call_scene(call, scene, *scene.words, out=fresh).code == 0
    for place in scene.places:
        run_id = scene.tiny.run_ids[place]
        for kind in ("raw", "timeseries", "coverage", "fit_quality", "mean"):
            old, new = (getattr(run_files(folder, run_id), kind) for folder in (scene.out, fresh))
            old, new = (x if isinstance(x, Path) else x("maps") for x in (old, new))
            assert old.read_bytes() == new.read_bytes(), (run_id, kind)
        sidecars = [
            json.loads(run_files(folder, run_id).sidecar("maps").read_text())
            for folder in (scene.out, fresh)
        ]
        for sidecar in sidecars:
            sidecar.pop("command", None)
        assert sidecars[0] == sidecars[1]
    if len(statuses(scene.out)) > len(scene.places):
        return
    maps = [read_rows(folder / "atlas-maps_maps.tsv") for folder in (scene.out, fresh)]
    assert maps[0] == maps[1]


def test_the_docs_have_this_table():
    page = DOCS.read_text(encoding="utf-8")
    for name, (_, n_fits, n_images, n_cleanings) in CASES.items():
        assert f"| {name} | {n_fits} | {n_images} | {n_cleanings} |" in page


def test_a_full_disk_and_then_a_new_run_in_the_middle(scene, call, work, monkeypatch):
    """What could not be stored is done again; the fits of its grids are not."""
    from nipype_mapsmasker.interfaces import storing

    genuine = storing.store_run

    def full_disk(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(storing, "store_run", full_disk)
    told = call_scene(call, scene)
    assert told.code == 2
    assert "No space left on device" in told.err.splitlines()[-1]
    assert set(statuses(scene.out).values()) == {"failed"}
    monkeypatch.setattr(storing, "store_run", genuine)
    work.clear()
    scene.places = [0, 2, 1, 3]
    assert call_scene(call, scene).code == 0
    assert (work["fits"], work["images"]) == (0, 4)
    assert_as_if_fresh(scene, call)


def test_files_swept_from_the_work_folder_are_made_again(scene, call, work, monkeypatch):
    from nipype_mapsmasker.interfaces import storing

    genuine = storing.store_run
    monkeypatch.setattr(storing, "store_run", lambda *args: 1 / 0)
    call_scene(call, scene)
    monkeypatch.setattr(storing, "store_run", genuine)
    work_dir = private_folder(scene.out) / "work" / "mapsmasker_cohort_wf"
    next((work_dir / "fit_maps").rglob("_fit_maps0/operator.npz")).unlink()
    work.clear()
    assert call_scene(call, scene).code == 0
    assert (work["fits"], work["images"]) == (1, 3)
    assert_as_if_fresh(scene, call)
