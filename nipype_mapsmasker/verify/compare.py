# SPDX-License-Identifier: Apache-2.0
"""
Result files against nilearn, and against this package's own steps.

A difference from nilearn is explained only where the file holds what our steps make of the same
inputs, and one of the documented causes (docs/explanation/differences.md) applies to the run: a
number that was changed in the file is never explained by how the run was cleaned.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.parameters import (
    Cleaning,
    CleaningParameters,
    ConfoundParameters,
    ExtractionParameters,
    FittingParameters,
)
from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.maps import open_maps
from nipype_mapsmasker.io.results.found import FoundResult, find_results
from nipype_mapsmasker.io.results.inputs import AtlasInputs, read_inputs
from nipype_mapsmasker.io.tables.confounds import read_confounds
from nipype_mapsmasker.io.tables.samples import read_sample_mask
from nipype_mapsmasker.io.tables.signals import read_signals
from nipype_mapsmasker.steps.clean import CleaningInputs, clean_run
from nipype_mapsmasker.steps.extract import extract_signals
from nipype_mapsmasker.steps.fit import fit_to_grid
from nipype_mapsmasker.steps.high_variance import find_high_variance
from nipype_mapsmasker.verify.causes import causes_of
from nipype_mapsmasker.verify.reference import reference_signals

__all__ = ["TOLERANCE_SD", "Comparison", "verify_folder"]

TOLERANCE_SD = 1e-6
"""Largest difference, in standard deviations of a signal, that counts as none."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """
    Hold what came of one file.

    Parameters
    ----------
    file : Path
        The cleaned signals.
    difference : float
        Largest difference from nilearn, in standard deviations.
    own_difference : float
        Largest difference from this package's own steps, likewise.
    causes : tuple of str
        Documented causes that apply to the run.
    """

    file: Path
    difference: float
    own_difference: float
    causes: tuple[str, ...] = ()

    @property
    def is_same(self) -> bool:
        """Whether there is no difference worth the name."""
        return max(self.difference, self.own_difference) <= TOLERANCE_SD

    @property
    def is_explained(self) -> bool:
        """Whether there is none, or a documented one."""
        return self.own_difference <= TOLERANCE_SD and (self.is_same or bool(self.causes))

    @property
    def verdict(self) -> str:
        """What to say of it."""
        if self.is_same:
            return "same"
        if self.is_explained:
            return "documented: " + "; ".join(self.causes)
        if self.own_difference > TOLERANCE_SD:
            return (
                "UNEXPLAINED: the file does not hold what its inputs give "
                f"({self.own_difference:.1e} SD); was it, or were they, changed since?"
            )
        return "UNEXPLAINED: none of the documented causes applies"


def verify_folder(
    out_dir: str | Path, *, n_runs: int | None = None, seed: int = 0
) -> Iterator[Comparison]:
    """
    Compare runs of a result folder with nilearn.

    Parameters
    ----------
    out_dir : str or Path
        The folder; what its results were made of, and how, is read from itself.
    n_runs : int, optional
        How many runs, taken at random; all by default.
    seed : int
        Of the choice.

    Yields
    ------
    Comparison
        One for each atlas and strategy of a run.

    Raises
    ------
    ParameterError
        The folder holds no run that is done, or does not say what it was made of.
    """
    done: dict[str, list[FoundResult]] = {}
    for found in find_results(out_dir):
        done.setdefault(found.run_id, []).append(found)
    if not done:
        msg = f"{out_dir} holds no run that is done; see its runs.tsv."
        raise ParameterError(msg)
    masks, atlases = read_inputs(out_dir)
    chosen = list(done)
    if n_runs is not None and n_runs < len(done):
        indices = np.random.default_rng(seed).choice(len(done), n_runs, replace=False)
        chosen = [chosen[index] for index in sorted(indices)]
    for run_id in chosen:
        for found in done[run_id]:
            mask = masks.get(found.atlas, {})
            if found.atlas not in atlases or run_id not in mask:
                msg = (
                    f"{out_dir} does not say which maps and mask {found.signals_file.name} was "
                    "made with, as results of 'mapsmasker run' and run_cohort do; make it anew "
                    "by one of them."
                )
                raise ParameterError(msg)
            yield _compare(found, atlases[found.atlas], mask[run_id])


def _compare(found: FoundResult, atlas: AtlasInputs, mask: str | None) -> Comparison:
    """Do one file again, twice."""
    about = found.about
    if about["masker"]["demean"]:
        msg = "nilearn cannot demean maps and volumes, so there is nothing to compare with."
        raise ParameterError(msg)
    stored, columns = read_signals(found.signals_file)
    given = _parameters(about)
    n_volumes = int(about["n_volumes"])
    mask_file = about["inputs"].get("sample_mask_file")
    keep = None if mask_file is None else read_sample_mask(mask_file, n_volumes)
    with tempfile.TemporaryDirectory() as folder:
        own = _again(Path(folder), found, atlas, mask, given)
    theirs = reference_signals(
        about["SourceFile"],
        atlas.maps_file,
        mask_file=mask,
        fitting=given["fitting"],
        cleaning=given["cleaning"],
        high_variance=about["masker"],
        confounds=_confounds(about, n_volumes),
        sample_mask=keep,
    )
    places = [list(atlas.names).index(name) for name in about.get("names") or columns]
    # nilearn gives the volumes that are kept and no others; ours may have rows for all.
    is_censored = about["parameters"].get("output_type", "censored") == "censored"
    kept = stored if is_censored else np.delete(stored, about["censored"], axis=0)
    is_label_image = open_maps(atlas.maps_file).label_values is not None
    return Comparison(
        file=found.signals_file,
        difference=_difference(kept, theirs[:, places]),
        own_difference=_difference(stored, own),
        causes=causes_of(about, is_label_image=is_label_image),
    )


def _parameters(about: Mapping[str, Any]) -> dict[str, Any]:
    """Read a run's parameters from its sidecar."""

    def part(cls: type, values: Mapping[str, Any]) -> Any:
        known = cls.__dataclass_fields__  # type: ignore[attr-defined]
        return cls(**{name: value for name, value in values.items() if name in known})

    cleaning = part(CleaningParameters, about["parameters"])
    return {
        "fitting": part(FittingParameters, about["masker"]),
        "extraction": part(ExtractionParameters, about["masker"]),
        "choice": part(ConfoundParameters, about["parameters"]),
        "cleaning": Cleaning(
            **{name: getattr(cleaning, name) for name in CleaningParameters.__dataclass_fields__},
            t_r=about["parameters"]["t_r"],
        ),
    }


