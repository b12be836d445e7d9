# SPDX-License-Identifier: Apache-2.0
"""``logs/CITATION.md`` says what was done and what to cite."""


def test_a_run_writes_what_to_cite(tiny, tmp_path, call):
    out = tmp_path / "out"
    words = [tiny.in_files[0], out, "--maps", tiny.maps_file, "--atlas-names", "mine"]
    assert call("run", *words, "--standardize", "psc").code == 0
    text = (out / "logs" / "CITATION.md").read_text(encoding="utf-8")
    assert "## Atlas mine\n" in text
    assert "Time series of 3 maps of the atlas mine" in text
    assert "1. Gorgolewski K" in text
    assert "doi:10.3389/fninf.2011.00013" in text
    # A call that has nothing to do writes nothing.
    (out / "logs" / "CITATION.md").write_text("edited", encoding="utf-8")
    assert call("run", *words, "--standardize", "psc").code == 0
    assert (out / "logs" / "CITATION.md").read_text(encoding="utf-8") == "edited"
    assert call("run", *words, "--standardize", "zscore").code == 0
    assert "unit variance" in (out / "logs" / "CITATION.md").read_text(encoding="utf-8")
