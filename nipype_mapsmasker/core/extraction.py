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

from nipype_mapsmasker.core.accumulation import BasisProducts, RunningMean
from nipype_mapsmasker.core.fitting import MapsOperator, fold_resampling
from nipype_mapsmasker.core.grids import Grid, same_grid
from nipype_mapsmasker.core.interpolation import Interpolation, check_overlap
from nipype_mapsmasker.core.least_squares import Solution
from nipype_mapsmasker.core.maps import to_dense
from nipype_mapsmasker.core.missing import Holes, MissingSolver, coverage_of
from nipype_mapsmasker.core.presence import Presence, PresenceCounter, look_through
from nipype_mapsmasker.core.resampling import KNOWN_SHARE, BlockResampler
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
    empty : (T,) ndarray of bool
        Volumes without any data under the maps.
    missing : (T, K) ndarray of int
        Voxels of each map that have data in the run, but not in this volume.
    """

    signals: NDArray[np.float64]
    coverage_data: NDArray[np.float64]
    r_squared: NDArray[np.float64]
    empty: NDArray[np.bool_]
    missing: NDArray[np.int64]


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
    step: float = 0.0,
) -> tuple[list[Extraction], NDArray[np.float64]]:
    """
    Extract the signals of one run for any number of operators, reading it once.

    Parameters
    ----------
    blocks : iterable of (n, V) ndarray
        Consecutive volumes in disk order, any numeric type; a block is not kept. With 'exclude'
        it must be possible to go through them again, as through a list.
    targets : sequence of Target
        The operators.
    missing_voxels : {'zero', 'exclude'}
        What to do with voxels that have no data, that is are not finite or zero, or constant over
        the run: count them as they are, what is not finite as 0 (nilearn), or leave them out of
        the fit, in the whole run or in the volumes where they are missing. This only takes their
        part out of the Gram matrix: (M'M - M_bad' M_bad)^-1 M' y.
    step : float
        As in `nipype_mapsmasker.core.presence.PresenceCounter`.

    Returns
    -------
    results : list of Extraction
        One per operator; with 'exclude' NaN for what has no data in a volume.
    mean : (V,) ndarray of float
        The run's mean image on its own grid; non-finite values count as 0.

    Raises
    ------
    ParameterError
        'exclude' together with smoothing, which mixes missing and present voxels.

    Notes
    -----
    The run is read a second time only with 'exclude': for data that are resampled, where it must
    be known before which voxels have any, and for volumes in which what is left of the maps is
    nearly collinear.
    """
    if missing_voxels not in ("zero", "exclude"):
        msg = f"missing_voxels must be 'zero' or 'exclude'; got {missing_voxels!r}."
        raise ParameterError(msg)
    exclude = missing_voxels == "exclude"
    if exclude and any(t.operator.folded for t in targets):
        msg = (
            "missing_voxels='exclude' cannot be combined with smoothing_fwhm or folded "
            "resampling: both mix missing and present voxels; drop one of the two."
        )
        raise ParameterError(msg)
    if exclude and iter(blocks) is iter(blocks):
        msg = (
            "missing_voxels='exclude' may have to read a run twice, and the blocks can be gone "
            "through only once; pass a list, or an object that begins anew."
        )
        raise ParameterError(msg)
    presence = None
    if exclude and any(target.resampler is not None for target in targets):
        presence = look_through(blocks, step)
    counter, mean = PresenceCounter(step), RunningMean()
    passes = [_Pass(target) for target in targets]
    movers = _Movers(targets, presence)
    for block in blocks:
        mean.add(block)
        if presence is None:
            counter.add(block)
        for one, moved in zip(passes, movers(block), strict=True):
            one.products.add(moved)
    presence = counter.finish() if presence is None else presence
    results = [one.finish(presence, exclude=exclude) for one in passes]
    if any(one.again for one in passes):
        movers.restart()
        for block in blocks:
            for one, moved in zip(passes, movers(block), strict=True):
                one.solve_again(moved)
    return results, mean.finish()


class _Movers:
    """
    Bring blocks to the grids of all operators; those that share a resampler share its work.

    Parameters
    ----------
    targets : sequence of Target
        The operators.
    presence : Presence or None
        Where the run has data, if what has none is to be left out.
    """

    def __init__(self, targets: Sequence[Target], presence: Presence | None) -> None:
        self._targets = targets
        self._presence = presence
        self._done = 0

    def restart(self) -> None:
        """Begin again at the first volume."""
        self._done = 0

    def __call__(self, block: NDArray[np.generic]) -> list[NDArray[np.generic]]:
        """Give the block as each operator wants it."""
        moved: dict[int, NDArray[np.generic]] = {}
        for target in self._targets:
            resampler = target.resampler
            if resampler is not None and id(resampler) not in moved:
                moved[id(resampler)] = self._move(resampler, block)
        self._done += len(block)
        return [block if t.resampler is None else moved[id(t.resampler)] for t in self._targets]

    def _move(self, resampler: BlockResampler, block: NDArray[np.generic]) -> NDArray[np.float64]:
        """Resample a block, around its holes where they are known."""
        if self._presence is None:
            return resampler(block)
        patterns = self._presence.pattern_of[self._done : self._done + len(block)]
        out = np.empty((len(block), resampler.target.n_voxels))
        for pattern in np.unique(patterns):
            known = self._presence.known(int(pattern))
            out[patterns == pattern] = resampler.normalised(block[patterns == pattern], known)
        return out


class _Pass:
    """The running sums of one operator, and what they give."""

    def __init__(self, target: Target) -> None:
        operator = target.operator
        self.operator, self._resampler = operator, target.resampler
        self.products = BasisProducts(operator.basis, operator.voxels, operator.grid.n_voxels)
        self.again: dict[int, tuple[Solution, NDArray[np.bool_], NDArray[np.bool_]]] = {}
        self._holes: Holes | None = None
        self._signals = self._r_squared = np.zeros(0)
        self._done = 0

    def finish(self, presence: Presence, *, exclude: bool) -> Extraction:
        """Turn the sums into signals."""
        operator = self.operator
        products, squares = self.products.finish()
        holes, share = self._find_holes(presence)
        self._holes = holes
        signals = products @ operator.mixing.T
        explained = np.einsum("ij,ij->i", signals @ operator.factor.T, products)
        self._signals = signals
        self._r_squared = np.full(squares.shape, np.nan)
        if not operator.folded:
            with np.errstate(invalid="ignore", divide="ignore"):
                self._r_squared[:] = np.where(squares > 0, explained / squares, np.nan)
        if exclude:
            self._leave_out(products, squares)
        return Extraction(
            signals,
            coverage_of(operator, share),
            self._r_squared,
            holes.empty,
            holes.count(operator),
        )

    def _find_holes(self, presence: Presence) -> tuple[Holes, NDArray[np.float64]]:
        """Tell which of the operator's voxels have no data, and how much of each has."""
        voxels = self.operator.voxels
        if self._resampler is None:
            holes = Holes.on_grid(presence, voxels)
            return holes, (~holes.never).astype(np.float64)
        numbers = range(-1, len(presence.patterns))
        shares = [self._resampler.share(presence.known(number))[voxels] for number in numbers]
        known = [share >= KNOWN_SHARE for share in shares]
        return Holes.resampled(presence, known), shares[0]

    def _leave_out(self, products: NDArray[np.float64], squares: NDArray[np.float64]) -> None:
        """Solve the least squares over the voxels that have data, pattern by pattern."""
        holes, operator = self._holes, self.operator
        assert holes is not None
        solver = None
        always = operator.lost
        for pattern in range(-1, len(holes.patterns)):
            where = np.flatnonzero((holes.pattern_of == pattern) & ~holes.empty)
            out = holes.without_data(pattern)
            if not where.size or not out.size:
                continue
            solver = MissingSolver(operator) if solver is None else solver
            values = holes.values[pattern + 1][out]
            found = solver.from_products(products[where], out, values)
            if found is None:
                self.again[pattern] = solver.anew(out)
                lost = self.again[pattern][2]
            else:
                self._signals[where], lost = found
                explained = np.einsum(
                    "ij,ij->i", self._signals[where] @ operator.factor.T,
                    products[where] - values @ to_dense(operator.basis[:, out]).T,
                )  # fmt: skip
                left = squares[where] - values @ values
                with np.errstate(invalid="ignore", divide="ignore"):
                    self._r_squared[where] = np.where(left > 0, explained / left, np.nan)
            if pattern < 0:
                always = lost
            else:
                self._signals[np.ix_(where, np.flatnonzero(lost & ~always))] = np.nan
        self._signals[holes.empty] = np.nan

    def solve_again(self, block: NDArray[np.generic]) -> None:
        """Solve the volumes of a second reading whose maps were factorised anew."""
        assert self._holes is not None
        for volume in block:
            number = self._done
            self._done += 1
            pattern = int(self._holes.pattern_of[number])
            if pattern not in self.again or self._holes.empty[number]:
                continue
            solution, seen, lost = self.again[pattern]
            values = volume[self.operator.voxels[seen]].astype(np.float64)
            products = solution.basis @ values
            signals = solution.mixing @ products
            power = values @ values
            self._r_squared[number] = (
                (solution.factor @ signals) @ products / power if power else np.nan
            )
            gone = np.isnan(self._signals[number])
            self._signals[number] = np.where(gone & lost, np.nan, signals)
