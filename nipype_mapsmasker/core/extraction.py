# SPDX-License-Identifier: Apache-2.0
"""
Extraction: blocks of volumes to signals, in one pass and constant memory.

Every block is read once and meets every operator: b = A y per volume, s = C b at the end.
What else needs the whole run (its mean, which voxels ever had data, the quality of the fit) is
accumulated on the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from nipype_mapsmasker.core.accumulation import BasisProducts, RunningMean
from nipype_mapsmasker.core.fitting import MapsOperator, fold_resampling, solve_minimum_norm
from nipype_mapsmasker.core.grids import Grid, same_grid
from nipype_mapsmasker.core.interpolation import Interpolation, check_overlap
from nipype_mapsmasker.core.resampling import BlockResampler
from nipype_mapsmasker.core.spatial import DirectResampling
from nipype_mapsmasker.errors import ParameterError

__all__ = [
    "Extraction",
    "MissingVoxels",
    "Target",
    "extract",
    "needs_data_range",
    "route",
]

MissingVoxels: TypeAlias = Literal["zero", "exclude"]


@dataclass(frozen=True, eq=False)
class Target:
    """
    Pair an operator with the way that volumes take to its grid.

    Parameters
    ----------
    operator : MapsOperator
        The fitted maps.
    resampler : BlockResampler, optional
        Brings volumes to the operator's grid; None where they are on it.
    """

    operator: MapsOperator
    resampler: BlockResampler | None = None


@dataclass(frozen=True, eq=False)
class Extraction:
    """
    Hold what one pass over a run gives for one operator.

    Parameters
    ----------
    signals : (T, K) ndarray of float
        The region signals; a lost map is a column of zeros.
    coverage_data : (K,) ndarray of float
        Share of each map's absolute weight on voxels that had data in this run.
    r_squared : (T,) ndarray of float
        1 - ||y - M s||^2 / ||y||^2 per volume; NaN where smoothing or resampling is folded in.
    """

    signals: NDArray[np.float64]
    coverage_data: NDArray[np.float64]
    r_squared: NDArray[np.float64]


def needs_data_range(
    operators: Sequence[MapsOperator], source: Grid, interpolation: Interpolation, clip: bool
) -> bool:
    """
    Tell whether `route` needs the run's range, that is one more pass over the image.

    Parameters
    ----------
    operators : sequence of MapsOperator
        The fitted maps.
    source : Grid
        The run's grid.
    interpolation : {'continuous', 'linear', 'nearest'}
        How data are resampled.
    clip : bool
        Whether resampled data are clipped to the run's range.

    Returns
    -------
    bool
        Only cubic interpolation leaves the range of the data.
    """
    moved = any(not same_grid(operator.grid, source) for operator in operators)
    return clip and interpolation == "continuous" and moved


def route(
    operators: Sequence[MapsOperator],
    source: Grid,
    *,
    interpolation: Interpolation = "continuous",
    limits: tuple[float, float] | None = None,
    missing_voxels: MissingVoxels = "zero",
) -> list[Target]:
    """
    Choose for each operator how volumes come to its grid.

    Parameters
    ----------
    operators : sequence of MapsOperator
        The fitted maps.
    source : Grid
        The run's grid.
    interpolation : {'continuous', 'linear', 'nearest'}
        How data are resampled.
    limits : tuple of float, optional
        The run's range, to clip cubic interpolation to; None clips nothing.
    missing_voxels : {'zero', 'exclude'}
        As in `extract`.

    Returns
    -------
    list of Target
        On the run's own grid: as it is. Else folded into the operator where resampling is a
        matrix and nothing else (no clipping, no voxels to leave out), and volume by volume
        where it is not. Operators of one grid share one resampler.
    """
    targets: list[Target] = []
    resamplers: list[BlockResampler] = []
    for operator in operators:
        if same_grid(operator.grid, source):
            targets.append(Target(operator))
            continue
        check_overlap(source, operator.grid, source_name="The run", target_name="the maps")
        known = next((r for r in resamplers if same_grid(r.target, operator.grid)), None)
        if known is None:
            together = [o.voxels for o in operators if same_grid(o.grid, operator.grid)]
            known = BlockResampler(
                source,
                operator.grid,
                interpolation,
                limits,
                voxels=np.concatenate(together),
            )
            resamplers.append(known)
        linear = known.operator
        if (
            limits is None
            and missing_voxels == "zero"
            and not isinstance(linear, DirectResampling)
        ):
            targets.append(Target(fold_resampling(operator, linear, source)))
        else:
            targets.append(Target(operator, known))
    return targets


def extract(
    blocks: Iterable[NDArray[np.generic]],
    targets: Sequence[Target],
    *,
    missing_voxels: MissingVoxels = "zero",
) -> tuple[list[Extraction], NDArray[np.float64]]:
    """
    Extract the signals of one run for any number of operators, reading it once.

    Parameters
    ----------
    blocks : iterable of (n, V) ndarray
        Consecutive volumes in disk order, any numeric type; a block is not kept.
    targets : sequence of Target
        The operators.
    missing_voxels : {'zero', 'exclude'}
        What to do with voxels that never had data, that is were never finite or always zero:
        count them as 0 (nilearn), or leave them out of the fit, which only takes their part out
        of the Gram matrix: (M'M - M_bad' M_bad)^-1 M' y.

    Returns
    -------
    results : list of Extraction
        One per operator.
    mean : (V,) ndarray of float
        The run's mean image on its own grid; non-finite values count as 0.

    Raises
    ------
    ParameterError
        'exclude' together with smoothing, which mixes missing and present voxels.
    """
    if missing_voxels not in ("zero", "exclude"):
        msg = f"missing_voxels must be 'zero' or 'exclude'; got {missing_voxels!r}."
        raise ParameterError(msg)
    if missing_voxels == "exclude" and any(t.operator.folded for t in targets):
        msg = (
            "missing_voxels='exclude' cannot be combined with smoothing_fwhm or folded "
            "resampling: both mix missing and present voxels; drop one of the two."
        )
        raise ParameterError(msg)
    passes = [_Pass(target.operator) for target in targets]
    mean = RunningMean()
    for block in blocks:
        mean.add(block)
        # Operators that share a resampler share its work.
        moved: dict[int, NDArray[np.float64]] = {}
        for target, one in zip(targets, passes, strict=True):
            if target.resampler is None:
                one.products.add(block)
            else:
                key = id(target.resampler)
                if key not in moved:
                    moved[key] = target.resampler(block)
                one.products.add(moved[key])
    return [one.finish(missing_voxels) for one in passes], mean.finish()


class _Pass:
    """The running sums of one operator, and what they give."""

    def __init__(self, operator: MapsOperator) -> None:
        self.operator = operator
        self.products = BasisProducts(operator.basis, operator.voxels, operator.grid.n_voxels)
        self.unseen = np.zeros(0, np.intp)

    def finish(self, missing_voxels: MissingVoxels) -> Extraction:
        """Turn the sums into signals."""
        operator = self.operator
        products, squares, self.unseen = self.products.finish()
        if missing_voxels == "exclude" and self.unseen.size:
            signals = self._without_missing(products)
        else:
            signals = products @ operator.mixing.T
        if not operator.folded:
            explained = np.einsum("ij,ij->i", signals @ operator.factor.T, products)
            with np.errstate(invalid="ignore", divide="ignore"):
                r_squared = np.where(squares > 0, explained / squares, np.nan)
        else:
            r_squared = np.full(squares.shape, np.nan)
        return Extraction(signals, self._coverage(), r_squared)

    def _without_missing(self, products: NDArray[np.float64]) -> NDArray[np.float64]:
        """Solve the least squares over the voxels that had data."""
        operator = self.operator
        seen = np.ones(operator.voxels.size, dtype=bool)
        seen[self.unseen] = False
        # The file of an operator may hold float32; all arithmetic is in float64.
        rows = operator.basis[:, seen].astype(np.float64, copy=False)
        maps_rows = rows if _is_identity(operator.factor) else operator.factor.T @ rows
        right = operator.factor.T @ products.T
        return solve_minimum_norm(maps_rows, right).T

    def _coverage(self) -> NDArray[np.float64]:
        """Share of each map's weight on voxels that had data."""
        operator = self.operator
        if not self.unseen.size:
            return np.where(operator.lost, 0.0, 1.0)
        weight = _absolute_rows(operator)
        total = np.asarray(weight.sum(axis=1, dtype=np.float64)).reshape(-1)
        missing = np.asarray(weight[:, self.unseen].sum(axis=1, dtype=np.float64)).reshape(-1)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = 1.0 - missing / total
        return np.where(total > 0, np.clip(share, 0.0, 1.0), 0.0)


def _absolute_rows(operator: MapsOperator) -> NDArray[np.floating] | sparse.csr_array:
    """Give |M'|; with smoothing folded in, the weight that raw voxels really carry."""
    if _is_identity(operator.factor):
        return abs(operator.basis)
    return np.abs(operator.factor.T @ operator.basis)


def _is_identity(factor: NDArray[np.float64]) -> bool:
    """Tell whether F is the identity of the Gram solution."""
    return np.array_equal(factor, np.eye(factor.shape[0], factor.shape[1]))
