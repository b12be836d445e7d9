# SPDX-License-Identifier: Apache-2.0
"""
Draw docs/figures/house.svg, the map of the package in ARCHITECTURE.md.

Floors and rules come from the import contracts in pyproject.toml, each room's sentence from its
docstring, so that the picture cannot say anything else than what lint-imports enforces and the
code says of itself. Run it again when a test says that the picture is old.
"""

import ast
import tomllib
from pathlib import Path
from textwrap import wrap
from typing import Any
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parents[1]
"""The checkout."""

FIGURE = ROOT / "docs" / "figures" / "house.svg"
"""The picture."""

WIDTH, MARGIN, GAP = 920, 24, 10
"""Widths in pixels: of the picture, of its rim, between two rooms."""

HOUSE = 740
"""Width of the house in pixels; what stands beside it has the rest."""

LINE, LETTER = 17, 6.6
"""Height of a line, and the usual width of a letter of its sentences, in pixels."""

WALL, PAPER, DOOR = "#3c4a5c", "#f6f3ec", "#b5562f"
"""Colours of text and lines, of rooms, and of what leads the eye."""

BOLD = ' font-weight="bold"'
"""What makes a line bold."""


def main() -> None:
    """Draw the house."""
    FIGURE.write_text(draw(), encoding="utf-8")


def draw() -> str:
    """Return the picture as SVG."""
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (layers,) = [one for one in linter["contracts"] if one["type"] == "layers"]
    package = ROOT / linter["root_package"]
    floors = [[room.strip() for room in layer.split("|")] for layer in layers["layers"]]
    parts, top = [], MARGIN + 34
    peak = MARGIN + HOUSE / 2
    parts.append(
        f'<path d="M {MARGIN} {top} L {peak} {MARGIN - 8} L {MARGIN + HOUSE} {top} Z" '
        f'fill="{DOOR}"/>'
    )
    for floor in floors:
        width = (HOUSE - GAP * (len(floor) - 1)) / len(floor)
        texts = [_sentences(package, room, width) for room in floor]
        height = 30 + LINE * max(map(len, texts)) + 8
        for number, (room, lines) in enumerate(zip(floor, texts, strict=True)):
            parts += _room(MARGIN + number * (width + GAP), top + GAP, width, height, room, lines)
        top += height + GAP
    parts += _arrow(MARGIN + HOUSE + 26, MARGIN + 34 + GAP, top)
    # Outside the floors: nothing of the package rests on it.
    outside = [name for name in layers["exhaustive_ignores"] if not name.startswith("__")]
    for room in outside:
        width = WIDTH - 2 * MARGIN - HOUSE - 52
        lines = [f"{room}/", *_rule_of(room, linter)]
        wrapped = [part for line in lines for part in wrap(line, int(width / LETTER))]
        parts += _lines(WIDTH - MARGIN - width, top - LINE * len(wrapped), wrapped, bold=1)
    rules = [one["name"] for one in linter["contracts"] if one is not layers]
    parts += _lines(MARGIN, top + 36, ["Held by lint-imports, too:", *rules], bold=1)
    height = top + 36 + LINE * (len(rules) + 1) + 8
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
            f'viewBox="0 0 {WIDTH} {height}" font-family="Helvetica, Arial, sans-serif" '
            f'font-size="13" fill="{WALL}" role="img">',
            f"<title>The rooms of {linter['root_package']}, from the top</title>",
            f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
            *parts,
            "</svg>\n",
        ]
    )


def _sentences(package: Path, room: str, width: float) -> list[str]:
    """Wrap what a room says of itself, and the names of the rooms within it."""
    folder = package / room
    source = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    text = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or ""
    lines = wrap(text.split("\n")[0], int((width - 24) / LETTER))
    inner = sorted(path.parent.name for path in folder.glob("*/__init__.py"))
    return [*lines, "within it: " + ", ".join(f"{name}/" for name in inner)] if inner else lines


def _rule_of(room: str, linter: dict[str, Any]) -> list[str]:
    """Give the name of the contract that forbids importing a room."""
    name = f"{linter['root_package']}.{room}"
    return [one["name"] for one in linter["contracts"] if name in one.get("forbidden_modules", [])]


def _room(
    x: float, y: float, width: float, height: float, name: str, lines: list[str]
) -> list[str]:
    """Draw a room with its name and sentences."""
    return [
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height}" rx="3" fill="{PAPER}" '
        f'stroke="{WALL}" stroke-width="1.5"/>',
        f'<text x="{x + 12:g}" y="{y + 22:g}" font-size="16" font-weight="bold">{name}</text>',
        *_lines(x + 12, y + 42, lines),
    ]


def _lines(x: float, y: float, lines: list[str], bold: int = 0) -> list[str]:
    """Write lines below each other, the first few of them bold."""
    return [
        f'<text x="{x:g}" y="{y + LINE * number:g}"'
        f"{BOLD if number < bold else ''}>{escape(line)}</text>"
        for number, line in enumerate(lines)
    ]


def _arrow(x: float, top: float, bottom: float) -> list[str]:
    """Draw the one way that imports point."""
    middle = (top + bottom) / 2
    return [
        f'<path d="M {x} {top} V {bottom - 12}" stroke="{DOOR}" stroke-width="3"/>',
        f'<path d="M {x - 8} {bottom - 14} H {x + 8} L {x} {bottom} Z" fill="{DOOR}"/>',
        f'<text transform="translate({x + 18} {middle:g}) rotate(90)" text-anchor="middle" '
        f'fill="{DOOR}">imports point down only</text>',
    ]


if __name__ == "__main__":
    main()
