# SPDX-License-Identifier: Apache-2.0
"""From the words of a call to parsed arguments, in whatever order they were typed."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from nipype_mapsmasker.cli.config import without_config
from nipype_mapsmasker.cli.parser import COMMANDS, build_parser, parser_of

__all__ = ["parse"]

SYNONYMS = {
    "atlases": "--atlas",
    "confounds-file": "--confounds",
    "fd-threshold": "--fd-thresh",
    "fwhm": "--smoothing-fwhm",
    "imgs": "INPUT",
    "jobs": "--n-procs",
    "labels-img": "--maps",
    "maps-img": "--maps",
    "mask-img": "--mask",
    "memory": "--mem-gb",
    "n-jobs": "--n-procs",
    "nthreads": "--n-procs",
    "output-dir": "OUT",
    "smoothing": "--smoothing-fwhm",
    "std-dvars-threshold": "--dvars-thresh",
    "strategy": "--denoise",
    "subject-label": "--participant-label",
    "tr": "--t-r",
    "work": "--work-dir",
}
"""What other programs call it."""

LEVEL = "participant"
"""What may stand behind OUT, as BIDS apps have it."""


def parse(given: Sequence[str]) -> argparse.Namespace:
    """
    Parse the words of a call.

    Parameters
    ----------
    given : sequence of str
        The words after ``mapsmasker``. ``run`` may be absent, options may stand anywhere, and
        the shell may have written a pattern out as several images.

    Returns
    -------
    argparse.Namespace
        With ``command_line``, the same call as words that do not depend on a configuration file.
    """
    words = list(given) or ["--help"]
    if words[0] in ("-h", "--help", "--version"):
        return build_parser([]).parse_args(words)
    # BIDS apps have no word for the job: `mapsmasker INPUT OUT participant ...`
    name, rest = (words[0], words[1:]) if words[0] in COMMANDS else ("run", words)
    parser = build_parser([name])
    if words[0] not in COMMANDS and not Path(words[0]).exists():
        near = get_close_matches(words[0], COMMANDS, 1, 0.66)
        if near:
            parser.error(f"{words[0]} is neither a command nor a file; did you mean {near[0]}?")
    command = parser_of(parser, name)
    rest = without_config(rest, command)
    if name == "run" and "group" in rest:
        places, _ = _split(rest, command)
        if places[2:3] == ["group"]:  # what it reads is in OUT
            for word in (places[0], "group"):
                rest.remove(word)
            return parse(["group", *rest])
    for word in rest[: rest.index("--") if "--" in rest else None]:
        _check_option(word, command)
    if name not in ("run", "inspect"):
        return _parsed(parser, [name, *rest])
    places, options = _split(rest, command)
    if any(word in ("-h", "--help", "--help-all") for word in options):
        return parser.parse_args([name, *options])
    level = [places.pop()] if name == "run" and places[2:] and places[-1] == LEVEL else []
    out = [places.pop()] if name == "run" and len(places) > 1 else []
    if not places or (name == "run" and not out):
        command.error(_missing(name, options, command))
    if len(places) > 1:
        _check_images(places, out, command)
    arguments = parser.parse_args(_ordered(name, [places[0], *out, *level], options))
    if len(places) > 1:
        arguments.input = places
    arguments.command_line = _ordered(name, [*places, *out, *level], options)
    return arguments


def _ordered(name: str, places: list[str], options: list[str]) -> list[str]:
    """Put words so that nothing is swallowed, and no file is taken for an option."""
    if any(place.startswith("-") for place in places):
        return [name, *options, "--", *places]
    return [name, *places, *options]


def _parsed(parser: argparse.ArgumentParser, words: list[str]) -> argparse.Namespace:
    """Parse words that are in order."""
    arguments = parser.parse_args(words)
    arguments.command_line = words
    return arguments


def _is_option(word: str) -> bool:
    """Tell options from values, among them numbers below zero and a lonely hyphen."""
    return re.match(r"-[A-Za-z-]", word) is not None and word != "--"


def _check_option(word: str, command: argparse.ArgumentParser) -> None:
    """Answer a word that is no option with the one that is meant."""
    name = word.partition("=")[0]
    known = command._option_string_actions
    if not word.startswith("--") or name in known:
        return
    bare = name[2:].replace("_", "-").lower()
    hidden = {flag for flag, action in known.items() if action.help == argparse.SUPPRESS}
    shown = sorted(flag for flag in known if flag.startswith("--") and flag not in hidden)
    meant = f"--{bare}" if f"--{bare}" in known else SYNONYMS.get(bare)
    if meant is None or (meant.startswith("--") and meant not in known):
        # A shortened option, or one letter beside it.
        begins = [flag for flag in shown if flag.startswith(f"--{bare}")]
        near = begins if len(begins) == 1 else get_close_matches(f"--{bare}", shown, 1, 0.7)
        meant = near[0] if near else None
    answer = f"did you mean {meant}?" if meant else f"'{command.prog} --help-all' lists them."
    command.error(f"{name} is not an option; {answer}")


def _split(words: Sequence[str], command: argparse.ArgumentParser) -> tuple[list[str], list[str]]:
    """Sort words into those that have a place, and options with what belongs to them."""
    places: list[str] = []
    options: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return [*places, *rest], options
        if not _is_option(word):
            places.append(word)
            continue
        options.append(word)
        action = command._option_string_actions.get(word)
        if action is None or action.nargs == 0 or "=" in word:
            continue
        while rest and not _is_option(rest[0]) and rest[0] != "--":
            options.append(rest.pop(0))
            if action.nargs != "+":
                break
    return places, options


def _missing(name: str, options: Sequence[str], command: argparse.ArgumentParser) -> str:
    """Say what is missing, and which option may have taken it."""
    what = "INPUT and OUT are needed" if name == "run" else "INPUT is needed"
    taken: dict[str, list[str]] = {}
    for word in options:
        if _is_option(word):
            taken[word] = []
        elif taken:
            taken[list(taken)[-1]].append(word)
    most = max(taken, key=lambda option: len(taken[option]), default="")
    if len(taken.get(most, ())) < 2:
        return f"{what}; see '{command.prog} --help'."
    before = what.removesuffix(" are needed").removesuffix(" is needed")
    return (
        f"{what}, and {most} takes all words behind it ({' '.join(taken[most])}): write {before} "
        "before it, or '--' between them."
    )


def _check_images(
    places: Sequence[str], out: Sequence[str], command: argparse.ArgumentParser
) -> None:
    """Take several inputs for what a shell makes of a pattern, and for nothing else."""
    absent = [place for place in places if not Path(place).is_file()]
    if out and Path(out[0]).is_file():
        command.error(
            f"the last of {len(places) + 1} words is OUT, a folder, and {out[0]} is a file; write "
            "OUT behind the images."
        )
    if absent:
        needed = "INPUT and OUT" if out else "INPUT"
        command.error(
            f"{needed} are needed, and {' '.join([*places, *out])!r} are "
            f"{len(places) + len(out)} words; several images would all have to exist, and "
            f"{absent[0]} is no file."
        )
