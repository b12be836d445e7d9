# SPDX-License-Identifier: Apache-2.0
"""
The words in which a strategy is said: those of nilearn's ``load_confounds``, and two more.

A strategy names groups of regressors (``strategy``), each with a parameter of its own name, and
when volumes are censored (``scrub``, ``fd_threshold``, ``std_dvars_threshold``). The two words
that nilearn lacks are ``columns`` (names and patterns) and ``regex`` (regular expressions).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any, Literal, TypeAlias

from nipype_mapsmasker.errors import ParameterError

__all__ = [
    "COMPCOR_KINDS",
    "COMPONENTS",
    "MODELS",
    "CompcorKind",
    "ConfoundStrategy",
    "Model",
    "strategy_from",
]

Model: TypeAlias = Literal["basic", "power2", "derivatives", "full"]
"""How a signal is expanded: itself, with squares, with differences, or with both."""

CompcorKind: TypeAlias = Literal[
    "anat_combined",
    "anat_separated",
    "temporal",
    "temporal_anat_combined",
    "temporal_anat_separated",
]
"""Whose components are meant: one mask of CSF and white matter, two masks, or no anatomy."""

COMPONENTS = (
    "motion",
    "high_pass",
    "wm_csf",
    "global_signal",
    "compcor",
    "ica_aroma",
    "tedana",
    "scrub",
    "non_steady_state",
)
"""Groups of regressors and of volumes; the last is always on."""

MODELS: tuple[Model, ...] = ("basic", "power2", "derivatives", "full")
COMPCOR_KINDS: tuple[CompcorKind, ...] = (
    "anat_combined",
    "anat_separated",
    "temporal",
    "temporal_anat_combined",
    "temporal_anat_separated",
)
_CHOICES: dict[str, tuple[str, ...]] = {
    "motion": MODELS,
    "wm_csf": MODELS,
    "global_signal": MODELS,
    "compcor": COMPCOR_KINDS,
    "ica_aroma": ("full", "basic", "orthogonal"),
    "tedana": ("aggressive", "non-aggressive"),
}


@dataclass(frozen=True, kw_only=True)
class ConfoundStrategy:
    """
    Hold one strategy: which regressors, and which volumes are censored.

    Parameters
    ----------
    name : str
        What it is called.
    strategy : tuple of str
        Groups out of `COMPONENTS`.
    motion, wm_csf, global_signal : {'basic', 'power2', 'derivatives', 'full'}
        Expansion of the six motion parameters, of the two tissue signals, of the global signal.
    compcor : {'anat_combined', 'anat_separated', 'temporal', ...}
        Kind of components, see `COMPCOR_KINDS`.
    n_compcor : int, float or 'all'
        Components per mask: that many; or, below 1, as many as explain that share of variance;
        or all that the table retains. They are counted by the variance that they explain.
    ica_aroma : {'full', 'basic', 'orthogonal'}
        None, for an image that ICA-AROMA has denoised; the columns ``*aroma*``; or the columns
        ``aroma_orth_motion_*`` of fMRIPost-AROMA.
    tedana : {'aggressive', 'non-aggressive'}
        Components that tedana rejected, or all that it classified.
    scrub : int
        Shortest run of volumes between censored ones that is kept; 0 keeps all.
    fd_threshold : float or None
        Framewise displacement in mm above which a volume is censored; None: not by this.
    std_dvars_threshold : float or None
        Standardised DVARS above which a volume is censored; None: not by this.
    demean : bool
        Take each regressor's mean over kept volumes away.
    columns : tuple of str
        Further columns, by name or pattern (``'a_comp_cor_0[0-4]'``).
    regex : tuple of str
        Further columns, by regular expression, found anywhere in the name.

    Notes
    -----
    nilearn: ``load_confounds``. There ``std_dvars_threshold=None`` becomes 1.5 in presets and is
    a TypeError elsewhere; here it means what it says.
    """

    name: str
    strategy: tuple[str, ...] = ()
    motion: Model = "full"
    wm_csf: Model = "basic"
    global_signal: Model = "basic"
    compcor: CompcorKind = "anat_combined"
    n_compcor: int | float | Literal["all"] = "all"
    ica_aroma: Literal["full", "basic", "orthogonal"] = "full"
    tedana: Literal["aggressive", "non-aggressive"] = "aggressive"
    scrub: int = 5
    fd_threshold: float | None = 0.5
    std_dvars_threshold: float | None = 1.5
    demean: bool = True
    columns: tuple[str, ...] = ()
    regex: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        self._check_components()
        for word, choices in _CHOICES.items():
            value = getattr(self, word)
            if value not in choices:
                got = f"{word}={value!r}"
                raise self._fault(got, f"one of {', '.join(map(repr, choices))}")
        self._check_numbers()
        for pattern in self.regex:
            try:
                re.compile(pattern)
            except re.error as error:
                what = f"the regular expression {pattern!r}"
                raise self._fault(what, f"one that can be read ({error})") from error

    @property
    def needs_table(self) -> bool:
        """Whether columns are asked for by name; patterns may match nothing."""
        groups = set(self.strategy) - {"scrub", "non_steady_state", "tedana"}
        if self.ica_aroma == "full":
            groups.discard("ica_aroma")
        return bool(groups) or any(not set(name) & set("*?[") for name in self.columns)

    def _check_components(self) -> None:
        """Refuse groups that are not known."""
        for word in self.strategy:
            if word not in COMPONENTS:
                near = difflib.get_close_matches(str(word), COMPONENTS, n=1)
                hint = f"; is {near[0]!r} meant" if near else ""
                expected = f"words among {', '.join(COMPONENTS)}{hint}"
                got = f"{word!r} in 'strategy'"
                raise self._fault(got, expected)

    def _check_numbers(self) -> None:
        """Refuse counts and thresholds that are out of range."""
        count: object = self.n_compcor
        if count != "all":
            fits = isinstance(count, Real) and not isinstance(count, bool)
            whole = isinstance(count, Integral)
            if not fits or not (count >= 1 if whole else 0 < count < 1):  # type: ignore[operator]
                expected = "'all', a whole number of at least 1, or a share of variance below 1"
                got = f"n_compcor={count!r}"
                raise self._fault(got, expected)
        shortest: object = self.scrub
        if isinstance(shortest, bool) or not isinstance(shortest, Integral) or shortest < 0:
            got = f"scrub={shortest!r}"
            raise self._fault(got, "a whole number of volumes, 0 or more")
        for word, unit in (("fd_threshold", "mm"), ("std_dvars_threshold", "standard DVARS")):
            value = getattr(self, word)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, Real) or not float(value) > 0:
                expected = f"a number of {unit} above 0, or null to switch it off"
                got = f"{word}={value!r}"
                raise self._fault(got, expected)

    def _fault(self, got: str, expected: str) -> ParameterError:
        """Say what is wrong with this strategy."""
        return ParameterError(
            f"The strategy {self.name!r} says {got}, where {expected} is expected; correct it."
        )


def strategy_from(
    words: Mapping[str, Any], name: str, start: ConfoundStrategy | None = None
) -> ConfoundStrategy:
    """
    Make a strategy from words, as a file holds them.

    Parameters
    ----------
    words : mapping of str to object
        Names of `ConfoundStrategy`'s parameters to values; ``null`` is allowed for thresholds,
        and elsewhere leaves the default.
    name : str
        What it is called where ``words`` do not say.
    start : ConfoundStrategy, optional
        What holds where ``words`` say nothing.

    Returns
    -------
    ConfoundStrategy
        The strategy.

    Raises
    ------
    ParameterError
        A word is not known, or its value cannot be meant.

    Examples
    --------
    >>> strategy_from({"strategy": ["motion"], "motion": "basic"}, "six").motion
    'basic'
    """
    known = [field.name for field in fields(ConfoundStrategy)]
    values: dict[str, Any] = {} if start is None else {
        word: getattr(start, word) for word in known
    }  # fmt: skip
    for word, value in words.items():
        if word not in known:
            near = difflib.get_close_matches(str(word), known, n=1)
            hint = f"is {near[0]!r} meant?" if near else f"the words are {', '.join(known)}."
            msg = f"The strategy {name!r} has the word {word!r}, which is not known; {hint}"
            raise ParameterError(msg)
        if word in ("strategy", "columns", "regex"):
            values[word] = _listed(word, value, name)
        elif value is not None or word.endswith("_threshold"):
            values[word] = value
    values.setdefault("name", name)
    if values.get("global_signal") and words.get("global_signal") and start is not None:
        # As in nilearn's presets: the word alone adds the group.
        groups = values.get("strategy", ())
        values["strategy"] = tuple(dict.fromkeys([*groups, "global_signal"]))
    return ConfoundStrategy(**values)


def _listed(word: str, value: object, name: str) -> tuple[str, ...]:
    """Give the words of a list, or of a single one."""
    if value is None:
        return ()
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, Sequence) or not all(isinstance(item, str) for item in listed):
        msg = f"The strategy {name!r} says {word}={value!r}, where a list of words is expected."
        raise ParameterError(msg)
    return tuple(listed)
