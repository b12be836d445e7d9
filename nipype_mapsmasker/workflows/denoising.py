# SPDX-License-Identifier: Apache-2.0
"""Steps before and after a cleaning: regressors and volumes; connectomes, maps, images."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from nipype_mapsmasker.core.names import node_label
from nipype_mapsmasker.core.parameters import CensoringParameters, values_of

if TYPE_CHECKING:
    from nipype_mapsmasker.core.parameters import OutputParameters
    from nipype_mapsmasker.workflows.steps import Graph, RunSteps, Source

__all__ = ["add_analyses", "add_selections", "chosen_tables"]


def add_selections(graph: Graph, run: RunSteps) -> None:
    """
    Add the choice of regressors and volumes, one per strategy that makes one.

    Parameters
    ----------
    graph : Graph
        The graph.
    run : RunSteps
        The steps so far; gets the choices.
    """
    from nipype_mapsmasker.interfaces.denoising import SelectConfounds

    given = graph.given
    for strategy, chosen in given.confound_strategies().items():
        if chosen is None:
            continue
        interface = SelectConfounds(
            **values_of(given, CensoringParameters),
            confounds_na=given.cleanings()[strategy]["confounds_na"],
            missing_confounds=given.cleanings()[strategy]["missing_confounds"],
            strategy=_plain(asdict(chosen)),
            on_error=given.on_error,
        )
        per_run = {
            **graph.of_run(
                "confounds_files", "sample_mask_file", "in_file", source="clean_source"
            ),
            **run.so_far(graph, strategy),
            # Any atlas tells which volumes hold nothing.
            "fit_quality_file": graph.element(run.extract, "fit_quality_files", 0),
            "t_r": (run.extract, "t_r"),
            "messages": (run.extract, "messages"),
        }
        name = f"select_confounds_{node_label(strategy)}" if strategy else "select_confounds"
        node = graph.add(interface, name, per_run)
        run.select[strategy] = node
        run.take(strategy, node)


def chosen_tables(graph: Graph, run: RunSteps, strategy: str) -> dict[str, Source]:
    """
    Name where a cleaning takes confounds, volumes and earlier warnings from.

    Parameters
    ----------
    graph : Graph
        The graph.
    run : RunSteps
        The steps so far.
    strategy : str
        The strategy.

    Returns
    -------
    dict of str to Source
        Inputs of `CleanSignals`.
    """
    node = run.select.get(strategy)
    if node is None:
        return {
            **graph.of_run("confounds_files", "sample_mask_file", source="clean_source"),
            "messages": (run.extract, "messages"),
        }
    return {
        **graph.of_run(source="clean_source"),
        "confounds_files": (node, "confounds_file"),
        "sample_mask_file": (node, "sample_mask_file"),
        "selection_file": (node, "summary_file"),
        "messages": (node, "messages"),
    }


def add_analyses(graph: Graph, run: RunSteps) -> None:
    """
    Add connectomes, dual regressions and rebuilt images of what was cleaned.

    Parameters
    ----------
    graph : Graph
        The graph.
    run : RunSteps
        The steps so far; gets the analyses.
    """
    given = graph.given
    for number, atlas in enumerate(given.atlases):
        for strategy in given.cleanings():
            if given.connectivity:
                node = _add_connectivity(graph, run, atlas, strategy)
                run.connect[atlas, strategy] = node
                run.take(strategy, node)
            if given.dual_regression:
                node = _add_dual_regression(graph, run, number, atlas, strategy)
                run.dual[atlas, strategy] = node
                run.take(strategy, node)
            if given.inverse_transform:
                node = _add_inverse(graph, run, number, atlas, strategy)
                run.inverse[atlas, strategy] = node
                run.take(strategy, node)


def _add_connectivity(graph: Graph, run: RunSteps, atlas: str, strategy: str) -> Any:
    """Add the connectomes of one cleaning."""
    from nipype_mapsmasker.interfaces.connectivity import Connectivity

    given = graph.given
    interface = Connectivity(
        measures=list(given.connectivity),
        shrinkage=given.shrinkage,
        fisher_z=given.fisher_z,
        on_error=given.on_error,
    )
    cleaned = run.clean[atlas, strategy]
    per_run = {
        **graph.of_run(),
        **run.so_far(graph, strategy),
        "signals_file": (cleaned, "out_file"),
        "summary_file": (cleaned, "summary_file"),
    }
    return graph.add(interface, graph.name("connectivity", atlas, strategy), per_run)


def _add_dual_regression(
    graph: Graph, run: RunSteps, number: int, atlas: str, strategy: str
) -> Any:
    """Add the subject maps of one atlas and strategy."""
    from nipype_mapsmasker.interfaces.dual_regression import DualRegression

    given = graph.given
    values = given.cleanings()[strategy]
    interface = DualRegression(
        detrend=values["detrend"],
        high_pass=values["high_pass"] if values["filter"] == "cosine" else None,
        mask_threshold=given.mask_threshold,
        dtype=_image_type(given),
        on_error=given.on_error,
    )
    tables = chosen_tables(graph, run, strategy)
    per_run = {
        **graph.of_run("in_file", "mask_file"),
        **run.so_far(graph, strategy),
        **run.confounds(),
        **{name: tables[name] for name in ("confounds_files", "sample_mask_file")},
        "signals_file": graph.element(run.extract, "signals_files", number),
        "t_r": (run.extract, "t_r"),
    }
    name = graph.name("dual_regression", atlas, strategy)
    return graph.add(interface, name, per_run, mem_gb=given.extract_mem_gb)


def _add_inverse(graph: Graph, run: RunSteps, number: int, atlas: str, strategy: str) -> Any:
    """Add the rebuilding of images from what one cleaning made."""
    from nipype_mapsmasker.interfaces.inverse import InverseTransform

    given = graph.given
    interface = InverseTransform(
        mask_threshold=given.mask_threshold,
        dtype=_image_type(given),
        compress=given.compress,
        on_error=given.on_error,
    )
    per_run = {
        **graph.of_run("mask_file"),
        **run.so_far(graph, strategy),
        "signals_file": (run.clean[atlas, strategy], "out_file"),
        "t_r": (run.extract, "t_r"),
    }
    if given.resampling_target == "mask":
        per_run |= {"reference_file": graph.sources["mask_file"]}
    shared = {"maps_file": graph.maps[number]}
    return graph.add(
        interface,
        graph.name("inverse_transform", atlas, strategy),
        per_run,
        shared,
        mem_gb=given.extract_mem_gb,
    )


def _plain(words: dict[str, Any]) -> dict[str, Any]:
    """Turn tuples into lists, which traits hash."""
    return {
        key: list(value) if isinstance(value, tuple) else value for key, value in words.items()
    }


def _image_type(given: OutputParameters) -> str:
    """Choose the type of images: float64, of twice the size, only where it is asked for."""
    return "float64" if given.dtype == "float64" else "float32"
