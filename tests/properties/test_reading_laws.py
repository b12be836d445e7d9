# SPDX-License-Identifier: Apache-2.0
"""Whatever a file of the user holds: a right value, or one sentence of our own errors."""

import json
import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nibabel.spatialimages import HeaderDataError

from nipype_mapsmasker.errors import DataFault
from nipype_mapsmasker.io.images.headers import read_info
from nipype_mapsmasker.io.images.nifti import best_affine, parse_header, stored_dtype
from nipype_mapsmasker.io.tables.confounds import read_confounds
from nipype_mapsmasker.io.tables.labels import read_labels
from nipype_mapsmasker.io.tables.runs import read_runs_table
from nipype_mapsmasker.io.tables.samples import read_sample_mask
from nipype_mapsmasker.io.timing import resolve_t_r

GOOD = {
    "confounds": ("a.tsv", "csf\ttrans_x\n1.5\tn/a\n2\t-3e-3\n0\t4\n"),
    "csv": ("a.csv", 'csf,"trans, x"\n1.5,\n2,-3e-3\n0,4\n'),
    "sample mask": ("a.tsv", "keep\n1\n0\n1\n"),
    "labels": ("a.tsv", "index\tname\n1\tone\n3\tthree\n2\ttwo\n"),
    "labels in JSON": ("a.json", '{"1": "one", "3": "three", "2": "two"}'),
    "runs": ("a.tsv", "run_id\tin_file\tt_r\na\tx.nii\t2\nb\ty.nii\tn/a\n"),
    "sidecar": ("a.json", '{"RepetitionTime": 2.0, "VolumeTiming": [0, 2, 4]}'),
}
"""Sound files by kind."""

READERS = {
    "confounds": lambda path: read_confounds(path, 3),
    "csv": lambda path: read_confounds(path, 3),
    "sample mask": lambda path: read_sample_mask(path, 3),
    "labels": lambda path: read_labels(path, 3),
    "labels in JSON": lambda path: read_labels(path, 3, values=[1, 2, 3]),
    "runs": read_runs_table,
    "sidecar": lambda path: resolve_t_r(path.with_suffix(".nii"), 2.0, None, 3),
}

PIECES = [
    b"\0", b"\xff", b"\t", b"\n", b"\r", b",", b";", b'"', b"{", b"[", b"]", b":", b"-", b"1e400",
    b"nan", b"n/a", b"inf", b"\xef\xbb\xbf", b"\xff\xfe", b"\x1f\x8b", b"true", b"null", b" ",
    b"\\ud800", b"9" * 400, b"1_0", "é".encode(), b"~nouser", b"../",
]  # fmt: skip
"""What is put into files, beside single random bytes."""

edits = st.lists(
    st.tuples(
        st.integers(0, 80), st.integers(0, 6), st.sampled_from(PIECES) | st.binary(max_size=3)
    ),
    min_size=1,
    max_size=5,
)


def spoilt(content: bytes, changes) -> bytes:
    """Replace some bytes by others."""
    data = bytearray(content)
    for place, length, piece in changes:
        at = place % (len(data) + 1)
        data[at : at + length] = piece
    return bytes(data)


def check_sentence(fault: DataFault, folder: str) -> None:
    """See that a fault is one sentence, which names the file."""
    said = str(fault)
    assert said.endswith("."), said
    assert folder in said, said
    assert "\n" not in said


@pytest.mark.parametrize("kind", GOOD)
@settings(max_examples=200)
@given(changes=edits)
def test_a_spoilt_file_is_read_or_refused_in_one_sentence(kind, changes):
    name, content = GOOD[kind]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(spoilt(content.encode(), changes))
        try:
            READERS[kind](path)
        except DataFault as fault:
            check_sentence(fault, folder)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@settings(max_examples=200)
@given(value=json_values, timing=json_values)
def test_any_json_is_a_time_or_one_sentence(value, timing):
    with tempfile.TemporaryDirectory() as folder:
        content = json.dumps({"RepetitionTime": value, "VolumeTiming": timing})
        Path(folder, "a.json").write_text(content)
        try:
            found = resolve_t_r(Path(folder, "a.nii"), 2.0, None, 3)
        except DataFault as fault:
            check_sentence(fault, folder)
        else:
            assert found.seconds is None or 0.1 <= found.seconds <= 30


@settings(max_examples=200)
@given(value=json_values)
def test_any_json_is_names_or_one_sentence(value):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.json")
        path.write_text(json.dumps(value))
        try:
            names = read_labels(path, 3)
        except DataFault as fault:
            check_sentence(fault, folder)
        else:
            assert len(set(names)) == 3
            "".join(names).encode()


@settings(max_examples=200)
@given(
    table=st.lists(
        st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=3),
        min_size=1, max_size=6,
    ),
    separator=st.sampled_from(["\t", ","]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
)  # fmt: skip
def test_every_number_is_read_as_it_was_written(table, separator, encoding):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.tsv" if separator == "\t" else "a.csv")
        lines = [separator.join("abc"), *(separator.join(map(repr, row)) for row in table)]
        path.write_bytes("\n".join(lines).encode(encoding))
        values, names = read_confounds(path, len(table))
    assert names == ["a", "b", "c"]
    np.testing.assert_array_equal(values, table)


@settings(max_examples=300)
@given(seed=st.integers(0, 2**32 - 1), changes=st.integers(0, 4))
def test_a_spoilt_header_is_read_as_nibabel_reads_it_or_refused(seed, changes):
    rng = np.random.default_rng(seed)
    header = nib.Nifti1Header(endianness="<>"[seed % 2])
    header.set_data_dtype(["u1", "i2", "f4", "f8"][seed % 4])
    header.set_data_shape((7, 8, 9, 5))
    header.set_zooms((*rng.uniform(0.5, 4, 3), rng.uniform(0.2, 5)))
    affine = np.eye(4)
    affine[:3] += rng.normal(0, 0.3, (3, 4))
    if rng.random() < 0.5:
        header.set_sform(affine, 2)
    header.set_qform(np.diag([*rng.uniform(0.5, 4, 3), 1]), int(rng.integers(0, 3)))
    raw = bytearray(header.binaryblock + bytes(192))
    for place in rng.integers(40, 344, changes):
        raw[place] = int(rng.integers(256))
    ours = parse_header(bytes(raw))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.nii")
        path.write_bytes(bytes(raw[:348]) + bytes(4 + 7 * 8 * 9 * 5 * 8))
        try:
            info = read_info(path)
        except DataFault as fault:
            check_sentence(fault, folder)
            return
        try:
            theirs = nib.load(path).header
        except HeaderDataError:
            return
        assert ours is not None
        assert stored_dtype(ours, "a") == theirs.get_data_dtype()
        assert info.shape == theirs.get_data_shape()[:4]
        np.testing.assert_allclose(
            best_affine(ours, info.grid.shape, "a"), theirs.get_best_affine(), rtol=1e-6, atol=1e-6
        )
