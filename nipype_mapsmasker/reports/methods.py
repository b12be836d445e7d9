# SPDX-License-Identifier: Apache-2.0
"""A methods paragraph from the parameters that were really used, with its references."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nipype_mapsmasker.reports.html import counted
from nipype_mapsmasker.reports.methods_denoising import strategy_sentences
from nipype_mapsmasker.reports.results import RunResults

__all__ = ["MethodsText", "methods_text"]

_REFERENCES = {
    "nipype": "Gorgolewski K, Burns CD, Madison C, et al. (2011). Nipype: a flexible, lightweight "
    "and extensible neuroimaging data processing framework in Python. Frontiers in "
    "Neuroinformatics 5:13. doi:10.3389/fninf.2011.00013",
    "nilearn": "Abraham A, Pedregosa F, Eickenberg M, et al. (2014). Machine learning for "
    "neuroimaging with scikit-learn. Frontiers in Neuroinformatics 8:14. "
    "doi:10.3389/fninf.2014.00014",
    "regression": "Nickerson LD, Smith SM, Öngür D, Beckmann CF (2017). Using dual regression to "
    "investigate network shape and amplitude in functional connectivity analyses. Frontiers in "
    "Neuroscience 11:115. doi:10.3389/fnins.2017.00115",
    "order": "Lindquist MA, Geuter S, Wager TD, Caffo BS (2019). Modular preprocessing pipelines "
    "can reintroduce artifacts into fMRI data. Human Brain Mapping 40:2358-2376. "
    "doi:10.1002/hbm.24528",
    "scrubbing": "Power JD, Mitra A, Laumann TO, et al. (2014). Methods to detect, characterize, "
    "and remove motion artifact in resting state fMRI. NeuroImage 84:320-341. "
    "doi:10.1016/j.neuroimage.2013.08.048",
    "compcor": "Behzadi Y, Restom K, Liau J, Liu TT (2007). A component based noise correction "
    "method (CompCor) for BOLD and perfusion based fMRI. NeuroImage 37:90-101. "
    "doi:10.1016/j.neuroimage.2007.04.042",
    "numpy": "Harris CR, Millman KJ, van der Walt SJ, et al. (2020). Array programming with "
    "NumPy. Nature 585:357-362. doi:10.1038/s41586-020-2649-2",
    "scipy": "Virtanen P, Gommers R, Oliphant TE, et al. (2020). SciPy 1.0: fundamental "
    "algorithms for scientific computing in Python. Nature Methods 17:261-272. "
    "doi:10.1038/s41592-019-0686-2",
}


@dataclass(frozen=True)
class MethodsText:
    """
    Hold the text.

    Parameters
    ----------
    paragraphs : tuple of str
        With references as [1], [2] ….
    references : tuple of str
        In the order of their numbers.
    """

    paragraphs: tuple[str, ...]
    references: tuple[str, ...]


class _Citations:
    """Number references in the order in which they are first cited."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def cite(self, *keys: str) -> str:
        """Give the numbers in brackets."""
        for key in keys:
            if key not in self.keys:
                self.keys.append(key)
        return "[" + ", ".join(str(self.keys.index(key) + 1) for key in keys) + "]"


def methods_text(run: RunResults) -> MethodsText:
    """
    Describe how the signals of a run were made.

    Parameters
    ----------
    run : RunResults
        The run; what its parameters do not say is not said.

    Returns
    -------
    MethodsText
        The paragraphs and their references.
    """
    citations = _Citations()
    sentences = _extraction(run, citations)
    cleaning = _cleaning(run, citations)
    texts = [" ".join(sentences)]
    if cleaning:
        texts.append(" ".join(cleaning))
    references = tuple(_REFERENCES[key] for key in citations.keys)
    return MethodsText(tuple(texts), references)


