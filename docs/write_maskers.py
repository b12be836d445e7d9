# SPDX-License-Identifier: Apache-2.0
"""
Write docs/reference/maskers.md: every parameter, attribute and method of the reference, compared.

    python docs/write_maskers.py

The lists are the reference's own: signature, documented attributes and public methods of the
installed nilearn's class. A name without a comparison here is an error.
"""

import inspect
import re
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import nilearn
import numpy as np
import pandas as pd
from nilearn.maskers import MultiNiftiMapsMasker as Theirs

from nipype_mapsmasker.maskers import MultiNiftiMapsMasker as Ours

PAGE = Path(__file__).parent / "reference" / "maskers.md"

MARKER = "<!-- written by docs/write_maskers.py -->"
"""What follows this line is replaced."""

SHAPE, N_VOLUMES = (8, 9, 10), 60

RNG = np.random.default_rng(3)

AFFINE = np.diag([3.0, 3.0, 4.0, 1.0])

MAPS = nib.Nifti1Image(RNG.random((*SHAPE, 3)), AFFINE)

APART = nib.Nifti1Image(np.eye(3)[np.indices(SHAPE)[0] % 3], AFFINE)
"""Maps that share no voxel."""

RUNS = [
    nib.Nifti1Image(100 + RNG.standard_normal((*SHAPE, N_VOLUMES)).cumsum(-1), AFFINE)
    for _ in range(2)
]

MASK = nib.Nifti1Image((np.indices(SHAPE)[0] > 1).astype(np.uint8), AFFINE)

CONFOUNDS = [RNG.standard_normal((N_VOLUMES, 2)) for _ in RUNS]

KEEP = [np.r_[0:20, 25:N_VOLUMES] for _ in RUNS]

PARAMETERS: dict[str, tuple[dict[str, Any], str]] = {
    "maps_img": ({}, "signals"),
    "mask_img": ({"mask_img": MASK}, "signals with a mask"),
    "allow_overlap": ({"maps_img": APART, "allow_overlap": False}, "signals of disjoint maps"),
    "smoothing_fwhm": ({"smoothing_fwhm": 6.0}, "signals with 6 mm"),
    "standardize": ({"standardize": "zscore_sample"}, "signals with 'zscore_sample'"),
    "standardize_confounds": ({"standardize_confounds": False}, "signals with False, confounds"),
    "high_variance_confounds": ({"high_variance_confounds": True}, "signals with True"),
    "detrend": ({"detrend": True}, "signals with True"),
    "low_pass": ({"low_pass": 0.1, "t_r": 2.0}, "signals below 0.1 Hz"),
    "high_pass": ({"high_pass": 0.02, "t_r": 2.0}, "signals above 0.02 Hz"),
    "t_r": ({"high_pass": 0.02, "low_pass": 0.1, "t_r": 1.5}, "signals of a band at 1.5 s"),
    "dtype": ({"dtype": np.float64}, "signals and their type with float64"),
    "resampling_target": ({"resampling_target": "maps"}, "signals with 'maps'"),
    "keep_masked_maps": ({"mask_img": MASK, "keep_masked_maps": False}, "signals with False"),
    "memory": ({"memory": "CACHE", "memory_level": 1}, "signals with a cache"),
    "memory_level": ({"memory": "CACHE", "memory_level": 2}, "signals with 2"),
    "verbose": ({"verbose": 0}, "signals; ours tells on stderr, theirs on stdout"),
    "reports": ({"reports": True}, "signals with True"),
    "cmap": ({"cmap": "gray"}, "signals with another map of colours"),
    "n_jobs": ({"n_jobs": 2}, "signals with 2 processes"),
    "clean_args": (
        {"clean_args": {"filter": "cosine"}, "high_pass": 0.02, "t_r": 2.0},
        "signals with the cosine filter",
    ),
}
"""What is set for each parameter, and what is compared."""


def apart(ours: Any, theirs: Any) -> float:
    """Give the largest difference in units of each signal's standard deviation."""
    ours, theirs = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
    unit = theirs.std(axis=0)
    return float((np.abs(ours - theirs) / np.where(unit > 0, unit, 1)).max(initial=0))


