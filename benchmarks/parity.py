# SPDX-License-Identifier: Apache-2.0
"""
Write docs/explanation/parity.md: for each parameter, how far we are from nilearn in float64.

Beside it stands how far nilearn as shipped, computing in the type of the files, is from its own
answer in float64. All distances are the largest difference of any value of any signal, in units
of that signal's standard deviation.

Run ``python benchmarks/parity.py`` from the checkout, with the ``test`` extra installed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import nibabel as nib  # noqa: E402
import nilearn  # noqa: E402
import numpy as np  # noqa: E402
from nilearn.maskers import NiftiLabelsMasker, NiftiMapsMasker  # noqa: E402

from nipype_mapsmasker.core.grids import Grid  # noqa: E402
from nipype_mapsmasker.io.tables.confounds import read_confounds  # noqa: E402
from nipype_mapsmasker.io.tables.signals import write_signals  # noqa: E402
from nipype_mapsmasker.steps.inverse import inverse_transform  # noqa: E402
from nipype_mapsmasker.testing import make_blobs, make_brain_mask, make_grid  # noqa: E402
from tests.oracles.chain import (  # noqa: E402
    Job,
    difference_sd,
    nilearn_chain,
    our_chain,
    save_image,
)

REAL_DATA = ROOT.parent / "shared" / "data" / "real"
"""Real runs, used where they are there."""

N_VOLUMES = 90
N_MAPS = 8
CENSORED = [11, 12, 30, 47, 71]
"""None of them mirrors another, so that nilearn interpolates them; see difference 1."""

Answers = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Ours, nilearn's in float64, nilearn's as shipped."""


@dataclass
class Row:
    """One line of the table."""

    parameter: str
    tried: str
    changes: list[dict[str, Any]] = field(default_factory=list)
    real: bool = False
    special: Callable[[dict[str, Job], Path], Iterator[Answers]] | None = None


def clean(**words: Any) -> dict[str, Any]:
    """Make a change of cleaning parameters."""
    return {"cleaning": words}


BAND = {"low_pass": 0.1, "high_pass": 0.01, "t_r": 2.0}


