# SPDX-License-Identifier: Apache-2.0
"""
Mutated inputs beside one good run, through the command: a right number, or one sentence.

    python tests/fuzz/mutants.py [--seconds 3600] [--seed 0] [--folder FOLDER]

The counts are told every minute, at the end, and when the script is interrupted or ended (after
the case under way; a second signal ends it at once).

A mutant is a good image, table, sidecar or runs table of which bytes were changed, cut, doubled or
replaced by what hurts: huge counts, NaN, nested brackets, other encodings. The command works on it
and on a good run. What must hold: the call ends by itself with 0, 1 or 2, never with a traceback;
the good run is done with the same bytes as ever, unless the call itself is refused in one sentence
(a runs table or maps that nobody can read); and the mutant is done, or failed with one sentence.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import io
import json
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from nipype_mapsmasker.cli.main import main  # noqa: E402 - from this checkout
from nipype_mapsmasker.io.results.layout import run_files  # noqa: E402
from nipype_mapsmasker.io.tables.rows import read_rows  # noqa: E402
from tests.tiny import make_tiny, write_table  # noqa: E402

KINDS = ("header", "gzip", "confounds", "sample_mask", "sidecar", "runs", "labels")
"""What is mutated."""

NASTY = [
    b"", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"NaN", b"-inf", b"1e999", b"9" * 400, b"~nouser",
    b"../" * 40, b"[" * 3000, b'{"a":' * 2000, b"\r", b"\t", b'"', b"\x1b[2J", b"0x10", b"1,5",
    "\u2028".encode(), b"true", b"null", b"-0", b"1_0",
]  # fmt: skip
"""Bytes that hurt."""

NUMBERS = (0, 1, -1, 2**15 - 1, -(2**15), 2**31 - 1, 255, 4, 16, 64, 512)
"""Numbers that hurt where a header has another."""

SECONDS_BETWEEN_COUNTS = 60.0
"""How often the counts are told."""


@dataclass
class World:
    """A good cohort in a folder, and what its good run's signals are."""

    folder: Path
    good: bytes

    @classmethod
    def make(cls, folder: Path) -> World:
        """Make the cohort, and the good run once."""
        tiny = make_tiny(folder / "data")
        (folder / "labels.tsv").write_bytes(Path(tiny.labels_file).read_bytes())
        write_table(
            folder / "good.tsv",
            run_id=["good"],
            in_file=[tiny.in_files[0]],
            confounds=[tiny.confounds_files[0]],
        )
        world = cls(folder, b"")
        code, told = world.call(folder / "good.tsv", folder / "once")
        assert code == 0, told
        world.good = run_files(folder / "once", "good").timeseries("maps", "", "tsv").read_bytes()
        return world

    def call(self, table: Path, out: Path, *more: str) -> tuple[int | str, str]:
        """Call the command here; give its code and what it told."""
        words = ["run", str(table), str(out), "--maps", str(self.folder / "data/maps.nii.gz")]
        words += ["--no-reports", "--plugin", "Linear", "--detrend", *more]
        out_text, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out_text), contextlib.redirect_stderr(err):
            try:
                code: int | str = main(words)
            except SystemExit as stop:
                code = f"SystemExit {stop.code}"
        return code, err.getvalue()


def mutate(data: bytes, dice: random.Random) -> bytes:
    """Change some bytes."""
    changed = bytearray(data)
    for _ in range(dice.randrange(1, 4)):
        place = dice.randrange(len(changed) + 1)
        length = dice.choice([1, 1, 2, 4, 8, 64])
        deed = dice.randrange(5)
        if deed == 0:
            changed[place : place + length] = dice.randbytes(length)
        elif deed == 1:
            del changed[place : place + length]
        elif deed == 2:
            changed[place:place] = dice.choice(NASTY)
        elif deed == 3:
            changed[place : place + length] = changed[place : place + length] * 2
        else:
            del changed[place:]
    return bytes(changed)


def mutate_header(data: bytes, dice: random.Random) -> bytes:
    """Change numbers of a NIfTI header, and leave its beginning and the voxels."""
    changed = bytearray(data)
    for _ in range(dice.randrange(1, 4)):
        place = 4 + 2 * dice.randrange(172)
        value = dice.choice([*NUMBERS, dice.randrange(-(2**15), 2**15)])
        size = 2 if -(2**15) <= value < 2**15 else 4
        changed[place : place + size] = value.to_bytes(size, "little", signed=True)
    return bytes(changed)


