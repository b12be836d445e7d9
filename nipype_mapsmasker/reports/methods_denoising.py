# SPDX-License-Identifier: Apache-2.0
"""Sentences of the methods text about a strategy: which regressors, and which volumes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["strategy_sentences"]

_MODELS = {
    "basic": "",
    "derivatives": " with their derivatives",
    "power2": " with their squares",
    "full": " with their derivatives and the squares of both",
}
"""What an expansion adds to the signals."""

_COMPCOR = {
    "anat_combined": "anatomical CompCor components of both tissues together",
    "anat_separated": "anatomical CompCor components of white matter and cerebrospinal fluid",
    "temporal": "temporal CompCor components",
    "temporal_anat_combined": "temporal and combined anatomical CompCor components",
    "temporal_anat_separated": "temporal and separate anatomical CompCor components",
}

_REASONS = {
    "dummy_scan": "before the steady state",
    "no_data": "without any data",
    "framewise_displacement": "for their displacement",
    "std_dvars": "for their DVARS",
    "short_segment": "in short segments",
    "sample_mask": "by the sample mask that was given",
}


def strategy_sentences(selection: Mapping[str, Any]) -> list[str]:
    """
    Say which regressors and volumes a strategy chose.

    Parameters
    ----------
    selection : mapping
        What `SelectConfounds` told: ``strategy``, ``censoring``, ``groups``, ``censored`` ...

    Returns
    -------
    list of str
        Sentences; none where there was no strategy.
    """
    strategy = dict(selection.get("strategy") or {})
    if not strategy:
        return []
    sentences = [_regressors(selection, strategy)]
    rules = _rules(dict(selection.get("censoring") or {}))
    if rules:
        sentences.append("Volumes were censored " + ", and ".join(rules) + ".")
    counts = {
        name: int(number)
        for name, number in dict(selection.get("censored") or {}).items()
        if number
    }
    if counts:
        told = [f"{number} {_REASONS.get(name, name)}" for name, number in counts.items()]
        sentences.append(f"Volumes that were left out: {', '.join(told)}.")
    return sentences


def _regressors(selection: Mapping[str, Any], strategy: Mapping[str, Any]) -> str:
    """Say what was regressed."""
    name = strategy.get("name") or "a strategy of its own"
    groups = {
        group: int(number)
        for group, number in dict(selection.get("groups") or {}).items()
        if number
    }
    if not groups:
        return f"By the strategy {name} no confounds were regressed."
    parts = [f"{_group(group, strategy)} ({number})" for group, number in groups.items()]
    total = int(selection.get("n_regressors") or sum(groups.values()))
    noun = "regressor was" if total == 1 else "regressors were"
    listed = parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
    return f"By the strategy {name} {total} {noun} taken from the table of confounds: {listed}."


def _group(group: str, strategy: Mapping[str, Any]) -> str:
    """Name a group of regressors, with how it was expanded."""
    model = _MODELS.get(str(strategy.get(group)), "")
    if group == "compcor":
        words = _COMPCOR.get(str(strategy.get("compcor")), "CompCor components")
        number = strategy.get("n_compcor")
        if isinstance(number, float) and number < 1:
            return f"{words}, as many as explain {number:.0%} of the variance of each mask"
        return words if number in (None, "all") else f"{words}, up to {number:g} of each mask"
    if group == "tedana":
        rejected = strategy.get("tedana") == "aggressive"
        return "components that tedana " + ("rejected" if rejected else "classified")
    plain = {
        "motion": f"six motion parameters{model}",
        "wm_csf": f"mean signals of white matter and cerebrospinal fluid{model}",
        "global_signal": f"global signal{model.replace('their', 'its')}",
        "high_pass": "discrete cosines for slow drifts",
        "ica_aroma": "components that ICA-AROMA took for motion",
        "columns": "columns chosen by name",
        "regex": "columns chosen by regular expression",
        "non_steady_state": "indicators of volumes before the steady state",
    }
    return plain.get(group, group.replace("_", " "))


def _rules(censoring: Mapping[str, Any]) -> list[str]:
    """Say when volumes were censored."""
    over = []
    if censoring.get("fd_threshold") is not None:
        over.append(f"framewise displacement exceeded {censoring['fd_threshold']:g} mm")
    if censoring.get("std_dvars_threshold") is not None:
        over.append(f"standardised DVARS exceeded {censoring['std_dvars_threshold']:g}")
    if not over:
        return []
    rules = ["where " + " or ".join(over)]
    shortest = int(censoring.get("min_segment") or 0)
    if shortest > 1:
        rules.append(f"where fewer than {shortest} volumes in a row were left between such")
    return rules


def _numbers(counts: Mapping[str, Any] | None) -> dict[str, int]:
    """Leave out what there is none of."""
    return {name: int(number) for name, number in dict(counts or {}).items() if number}