def _confounds(about: Mapping[str, Any], n_volumes: int) -> NDArray[np.float64] | None:
    """Read the confounds that were regressed out, but for those found in the data."""
    given = about["inputs"].get("confounds_files")
    names = [name for name in about["confound_names"] if not name.startswith("high_variance_")]
    if not given or not names:
        return None
    paths = [given] if isinstance(given, str) else list(given)
    # Names are patterns to the reader; in brackets, special letters stand for themselves.
    patterns = ["".join(f"[{x}]" if x in "*?[" else x for x in name) for name in names]
    filled = about["parameters"].get("confounds_na", "next")
    return read_confounds(paths, n_volumes, columns=patterns, na=filled)[0]


def _again(
    folder: Path,
    result: FoundResult,
    atlas: AtlasInputs,
    mask: str | None,
    given: Mapping[str, Any],
) -> NDArray[np.float64]:
    """Do a run again by this package's own steps."""
    about = result.about
    in_file = str(about["SourceFile"])
    fit = fit_to_grid(
        folder,
        maps_file=atlas.maps_file,
        parameters=given["fitting"],
        mask_file=mask,
        reference_file=in_file,
        labels_file=atlas.labels_file,
    )
    masker, t_r = about["masker"], about["parameters"]["t_r"]
    found = extract_signals(
        folder,
        in_file=in_file,
        operator_files=[fit["operator_file"]],
        parameters=given["extraction"],
        t_r=t_r,
    )
    high_variance = None
    if masker["high_variance_confounds"]:
        high_variance = find_high_variance(
            folder / "high_variance.tsv",
            in_file=in_file,
            n_confounds=masker["n_confounds"],
            percentile=masker["percentile"],
        )
    inputs = CleaningInputs(
        run_id=result.run_id,
        signals_file=found["signals_files"][0],
        confounds_files=about["inputs"].get("confounds_files"),
        high_variance_file=None if high_variance is None else str(high_variance),
        sample_mask_file=about["inputs"].get("sample_mask_file"),
        fit_quality_file=found["fit_quality_files"][0],
        choice=given["choice"],
    )
    out_file, _ = clean_run(
        folder,
        inputs,
        given["cleaning"],
        dtype=masker["dtype"],
        output_type=about["parameters"].get("output_type", "censored"),
    )
    return read_signals(out_file)[0]


def _difference(stored: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Give the largest difference in units of each signal's standard deviation."""
    if stored.shape != other.shape:
        return float("inf")
    with np.errstate(invalid="ignore"):
        size = np.nan_to_num(np.abs(other)).max(axis=0, initial=0.0)
        unit = np.nan_to_num(other.std(axis=0))
        # A single volume, or a lost map, has no deviation: its size is the unit.
        unit = np.where(unit > 1e-9 * size, unit, np.where(size > 0, size, 1.0))
        apart = np.abs(stored - other) / unit
    both_lost = np.isnan(stored) & np.isnan(other)
    apart = np.where(both_lost, 0.0, np.where(np.isnan(apart), np.inf, apart))
    return float(apart.max(initial=0.0))
