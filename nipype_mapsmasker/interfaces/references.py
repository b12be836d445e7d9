# SPDX-License-Identifier: Apache-2.0
"""The papers behind the steps, for Nipype's own collection of references (``_references``)."""

from __future__ import annotations

from typing import Any

from nipype.external.due import BibTeX

__all__ = ["CLEANING", "EXTRACTION", "HIGH_VARIANCE"]


def _reference(entry: str, description: str) -> dict[str, Any]:
    """Make an entry as Nipype collects it."""
    return {"entry": BibTeX(entry), "description": description, "tags": ["method"]}


EXTRACTION = [
    _reference(
        "@article{nickerson2017, author={Nickerson, Lisa D. and Smith, Stephen M. and Ongur, Dost "
        "and Beckmann, Christian F.}, title={Using Dual Regression to Investigate Network Shape "
        "and Amplitude in Functional Connectivity Analyses}, journal={Frontiers in Neuroscience}, "
        "volume={11}, pages={115}, year={2017}, doi={10.3389/fnins.2017.00115}}",
        "Signals of maps by multiple regression of each volume on all maps",
    ),
    _reference(
        "@article{abraham2014, author={Abraham, Alexandre and others}, title={Machine learning "
        "for neuroimaging with scikit-learn}, journal={Frontiers in Neuroinformatics}, "
        "volume={8}, pages={14}, year={2014}, doi={10.3389/fninf.2014.00014}}",
        "The masker whose results are the reference",
    ),
]
"""Behind `FitMaps` and `ExtractSignals`."""

CLEANING = [
    _reference(
        "@article{lindquist2019, author={Lindquist, Martin A. and Geuter, Stephan and Wager, Tor "
        "D. and Caffo, Brian S.}, title={Modular preprocessing pipelines can reintroduce "
        "artifacts into fMRI data}, journal={Human Brain Mapping}, volume={40}, "
        "pages={2358--2376}, year={2019}, doi={10.1002/hbm.24528}}",
        "The order of detrending, filtering, censoring and regression",
    ),
]
"""Behind `CleanSignals`."""

HIGH_VARIANCE = [
    _reference(
        "@article{behzadi2007, author={Behzadi, Yashar and Restom, Khaled and Liau, Joy and Liu, "
        "Thomas T.}, title={A component based noise correction method (CompCor) for BOLD and "
        "perfusion based fMRI}, journal={NeuroImage}, volume={37}, pages={90--101}, year={2007}, "
        "doi={10.1016/j.neuroimage.2007.04.042}}",
        "Confounds from the voxels of highest variance",
    ),
]
"""Behind `HighVarianceConfounds`."""
