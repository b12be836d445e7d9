# SPDX-License-Identifier: Apache-2.0
"""Parts that both pages are put together from: badges, tables, figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nipype_mapsmasker.io.results.provenance import docs_url
from nipype_mapsmasker.reports.html import Html, join, tag
from nipype_mapsmasker.reports.palettes import signed_palette
from nipype_mapsmasker.reports.png import data_uri, palette_png

__all__ = [
    "badge",
    "bullets",
    "figure",
    "matrix_picture",
    "navigation",
    "pairs",
    "section",
    "signed_codes",
    "sparse_names",
    "tiles",
]

R_STEPS = 100
"""Steps of a correlation from 0 to 1 in the pictures, as many as are shown under the pointer."""

MAX_WHOLE = 300
"""Of larger matrices each pair is stored once; the script draws the other half."""

MAX_NAMED_ROWS = 36
"""Rows of a picture that are named; of more, every second, third …"""

EXPLANATION = "explanation/pages.html"
"""The document that says what the pages show, within the documentation."""

SIGNS = {"good": "✓", "check": "!", "bad": "✕", "failed": "✕"}
"""Signs of the levels, so that colour is not all that tells them."""

Array = NDArray[Any]


def badge(level: str, words: str) -> Html:
    """
    Write a verdict.

    Parameters
    ----------
    level, words : str
        Its level and its words.

    Returns
    -------
    Html
        Sign and words.
    """
    sign = tag("span", SIGNS.get(level, "·"), class_="sign", aria_hidden="true")
    return tag("span", sign, words, class_=f"badge {level}")


def section(name: str, title: str, *parts: Any) -> Html:
    """
    Write a part of a page with its heading.

    Parameters
    ----------
    name : str
        For links.
    title : str
        Heading.
    *parts
        What it holds.

    Returns
    -------
    Html
        The section.
    """
    heading = tag("h2", title, id=f"{name}-title")
    return tag("section", heading, *parts, id=name, aria_labelledby=f"{name}-title")


def navigation(links: Iterable[tuple[str, str]], explained: str) -> Html:
    """
    Write the links to the parts of a page, and to what explains it.

    Parameters
    ----------
    links : iterable of tuple of str
        Name and heading of each part.
    explained : str
        The heading of the document on pages that says what is seen here, as in an address.

    Returns
    -------
    Html
        A ``nav``. The last link leads out of the page, and only when it is followed.
    """
    inner = [tag("a", title, href=f"#{name}") for name, title in links]
    away = docs_url(f"{EXPLANATION}#{explained}")
    inner.append(tag("a", "What is shown here?", href=away, rel="external noreferrer"))
    return tag("nav", join(inner), aria_label="Parts of this page")


def figure(*parts: Any, caption: Any = None, kind: str = "") -> Html:
    """
    Write a figure.

    Parameters
    ----------
    *parts
        What it shows.
    caption
        Text or `Html` under it.
    kind : str
        More classes.

    Returns
    -------
    Html
        A ``figure`` on a card.
    """
    words = None if caption is None else tag("figcaption", caption)
    return tag("figure", *parts, words, class_=f"card {kind}".strip())


def tiles(rows: Iterable[tuple[str, str, str]]) -> Html:
    """
    Write numbers as tiles.

    Parameters
    ----------
    rows : iterable of tuple of str
        Label, number and meaning.

    Returns
    -------
    Html
        A list of terms.
    """
    inner = join(
        tag("div", tag("dt", label), tag("dd", value), title=meaning)
        for label, value, meaning in rows
    )
    return tag("dl", inner, class_="tiles")


def bullets(lines: Iterable[Any]) -> Html:
    """
    Write lines as a list.

    Parameters
    ----------
    lines : iterable
        Text or `Html`.

    Returns
    -------
    Html
        A ``ul``.
    """
    return tag("ul", join(tag("li", line) for line in lines))


def pairs(rows: Iterable[Sequence[Any]], head: Sequence[str]) -> Html:
    """
    Write a small table.

    Parameters
    ----------
    rows : iterable of sequence
        Cells; the first of each row names it.
    head : sequence of str
        Headings.

    Returns
    -------
    Html
        A table that scrolls where it is too wide.
    """
    heads = tag("tr", join(tag("th", cell, scope="col") for cell in head))
    body = join(
        tag("tr", tag("th", row[0], scope="row"), join(tag("td", cell) for cell in row[1:]))
        for row in rows
    )
    table = tag("table", tag("thead", heads), tag("tbody", body), class_="plain")
    return tag("div", table, class_="scroll", data_label=head[0])


def signed_codes(matrix: Array) -> Array:
    """
    Turn correlations into pixels.

    Parameters
    ----------
    matrix : ndarray of float
        From -1 to 1; NaN is not known.

    Returns
    -------
    ndarray of uint8
        From 0 to ``2 * R_STEPS``, and one more for what is not known.
    """
    known = np.isfinite(matrix)
    scaled = np.rint(np.where(known, np.clip(matrix, -1, 1), 0.0) * R_STEPS) + R_STEPS
    return np.where(known, scaled, 2 * R_STEPS + 1).astype(np.uint8)


def matrix_picture(matrix: Array, name: str, names: Sequence[str], description: str) -> Html:
    """
    Draw a matrix of correlations, rows named where there is room.

    Parameters
    ----------
    matrix : (K, K) ndarray of float
        From -1 to 1; NaN is grey.
    name : str
        By which the script finds it.
    names : sequence of str
        The K maps.
    description : str
        For those who do not see it.

    Returns
    -------
    Html
        The picture, one pixel per value.
    """
    codes = signed_codes(matrix)
    if len(matrix) > MAX_WHOLE:
        codes[np.tril_indices(len(matrix), -1)] = 2 * R_STEPS + 1
    uri = data_uri(palette_png(codes, signed_palette(2 * R_STEPS + 1)))
    picture = tag("img", src=uri, alt=description, id=name, class_="matrix")
    return tag("div", sparse_names(names), tag("div", picture, class_="plot"), class_="named")


def sparse_names(names: Sequence[str]) -> Html:
    """
    Write names beside the rows of a picture; of many rows, some are named.

    Parameters
    ----------
    names : sequence of str
        One per row.

    Returns
    -------
    Html
        A column as high as the picture.
    """
    step = -(-len(names) // MAX_NAMED_ROWS)
    inner = join(
        tag(
            "span",
            names[row],
            title=names[row],
            style=f"top: {100 * (row + 0.5) / len(names):.3f}%",
        )
        for row in range((step - 1) // 2, len(names), step)
    )
    return tag("div", inner, class_="names", aria_hidden="true")