def rows() -> list[Row]:
    """List every parameter and method of ``MultiNiftiMapsMasker`` that yields numbers."""
    return [
        Row("maps_img", "overlapping 4D maps with negative weights", [{}], real=True),
        Row("maps_img", "3D image of labels (NiftiLabelsMasker's mean)", special=labels),
        Row("maps_img", "two maps nearly alike (variance inflation 10⁴)", [{"maps": "alike"}]),
        Row("maps_img", "identical maps, a sum of two others (float64)", [{"maps": "double"}]),
        Row("maps_img", "weights with NaN", [{"maps": "holed"}]),
        Row("mask_img", "brain mask on another grid", [{"mask": "mask"}]),
        Row("allow_overlap", "False, maps apart", [{"allow_overlap": False, "maps": "apart"}]),
        Row("smoothing_fwhm", "4, 8, (6, 0, 10) mm",
            [{"smoothing_fwhm": w} for w in (4.0, 8.0, (6.0, 0.0, 10.0))], real=True),
        Row("resampling_target", "'data', maps flipped, oblique",
            [{"maps": m} for m in ("flipped", "oblique")]),
        Row("resampling_target", "'maps' (data resampled, cubic, clipped)",
            [{"resampling_target": "maps"}, {"resampling_target": "maps", "run": "oblique run"}],
            real=True),
        Row("resampling_target", "'mask'", [{"resampling_target": "mask", "mask": "mask"}]),
        Row("resampling_target", "None", [{"resampling_target": None, "maps": "on the run's"}]),
        Row("imgs", "int16 scaled, big-endian, NaN and Inf voxels, T = 1",
            [{"run": r} for r in ("scaled", "big-endian", "holed run", "one volume")]),
        Row("detrend", "True", [clean(detrend=True)], real=True),
        Row("standardize", "'zscore_sample'", [clean(standardize="zscore_sample")], real=True),
        Row("standardize", "'psc', with and without detrend",
            [clean(standardize="psc", detrend=d) for d in (True, False)], real=True),
        Row("confounds", "4 columns of other units", [{"confounds": True}]),
        Row("standardize_confounds", "False",
            [{"confounds": True, **clean(standardize_confounds=False, detrend=True)}]),
        Row("high_variance_confounds", "True, alone and with others",
            [{"high_variance": True, **clean(detrend=True)},
             {"high_variance": True, "confounds": True}], real=True),
        Row("low_pass", "0.1 Hz, 5 Hz (above Nyquist)",
            [clean(low_pass=low, t_r=2.0) for low in (0.1, 5.0)]),
        Row("high_pass", "0.01 Hz", [clean(high_pass=0.01, t_r=2.0)]),
        Row("low_pass, high_pass", "0.01 to 0.1 Hz with confounds",
            [{"confounds": True, **clean(detrend=True, standardize="zscore_sample", **BAND)}],
            real=True),
        Row("t_r", "0.8, 2.5 s", [clean(low_pass=0.1, t_r=t_r) for t_r in (0.8, 2.5)]),
        Row("clean__filter", "'cosine', False",
            [{"confounds": True, **clean(filter="cosine", high_pass=0.01, t_r=2.0, detrend=True)},
             clean(filter=None)], real=True),
        Row("butterworth__order", "2, 4", [clean(butterworth_order=n, **BAND) for n in (2, 4)]),
        Row("butterworth__padtype", "'even', 'constant', None",
            [clean(butterworth_padtype=p, **BAND) for p in ("even", "constant", None)]),
        Row("butterworth__padlen", "5, 40",
            [clean(butterworth_padlen=n, **BAND) for n in (5, 40)]),
        Row("clean__ensure_finite", "True", [clean(ensure_finite=True, detrend=True)]),
        Row("sample_mask", "without a filter, flags and indices",
            [{"sample_mask": s, "confounds": True} for s in ("flags", "indices")]),
        Row("sample_mask", "with the cosine filter, without detrending (difference 9)",
            [{"sample_mask": "flags", **clean(filter="cosine", high_pass=0.01, t_r=2.0)}]),
        Row("sample_mask", "with Butterworth, where nilearn's difference 1 does not show",
            [{"sample_mask": "flags", "confounds": True, **clean(detrend=True, **BAND)}]),
        Row("clean__extrapolate", "False, True",
            [{"sample_mask": "flags", **clean(extrapolate=e, **BAND)} for e in (False, True)]),
        Row("keep_masked_maps", "True, one map outside the mask",
            [{"maps": "lost", "mask": "mask", **clean(detrend=True)}]),
        Row("inverse_transform", "2D and 1D signals, mask", special=inverse),
    ]  # fmt: skip