def signals_apart(ours: list[Any], theirs: list[Any]) -> float:
    """Compare the tables of all runs."""
    return max(apart(one, other) for one, other in zip(ours, theirs, strict=True))


def both(words: dict[str, Any] | None = None) -> tuple[Any, Any]:
    """Make both maskers, with float64 images and nilearn's own word for no standardisation."""
    given = {"maps_img": MAPS, "standardize": None, "reports": False} | (words or {})
    folder = tempfile.mkdtemp() if given.get("memory") == "CACHE" else None
    if folder:
        given["memory"] = folder
    given.setdefault("keep_masked_maps", True)
    return Ours(**given), Theirs(**given)


def compare_parameter(words: dict[str, Any]) -> str:
    """Compare the signals of both."""
    ours, theirs = both(words)
    found = [
        masker.fit_transform(RUNS, confounds=[table.copy() for table in CONFOUNDS])
        for masker in (ours, theirs)
    ]
    return f"{signals_apart(*found):.0e} SD"


def fitted() -> tuple[Any, Any]:
    """Fit both on a masked run."""
    ours, theirs = both({"mask_img": MASK})
    return ours.fit(RUNS), theirs.fit(RUNS)


def compare_images(name: str) -> str:
    """Compare an image that is an attribute."""
    ours, theirs = (getattr(masker, name) for masker in fitted())
    assert np.array_equal(ours.affine, theirs.affine)
    return f"{np.abs(ours.get_fdata() - theirs.get_fdata()).max():.0e}"


def compare_method(call: Callable[[Any], Any]) -> str:
    """Compare what a call gives."""
    found = [call(masker) for masker in fitted()]
    if isinstance(found[0], list):
        return f"{signals_apart(*found):.0e} SD"
    return f"{apart(*found):.0e} SD"


ATTRIBUTES: dict[str, tuple[Callable[[], str], str]] = {
    "clean_args_": (lambda: str(both()[0].fit(RUNS).clean_args_ == {}), "equal"),
    "maps_img_": (lambda: compare_images("maps_img_"), "affine, values"),
    "mask_img_": (lambda: compare_images("mask_img_"), "affine, values"),
    "memory_": (
        lambda: str(both()[0].fit(RUNS).memory_ is None),
        "is the folder, where theirs is joblib's object",
    ),
    "n_elements_": (lambda: str(len({m.n_elements_ for m in fitted()}) == 1), "equal"),
}

SIGNALS = RNG.standard_normal((4, 3))

METHODS: dict[str, tuple[Callable[[], str], str]] = {
    "fit": (lambda: str(all(m.fit(RUNS) is m for m in both())), "gives the masker itself"),
    "fit_transform": (lambda: compare_method(lambda m: m.fit_transform(RUNS)), "signals"),
    "generate_report": (
        lambda: str(all(hasattr(both()[0].fit().generate_report(displayed_maps=1), n)
                        for n in ("save_as_html", "open_in_browser", "_repr_html_"))),
        "the report's methods; the pages are ours",
    ),
    "get_feature_names_out": (
        lambda: str(len(fitted()[0].get_feature_names_out()) == 3),
        "number; ours are the maps' names, theirs the class's with a number",
    ),
    "get_metadata_routing": (
        lambda: str(len({str(m.get_metadata_routing()) for m in both()}) == 1), "equal",
    ),
    "get_params": (
        lambda: str(set(both()[1].get_params()) <= set(both()[0].get_params())),
        "all of theirs are among ours",
    ),
    "inverse_transform": (
        lambda: compare_method(lambda m: m.inverse_transform(SIGNALS).get_fdata()), "images",
    ),
    "set_fit_request": (
        lambda: same_signature("set_fit_request"), "signature, scikit-learn's own",
    ),
    "set_inverse_transform_request": (
        lambda: same_signature("set_inverse_transform_request"), "signature, scikit-learn's own",
    ),
    "set_output": (
        lambda: str(all(isinstance(m.set_output(transform="pandas").transform(RUNS[0]),
                                   pd.DataFrame) for m in fitted())),
        "data frames of one run; of a list, theirs are no frames",
    ),
    "set_params": (
        lambda: str(all(m.set_params(detrend=True).detrend for m in both())), "sets",
    ),
    "set_transform_request": (
        lambda: same_signature("set_transform_request"), "signature, scikit-learn's own",
    ),
    "transform": (
        lambda: compare_method(
            lambda m: m.transform(RUNS, confounds=list(CONFOUNDS), sample_mask=KEEP)
        ),
        "signals with confounds and a sample mask",
    ),
    "transform_imgs": (lambda: compare_method(lambda m: m.transform_imgs(RUNS)), "signals"),
    "transform_single_imgs": (
        lambda: compare_method(lambda m: m.transform_single_imgs(RUNS[0])), "signals",
    ),
}  # fmt: skip


