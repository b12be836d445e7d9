# SPDX-License-Identifier: Apache-2.0
"""
One measured job, in a process of its own: ``python jobs.py TOOL CASE FILES SCRATCH``.

The case and its files are JSON: to make or name files loads more than some jobs need. Prints one
line of JSON: seconds and CPU seconds of the timed part, peak memory of the process, and the file
with the signals, so that speed and sameness are looked at together.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ["NIPYPE_NO_ET"] = "1"

from cases import Case

__all__ = ["main"]


class Clock:
    """Measure the timed part of a job."""

    def __enter__(self) -> Clock:
        self.wall, self.cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *error: object) -> None:
        self.wall, self.cpu = time.perf_counter() - self.wall, time.process_time() - self.cpu


def ours_fit(case: Case, files: dict[str, Any], scratch: Path) -> list[str]:
    """Fit every atlas, as the workflow does."""
    from nipype_mapsmasker.interfaces.fitting import FitMaps

    operators = []
    for number, maps in enumerate(files["maps"]):
        cwd = scratch / f"fit_{number}"
        cwd.mkdir(exist_ok=True)
        fit = FitMaps(
            maps_file=maps,
            mask_file=files["mask"],
            reference_file=files["runs"][0] if files["runs"] else maps,
            resampling_target="maps" if case.maps_mm else "data",
            smoothing_fwhm=case.smoothing_fwhm,
        )
        operators.append(fit.run(cwd=str(cwd)).outputs.operator_file)
    return operators


def ours_timed_fit(case: Case, files: dict[str, Any], scratch: Path) -> dict[str, Any]:
    """Fit every atlas, and say what that took."""
    import nipype_mapsmasker.interfaces.fitting  # noqa: F401  imports are not timed

    with Clock() as clock:
        operators = ours_fit(case, files, scratch)
    return {"operators": operators, "fit": _fit_cost(clock)}


def _fit_cost(clock: Clock) -> dict[str, float]:
    """Say what a fit took, in the process that did it."""
    return {"seconds": clock.wall, "cpu": clock.cpu, "peak_mb": _peak_mb()}


def ours_extract(case: Case, files: dict[str, Any], scratch: Path) -> dict[str, Any]:
    """Extract and clean one run; fitting comes before the clock."""
    import numpy as np

    from nipype_mapsmasker.interfaces.cleaning import CleanSignals
    from nipype_mapsmasker.interfaces.extraction import ExtractSignals, HighVarianceConfounds
    from nipype_mapsmasker.io.tables.signals import read_signals

    fitted = _in_child(ours_timed_fit, case, files, scratch)
    run, cwd = files["runs"][0], str(scratch)
    with Clock() as clock:
        step = ExtractSignals(
            in_file=run, operator_files=fitted["operators"], save_mean_squares=case.high_variance
        )
        extract = step.run(cwd=cwd).outputs
        high_variance = None
        if case.high_variance:
            found = HighVarianceConfounds(
                in_file=run, mean_squares_file=extract.mean_squares_file
            ).run(cwd=cwd)
            high_variance = found.outputs.confounds_file
        for signals in extract.signals_files:
            clean = CleanSignals(signals_file=signals, high_variance_file=high_variance)
            cleaned = clean.run(cwd=cwd).outputs.out_file
    out = scratch / "signals.npy"
    np.save(out, read_signals(cleaned)[0])
    return {"seconds": clock.wall, "cpu": clock.cpu, "signals": str(out), "fit": fitted["fit"]}


def nilearn_masker(case: Case, files: dict[str, Any], **options: Any) -> Any:
    """Make nilearn's masker with the same parameters."""
    from nilearn.maskers import MultiNiftiMapsMasker

    return MultiNiftiMapsMasker(
        files["maps"][0],
        mask_img=files["mask"],
        smoothing_fwhm=case.smoothing_fwhm,
        high_variance_confounds=case.high_variance,
        resampling_target="maps" if case.maps_mm else "data",
        keep_masked_maps=True,
        standardize=False,
        reports=False,
        **options,
    )


def nilearn_extract(case: Case, files: dict[str, Any], scratch: Path) -> dict[str, Any]:
    """Transform one run with a fitted masker."""
    import numpy as np

    with Clock() as fitting:
        masker = nilearn_masker(case, files).fit(files["runs"][:1])
    fit = _fit_cost(fitting)
    with Clock() as clock:
        signals = masker.transform(files["runs"][:1])[0]
    out = scratch / "signals.npy"
    np.save(out, signals)
    return {"seconds": clock.wall, "cpu": clock.cpu, "signals": str(out), "fit": fit}


def _signals(case: Case, scratch: Path) -> Any:
    """Give some signals to invert."""
    import numpy as np

    shape = case.n_volumes, case.n_maps[0]
    return np.random.default_rng(3).standard_normal(shape) * 20 + 100


def ours_inverse(case: Case, files: dict[str, Any], scratch: Path) -> dict[str, Any]:
    """Write the image that signals add up to; reading the maps is within the clock."""
    import numpy as np

    from nipype_mapsmasker.interfaces.inverse import InverseTransform

    table = scratch / "to_invert.npy"
    np.save(table, _signals(case, scratch))
    inverse = InverseTransform(
        signals_file=str(table), maps_file=files["maps"][0], mask_file=files["mask"]
    )
    with Clock() as clock:
        out = inverse.run(cwd=str(scratch)).outputs.out_file
    return {"seconds": clock.wall, "cpu": clock.cpu, "image": out}


