# SPDX-License-Identifier: Apache-2.0
"""
Strategies by the names under which people know them.

``simple``, ``scrubbing``, ``compcor`` and ``ica_aroma`` are nilearn's presets; ``scrubbing.2``,
``scrubbing.5`` and ``acompcor50`` giga_connectome's; ``24P`` to ``none`` XCP-D's.
``+gsr`` after any that lacks it adds the global signal.

References
----------
.. [1] Ciric R et al. Benchmarking of participant-level confound regression strategies for the
   control of motion artifact in studies of functional connectivity. NeuroImage 154:174-187, 2017.
.. [2] Wang H-T et al. Continuous evaluation of denoising strategies in resting-state fMRI
   connectivity using fMRIPrep and Nilearn. PLOS Computational Biology 20:e1011942, 2024.
"""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import Any

from nipype_mapsmasker.core.denoise.vocabulary import ConfoundStrategy
from nipype_mapsmasker.errors import ParameterError

__all__ = ["GLOBAL_SIGNAL_SUFFIX", "PRESETS", "preset", "strategy_label"]

GLOBAL_SIGNAL_SUFFIX = "+gsr"
"""What a name ends with when the global signal is regressed as well."""


def _table() -> dict[str, ConfoundStrategy]:
    """Write the presets down."""
    scrubbing: dict[str, Any] = {
        "strategy": ("high_pass", "motion", "wm_csf", "scrub"),
        "wm_csf": "full",
    }
    compcor: dict[str, Any] = {"strategy": ("high_pass", "motion", "compcor")}
    aroma: dict[str, Any] = {"strategy": ("high_pass", "wm_csf", "ica_aroma")}
    xcpd_compcor: dict[str, Any] = {
        "motion": "derivatives",
        "compcor": "anat_separated",
        "n_compcor": 5,
    }
    groups = ("high_pass", "motion", "compcor")
    words: dict[str, dict[str, Any]] = {
        "simple": {"strategy": ("high_pass", "motion", "wm_csf")},
        "scrubbing": scrubbing,
        "compcor": compcor,
        "ica_aroma": aroma,
        "scrubbing.2": scrubbing | {"fd_threshold": 0.2, "std_dvars_threshold": None},
        "scrubbing.5": scrubbing | {"fd_threshold": 0.5, "std_dvars_threshold": None},
        "acompcor50": compcor,
        "24P": {"strategy": ("motion",)},
        "27P": {"strategy": ("motion", "wm_csf", "global_signal")},
        "36P": {
            "strategy": ("motion", "wm_csf", "global_signal"),
            "wm_csf": "full",
            "global_signal": "full",
        },
        "acompcor": xcpd_compcor | {"strategy": groups},
        "acompcor_gsr": xcpd_compcor | {"strategy": (*groups, "global_signal")},
        "aroma": {"strategy": ("wm_csf", "ica_aroma"), "ica_aroma": "orthogonal"},
        "aroma_gsr": {
            "strategy": ("wm_csf", "global_signal", "ica_aroma"),
            "ica_aroma": "orthogonal",
        },
        "gsr_only": {"strategy": ("global_signal",)},
        "none": {"strategy": ()},
    }
    return {name: ConfoundStrategy(name=name, **values) for name, values in words.items()}


PRESETS: dict[str, ConfoundStrategy] = _table()
"""Strategies by name, without ``+gsr``."""


def preset(name: str) -> ConfoundStrategy:
    """
    Give a strategy by its known name.

    Parameters
    ----------
    name : str
        A key of `PRESETS`, perhaps with ``+gsr`` behind it.

    Returns
    -------
    ConfoundStrategy
        The strategy, under that name.

    Raises
    ------
    ParameterError
        No strategy is called so.

    Examples
    --------
    >>> preset("simple+gsr").strategy
    ('high_pass', 'motion', 'wm_csf', 'global_signal')
    """
    base = name.removesuffix(GLOBAL_SIGNAL_SUFFIX)
    found = PRESETS.get(base)
    if found is None:
        near = difflib.get_close_matches(base, PRESETS, n=1)
        hint = f"is {near[0]!r} meant? " if near else ""
        msg = (
            f"No strategy is called {name!r}; {hint}There are {', '.join(PRESETS)}, each of which "
            "may end in '+gsr', and files (.json, .yaml) with strategies of your own."
        )
        raise ParameterError(msg)
    if base == name:
        return found
    if "global_signal" in found.strategy:
        msg = f"{base!r} regresses the global signal already; leave '+gsr' out of {name!r}."
        raise ParameterError(msg)
    return replace(found, name=name, strategy=(*found.strategy, "global_signal"))


def strategy_label(name: str) -> str:
    """
    Give what stands for a strategy in the names of files.

    Parameters
    ----------
    name : str
        Its name.

    Returns
    -------
    str
        Its letters, digits and ``+``, which BIDS allows in a label.

    Examples
    --------
    >>> strategy_label("scrubbing.5+gsr"), strategy_label("acompcor_gsr")
    ('scrubbing5+gsr', 'acompcorgsr')
    """
    return "".join(
        letter for letter in name if (letter.isascii() and letter.isalnum()) or letter == "+"
    )
