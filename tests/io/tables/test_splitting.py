# SPDX-License-Identifier: Apache-2.0
"""The quick way to a few columns: what it gives is what rows give, or nothing."""

import numpy as np
import pytest

from nipype_mapsmasker.io.tables.splitting import plain_spans, split_rows

PLAIN = "a\tb\tc\n1\t2\t3\n4\t\tn/a\n"

UNEVEN = {
    "a cell too few": "a\tb\tc\n1\t2\n4\t5\t6\n",
    "one too many, and one too few": "a\tb\tc\n1\t2\t3\t3\n4\t5\n",
    "a blank line": "a\tb\tc\n1\t2\t3\n\n4\t5\t6\n",
    "blank lines as many as columns": "a\tb\tc\n1\t2\t3\n\n\n\n",
    "another control character for a tab": "a\tb\tc\n1\x012\t3\n",
    "ends of lines of Windows": "a\tb\tc\r\n1\t2\t3\r\n",
    "letters of more than a byte": "a\tb\tc\n1\t2\té\n",
}


def plain_columns(text, n_columns, positions):
    spans = plain_spans(text, n_columns)
    if spans is None:
        return None
    starts, ends = spans
    return [
        tuple(text[a:b] for a, b in zip(starts[:, at], ends[:, at], strict=True))
        for at in positions
    ]


@pytest.mark.parametrize("text", [PLAIN, PLAIN.rstrip("\n")])
@pytest.mark.parametrize("positions", [[0], [2, 0], [1, 1, 2]])
def test_plain_columns_are_those_of_the_rows(tmp_path, text, positions):
    rows = [row for _, row in split_rows(tmp_path / "t.tsv", text)][1:]
    assert plain_columns(text, 3, positions) == [
        tuple(row[at] for row in rows) for at in positions
    ]


@pytest.mark.parametrize("name", UNEVEN)
def test_what_is_not_plain_is_left_to_the_rows(name):
    assert plain_columns(UNEVEN[name], 3, [0]) is None


def test_a_line_of_another_length_is_never_plain():
    """Wherever a mark is taken away, or put in, or becomes another one."""
    rng = np.random.default_rng(0)
    text = "\n".join("\t".join(map(str, row)) for row in rng.integers(0, 99, (6, 5))) + "\n"
    assert plain_columns(text, 5, [4]) is not None
    for place, mark in enumerate(text[:-1]):
        if mark in "\t\n":
            other = "\n" if mark == "\t" else "\t"
            for instead in ("", other, mark * 2):
                assert plain_columns(text[:place] + instead + text[place + 1 :], 5, [0]) is None


def test_lines_end_as_anybody_writes_them(tmp_path):
    rows = [["a", "b"], ["1", "2"], ["3", "4"]]
    for end in ("\n", "\r\n", "\r"):
        text = end.join("\t".join(row) for row in rows)
        for last in ("", end):
            numbered = list(split_rows(tmp_path / "t.tsv", text + last))
            assert numbered == list(enumerate(rows, start=1))