def nilearn_inverse(case: Case, files: dict[str, Any], scratch: Path) -> dict[str, Any]:
    """Invert with a fitted masker and save the image."""
    masker = nilearn_masker(case, files).fit()
    signals = _signals(case, scratch)
    out = scratch / "inverse.nii.gz"
    with Clock() as clock:
        masker.inverse_transform(signals).to_filename(out)
    return {"seconds": clock.wall, "cpu": clock.cpu, "image": str(out)}


def ours_cohort(case: Case, files: dict[str, Any], scratch: Path) -> dict[str, Any]:
    """Do the cohort with the command; start-up is added by who started this process."""
    from nipype_mapsmasker.cli.main import main as mapsmasker

    masks = files["own_masks"] or [files["mask"]] * len(files["runs"])
    rows = [
        f"sub-{number:04d}_task-rest\t{run}\t{mask or 'n/a'}\t2"
        for number, (run, mask) in enumerate(zip(files["runs"], masks, strict=True))
    ]
    table = scratch / "runs.tsv"
    table.write_text("\n".join(["run_id\tin_file\tmask\tt_r", *rows, ""]))
    words = [
        "run", str(table), str(scratch / "out"), "--work-dir", str(scratch / "work"),
        "--maps", *files["maps"], "--n-procs", str(len(os.sched_getaffinity(0))),
        "--no-reports", "--quiet",
    ]  # fmt: skip
    if case.smoothing_fwhm:
        words += ["--smoothing-fwhm", str(case.smoothing_fwhm)]
    with Clock() as clock:
        code = mapsmasker(words)
    if code:
        msg = f"mapsmasker ended with {code}"
        raise SystemExit(msg)
    size = sum(p.stat().st_size for p in (scratch / "work").rglob("*") if p.is_file())
    return {"seconds": clock.wall, "cpu": clock.cpu, "work_mb": size / 1e6}


def nilearn_cohort(case: Case, files: dict[str, Any], scratch: Path) -> dict[str, Any]:
    """Fit and transform a list of runs, and save the signals as text."""
    import numpy as np

    n_jobs = len(os.sched_getaffinity(0))
    with Clock() as clock:
        if files["own_masks"]:  # a masker has one mask
            from joblib import Parallel, delayed

            pairs = zip(files["runs"], files["own_masks"], strict=True)
            found = Parallel(n_jobs)(
                delayed(_nilearn_one)(case, files | {"mask": mask}, run) for run, mask in pairs
            )
        else:
            found = nilearn_masker(case, files, n_jobs=n_jobs).fit_transform(files["runs"])
        for number, signals in enumerate(found):
            np.savetxt(scratch / f"{number}.tsv", signals, delimiter="\t")
    return {"seconds": clock.wall, "cpu": clock.cpu}


def _nilearn_one(case: Case, files: dict[str, Any], run: str) -> Any:
    """Fit and transform one run with its own mask."""
    warnings.simplefilter("ignore")
    return nilearn_masker(case, files).fit_transform([run])[0]


def inflate(case: Case, files: dict[str, Any], scratch: Path) -> dict[str, Any]:
    """Inflate the files to nowhere, by igzip or Zstandard: what no reader can do without."""
    import isal.igzip  # noqa: F401  imports are not timed
    import zstandard  # noqa: F401

    with Clock() as clock:
        for run in files["runs"]:
            _inflate_one(run)
    return {"seconds": clock.wall, "cpu": clock.cpu}


def least(case: Case, files: dict[str, Any], scratch: Path) -> dict[str, Any]:
    """Import Nipype and what it computes with, and inflate: a cohort without the work on it."""
    with Clock() as clock:
        import nipype.pipeline.engine  # noqa: F401
        import scipy.linalg  # noqa: F401

        with get_context("fork").Pool(len(os.sched_getaffinity(0))) as pool:
            pool.map(_inflate_one, files["runs"], chunksize=1)
    return {"seconds": clock.wall, "cpu": clock.cpu}


def _inflate_one(run: str) -> None:
    """Inflate a file to nowhere."""
    import zstandard
    from isal import igzip

    buffer = bytearray(1 << 20)
    with zstandard.open(run, "rb") if run.endswith(".zst") else igzip.open(run, "rb") as stream:
        while stream.readinto(buffer):
            pass


JOBS = {
    ("inflate", ""): inflate,
    ("least", ""): least,
    ("ours", "extract"): ours_extract,
    ("nilearn", "extract"): nilearn_extract,
    ("ours", "inverse"): ours_inverse,
    ("nilearn", "inverse"): nilearn_inverse,
    ("ours", "cohort"): ours_cohort,
    ("nilearn", "cohort"): nilearn_cohort,
}


def _in_child(function: Any, *arguments: Any) -> Any:
    """Call a function in another process, whose memory does not count here."""
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(1) as pool:
        return pool.submit(function, *arguments).result()


def _peak_mb() -> float:
    """Give the peak memory of this process alone, in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    return float("nan")


def main() -> None:
    """Run one job."""
    tool, case_text, files_text, scratch = sys.argv[1:]
    values = json.loads(case_text)
    case = Case(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
    files = json.loads(files_text)
    warnings.simplefilter("ignore")
    job = JOBS.get((tool, "")) or JOBS[tool, case.kind]
    result = job(case, files, Path(scratch))
    print(json.dumps(result | {"peak_mb": _peak_mb()}))


if __name__ == "__main__":
    main()