def _extraction(run: RunResults, citations: _Citations) -> list[str]:
    """Describe how maps became signals."""
    parameters = run.parameters
    version = run.versions.get("nipype-mapsmasker") or run.versions.get("nipype_mapsmasker")
    name = "nipype_mapsmasker" + (f" {version}" if version else "")
    atlas = f" of the atlas {run.atlas}" if run.atlas else ""
    sentences = [
        f"Time series of {counted(len(run.names), 'map')}{atlas} were extracted with {name}, "
        f"which runs in Nipype {citations.cite('nipype')} and follows nilearn's maps masker "
        f"{citations.cite('nilearn')}: the signals of a volume are the coefficients of a "
        "multiple linear regression of the volume on all maps "
        f"{citations.cite('regression')}, computed in double precision with NumPy "
        f"{citations.cite('numpy')} and SciPy {citations.cite('scipy')}."
    ]
    width = parameters.get("smoothing_fwhm")
    if width:
        shown = " x ".join(f"{w:g}" for w in width) if isinstance(width, list) else f"{width:g}"
        sentences.append(f"Images were smoothed with a Gaussian kernel of {shown} mm FWHM.")
    if parameters.get("demean"):
        sentences.append("Maps and volumes lost their mean over the mask before the regression.")
    target = parameters.get("resampling_target")
    grids = {
        "data": "Maps were resampled to the grid of the data",
        "maps": "Data were resampled to the grid of the maps",
        "mask": "Data and maps were resampled to the grid of the mask",
    }
    if target in grids:
        sentences.append(f"{grids[target]} where the grids differed.")
    if parameters.get("missing_voxels") == "exclude":
        sentences.append("Voxels without data in the run were left out of the regression.")
    return sentences


def _cleaning(run: RunResults, citations: _Citations) -> list[str]:
    """Describe how signals were cleaned, in the order of the steps."""
    if run.cleaned is None:
        return []
    steps = _steps(run, citations)
    n_censored = int((~run.kept).sum())
    sentences = strategy_sentences(run.summary.get("selection") or {})
    if steps:
        order = citations.cite("order")
        sentences.append(
            f"Signals were then cleaned, in an order that does not bring artefacts back {order}: "
            + "; ".join(steps)
            + "."
        )
    if n_censored:
        share = n_censored / len(run.kept)
        sentences.append(
            f"{n_censored} of {len(run.kept)} volumes ({share:.0%}) were censored "
            f"{citations.cite('scrubbing')}."
        )
    dof = run.summary.get("degrees_of_freedom")
    if dof is not None:
        words = "degree of freedom was" if dof == 1 else "degrees of freedom were"
        sentences.append(f"{dof:g} {words} left.")
    return sentences


def _steps(run: RunResults, citations: _Citations) -> list[str]:
    """List the steps that the parameters ask for."""
    parameters: Mapping[str, Any] = {**run.parameters, **_effective(run)}
    kind = parameters.get("filter", "butterworth")
    low, high = parameters.get("low_pass"), parameters.get("high_pass")
    steps = []
    if parameters.get("detrend"):
        steps.append("linear trends were removed")
    if kind == "butterworth" and (low or high):
        order = parameters.get("butterworth_order", 5)
        steps.append(
            f"signals and confounds were filtered with a Butterworth filter of order {order} "
            f"run forwards and backwards ({_limits(high, low)})"
        )
    if kind == "cosine" and high:
        steps.append(
            f"slow drifts were modelled by discrete cosines up to {high:g} Hz "
            "and removed together with the confounds"
        )
    if run.confounds is not None and run.confounds.shape[1]:
        count = run.confounds.shape[1]
        steps.append(f"{count} confound{'s were' if count > 1 else ' was'} regressed out")
    if parameters.get("high_variance_confounds"):
        steps.append(
            "the principal components of the voxels of highest variance were among them "
            f"{citations.cite('compcor')}"
        )
    scale = {
        "zscore": "signals were scaled to zero mean and unit variance",
        "zscore_sample": "signals were scaled to zero mean and unit sample variance",
        True: "signals were scaled to zero mean and unit sample variance",
        "psc": "signals were expressed as per cent change from each map's mean",
    }.get(parameters.get("standardize") or "")
    if scale:
        steps.append(scale)
    return steps


def _effective(run: RunResults) -> dict[str, Any]:
    """Prefer the cut-offs that were really used."""
    return {k: run.summary[k] for k in ("low_pass", "high_pass") if k in run.summary}


def _limits(high_pass: float | None, low_pass: float | None) -> str:
    """Name the ends of the pass band."""
    if high_pass and low_pass:
        return f"pass band {high_pass:g} to {low_pass:g} Hz"
    return f"high-pass {high_pass:g} Hz" if high_pass else f"low-pass {low_pass:g} Hz"
