# SPDX-License-Identifier: Apache-2.0
"""
HTML from Python values, safe by construction: text is escaped unless it is `Html` already.

Only `tag`, `join` and `document` make `Html`, so that a name from outside cannot become markup
without somebody writing ``Html(name)``, which no other module does.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import html as stdlib_html
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

__all__ = ["Html", "counted", "document", "href", "join", "number", "safe_json", "tag"]

ASSETS = Path(__file__).parent / "assets"
"""The pages' style and scripts."""

ROUNDING = 1e-9
"""Measures smaller than this are rounding errors."""

_VOID = {"br", "hr", "img", "input", "link", "meta"}
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9:-]*")
_SPECIAL = re.compile("[&<>\"']")


class Html(str):
    """Mark text that is markup and may go into a page as it is."""

    __slots__ = ()


def tag(name: str, /, *children: Any, **attributes: Any) -> Html:
    """
    Write an element.

    Parameters
    ----------
    name : str
        Of the element.
    *children
        What is inside: text, which is escaped, or `Html`; None is left out.
    **attributes
        Escaped, too. ``class_`` stands for ``class``, ``data_v`` for ``data-v``; True is an
        attribute without a value, None and False are left out.

    Returns
    -------
    Html
        The element.

    Examples
    --------
    >>> tag("p", "a < b", class_="x")
    '<p class="x">a &lt; b</p>'
    """
    parts = [f"<{name}"]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        written = _attribute(key)
        if value is True:
            parts.append(f" {written}")
        else:
            parts.append(f' {written}="{_escaped(str(value))}"')
    parts.append(">")
    if name not in _VOID:
        parts += [_inner(child) for child in children if child is not None]
        parts.append(f"</{name}>")
    return Html("".join(parts))


def join(parts: Iterable[Any], between: str = "") -> Html:
    """
    Put parts one after the other.

    Parameters
    ----------
    parts : iterable
        Text, which is escaped, or `Html`; None is left out.
    between : str
        Text between them.

    Returns
    -------
    Html
        All of them.
    """
    inner = stdlib_html.escape(between).join(_inner(p) for p in parts if p is not None)
    return Html(inner)


def document(title: str, body: Html, *, scripts: Sequence[str], data: Any) -> str:
    """
    Write a whole page: style, scripts, pictures and data all inside.

    Parameters
    ----------
    title : str
        Of the window.
    body : Html
        What is inside ``main``.
    scripts : sequence of str
        Names of the scripts among the assets, each before those that import from it.
    data : object
        What the scripts read, as JSON can hold it.

    Returns
    -------
    str
        The page. Its own policy allows this one script, pictures inside the page, and nothing
        from anywhere else.
    """
    script = _bundle(tuple(scripts))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    head = join(
        [
            tag("meta", charset="utf-8"),
            tag("meta", http_equiv="Content-Security-Policy", content=policy),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("meta", name="color-scheme", content="light dark"),
            tag("meta", name="generator", content="nipype_mapsmasker"),
            tag("link", rel="icon", href="data:,"),
            tag("title", title),
            tag("style", Html(_asset("style.css"))),
        ]
    )
    parts = [
        tag("a", "Skip to the content", class_="skip", href="#main"),
        tag("main", body, id="main", tabindex="-1"),
        tag("div", id="tip", role="status", hidden=True),
        tag("script", Html(safe_json(data)), type="application/json", id="page-data"),
        tag("script", Html(script), type="module"),
    ]
    page = tag("html", tag("head", head), tag("body", join(parts)), lang="en")
    return f"<!DOCTYPE html>\n{page}\n"


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
        JSON in which ``<``, ``>`` and ``&`` are written as ``\uXXXX``.

    Examples
    --------
    >>> print(safe_json(["</script>"]))
    ["\u003c/script\u003e"]
    """
    text = json.dumps(values, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


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


def counted(n: int, noun: str) -> str:
    """
    Count in words.

    Parameters
    ----------
    n : int
        How many.
    noun : str
        Of what, in the singular.

    Returns
    -------
    str
        Both, with an s where there is not one.

    Examples
    --------
    >>> counted(1, "map"), counted(3, "map")
    ('1 map', '3 maps')
    """
    return f"{n} {noun}" + ("s" if n != 1 else "")


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


def _inner(child: Any) -> str:
    """Give an element's child as it stands in the page."""
    return child if isinstance(child, Html) else _escaped(str(child))


def _escaped(text: str) -> str:
    """Escape text, most of which has nothing to escape."""
    return stdlib_html.escape(text) if _SPECIAL.search(text) else text


@functools.cache
def _attribute(key: str) -> str:
    """Give an attribute's name as it stands in the page."""
    written = key.rstrip("_").replace("_", "-")
    if not _NAME.fullmatch(written):
        msg = f"An attribute cannot be called {written!r}."
        raise ValueError(msg)
    return written


@functools.cache
def _asset(name: str) -> str:
    """Read a file of the package that goes into every page as it is."""
    return (ASSETS / name).read_text(encoding="utf-8")


@functools.cache
def _bundle(names: tuple[str, ...]) -> str:
    """Put scripts into one: what they import from each other is above them already."""
    parts = []
    for name in names:
        source = re.sub(r"^import [^;]*;\n", "", _asset(name), flags=re.MULTILINE)
        parts.append(re.sub(r"^export ", "", source, flags=re.MULTILINE).strip())
    return "\n\n" + "\n\n".join(parts) + "\n"
