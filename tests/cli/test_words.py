# SPDX-License-Identifier: Apache-2.0
"""Words in any order, near misses, patterns that the shell wrote out, and the first screens."""

import pytest

from nipype_mapsmasker.cli.config import write_config
from nipype_mapsmasker.cli.help import COMMON
from nipype_mapsmasker.cli.main import main
from nipype_mapsmasker.cli.parser import COMMANDS, build_parser, parser_of
from nipype_mapsmasker.cli.words import SYNONYMS, parse
from nipype_mapsmasker.errors import ParameterError

CALL = ["runs.tsv", "out", "--maps", "maps.nii"]


def refused(words, capsys):
    """Give the sentence that a call is refused with."""
    with pytest.raises(SystemExit) as stop:
        parse(words)
    assert stop.value.code == 2
    sentence = capsys.readouterr().err
    assert sentence.startswith("mapsmasker: ")
    assert sentence.count("\n") == 1
    return sentence


def meaning(words):
    """Give all that a call means."""
    return {k: v for k, v in vars(parse(words)).items() if k != "command_line"}


@pytest.mark.parametrize("words", [[], ["--help"], ["run", "--help"], ["run", "-h"]])
def test_the_first_screen_holds_the_help(words, capsys):
    with pytest.raises(SystemExit) as stop:
        main(words)
    lines = capsys.readouterr().out.splitlines()
    assert stop.value.code == 0
    assert 15 < len(lines) <= 23
    assert max(map(len, lines)) <= 80
    assert sum(line.startswith("  mapsmasker ") for line in lines) == 3


def test_the_usual_options_are_ten_and_real():
    known = parser_of(build_parser(), "run")._option_string_actions
    assert len(COMMON) == 10
    assert set(COMMON) <= set(known)
    assert {meant for meant in SYNONYMS.values() if meant.startswith("-")} <= set(known)


def test_the_whole_help_has_every_option(capsys):
    with pytest.raises(SystemExit):
        main(["run", "--help-all"])
    told = capsys.readouterr().out
    assert all(name in told for name in ("--butterworth-padlen", "--batch-size", *COMMON))


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("--smoothing_fwhm", "--smoothing-fwhm"),
        ("--T_R", "--t-r"),
        ("--smothing-fwhm=6", "--smoothing-fwhm"),
        ("--standardise", "--standardize"),
        ("--participant", "--participant-label"),
        ("--n_jobs", "--n-procs"),
        ("--maps_img", "--maps"),
        ("--mask-img", "--mask"),
        ("--imgs", "INPUT"),
    ],
)
def test_a_near_miss_is_answered_with_the_option(word, meant, capsys):
    sentence = refused([*CALL, word, "6"], capsys)
    name = word.partition("=")[0]
    assert sentence == f"mapsmasker: {name} is not an option; did you mean {meant}?\n"


def test_what_is_far_from_all_is_answered_with_the_list(capsys):
    assert "'mapsmasker run --help-all' lists them" in refused([*CALL, "--xyzzy"], capsys)


def test_a_command_s_near_miss_is_answered(capsys):
    assert "did you mean report?" in refused(["reports", "out"], capsys)
    assert "did you mean run?" in refused(["rnu", "runs.tsv", "out"], capsys)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--high-pass", "low"], "--high-pass: expected a number, got 'low'."),
        (["--n-procs", "2.5"], "--n-procs: expected a whole number, got '2.5'."),
        (["--maps"], "--maps: expected at least one argument."),
        (["--displayed-maps"], "--displayed-maps: expected at least one argument."),
    ],
)
def test_a_value_of_another_kind_is_refused_in_plain_words(words, said, capsys):
    assert refused([*CALL, *words], capsys).endswith(f"{said}\n")


@pytest.mark.parametrize(
    "words",
    [
        ["--detrend", *CALL],
        ["run", "--detrend", *CALL],
        ["runs.tsv", "--detrend", "out", "--maps", "maps.nii"],
        ["--maps", "maps.nii", "--detrend", "runs.tsv", "out"],
        ["--detrend", "--maps", "maps.nii", "--", "runs.tsv", "out"],
        ["runs.tsv", "--maps", "maps.nii", "--detrend", "out"],
    ],
)
def test_options_stand_where_they_like(words):
    assert meaning(words) == meaning([*CALL, "--detrend"])
    given = parse(words).command_line
    assert meaning(given) == meaning(words)


@pytest.mark.parametrize(
    ("words", "taker"),
    [
        (["--maps", "maps.nii", "runs.tsv", "out"], "--maps"),
        (["--smoothing-fwhm", "6", "runs.tsv", "out", "--maps", "maps.nii"], "--smoothing-fwhm"),
    ],
)
def test_an_option_that_swallows_says_how_to_write_it(words, taker, capsys):
    sentence = refused(words, capsys)
    assert f"{taker} takes all words behind it" in sentence
    assert "write INPUT and OUT before it, or '--' between them" in sentence


