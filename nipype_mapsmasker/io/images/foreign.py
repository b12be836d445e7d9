# SPDX-License-Identifier: Apache-2.0
"""Images that are not NIfTI: whatever nibabel loads, as facts and as bytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.errors import ImageFileError
from nipype_mapsmasker.io.files import file_faults

__all__ = ["ForeignHeader", "ForeignStream", "read_foreign_header"]


@dataclass(frozen=True)
class ForeignHeader:
    """
    Hold what nibabel says about an image.

    Parameters
    ----------
    shape : tuple of int
        As stored, of any length.
    affine : (4, 4) ndarray of float
        From voxel indices to millimetres.
    dtype : dtype
        Of the stored voxels, or of those that nibabel returns.
    slope, intercept : float
        Scaling that is still to be done.
    spacing, units : float, int
        Time between volumes, and NIfTI's code of its unit.
    data_path : Path or None
        The file to stream the voxels from; None when only nibabel can read them.
    offset : int
        Bytes before the first voxel.
    time_axis : int
        Which axis of the stored array is time, if it has one; the others are those of space in
        the order of ``shape``.
    """

    shape: tuple[int, ...]
    affine: NDArray[np.float64]
    dtype: np.dtype[np.generic]
    slope: float
    intercept: float
    spacing: float
    units: int
    data_path: Path | None
    offset: int
    time_axis: int = 3


def read_foreign_header(path: Path) -> ForeignHeader:
    """
    Read a header through nibabel.

    Parameters
    ----------
    path : Path
        An image of any format but NIfTI.

    Returns
    -------
    ForeignHeader
        With the axis of time last.

    Raises
    ------
    ImageFileError
        nibabel does not know the format, or cannot read this file of it.
    """
    image = _load(path)
    proxy = image.dataobj
    spacing, units = _time_step(image)
    where = getattr(proxy, "file_like", None)
    if _is_plain_layout(proxy) and isinstance(where, str) and not where.endswith(_OTHER_ZIPS):
        # Analyze, SPM and FreeSurfer volumes lie on disk as NIfTI's do.
        return ForeignHeader(
            shape=tuple(int(size) for size in proxy.shape),
            affine=np.array(image.affine, dtype=np.float64),
            dtype=np.dtype(proxy.dtype),
            slope=float(np.asarray(proxy.slope).item()),
            intercept=float(np.asarray(proxy.inter).item()),
            spacing=spacing,
            units=units,
            data_path=Path(where),
            offset=int(proxy.offset),
        )
    axis = _time_axis(proxy)
    stored = [int(size) for size in image.shape]
    if axis < len(stored):
        stored.append(stored.pop(axis))
    return ForeignHeader(
        shape=tuple(stored),
        affine=np.array(image.affine, dtype=np.float64),
        dtype=np.dtype(np.float64),
        slope=1.0,
        intercept=0.0,
        spacing=spacing,
        units=units,
        data_path=None,
        offset=0,
        time_axis=axis,
    )


class ForeignStream:
    """
    Give nibabel's volumes as the bytes of float64 numbers, x fastest.

    Parameters
    ----------
    path : Path
        An image of any format but NIfTI.
    shape : tuple of int
        Numbers of voxels (X, Y, Z).
    n_volumes : int
        Number of volumes T.

    Notes
    -----
    Each call of `readinto` must ask for whole volumes, as those of `iter_blocks` do.
    """

    def __init__(self, path: Path, shape: tuple[int, int, int], n_volumes: int) -> None:
        self._path = path
        self._proxy = _load(path).dataobj
        self._time_axis = _time_axis(self._proxy)
        self._shape = shape
        self._n_volumes = n_volumes
        self._next = 0

    def readinto(self, view: memoryview) -> int:
        """Fill ``view`` with the next volumes."""
        volumes = np.frombuffer(view, dtype=np.float64).reshape(-1, *self._shape[::-1])
        n_wanted = min(len(volumes), self._n_volumes - self._next)
        for volume in volumes[:n_wanted]:
            volume.T[...] = self._read_volume(self._next)
            self._next += 1
        return n_wanted * int(volumes[0].nbytes)

    def finish(self) -> None:
        """Do nothing: nibabel has read what it needs."""

    def close(self) -> None:
        """Let nibabel's image go."""
        self._proxy = None

    def _read_volume(self, index: int) -> NDArray[np.float64]:
        """Read one volume, (X, Y, Z)."""
        n_axes = len(self._proxy.shape)
        where: Any = ...
        if n_axes > 3:
            axes: list[Any] = [slice(None)] * 3
            axes.insert(self._time_axis, index)
            where = (*axes, *(0,) * (n_axes - 4))
        try:
            with file_faults(self._path):
                return np.asarray(self._proxy[where], dtype=np.float64)
        except (ValueError, EOFError) as error:
            msg = (
                f"{self._path} cannot be read beyond volume {index} of {self._n_volumes} "
                f"({error}); copy it again or convert it to NIfTI."
            )
            raise ImageFileError(msg) from error


_OTHER_ZIPS = (".bz2", ".zst")


def _load(path: Path) -> Any:
    """Load with nibabel, its many complaints made one."""
    import nibabel as nib
    from nibabel.filebasedimages import ImageFileError as NibabelFileError
    from nibabel.spatialimages import HeaderDataError, SpatialImage

    advice = "give a NIfTI file (.nii, .nii.gz, or .hdr with .img) or another format that nibabel "
    advice += "reads."

    def fault(reason: str) -> ImageFileError:
        return ImageFileError(f"{path} is not an image that can be read ({reason}); {advice}")

    try:
        with file_faults(path):
            image = nib.load(path)
    except ImageFileError:
        raise
    except (NibabelFileError, HeaderDataError) as error:
        raise fault(_one_line(error)) from error
    except (OSError, MemoryError):
        raise
    except Exception as error:
        # The readers of some twenty formats raise whatever a malformed file leads them to.
        reason = f"{type(error).__name__}: {_one_line(error)}"
        raise fault(reason) from error
    if not isinstance(image, SpatialImage) or len(image.shape) < 1:
        kind = type(image).__name__
        surface = ", data on a surface: give the run as an image of the whole volume"
        reason = f"it holds a {kind}{surface if 'Gifti' in kind else ''}"
        raise fault(reason)
    return image


def _is_plain_layout(proxy: Any) -> bool:
    """Tell whether nibabel only reads, orders and scales numbers that lie x fastest."""
    from nibabel.arrayproxy import ArrayProxy

    return type(proxy) is ArrayProxy and getattr(proxy, "order", "F") == "F"


def _time_axis(proxy: Any) -> int:
    """Give the axis of time: MINC names its axes, and most often puts time first."""
    names = getattr(getattr(proxy, "minc_file", None), "_dim_names", ())
    names = [name.decode() if isinstance(name, bytes) else name for name in names]
    return names.index("time") if "time" in names else 3


def _time_step(image: Any) -> tuple[float, int]:
    """Give the spacing of the fourth axis and NIfTI's code of its unit."""
    from nibabel.freesurfer.mghformat import MGHImage

    minc = getattr(image.dataobj, "minc_file", None)
    # nibabel puts MINC's sizes of voxels first in its own header, wherever the axes are.
    zooms = (image.header if minc is None else minc).get_zooms()
    spacing = float(zooms[_time_axis(image.dataobj)]) if len(zooms) > 3 else 0.0
    return spacing, 16 if isinstance(image, MGHImage) else 0


def _one_line(error: BaseException) -> str:
    """Give an error's text without line breaks and without a final full stop."""
    return " ".join(str(error).split()).rstrip(".")
