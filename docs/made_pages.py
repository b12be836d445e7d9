# SPDX-License-Identifier: Apache-2.0
"""
Reference pages made from the code: the command line, nodes, builders, objects, files, messages.

``docs/conf.py`` writes them before Sphinx reads; ``tests/contracts/test_reference.py`` counts them
against the code. ``python docs/made_pages.py FOLDER`` writes them elsewhere, to look at.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import types
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import nipype_mapsmasker

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path(nipype_mapsmasker.__file__).parent

PUBLIC = (
    "nipype_mapsmasker",
    "nipype_mapsmasker.cohort",
    "nipype_mapsmasker.workflows",
    "nipype_mapsmasker.interfaces",
    "nipype_mapsmasker.maskers",
    "nipype_mapsmasker.plugins",
    "nipype_mapsmasker.core.parameters",
    "nipype_mapsmasker.reports.figures",
    "nipype_mapsmasker.verify",
    "nipype_mapsmasker.testing",
    "nipype_mapsmasker.errors",
)
"""Where users import from, in the order of the reference."""


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_cell(c) for c in line) + " |" for line in lines) + "\n"


def _cell(value: object) -> str:
    """Keep a text within its cell, whatever it is made of."""
    return " ".join(str(value).split()).replace("|", "\\|")


def code(text: object) -> str:
    """Set a text in the type of code."""
    return f"`{text}`"


def plain(text: str) -> str:
    """Let no letter of a text mean markup."""
    for letter in "\\`*_<>[]$":
        text = text.replace(letter, "\\" + letter)
    return text


def command_line() -> str:
    """Write the page of the command line, from the parser."""
    from nipype_mapsmasker.cli.parser import build_parser

    parser = build_parser()
    pages = ["# Command line\n", f"{plain(parser.description or '')}\n"]
    actions = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    for name, command in actions[0].choices.items():
        pages.append(f"\n## `mapsmasker {name}`\n\n{plain(command.description or '')}\n")
        for group in command._action_groups:
            shown = [a for a in group._group_actions if a.help != argparse.SUPPRESS]
            if shown:
                pages.append(f"\n### {name}: {group.title}\n")
                pages.append(table(("option", "what"), map(_option, shown)))
        if command.epilog:
            pages.append(f"\n```text\n{command.epilog.strip()}\n```\n")
    return "\n".join(pages)


def _option(action: argparse.Action) -> tuple[str, str]:
    """Write the row of an option or argument."""
    words = action.option_strings or [str(action.metavar or action.dest)]
    value = ""
    if action.option_strings and action.nargs != 0:
        if action.choices:
            value = " {" + ",".join(map(str, action.choices)) + "}"
        elif not isinstance(action, argparse.BooleanOptionalAction):
            value = f" {action.metavar or action.dest.upper()}"
        value += " ..." if action.nargs == "+" else ""
    says = (action.help or "").replace("%%", "%")
    return ", ".join(code(word + value) for word in words), plain(says)


def objects() -> str:
    """Write the page of every public object, in reStructuredText for autodoc."""
    lines = [_title("Python", "=")]
    lines += [
        "What users import, by module, and below it everything else that is in an ``__all__``."
    ]
    seen: set[int] = set()
    for name in PUBLIC:
        lines += [_title(f"``{name}``", "-"), f".. automodule:: {name}\n"]
        module = importlib.import_module(name)
        for item in module.__all__:
            if item == "__version__":
                lines.append(f".. py:data:: {name}.__version__\n\n   The version.\n")
                continue
            thing = getattr(module, item)
            if id(thing) in seen:
                home = f"{getattr(thing, '__module__', name)}"
                lines.append(f".. py:data:: {name}.{item}\n   :no-index:\n\n   See ``{home}``.\n")
                continue
            seen.add(id(thing))
            lines.append(_documented(name, item, thing))
    return "\n".join(lines)


def _documented(module: str, name: str, thing: object) -> str:
    """Write the directive of one object."""
    if isinstance(thing, type):
        shown = "" if _is_spec(thing) else "   :members:\n"
        return f".. autoclass:: {module}.{name}\n{shown}"
    if callable(thing):
        return f".. autofunction:: {module}.{name}\n"
    return f".. autodata:: {module}.{name}\n   :no-value:\n"


def _is_spec(kind: type) -> bool:
    """Tell Nipype's nodes, whose inputs stand on a page of their own."""
    return hasattr(kind, "input_spec")


def room(name: str) -> str:
    """Write the page of a room: all that its modules name in their ``__all__``."""
    lines = [_title(f"``{name}/``", "="), "Every module of the room, and what it hands to others."]
    for module in modules_of(name):
        found = importlib.import_module(module)
        handed_on = [n for n in found.__all__ if _home(getattr(found, n), module) != module]
        lines += [_title(f"``{module}``", "-"), f".. automodule:: {module}\n   :members:"]
        lines += [f"   :exclude-members: {', '.join(handed_on)}\n" if handed_on else ""]
        lines += [f"``{n}`` is ``{_home(getattr(found, n), module)}``'s.\n" for n in handed_on]
        # Sphinx has no way of describing a name for a type.
        for item in found.__all__:
            if isinstance(getattr(found, item), types.GenericAlias):
                lines.append(f".. py:data:: {module}.{item}\n\n   A name for a type.\n")
    return "\n".join(lines)


def _home(thing: object, module: str) -> str:
    """Name the module that an object is defined in."""
    home = getattr(thing, "__module__", None) or module
    return home if home.startswith(nipype_mapsmasker.__name__) else module


def modules_of(name: str) -> list[str]:
    """List the modules of a room that are not documented as what users import."""
    paths = sorted((PACKAGE / name).rglob("*.py"))
    names = [
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        for path in paths
        if path.name != "__init__.py"
    ]
    return [name for name in names if importlib.import_module(name).__all__]


def rooms() -> list[str]:
    """List the rooms of the package."""
    return sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


def architecture() -> str:
    """Write the page that leads to the rooms."""
    text = (
        "# Rooms\n\nWhat is beneath what users import, for those who change it. What each room is "
    )
    text += "for is in `ARCHITECTURE.md` of the repository.\n\n```{toctree}\n:maxdepth: 1\n\n"
    return text + "".join(f"room_{name}\n" for name in rooms()) + "```\n"


def recipes() -> str:
    """Write the page that shows the recipes."""
    text = "# Recipes\n\nScripts to copy and change; `mapsmasker recipes NAME` prints them too.\n"
    for path in sorted((ROOT / "workflows").glob("*.py")):
        text += f"\n## {path.stem}\n\n```{{literalinclude}} /../workflows/{path.name}\n"
        text += ":language: python\n```\n"
    return text


def _title(text: str, line: str) -> str:
    """Underline a heading."""
    return f"\n{text}\n{line * len(text)}\n"


def pages() -> dict[str, Callable[[], str]]:
    """Give the pages by file name."""
    import made_graphs
    import made_tables

    return {
        "command_line.md": command_line,
        "interfaces.md": made_tables.nodes,
        "builders.md": made_graphs.builders,
        "objects.rst": objects,
        "rooms.md": architecture,
        **{f"room_{name}.rst": partial(room, name) for name in rooms()},
        "outputs.md": made_tables.outputs,
        "messages.md": made_tables.messages,
        "recipes.md": recipes,
    }


def write(folder: str | Path) -> None:
    """
    Write all pages; those that did not change keep their date, so that Sphinx passes them by.

    Parameters
    ----------
    folder : path
        Made if it is absent.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in pages().items():
        text, path = make(), folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    write(sys.argv[1])