def compare_keywords() -> str:
    """Compare the reference page's ``clean__*`` with what nilearn's class has for it now."""
    words = {"high_pass": 0.02, "t_r": 2.0}
    names = {"butterworth__order": 3, "butterworth__padtype": "even"}
    ours = Ours(MAPS, **words, **{f"clean__{name}": value for name, value in names.items()})
    _, theirs = both(words | {"clean_args": names})
    return f"{signals_apart(ours.fit_transform(RUNS), theirs.fit_transform(RUNS)):.0e} SD"


def same_signature(name: str) -> str:
    """Tell whether both methods take arguments of the same names."""
    return str(
        len({str(list(inspect.signature(getattr(m, name)).parameters)) for m in both()}) == 1
    )


def names_of_the_reference() -> dict[str, list[str]]:
    """List what the reference's class has."""
    documented = re.search(r"Attributes\n\s*-+\n(.*?)\n\s*Notes\n", Theirs.__doc__ or "", re.S)
    assert documented
    names = re.findall(r"^\s*(\w+_) ?(?::|joblib|\n)", documented[1], re.M)
    methods = [
        name
        for name in dir(Theirs)
        if not name.startswith("_") and callable(getattr(Theirs, name, None))
    ]
    return {
        "Parameter": list(inspect.signature(Theirs).parameters),
        "Attribute": sorted({"memory_", *names}),
        "Method": methods,
    }


def rows() -> list[str]:
    """Compare everything, and give the lines of the table."""
    tables: dict[str, dict[str, Any]] = {
        "Parameter": {
            name: (lambda words=words: compare_parameter(words), what)
            for name, (words, what) in PARAMETERS.items()
        },
        "Attribute": ATTRIBUTES,
        "Method": METHODS,
    }
    lines = []
    for kind, names in names_of_the_reference().items():
        missing = sorted(set(names) - set(tables[kind]))
        if missing:
            msg = f"{kind}s of the reference without a comparison: {missing}"
            raise SystemExit(msg)
        for name in names:
            compare, what = tables[kind][name]
            result = {"True": "yes"}.get(text := compare(), text)
            if result == "False":
                msg = f"{kind} {name} differs: {what}"
                raise SystemExit(msg)
            lines.append(f"| {kind.lower()} | `{name}` | {what} | {result} |")
        if kind == "Parameter":
            what = "`clean__butterworth__*` of ours, `clean_args` of theirs"
            lines.append(f"| parameter | `kwargs` | {what} | {compare_keywords()} |")
    return lines


def main() -> None:
    """Write the table below the marker."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lines = rows()
    head = PAGE.read_text(encoding="utf-8").split(MARKER)[0]
    table = [
        f"Compared with nilearn {nilearn.__version__} on float64 images in memory; differences "
        "are the largest, in standard deviations (SD) of a signal or in the image's units.",
        "",
        "| | name | what was compared | result |",
        "|---|---|---|---|",
        *lines,
    ]
    PAGE.write_text(f"{head}{MARKER}\n\n" + "\n".join(table) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