def make_files(folder: Path) -> dict[str, Path]:
    """Write synthetic maps and runs, as float32 where nothing else is said."""
    rng = np.random.default_rng(1)
    grid, maps_grid = make_grid("plain"), make_grid("maps")
    blobs = make_blobs(N_MAPS, rng)
    truth = rng.standard_normal((N_VOLUMES, N_MAPS)).cumsum(axis=0) * 2
    files: dict[str, Path] = {}

    def save(name: str, data: np.ndarray, where: Grid, dtype: str = "f4") -> None:
        volume = data.T.reshape((*where.shape, -1), order="F")
        if volume.shape[-1] == 1 and name == "mask":
            volume = volume[..., 0]
        path = folder / (name.replace(" ", "_").replace("'", "") + ".nii")
        files[name] = save_image(path, volume.astype(dtype), where.affine)

    def run_on(where: Grid) -> np.ndarray:
        inside = make_brain_mask(where)
        mean = 600 * inside + 150 * blobs.sample(where).sum(axis=0) + rng.uniform(0, 90)
        return (
            mean + truth @ blobs.sample(where) + 5 * rng.standard_normal((N_VOLUMES, 1)) * inside
        )

    def noisy(where: Grid) -> np.ndarray:
        return run_on(where) + 8 * rng.standard_normal((N_VOLUMES, where.n_voxels))

    weights = blobs.sample(maps_grid)
    run = noisy(grid)
    save("run", run, grid)
    save("oblique run", noisy(make_grid("oblique")), make_grid("oblique"))
    holed = run.copy()
    holed[:, :700], holed[:, 9000:9010], holed[5, 8000] = np.nan, np.inf, np.nan
    save("holed run", holed, grid)
    save("one volume", run[:1], grid)
    save("big-endian", run, grid, ">f4")
    files["scaled"] = folder / "scaled.nii"
    scaled = nib.Nifti1Image(run.T.reshape((*grid.shape, -1), order="F"), grid.affine)
    scaled.set_data_dtype(np.int16)
    scaled.to_filename(files["scaled"])
    save("maps", weights, maps_grid)
    save("on the run's", blobs.sample(grid), grid)
    for kind in ("flipped", "oblique"):
        save(kind, blobs.sample(make_grid(kind)), make_grid(kind))
    alike = weights[1] * (1 + 0.01 * rng.standard_normal(maps_grid.n_voxels))
    save("alike", np.vstack([weights, alike]), maps_grid)
    here = blobs.sample(grid)
    save("double", np.vstack([here, here[2], here[0] + here[3]]), grid, "f8")
    broken = weights.copy()
    broken[:, 5000:5050], broken[2, 9000] = np.nan, np.inf
    save("holed", broken, maps_grid)
    owner = np.where(here.max(axis=0) > 0.3, here.argmax(axis=0), -1)
    save("apart", here * np.equal.outer(np.arange(N_MAPS), owner), grid)
    owner = np.where(weights.max(axis=0) > 0.3, weights.argmax(axis=0), -1)
    files["labels"] = save_image(
        folder / "labels.nii",
        (owner + 1).reshape(maps_grid.shape, order="F").astype("i2"),
        maps_grid.affine,
    )
    corner = np.zeros((1, maps_grid.n_voxels))
    corner[0, :40] = 1.0
    save("lost", np.vstack([weights, corner]), maps_grid)
    save("mask", make_brain_mask(make_grid("flipped"))[None], make_grid("flipped"), "u1")
    return files


def change(job: Job, files: dict[str, Path], changes: dict[str, Any]) -> Job:
    """Apply one line's changes to a job."""
    rng = np.random.default_rng(7)
    n_volumes = nib.load(job.run).shape[-1]
    words = dict(changes)
    for key in ("run", "maps", "mask"):
        if key in words:
            words[key] = files[words[key]]
    if words.pop("confounds", False):
        columns = rng.standard_normal((n_volumes, 4))
        words["confounds"] = columns * [1, 50, 0.01, 3] + [0, 900, 0, -4]
        if job.confounds is not None:
            words["confounds"] = job.confounds
    if "sample_mask" in words:
        keep = np.ones(n_volumes, dtype=bool)
        keep[CENSORED] = False
        words["sample_mask"] = keep if words["sample_mask"] == "flags" else np.flatnonzero(keep)
    return replace(job, **{"confounds": None, **words})


def labels(jobs: dict[str, Job], folder: Path) -> Iterator[Answers]:
    """Compare label images."""
    job = jobs["synthetic"]
    path = folder / "labels.nii"
    found, _ = our_chain(replace(job, maps=path), folder / "ours")
    answers = []
    for dtype in (np.float64, np.float32):
        stored = nib.load(job.run)
        image = nib.Nifti1Image(np.asarray(stored.dataobj).astype(dtype), stored.affine)
        masker = NiftiLabelsMasker(path, standardize=None, reports=False, resampling_target="data")
        answers.append(np.asarray(masker.fit_transform(image), dtype=float))
    yield found, answers[0], answers[1]


def inverse(jobs: dict[str, Job], folder: Path) -> Iterator[Answers]:
    """Compare reconstructed images, one value per voxel for a signal."""
    signals = np.random.default_rng(3).standard_normal((6, N_MAPS))
    maps = folder / "on_the_runs.nii"
    mask = folder / "mask_on_run.nii"
    stored = nib.load(maps)
    inside = make_brain_mask(make_grid("plain")).reshape(stored.shape[:3], order="F")
    save_image(mask, inside.astype("u1"), stored.affine)
    for part in (signals, signals[:1]):
        table = write_signals(folder / "in.tsv", part, [f"m{k}" for k in range(N_MAPS)])
        out = inverse_transform(table, maps, folder / "back.nii", mask_file=mask, dtype="float64")
        answers = []
        for dtype in (np.float64, np.float32):
            image = nib.Nifti1Image(np.asarray(stored.dataobj).astype(dtype), stored.affine)
            masker = NiftiMapsMasker(image, mask_img=mask, standardize=None, reports=False).fit()
            given = (part if len(part) > 1 else part[0]).astype(dtype)
            answers.append(masker.inverse_transform(given).get_fdata().reshape(-1, 1))
        yield nib.load(out).get_fdata().reshape(-1, 1), answers[0], answers[1]


