# SPDX-License-Identifier: Apache-2.0
"""Words that reach the shell as they were given, and never as something to be done."""

import os
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nipype_mapsmasker.cli.main import main
from nipype_mapsmasker.cohort.shell import is_plain, sbatch_word, shell_join, shell_word
from nipype_mapsmasker.errors import ParameterError
from tests.tiny import make_tiny

TEXTS = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=30)


def echoed(text):
    """What bash makes of a quoted word."""
    script = f"# {shell_word(text)}\nprintf %s {shell_word(text)}"
    done = subprocess.run(
        ["bash", "--norc", "-c", script], capture_output=True, check=True, env={"LC_ALL": "C"}
    )
    assert done.stderr == b""
    return os.fsdecode(done.stdout)


@settings(max_examples=60, deadline=None)
@given(TEXTS)
def test_bash_gets_the_word(text):
    assert echoed(text) == text
    assert "\n" not in shell_word(text)


@pytest.mark.parametrize(
    "text",
    ["", "a b", "it's", "\n", "a\ntouch x\n#", "\\'\n", "\x1b[0m", "$(x)`y`", "\udcff", "ü"],
)
def test_bash_gets_hard_words(text):
    assert echoed(text) == text


def test_words_are_joined():
    assert shell_join(["a b", "c"]) == "'a b' c"


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "\x00", "\x85"])
def test_no_line_of_options_holds_a_line_break(text):
    with pytest.raises(ParameterError, match="has a line break or another control character"):
        sbatch_word(text)


def test_plain_words_stay_as_they_are():
    assert sbatch_word("--time=02:00:00") == "--time=02:00:00"
    assert is_plain("/data/out-1/slurm-%A_%a.out")
    assert not is_plain("/data/my out")


@pytest.mark.parametrize("part", ["out", "script", "input"])
def test_no_part_of_an_array_script_is_executed(tmp_path, capsys, part):
    hostile = f"x\ntouch {tmp_path}/executed\n#' \"$(touch {tmp_path}/executed)`"
    hostile = hostile.replace("/", "%")  # one name of a file
    names = {"out": "out", "script": "array.sh", "input": "data"} | {part: hostile}
    tiny = make_tiny(tmp_path / names["input"])
    table = tiny.write_table(tiny.folder / "runs.tsv")
    script = tmp_path / names["script"]
    words = ["run", table, tmp_path / names["out"], "--maps", tiny.maps_file]
    code = main([*map(str, words), "--write-slurm-array", str(script)])
    assert code == 0, capsys.readouterr().err
    subprocess.run(["bash", "-n", script], check=True, cwd=tmp_path)
    text = script.read_text()
    assert not [line for line in text.splitlines() if line.startswith("touch")]
    done = subprocess.run(["bash", script], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 2  # it wants to be given to sbatch
    assert not list(tmp_path.glob("*executed"))
