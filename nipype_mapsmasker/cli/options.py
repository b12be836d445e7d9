# SPDX-License-Identifier: Apache-2.0
"""From parsed arguments to the parameters of the builders."""

from __future__ import annotations

import argparse
import re
from typing import Any, Literal

from nipype_mapsmasker.core.parameters import MaskerParameters, strategy_parameters
from nipype_mapsmasker.errors import ParameterError
from nipype_mapsmasker.io.images.names import image_stem
from nipype_mapsmasker.io.sidecars import read_json_object

__all__ = ["atlas_names", "displayed_maps", "masker_parameters"]


def masker_parameters(arguments: argparse.Namespace) -> MaskerParameters:
    """
    Gather and check the parameters.

    Parameters
    ----------
    arguments : argparse.Namespace
        Of the command ``run``.

    Returns
    -------
    MaskerParameters
        Checked alone and together.

    Raises
    ------
    ParameterError
        They cannot be meant.
    """
    widths = arguments.smoothing_fwhm
    return MaskerParameters(
        atlases=atlas_names(arguments.maps, arguments.atlas_names),
        allow_overlap=arguments.allow_overlap,
        smoothing_fwhm=widths[0] if widths is not None and len(widths) == 1 else widths,
        resampling_target=_none(arguments.resampling_target),
        keep_masked_maps=arguments.keep_masked_maps,
        min_coverage=arguments.min_coverage,
        missing_voxels=arguments.missing_voxels,
        interpolation=arguments.interpolation,
        clip=arguments.clip,
        mask_threshold=arguments.mask_threshold,
        high_variance_confounds=arguments.high_variance_confounds,
        n_confounds=arguments.n_confounds,
        percentile=arguments.percentile,
        strategies=_strategies(arguments),
        dtype=arguments.dtype,
        output_format=arguments.output_format,
        inverse_transform=arguments.inverse_transform,
        reports=arguments.reports,
        displayed_maps=displayed_maps(arguments.displayed_maps),
        cmap=arguments.cmap,
        on_error=arguments.on_error,
    )


def atlas_names(maps: list[str], names: list[str] | None) -> list[str]:
    """
    Name the atlases.

    Parameters
    ----------
    maps : list of str
        The maps images.
    names : list of str or None
        Names that the user gave.

    Returns
    -------
    list of str
        Letters and digits only, all different.

    Raises
    ------
    ParameterError
        Not one name per image.

    Examples
    --------
    >>> atlas_names(["msdl_maps.nii.gz", "tpl-MNI_atlas-DiFuMo_probseg.nii.gz"], None)
    ['msdl', 'DiFuMo']
    """
    if names is not None:
        if len(names) != len(maps):
            msg = f"--maps has {len(maps)} entries and --atlas-names {len(names)}; give as many."
            raise ParameterError(msg)
        return names
    made: list[str] = []
    for path in maps:
        stem = image_stem(path)
        entity = re.search(r"(?:^|_)atlas-([A-Za-z0-9+]+)", stem)
        name = entity.group(1) if entity else re.sub(r"[^A-Za-z0-9+]", "", _short(stem))
        name = name or "maps"
        made.append(name if name not in made else f"{name}{len(made) + 1}")
    return made


def displayed_maps(given: list[str]) -> int | list[int] | Literal["all"]:
    """
    Read ``--displayed-maps``.

    Parameters
    ----------
    given : list of str
        A number, several numbers, or 'all'.

    Returns
    -------
    int, list of int or 'all'
        As the pages take it: one number is a count.

    Raises
    ------
    ParameterError
        Anything else.
    """
    if given == ["all"]:
        return "all"
    try:
        numbers = [int(text) for text in given]
    except ValueError as error:
        msg = f"--displayed-maps takes numbers or 'all'; got {' '.join(given)!r}."
        raise ParameterError(msg) from error
    return numbers[0] if len(numbers) == 1 else numbers


def _strategies(arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Gather the one strategy of the options, or those of a file on top of it."""
    options = {name: getattr(arguments, name) for name in strategy_parameters()}
    for name in ("standardize", "filter", "butterworth_padtype"):
        options[name] = _none(options[name])
    if arguments.strategies is None:
        return {"": options}
    strategies = read_json_object(arguments.strategies, "--strategies")
    for name, fields in strategies.items():
        if not isinstance(fields, dict):
            msg = (
                f"--strategies {arguments.strategies}: {name!r} is {fields!r}, expected an object "
                "of cleaning options."
            )
            raise ParameterError(msg)
    return {name: options | _words(fields) for name, fields in strategies.items()}


def _words(fields: dict[str, Any]) -> dict[str, Any]:
    """Take the word none, as the options have it, as None."""
    return {
        name: _none(value) if name in ("standardize", "filter", "butterworth_padtype") else value
        for name, value in fields.items()
    }


def _none(value: str) -> Any:
    """Take the word none as None."""
    return None if value == "none" else value


def _short(stem: str) -> str:
    """Take off what only says that there are maps."""
    return re.sub(r"[_-]?(maps|probseg|dseg|atlas)$", "", stem)
