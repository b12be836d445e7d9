# SPDX-License-Identifier: Apache-2.0
"""The reference page of builders: their graphs, drawn and as a table, and what they take."""

from __future__ import annotations

import inspect
from collections import defaultdict
from html import escape
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from made_pages import code, plain, table

WIDTH, HEIGHT, ACROSS, DOWN = 150, 34, 14, 40
"""Sizes in pixels: of a box, of the gaps between boxes and between rows."""

PAPER, WALL, LINE = "#f6f3ec", "#3c4a5c", "#b5562f"
"""Colours of boxes, of their rims and text, of what connects them."""


def builders() -> str:
    """Write the page."""
    from nipype_mapsmasker.workflows import init_cohort_wf, init_run_wf, replace_step

    text = "# Builders\n\nA run, with Nodes; any number of runs, with MapNodes. "
    text += "`nipype_mapsmasker.workflows` has them, and their nodes' inputs are under "
    text += "[nodes](interfaces.md).\n"
    options: dict[str, Any] = {"out_dir": "results", "high_variance_confounds": True}
    options |= {"inverse_transform": True, "connectivity": ["pearson"], "dual_regression": True}
    for build in (init_run_wf, init_cohort_wf):
        name = build.__name__
        text += f"\n## {name}\n\n{_prose(build)}\n\n### {name}: the graph\n\n"
        text += "With a result folder and else as it is by default:\n\n"
        text += svg(build(out_dir="results")) + "\n\nWith all that can be asked for:\n\n"
        text += table(("node", "interface", "fed by"), rows(build(**options)))
    name = replace_step.__name__
    return f"{text}\n## {name}\n\n{_prose(replace_step)}\n"


def _prose(build: Any) -> str:
    """Show a docstring, its sections as headings in bold and its fields as a list."""
    lines, text = (inspect.getdoc(build) or "").split("\n"), []
    drawing = False
    for number, line in enumerate(lines):
        after = lines[number + 1] if number + 1 < len(lines) else ""
        if line.startswith(".. workflow::"):
            drawing = True
        elif drawing and line and not line.startswith(" "):
            drawing = False
        if drawing or (line and set(line) == {"-"}):
            continue
        if after and set(after) == {"-"}:
            text.append(f"\n**{line}**\n")
        elif line.startswith(" "):
            text.append("  " + plain(line.strip()))
        elif " : " in line:
            field, kind = line.split(" : ", 1)
            text.append(f"- {code(field)} ({plain(kind)}):")
        else:
            text.append(plain(line))
    return "\n".join(text)


def _graph(workflow: Any) -> tuple[list[Any], dict[Any, set[Any]]]:
    """Give the nodes in the order of work, and whom each is fed by."""
    import networkx

    graph = workflow._graph
    order = list(networkx.lexicographical_topological_sort(graph, key=lambda node: node.name))
    fed: dict[Any, set[Any]] = defaultdict(set)
    for source, target in graph.edges():
        fed[target].add(source)
    return order, fed


def rows(workflow: Any) -> list[tuple[str, str, str]]:
    """Give a row per node: its name, its interface, and the nodes before it."""
    order, fed = _graph(workflow)
    return [
        (
            code(node.name),
            code(type(node.interface).__name__) + (", per run" if _is_map(node) else ""),
            ", ".join(code(name) for name in sorted(n.name for n in fed[node])),
        )
        for node in order
    ]


def _is_map(node: Any) -> bool:
    """Tell a MapNode."""
    return hasattr(node, "iterfield")


def svg(workflow: Any) -> str:
    """Draw the graph: each node below all that feed it."""
    order, fed = _graph(workflow)
    depth: dict[Any, int] = {}
    for node in order:
        depth[node] = max((depth[source] + 1 for source in fed[node]), default=0)
    floors: dict[int, list[Any]] = defaultdict(list)
    for node in order:
        floors[depth[node]].append(node)
    place: dict[Any, tuple[float, float]] = {}
    width = max(len(floor) for floor in floors.values()) * (WIDTH + ACROSS) + ACROSS
    for level, floor in sorted(floors.items()):
        # Below the middle of what feeds it, so that lines cross less.
        floor.sort(key=lambda node: _middle(node, fed, place))
        left = (width - len(floor) * (WIDTH + ACROSS) + ACROSS) / 2
        for number, node in enumerate(floor):
            place[node] = (left + number * (WIDTH + ACROSS), 8 + level * (HEIGHT + DOWN))
    height = 16 + len(floors) * (HEIGHT + DOWN) - DOWN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'style="max-width: {width:g}px; background: white" font-family="sans-serif" '
        f'font-size="12" fill="{WALL}" role="img">',
        f"<title>The graph of {escape(workflow.name)}</title>",
    ]
    parts += [_line(place[source], place[node]) for node in order for source in fed[node]]
    parts += [_box(node, *place[node]) for node in order]
    return "\n".join([*parts, "</svg>"])


def _middle(node: Any, fed: Any, place: Any) -> tuple[float, str]:
    """Give the mean place of what feeds a node."""
    across = [place[source][0] for source in fed[node] if source in place]
    return (sum(across) / len(across) if across else 0.0, node.name)


def _line(start: tuple[float, float], end: tuple[float, float]) -> str:
    """Connect two boxes by a curve."""
    x1, y1, x2, y2 = start[0] + WIDTH / 2, start[1] + HEIGHT, end[0] + WIDTH / 2, end[1]
    bend = (y2 - y1) / 2
    return (
        f'<path d="M {x1:g} {y1:g} C {x1:g} {y1 + bend:g} {x2:g} {y2 - bend:g} {x2:g} {y2:g}" '
        f'stroke="{LINE}" stroke-opacity="0.45" fill="none"/>'
    )


def _box(node: Any, x: float, y: float) -> str:
    """Draw a node; MapNodes have a second rim."""
    rim = f'<rect x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="3" '
    rim += f'fill="{PAPER}" stroke="{WALL}" stroke-width="{2 if _is_map(node) else 1}"/>'
    name = f'<text x="{x + WIDTH / 2:g}" y="{y + 21:g}" text-anchor="middle">{node.name}</text>'
    return rim + name


class WorkflowDirective(Directive):
    """Draw the workflow ``wf`` that the lines of a docstring build."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Execute the lines behind the options, and put the drawing in their place."""
        lines = [line for line in self.content if not line.startswith(":")]
        built: dict[str, Any] = {}
        exec("\n".join(lines), built)  # the package's own docstrings
        return [nodes.raw("", svg(built["wf"]), format="html")]
