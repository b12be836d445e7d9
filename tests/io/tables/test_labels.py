# SPDX-License-Identifier: Apache-2.0
"""Names of maps: in which order, by which column, and when nothing says so."""

import pytest

from nipype_mapsmasker.errors import TableError
from nipype_mapsmasker.io.tables.labels import read_labels


def put(folder, content, name="a.tsv"):
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def named(column, numbers):
    """Write a table of names with one column of numbers."""
    rows = zip(numbers, ["one", "two", "three"], strict=True)
    return f"{column}\tname\n" + "".join(f"{number}\t{name}\n" for number, name in rows)


@pytest.mark.parametrize(
    ("column", "numbers", "expected"),
    [
        ("index", [3, 1, 2], ["two", "three", "one"]),
        ("index", [2, 0, 1], ["two", "three", "one"]),
        ("component", [2, 1, 3], ["two", "one", "three"]),
        ("Index", ["2.0", "1.0", "3.0"], ["two", "one", "three"]),
        ("index", [10, 20, 30], ["one", "two", "three"]),
        ("value", [9, 7, 8], ["one", "two", "three"]),
        ("id", [40, 7, 8], ["one", "two", "three"]),
        ("label", [10, 20, 30], ["one", "two", "three"]),
        ("value", [1, 1, 2], ["one", "two", "three"]),
        ("x", [3, 1, 2], ["one", "two", "three"]),
        ("network", [2, 1, 2], ["one", "two", "three"]),
    ],
)
def test_numbers_order_maps_only_where_they_are_positions(tmp_path, column, numbers, expected):
    assert read_labels(put(tmp_path, named(column, numbers)), 3) == expected


def test_a_column_of_positions_goes_before_others(tmp_path):
    content = "value\tindex\tname\n3\t1\tone\n1\t2\ttwo\n2\t3\tthree\n"
    assert read_labels(put(tmp_path, content), 3) == ["one", "two", "three"]


@pytest.mark.parametrize("column", ["value", "id", "label", "Labels"])
def test_labels_of_maps_that_have_none_are_asked_about(tmp_path, column):
    with pytest.raises(TableError, match=rf"a column '{column.lower()}' .*rename it to 'index'"):
        read_labels(put(tmp_path, named(column, [3, 1, 2])), 3)


@pytest.mark.parametrize("numbers", [[9, 7, 8], [4, 1, 2], [-1, 1, 0]])
def test_positions_that_are_none_are_asked_about(tmp_path, numbers):
    with pytest.raises(TableError, match="not in order, and these are no positions of 3 maps"):
        read_labels(put(tmp_path, named("index", numbers)), 3)
    pairs = ", ".join(f'"{number}": "n{number}"' for number in numbers)
    with pytest.raises(TableError, match="not in order, and these are no positions of 3 maps"):
        read_labels(put(tmp_path, f"{{{pairs}}}", "a.json"), 3)


@pytest.mark.parametrize("column", ["index", "value", "id", "label", "component", "number"])
def test_labels_are_found_by_the_column_that_holds_them(tmp_path, column):
    path = put(tmp_path, named(column, [30, 10, 20]))
    assert read_labels(path, 3, values=[10, 20, 30]) == ["two", "three", "one"]


def test_of_two_columns_the_one_with_the_labels_counts(tmp_path):
    content = "index\tvalue\tname\n1\t30\tone\n2\t10\ttwo\n3\t20\tthree\n"
    path = put(tmp_path, content)
    assert read_labels(path, 3, values=[10, 20, 30]) == ["two", "three", "one"]
    assert read_labels(path, 3, values=[1, 2, 3]) == ["one", "two", "three"]


def test_labels_that_no_column_holds_are_asked_about(tmp_path):
    path = put(tmp_path, named("id", [101, 102, 103]))
    with pytest.raises(TableError, match=r"no name for label 1 .* in its column 'id'; add a line"):
        read_labels(path, 3, values=[1, 2, 3])


@pytest.mark.parametrize(
    "content",
    [
        '{"1.0": "one", "2.0": "two", "3.0": "three"}',
        '{"3": "three", "1": "one", "2": "two"}',
        '{"one": "1", "two": "2.0", "three": 3.0}',
        '[{"index": "2", "name": "two"}, {"index": 1.0, "name": "one"},'
        ' {"index": 3, "name": "three"}]',
        '{"0": "one", "1": "two", "2": "three"}',
    ],
)
def test_numbers_of_json_in_every_spelling(tmp_path, content):
    assert read_labels(put(tmp_path, content, "a.json"), 3) == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("[" * 200_000, "is not JSON .its brackets are nested too deeply.; mend it"),
        ('{"a": 1' + "0" * 5000 + "}", "is not JSON .it holds a number of too many digits"),
        ('{"1e400": "a", "2": "b", "3": "c"}', "neither a list of names nor"),
        ('{"1.5": "a", "2": "b", "3": "c"}', "neither a list of names nor"),
        ('{"a": true, "b": 2, "c": 3}', "neither a list of names nor"),
        ('{"a": null, "b": 2, "c": 3}', "neither a list of names nor"),
        ('[{"name": 3}, {"name": "b"}, {"name": "c"}]', "neither a list of names nor"),
        ("{}", "neither a list of names nor"),
        ("[]", "neither a list of names nor"),
        ('["a", "b", "\\ud800"]', "a name with characters that cannot be shown"),
        ('["a", "b", "c\\u0000"]', "a name with characters that cannot be shown"),
        ('["a", "b", " "]', "gives map 3 of 3 no name"),
        ('{"1": "a", "1.0": "b", "2": "c"}', "two names to number 1"),
    ],
)
def test_json_of_another_form(tmp_path, content, match):
    path = put(tmp_path, content, "a.json")
    with pytest.raises(TableError, match=match) as caught:
        read_labels(path, 3)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "latin-1"])
def test_json_is_read_as_editors_leave_it(tmp_path, encoding):
    path = tmp_path / "a.json"
    path.write_bytes('["größer", "b", "c"]'.encode(encoding))
    assert read_labels(path, 3) == ["größer", "b", "c"]


def test_a_table_of_labels_with_another_separator(tmp_path):
    with pytest.raises(TableError, match="separated by commas, where tabs are expected"):
        read_labels(put(tmp_path, "index,name\n1,a\n2,b\n3,c\n"), 3)
    plain = put(tmp_path, "Gyrus, left\nGyrus, right\nSulcus, left\n", "a.txt")
    assert read_labels(plain, 3) == ["Gyrus, left", "Gyrus, right", "Sulcus, left"]