def real_job() -> Job | None:
    """Find one real run with its confounds."""
    if not REAL_DATA.is_dir():
        return None
    table = REAL_DATA / "confounds" / "sub-007_desc-confounds_timeseries.tsv"
    return Job(
        REAL_DATA / "sub-007_task-rest_bold.nii.gz",
        REAL_DATA / "caren5_maps.nii.gz",
        confounds=read_confounds([table], 50)[0],
    )


def measure(row: Row, jobs: dict[str, Job], files: dict[str, Path], folder: Path) -> list[float]:
    """Give our largest distance, and that of nilearn as shipped, and the number of cases."""
    answers: list[Answers] = []
    if row.special is not None:
        answers.extend(row.special(jobs, folder))
    for kind, job in jobs.items():
        if kind == "real" and not row.real:
            continue
        for changes in row.changes:
            if kind == "real" and "run" in changes:
                continue
            one = change(job, files, changes)
            found, _ = our_chain(one, folder / "ours")
            answers.append((found, nilearn_chain(one), nilearn_chain(one, dtype=None)))
    ours = max(difference_sd(found, exact) for found, exact, _ in answers)
    shipped = max(difference_sd(given.astype(float), exact) for _, exact, given in answers)
    return [ours, shipped, len(answers)]


HEAD = """# Parity with nilearn

Written by `benchmarks/parity.py` with nilearn {version}; do not edit.

The first distance is ours from nilearn's when nilearn is given the same numbers as float64: the
largest difference of any value of any signal, in units of that signal's standard deviation. The
second is that of nilearn as shipped, which computes in the type of the files (here float32 images
and maps where nothing else is said), from its own answer in float64. The bar for ours is 1e-6.

Data: {data}. Every line compares whole chains, from files to cleaned signals; the tests add {n}
random combinations, closed forms, and nilearn's own test functions (`pytest tests/oracles`).

| parameter of MultiNiftiMapsMasker | tried | cases | ours (SD) | nilearn as shipped (SD) |
|---|---|---:|---:|---:|
"""

TAIL = """
Not in the table: `standardize='zscore'`, whose divisor is T, is compared with its closed form
(nilearn 0.14.1 no longer offers it). `dtype`, `memory`, `n_jobs`, `verbose`, `reports` and `cmap`
change no number that is computed; `fit`, `transform`, `transform_imgs` and `fit_transform` are
what every line runs. Where we knowingly differ from nilearn stands in
[differences.md](differences.md).
"""


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "explanation" / "parity.md")
    parser.add_argument("--no-real", action="store_true", help="synthetic data alone")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = make_files(folder)
        jobs = {"synthetic": Job(files["run"], files["maps"])}
        data = f"synthetic runs of {N_VOLUMES} volumes with {N_MAPS} overlapping maps"
        real = None if options.no_real else real_job()
        if real is not None:
            jobs["real"] = real
            data += ", and in the lines with most cases a real run of 50 volumes with 5 networks"
        lines, worst = [], 0.0
        for row in rows():
            ours, shipped, cases = measure(row, jobs, files, folder)
            worst = max(worst, ours)
            lines.append(
                f"| `{row.parameter}` | {row.tried} | {cases} | {ours:.0e} | {shipped:.0e} |"
            )
            print(lines[-1], flush=True)
    text = HEAD.format(version=nilearn.__version__, data=data, n=240) + "\n".join(lines) + "\n"
    options.out.parent.mkdir(exist_ok=True)
    options.out.write_text(text + TAIL, encoding="utf-8")
    if worst > 1e-6:
        sys.exit(f"The largest distance is {worst:.1e} standard deviations; the bar is 1e-6.")


if __name__ == "__main__":
    main()
