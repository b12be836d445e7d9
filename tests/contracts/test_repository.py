# SPDX-License-Identifier: Apache-2.0
"""What runs elsewhere says the same as what runs here: hosted CI, hooks, containers, forms."""

import re
import tomllib

import pytest

from .conftest import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

MARKERS = {line.split(":")[0] for line in PYPROJECT["tool"]["pytest"]["ini_options"]["markers"]}
"""Marks of tests that are declared."""

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
"""Jobs of the hosted CI."""


def text_of(path):
    return (ROOT / path).read_text()


def dockerfile():
    """Give the Dockerfile with continued lines joined."""
    return re.sub(r"\\\n\s*", " ", text_of("Dockerfile"))


def section(name):
    """Give the lines of a section of the Apptainer definition."""
    body = re.search(rf"^%{name}\n(.*?)(?=^%|\Z)", text_of("apptainer.def"), re.S | re.M).group(1)
    return [line.strip() for line in body.splitlines() if line.strip()]


def test_ci_runs_the_judge_with_every_python_from_the_lowest():
    ci = text_of(".github/workflows/ci.yml")
    versions = re.search(r"python: \[(.*)\]", ci).group(1).replace('"', "").split(", ")
    lowest = PYPROJECT["project"]["requires-python"].removeprefix(">=")
    minors = [int(version.split(".")[1]) for version in versions]
    assert versions[0] == lowest
    assert minors == list(range(minors[0], minors[0] + len(minors)))
    assert "run: .ci/run\n" in ci


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_jobs_are_bounded_and_allowed_little(path):
    text = path.read_text()
    assert re.search(r"^permissions:\n  contents: read\n", text, re.M)
    jobs = re.split(r"^  (?=\w+:\n)", text.split("\njobs:\n")[1], flags=re.M)[1:]
    assert jobs
    assert all("timeout-minutes:" in job or "uses: ./.github" in job for job in jobs)
    # A command line made of somebody's text would be somebody's command.
    commands = re.findall(r"run: (.*(?:\n {10}.*)*)", text)
    assert commands
    assert not [command for command in commands if "${{" in command]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_what_jobs_call_is_here(path):
    text = path.read_text()
    called = re.findall(r"run: (\.ci/[\w-]+)", text) + re.findall(r"uses: \./(\S+)", text)
    assert called
    assert all((ROOT / name).is_file() for name in called)
    for expression in re.findall(r'pytest -m "(.*?)"', text):
        assert set(re.findall(r"\w+", expression)) - {"and", "or", "not"} <= MARKERS


def test_hooks_are_the_tools_of_the_checks():
    tools = re.findall(r"^check (.+)$", text_of(".ci/checks"), re.M)
    hooks = re.findall(r"entry: \.venv/bin/(.+)$", text_of(".pre-commit-config.yaml"), re.M)

    def name(command):
        return tuple(word for word in command.split() if re.fullmatch(r"[a-z][a-z-]*", word))

    assert tools
    assert sorted(map(name, tools)) == sorted(map(name, hooks))


def test_both_containers_take_the_same_files():
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", dockerfile(), re.M)
    taken = sorted(word for line in copied for word in line.split())
    assert taken == sorted(line.split()[0] for line in section("files"))
    assert all((ROOT / name).exists() for name in taken)
    ignored = text_of(".dockerignore").splitlines()
    assert sorted(line[1:] for line in ignored if line.startswith("!")) == taken


def test_what_the_package_is_built_from_is_taken():
    project = PYPROJECT["project"]
    setup = re.findall(r"^    (\w+)/\*", text_of("setup.cfg"), re.M)
    needed = {"pyproject.toml", "setup.cfg", project["readme"], *project["license-files"]}
    folders = {name for name in setup if (ROOT / name).is_dir()} | {"nipype_mapsmasker"}
    assert {line.split()[0] for line in section("files")} == needed | folders


def test_both_containers_set_the_same_environment():
    docker = dict(
        re.findall(r"(\w+)=(\S+)", re.search(r"^ENV (.*)$", dockerfile(), re.M).group(1))
    )
    apptainer = dict(
        line.removeprefix("export ").split("=")
        for line in section("environment")
        if not line.startswith("#")
    )
    # Apptainer has the user's own name and home.
    assert {key: docker[key] for key in docker if key not in ("HOME", "USER")} == apptainer


def test_both_containers_start_from_the_same_image_and_run_the_command():
    bases = set(re.findall(r"^FROM (\S+)", dockerfile(), re.M))
    assert bases == set(re.findall(r"^From: (\S+)", text_of("apptainer.def"), re.M))
    (command,) = PYPROJECT["project"]["scripts"]
    assert f'ENTRYPOINT ["{command}"]' in dockerfile()
    assert section("runscript") == [f'exec {command} "$@"']
    assert re.search(r"^USER [1-9]\d*:", dockerfile(), re.M), "the image runs as root"


def test_forms_ask_for_the_version():
    forms = {
        path.stem: path.read_text() for path in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml")
    }
    assert {"wrong_number", "crash"} <= set(forms)
    assert all("mapsmasker --version" in forms[name] for name in ("wrong_number", "crash"))
