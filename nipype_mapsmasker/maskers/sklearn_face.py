# SPDX-License-Identifier: Apache-2.0
"""
What a masker has from scikit-learn, and what it has without.

With scikit-learn a masker is a ``BaseEstimator`` and a ``TransformerMixin``. Without it, its
parameters can be read and set all the same; metadata routing says what to install.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.errors import ParameterError

__all__ = [
    "CLEAN_PREFIX",
    "HAS_SKLEARN",
    "CleanKeywords",
    "Estimator",
    "NotFittedError",
    "default_container",
    "in_container",
]

try:
    from sklearn.base import BaseEstimator, TransformerMixin
    from sklearn.exceptions import NotFittedError
    from sklearn.utils import InputTags

    HAS_SKLEARN = True
except ImportError:
    HAS_SKLEARN = False

CLEAN_PREFIX = "clean__"
"""Keywords of the constructor that begin so go to the cleaning, as in the reference."""


if HAS_SKLEARN:

    @dataclass(slots=True)
    class _ImageTags(InputTags):
        """Tags of images, as nilearn has them; of arrays too, or scikit-learn checks nothing."""

        niimg_like: bool = True
        surf_img: bool = False

    class Estimator(TransformerMixin, BaseEstimator):
        """scikit-learn's estimator; containers are made here, because outputs may be lists."""

        def __init_subclass__(cls, **kwargs: Any) -> None:
            super().__init_subclass__(**{**kwargs, "auto_wrap_output_keys": None})

        def __sklearn_tags__(self) -> Any:
            tags = super().__sklearn_tags__()
            tags.estimator_type = "masker"
            tags.input_tags = _ImageTags()
            return tags

else:

    class NotFittedError(ValueError, AttributeError):  # type: ignore[no-redef]
        """The masker was not fitted yet."""

    def _needs_sklearn(name: str) -> Callable[..., Any]:
        """Make a method that says what to install."""

        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            del args, kwargs
            msg = (
                f"{type(self).__name__}.{name} is scikit-learn's metadata routing, and "
                "scikit-learn is not installed: pip install 'nipype-mapsmasker[estimator]'."
            )
            raise ImportError(msg)

        method.__name__ = name
        return method

    class Estimator:  # type: ignore[no-redef]
        """Parameters of the constructor, to be read and set."""

        get_metadata_routing = _needs_sklearn("get_metadata_routing")
        set_fit_request = _needs_sklearn("set_fit_request")
        set_transform_request = _needs_sklearn("set_transform_request")
        set_inverse_transform_request = _needs_sklearn("set_inverse_transform_request")

        @classmethod
        def _get_param_names(cls) -> list[str]:
            found = inspect.signature(cls).parameters.values()
            return sorted(p.name for p in found if p.kind is not p.VAR_KEYWORD)

        def get_params(self, deep: bool = True) -> dict[str, Any]:
            """Give the constructor's arguments by name."""
            del deep
            return {name: getattr(self, name) for name in self._get_param_names()}

        def set_params(self, **params: Any) -> Any:
            """Set some of the constructor's arguments."""
            known = self._get_param_names()
            for name, value in params.items():
                if name not in known:
                    msg = f"{type(self).__name__} has no parameter {name!r}; it has {known}."
                    raise ValueError(msg)
                setattr(self, name, value)
            return self

        def __getstate__(self) -> dict[str, Any]:
            return dict(self.__dict__)

        def __repr__(self) -> str:
            defaults = inspect.signature(type(self)).parameters
            given = [
                f"{name}={value!r}"
                for name, value in self.get_params().items()
                if name not in defaults or value is not defaults[name].default
            ]
            return f"{type(self).__name__}({', '.join(given)})"


class CleanKeywords(Estimator):
    """An estimator whose constructor takes ``clean__*`` beside its named parameters."""

    _clean_kwargs: dict[str, Any] = {}

    def _take_clean_keywords(self, keywords: dict[str, Any]) -> None:
        """Keep the keywords that go to the cleaning; refuse others."""
        unknown = [name for name in keywords if not name.startswith(CLEAN_PREFIX)]
        if unknown:
            msg = (
                f"{type(self).__name__}() got unexpected keyword arguments {unknown}; beside the "
                f"named ones it takes {CLEAN_PREFIX}*."
            )
            raise TypeError(msg)
        if keywords:
            self._clean_kwargs = dict(keywords)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """
        Give the constructor's arguments, ``clean__*`` among them.

        Parameters
        ----------
        deep : bool
            Without meaning here, as a masker holds no other estimator.

        Returns
        -------
        dict
            By name.
        """
        return {**super().get_params(deep=deep), **self._clean_kwargs}

    def set_params(self, **params: Any) -> Any:
        """
        Set some of the constructor's arguments.

        Parameters
        ----------
        **params
            By name, ``clean__*`` among them.

        Returns
        -------
        self
            The masker.
        """
        mine = {name: value for name, value in params.items() if name.startswith(CLEAN_PREFIX)}
        rest = {name: value for name, value in params.items() if name not in mine}
        super().set_params(**rest)
        if mine:
            self._clean_kwargs = {**self._clean_kwargs, **mine}
        return self


def in_container(kind: str, signals: NDArray[np.floating], names: list[str]) -> Any:
    """Give signals as what ``set_output`` asked for."""
    if kind == "default":
        return signals
    table = np.atleast_2d(signals)
    if kind == "pandas":
        import pandas as pd

        return pd.DataFrame(table, columns=names)
    if kind == "polars":
        import polars as pl

        return pl.DataFrame(table, schema=names, orient="row")
    msg = f"set_output takes transform='default', 'pandas' or 'polars'; got {kind!r}."
    raise ParameterError(msg)


def default_container() -> str:
    """Give the container that scikit-learn is set to, where it is installed."""
    if not HAS_SKLEARN:
        return "default"
    from sklearn import get_config

    return str(get_config().get("transform_output", "default"))
