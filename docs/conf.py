# SPDX-License-Identifier: Apache-2.0
"""
How Sphinx makes the site: ``sphinx-build -W docs site``, offline.

Pages that repeat what the code knows are written by `made_pages` before Sphinx reads; tutorials
are scripts, which are executed; all else is Markdown as it is read in the repository too.
"""

import re
import sys
import types
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
# The package from the checkout, and the modules beside this file.
sys.path[:0] = [str(ROOT), str(HERE)]

import made_graphs  # noqa: E402  (found by the line above)
import made_pages  # noqa: E402

from nipype_mapsmasker import __version__  # noqa: E402

project = "nipype_mapsmasker"
author = "The nipype_mapsmasker developers"
copyright = f"2026, {author}"
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["tutorials/*.py", "tutorials/*.rst"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
root_doc = "index"

myst_heading_anchors = 3
myst_enable_extensions = ["dollarmath", "fieldlist"]
suppress_warnings = [
    "config.cache",  # the order of tutorials is a function
    "ref.citation",  # a docstring may list a paper without pointing at it
]

numpydoc_show_class_members = False
autodoc_typehints = "none"  # the docstrings say shapes and units, which annotations cannot
autodoc_member_order = "bysource"

html_theme = "pydata_sphinx_theme"
html_title = "nipype_mapsmasker"
html_show_sourcelink = False
html_theme_options = {
    "navbar_align": "left",
    "show_toc_level": 2,
    "header_links_before_dropdown": 7,
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
}

sphinx_gallery_conf = {
    "examples_dirs": "tutorials",
    "gallery_dirs": "lessons",
    "filename_pattern": r"\.py",
    "ignore_pattern": r"lesson_pages\.py",
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "remove_config_comments": True,
    "abort_on_example_error": True,
    "write_computation_times": False,
    "min_reported_time": 1e9,
}


def _rewrite_links(_app, docname, source) -> None:  # type: ignore[no-untyped-def]
    """Lead links to scripts and documents of the repository to the site's own copies."""
    text = source[0]
    if docname.startswith("changes"):
        text = re.sub(r"\]\(docs/", "](", text)
    # Scripts are shown on a page of their own.
    text = re.sub(
        r"\]\((?:\.\./)*workflows/(\w+)\.py\)", r"](/reference/made/recipes.md#\1)", text
    )
    source[0] = text


def _skip(_app, _what, name, thing, skip, _options) -> bool:  # type: ignore[no-untyped-def]
    """Leave out what scikit-learn writes for its own site, and names for types."""
    routing = re.fullmatch(r"set_\w+_request|get_metadata_routing", name)
    return bool(skip or routing or isinstance(thing, types.GenericAlias))


def setup(app) -> None:  # type: ignore[no-untyped-def]
    """Write the pages that the code makes, and mend links."""
    made_pages.write(HERE / "reference" / "made")
    app.add_directive("workflow", made_graphs.WorkflowDirective)
    app.connect("source-read", _rewrite_links)
    app.connect("autodoc-skip-member", _skip)