def spoil(world: World, kind: str, dice: random.Random, folder: Path) -> tuple[Path, list[str]]:
    """Write the mutant of a kind, and the table of it and the good run; give more words, too."""
    data = world.folder / "data"
    image = folder / "mutant_bold.nii.gz"
    shutil.copyfile(data / "sub-01_task-rest_bold.nii.gz", image)
    files = {"confounds": "confounds.tsv", "sample_mask": "keep.tsv"}
    cells = {name: [None, str(data / f"sub-01_task-rest_{end}")] for name, end in files.items()}
    more: list[str] = []
    if kind == "header":
        header = mutate_header(gzip.decompress(image.read_bytes()), dice)
        image.write_bytes(gzip.compress(header, 1))
    elif kind == "gzip":
        image.write_bytes(mutate(image.read_bytes(), dice))
    elif kind in files:
        spoilt = folder / f"mutant_{files[kind]}"
        spoilt.write_bytes(mutate(Path(str(cells[kind][1])).read_bytes(), dice))
        cells[kind] = [None, str(spoilt)]
    elif kind == "sidecar":
        plain = json.dumps({"RepetitionTime": 2.0, "TaskName": "rest", "EchoTime": 0.03})
        (folder / "mutant_bold.json").write_bytes(mutate(plain.encode(), dice))
    elif kind == "labels":
        spoilt = folder / "labels.tsv"
        spoilt.write_bytes(mutate((world.folder / "labels.tsv").read_bytes(), dice))
        more = ["--labels", str(spoilt)]
    table = write_table(
        folder / "runs.tsv",
        run_id=["good", "mutant"],
        in_file=[str(data / "sub-01_task-rest_bold.nii.gz"), str(image)],
        confounds=[str(data / "sub-01_task-rest_confounds.tsv"), cells["confounds"][1]],
        sample_mask=[None, cells["sample_mask"][1] if kind == "sample_mask" else None],
    )
    if kind == "runs":
        table.write_bytes(mutate(table.read_bytes(), dice))
    return table, more


def judge(world: World, kind: str, folder: Path, code: int | str, told: str) -> str:
    """Say what came out: 'done', 'failed', 'refused'; or 'BAD: ' and why it must not be."""
    last = told.strip().splitlines()[-1] if told.strip() else ""
    if "Traceback" in told or code not in (0, 1, 2):
        return f"BAD: code {code}: {last[-300:]}"
    out = folder / "out"
    if not (out / "runs.tsv").exists():
        is_sentence = last.startswith("mapsmasker: ") and len(last) > 30
        if code != 2 or not is_sentence:
            return f"BAD: code {code} and no table: {last[-300:]}"
        # Only what all runs need can refuse the whole call.
        return "refused" if kind in ("runs", "labels") else f"BAD: refused: {last[-300:]}"
    rows = {row["run_id"]: row for row in read_rows(out / "runs.tsv")}
    for row in rows.values():
        if row["status"] == "failed" and len(str(row["reason"])) < 20:
            return f"BAD: a reason that says nothing: {row['reason']!r}"
    if kind == "runs":  # the good row may be the one that is spoilt
        return "done" if code == 0 else "failed"
    if rows.get("good", {}).get("status") != "done":
        return f"BAD: the good run is not done: {rows.get('good')}"
    names = run_files(out, "good")
    made = names.timeseries("maps", "", "tsv").read_bytes()
    head = 0 if kind != "labels" else made.index(b"\n")
    if made[head:] != world.good[0 if kind != "labels" else world.good.index(b"\n") :]:
        return "BAD: the good run has other numbers"
    return str(rows["mutant"]["status"]) if "mutant" in rows else "BAD: the mutant is not told of"


def fuzz(
    folder: Path,
    seed: int,
    seconds: float,
    n_cases: int | None = None,
    stop: threading.Event | None = None,
) -> Counter[str]:
    """
    Try mutants until time or their number runs out.

    Parameters
    ----------
    folder : Path
        An empty folder; cases that came out badly stay there.
    seed : int
        Where to begin; each case has a seed of its own, by which it can be repeated.
    seconds : float
        When to end.
    n_cases : int, optional
        How many, at most.
    stop : Event, optional
        No case is begun once it is set.

    Returns
    -------
    Counter
        Outcomes by kind.
    """
    world = World.make(folder)
    counts: Counter[str] = Counter()
    stop = stop or threading.Event()
    told_at = time.monotonic()
    deadline = told_at + seconds
    number = 0
    while time.monotonic() < deadline and (n_cases is None or number < n_cases):
        if stop.is_set():
            break
        if time.monotonic() > told_at + SECONDS_BETWEEN_COUNTS:
            told_at = time.monotonic()
            tell_counts(counts, seed)
        case_seed = seed + number
        dice = random.Random(case_seed)
        kind = KINDS[number % len(KINDS)]
        place = folder / f"case-{case_seed}"
        place.mkdir()
        table, more = spoil(world, kind, dice, place)
        code, told = world.call(table, place / "out", *more)
        outcome = judge(world, kind, place, code, told)
        counts[f"{kind}: {outcome.split(':')[0]}"] += 1
        if outcome.startswith("BAD"):
            (place / "told.txt").write_text(f"{outcome}\n{told}")
            _tell(f"{place}: {kind}: {outcome}")
        else:
            shutil.rmtree(place)
        number += 1
    return counts


def tell_counts(counts: Counter[str], seed: int) -> None:
    """Print the outcomes so far."""
    for outcome, number in sorted(counts.items()):
        _tell(f"{outcome}: {number}")
    _tell(f"{counts.total()} mutants from seed {seed}")


def stop_on_signals() -> threading.Event:
    """Give what is set by the first SIGINT or SIGTERM; the second does as it always did."""
    stop = threading.Event()

    def note(number: int, _frame: object) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, note)
    return stop


def run() -> int:
    """Fuzz from the command line; the exit code tells whether something came out badly."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--cases", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="mapsmasker-fuzz-"))
    folder.mkdir(parents=True, exist_ok=True)
    stop = stop_on_signals()
    counts = fuzz(folder.absolute(), given.seed, given.seconds, given.cases, stop)
    tell_counts(counts, given.seed)
    return 1 if any(outcome.endswith("BAD") for outcome in counts) else 0


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(run())
