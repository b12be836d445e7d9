# SPDX-License-Identifier: Apache-2.0
"""The package's own exceptions, each a subclass of the built-in one that a caller would expect."""

__all__ = [
    "DataFault",
    "EngineError",
    "GridError",
    "ImageFileError",
    "ImageHeaderError",
    "ImageKindError",
    "MapsError",
    "ParameterError",
    "SignalError",
    "TableError",
]


class DataFault(Exception):
    """The data of one run are at fault: recorded, not raised, where ``on_error='record'``."""


class ImageFileError(DataFault, OSError):
    """An image file cannot be read to its end."""


class ImageHeaderError(DataFault, ValueError):
    """An image's header cannot be true, or describes data that are not real numbers."""


class ImageKindError(TypeError):
    """What was given is no image, or not one of the dimensions that are wanted."""


class EngineError(RuntimeError):
    """A workflow could not be brought to its end; what is finished is kept."""


class GridError(DataFault, ValueError):
    """Two images do not share the space that the operation needs."""


class MapsError(DataFault, ValueError):
    """The maps cannot be fitted: empty, overlapping against the user's wish, or all masked."""


class TableError(DataFault, ValueError):
    """A table of confounds, samples, labels or runs is not of the form that is asked for."""


class SignalError(DataFault, ValueError):
    """Signals cannot be cleaned as asked: too short, wrong length, nothing left."""


class ParameterError(ValueError):
    """A value, or values together, that make no sense; no data were looked at."""
