# SPDX-License-Identifier: Apache-2.0
"""Templates to one self-contained page: style, script, pictures and data all inside."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from matplotlib.figure import Figure

from nipype_mapsmasker.reports.style import DPI, data_uri, figure_png

__all__ = ["Cell", "Column", "Picture", "href", "number", "picture", "render", "safe_json"]

TEMPLATES = Path(__file__).parent / "templates"
"""The pages' templates, style and script."""

ROUNDING = 1e-9
"""Measures smaller than this are rounding errors."""

SHOWN_DPI = 100
"""Pixels of the page per inch of a figure."""


@dataclass(frozen=True)
class Picture:
    """
    Hold a figure as it stands in a page.

    Parameters
    ----------
    uri : str
        The picture itself.
    width, height : int
        Size in the page's pixels.
    caption, alt : str
        What it shows, for everybody, and in other words for those who do not see it.
    """

    uri: str
    width: int
    height: int
    caption: str
    alt: str


@dataclass(frozen=True)
class Column:
    """
    Hold the head of a sortable column.

    Parameters
    ----------
    label : str
        Heading.
    type : str
        'number' or 'text': how it is sorted.
    title : str
        Longer words, shown on hovering.
    """

    label: str
    type: str = "number"
    title: str = ""


@dataclass(frozen=True)
class Cell:
    """
    Hold a cell of a sortable table.

    Parameters
    ----------
    text : str
        What is read.
    value : float, optional
        What is sorted by; None comes last.
    odd : str
        Why the value stands out, if it does.
    """

    text: str
    value: float | None = None
    odd: str = ""


def render(template: str, values: Mapping[str, Any]) -> str:
    """
    Fill a template.

    Parameters
    ----------
    template : str
        File name.
    values : mapping of str
        Everything in it is escaped, whatever it says.

    Returns
    -------
    str
        The page. Its own policy allows the one script, pictures inside the page, and nothing
        from anywhere else.
    """
    script = _asset("script.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    page = _environment().get_template(template)
    return page.render(
        **values,
        style=_asset("style.css"),
        script=script,
        script_hash=f"sha256-{digest}",
    )


def safe_json(values: Any) -> str:
    r"""
    Write data that a page's script reads, such that no name can end the script.

    Parameters
    ----------
    values : object
        Anything that JSON can hold; no NaN.

    Returns
    -------
    str
        JSON in which ``<``, ``>``, ``&`` and the line separators are written as ``\uXXXX``.

    Examples
    --------
    >>> print(safe_json(["</script>"]))
    ["\u003c/script\u003e"]
    """
    text = json.dumps(values, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def picture(figure: Figure, caption: str, alt: str, *, many_colours: bool = False) -> Picture:
    """
    Draw a figure for a page.

    Parameters
    ----------
    figure : Figure
        The figure.
    caption, alt : str
        What it shows.
    many_colours : bool, default=False
        As in `nipype_mapsmasker.reports.style.figure_png`.

    Returns
    -------
    Picture
        The figure as a PNG inside the page.
    """
    png = figure_png(figure, many_colours=many_colours, dpi=DPI)
    width, height = (round(inches * SHOWN_DPI) for inches in figure.get_size_inches())
    return Picture(data_uri(png), width, height, caption, alt)


def href(path: str) -> str:
    """
    Make a link of a relative path.

    Parameters
    ----------
    path : str
        With forward slashes.

    Returns
    -------
    str
        Quoted, and in front ``./``, so that no part can be read as a scheme.
    """
    return "./" + quote(path) if path else ""


def number(value: float | None, digits: int) -> str:
    """
    Write a number for people.

    Parameters
    ----------
    value : float or None
        The number; None and NaN are not known.
    digits : int
        Decimals, for values that are not very small; below 0, significant digits.

    Returns
    -------
    str
        The number, or a dash.
    """
    if value is None or value != value:
        return "–"
    if digits < 0:
        return f"{value:.{-digits}g}"
    if abs(value) < ROUNDING:
        return "0"
    if abs(value) < 0.5 * 10**-digits and digits > 0:
        return f"{value:.1e}"
    return f"{value:.{digits}f}"


@functools.cache
def _environment() -> jinja2.Environment:
    """Make the one environment: everything is escaped, unknown names are errors."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@functools.cache
def _asset(name: str) -> str:
    """Read a file of the package that goes into every page as it is."""
    return (TEMPLATES / name).read_text(encoding="utf-8")