def test_several_images_are_what_a_shell_makes_of_a_pattern(tmp_path, capsys):
    images = [tmp_path / f"{name}.nii" for name in "abc"]
    for image in images:
        image.touch()
    words = [*map(str, images), "out", "participant", "--maps", "maps.nii"]
    arguments = parse(words)
    assert arguments.input == [str(image) for image in images]
    assert arguments.out_dir == "out"
    assert parse(arguments.command_line).input == arguments.input
    assert parse(["inspect", *map(str, images)]).input == arguments.input
    assert "OUT, a folder" in refused([*map(str, images), "--maps", "maps.nii"], capsys)
    assert "d.nii is no file" in refused([str(images[0]), "d.nii", "out"], capsys)


def test_a_level_of_bids_apps(capsys):
    assert parse(["ds", "out", "group"]).command == "group"
    assert parse(["ds", "out", "group", "--min-share", "0.2"]).min_share == 0.2
    assert "INPUT and OUT are needed; see" in refused(["ds"], capsys)


@pytest.mark.parametrize(
    ("size", "gb"), [("16G", 16), ("16GB", 16), ("1500M", 1.5), ("1500", 1.5), ("1T", 1000)]
)
def test_nipreps_words(size, gb):
    words = ["--nprocs", "3", "--mem", size, "--omp-nthreads", "1"]
    arguments = parse([*CALL, *words])
    assert (arguments.n_procs, arguments.mem_gb) == (3, gb)
    assert parse([*CALL, "--n-cpus", "4"]).n_procs == 4


def test_a_size_that_is_none(capsys):
    assert "--mem: a size is 16G or 16000M, not '16X'" in refused([*CALL, "--mem", "16X"], capsys)


def test_a_written_configuration_means_the_call(tmp_path):
    words = ["--maps", "a.nii", 'b "c".nii', "--smoothing-fwhm", "4", "5", "6", "--no-clip"]
    words += ["--detrend", "--filter", "none", "--denoise", "simple", "--mem", "2G", "-v"]
    words += ["--connectivity", "pearson", "--displayed-maps", "3", "--t-r", "2"]
    arguments = parse(["runs.tsv", "out", *words])
    file = write_config(str(tmp_path / "é.toml"), arguments, parser_of(build_parser(), "run"))
    given = parse(["runs.tsv", "out", "--config", str(file)])
    same = ("command_line",)
    assert {k: v for k, v in vars(given).items() if k not in same} == {
        k: v for k, v in vars(arguments).items() if k not in same
    }
    # What is kept with the results, and given to a cluster, needs no file.
    assert "--config" not in given.command_line


def test_the_command_line_wins(tmp_path):
    file = tmp_path / "c.toml"
    file.write_text('smoothing_fwhm = 6\nmaps = ["a.nii"]\ndetrend = true\nwork-dir = "w"\n')
    arguments = parse(
        ["runs.tsv", "out", f"--config={file}", "--maps", "b.nii", "--no-detrend", "-w", "mine"]
    )
    assert arguments.maps == ["b.nii"]
    assert arguments.smoothing_fwhm == [6.0]
    assert not arguments.detrend
    assert arguments.work_dir == "mine"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("smoothing = 6\n", "'smoothing' is not an option"),
        ("input = 'x'\n", "'input' is not an option"),
        ("detrend = 1\n", "detrend is 1; expected true or false"),
        ("t-r = [1, 2]\n", r"t-r is \[1, 2\]; expected a number or text\."),
        ("labels = [[1]]\n", "labels is .*; expected a number or text, or a list of them"),
        ("smoothing-fwhm: 6\n", "is not TOML, such as"),
    ],
)
def test_a_wrong_configuration_is_one_sentence(tmp_path, text, sentence):
    file = tmp_path / "c.toml"
    file.write_text(text)
    with pytest.raises(ParameterError, match=sentence) as told:
        parse([*CALL, "--config", str(file)])
    assert str(told.value).startswith(str(file))


def test_a_configuration_is_written_and_nothing_run(tiny, tmp_path, call):
    words = [tiny.in_files[0], tmp_path / "out", "--maps", tiny.maps_file, "--detrend"]
    done = call("run", *words, "--write-config", tmp_path / "c.toml")
    assert done.code == 0
    assert "detrend = true\n" in (tmp_path / "c.toml").read_text()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_knows_commands_and_options(shell, call):
    script = call("completion", shell).out
    assert all(command in script for command in COMMANDS)
    assert "--smoothing-fwhm" in script
