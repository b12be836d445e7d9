# SPDX-License-Identifier: Apache-2.0
"""
Extraction: blocks of volumes to signals, in one pass and constant memory.

Every block is read once and meets every operator: b = A y per volume, s = C b at the end.
What else needs the whole run (its mean, which voxels ever had data, the quality of the fit) is
accumulated on the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.core.accumulation import MaskedMean, RunningSum, RunProducts
from nipype_mapsmasker.core.fitting import MapsOperator, fold_resampling
from nipype_mapsmasker.core.gathering import Gathering
from nipype_mapsmasker.core.grids import Grid, same_grid
from nipype_mapsmasker.core.interpolation import Interpolation, check_overlap
from nipype_mapsmasker.core.operator_solver import Extraction, OperatorSolver
from nipype_mapsmasker.core.presence import Presence, PresenceCounter, look_through
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
            "missing_voxels='exclude' cannot be combined with smoothing_fwhm, demean or folded "
            "resampling: all of them mix missing and present voxels; drop one of the two."
        )
        raise ParameterError(msg)
    if exclude and iter(blocks) is iter(blocks):
        msg = (
            "missing_voxels='exclude' may have to read a run twice, and the blocks can be gone "
            "through only once; pass a list, or an object that begins anew."
        )
        raise ParameterError(msg)
    resampled = any(target.resampler is not None for target in targets)
    presence = look_through(blocks, step) if exclude and resampled else None
    watched = _reached(targets) if resampled and presence is None else None
    counter = PresenceCounter(step)
    # On one grid, only voxels that some operator reads can be missed.
    streams = _streams(targets, presence, None if resampled else counter)
    own = next((stream for stream in streams if stream.is_direct), None)
    total, n_voxels = RunningSum(), 0
    for block in blocks:
        if own is None:
            total.add(block)
        if watched is not None:
            counter.add(block, watched)
            n_voxels = block.shape[1]
        for stream in streams:
            stream.add(block)
    for stream in streams:
        stream.end()
    presence = counter.finish() if presence is None else presence
    if watched is not None:
        presence = presence.among(watched, n_voxels)
    image = total.mean() if own is None else own.mean
    for stream in streams:
        stream.solve(presence, gathered=not resampled, exclude=exclude)
    if any(solver.again for stream in streams for solver in stream.solvers):
        for block in blocks:
            for stream in streams:
                stream.solve_again(block)
    found = {number: one for stream in streams for number, one in stream.finish()}
    return [found[number] for number in range(len(targets))], image


class _Stream:
    """
    What reads volumes of one kind: those of the run as they are, or brought to another grid.

    Parameters
    ----------
    targets : dict of int to Target
        The operators that do, by their number.
    presence : Presence or None
        Where the run has data, if what has none is to be left out of resampling.
    counter : PresenceCounter or None
        Is shown the voxels that the operators read.
    """

    def __init__(
        self,
        targets: dict[int, Target],
        presence: Presence | None,
        counter: PresenceCounter | None,
    ) -> None:
        first = next(iter(targets.values()))
        self._numbers = list(targets)
        self._resampler, self._presence = first.resampler, presence
        self.solvers = [OperatorSolver(t.operator, t.resampler) for t in targets.values()]
        operators = [target.operator for target in targets.values()]
        gathering = operators[0].gathering
        if len(operators) > 1:
            voxels = [operator.voxels for operator in operators]
            gathering = Gathering(voxels, operators[0].grid.shape)
        self._positions = gathering.positions
        bases = [operator.basis for operator in operators]
        self._running_mean = MaskedMean(gathering.voxels)
        self._products = RunProducts(bases, gathering, counter, self._running_mean)
        self.mean = np.zeros(0)  # of all volumes, at the end
        self._sums: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
        self._done = 0

    @property
    def is_direct(self) -> bool:
        """Whether its volumes are the run's as they are."""
        return self._resampler is None

    def add(self, block: NDArray[np.generic]) -> None:
        """Take the run's next volumes in."""
        self._products.add(self._move(block))

    def end(self) -> None:
        """Multiply what waits; there are no more volumes."""
        self._sums = self._products.finish()
        self.mean = self._running_mean.mean()

    def solve(self, presence: Presence, *, gathered: bool, exclude: bool) -> None:
        """Solve for the signals; ``gathered`` says that the presence is of gathered voxels."""
        self._done = 0
        parts = zip(self.solvers, self._sums, self._positions, strict=True)
        for solver, sums, positions in parts:
            places = positions if gathered else solver.operator.voxels
            solver.solve(sums, presence, places, exclude=exclude)

    def solve_again(self, block: NDArray[np.generic]) -> None:
        """Take the volumes of a second reading in."""
        moved = self._move(block)
        for solver in self.solvers:
            solver.solve_again(moved)

    def finish(self) -> Iterator[tuple[int, Extraction]]:
        """Give what was found, with each operator's number."""
        for number, solver in zip(self._numbers, self.solvers, strict=True):
            yield number, solver.finish(self.mean)

    def _move(self, block: NDArray[np.generic]) -> NDArray[np.generic]:
        """Resample a block, if that is wanted, around its holes where they are known."""
        resampler = self._resampler
        if resampler is None:
            return block
        if self._presence is None:
            return resampler(block)
        patterns = self._presence.pattern_of[self._done : self._done + len(block)]
        self._done += len(block)
        out = np.empty((len(block), resampler.target.n_voxels))
        for pattern in np.unique(patterns):
            known = self._presence.known(int(pattern))
            out[patterns == pattern] = resampler.normalised(block[patterns == pattern], known)
        return out


def _reached(targets: Sequence[Target]) -> NDArray[np.intp]:
    """List the voxels of the run that matter: of noise around the head nothing is missing."""
    reached = np.zeros(0, np.bool_)
    for resampler, operator in ((target.resampler, target.operator) for target in targets):
        if resampler is not None:
            own = resampler.reach(operator.voxels)
        else:
            own = np.zeros(operator.grid.n_voxels, np.bool_)
            own[operator.voxels] = True
        reached = own if not reached.size else reached | own
    return np.flatnonzero(reached)


def _streams(
    targets: Sequence[Target], presence: Presence | None, counter: PresenceCounter | None
) -> list[_Stream]:
    """Put operators together that share a resampler, or need none."""
    kinds: dict[int, dict[int, Target]] = {}
    for number, target in enumerate(targets):
        kinds.setdefault(id(target.resampler), {})[number] = target
    return [_Stream(kind, presence, counter) for kind in kinds.values()]
