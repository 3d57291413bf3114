"""The commands of README.md and docs/ are run, in order, on a small scale.

What a page's command needs that a test does not have (pages.NEEDS) is said beside it;
what is said by nothing, and does not run, fails. small.py says what is made small.
"""

import importlib
import importlib.util
import re
import shutil
import subprocess

import pytest

from tests.docs.pages import NEEDS, ROOT, commands, typed, words_of
from tests.docs.scratch import begin, make, run
from transformer_lm.config_files import settings_from
from transformer_lm.tools import generate, train

ADDING = ROOT / "docs" / "adding.md"
DOCS = sorted({*(ROOT / "docs").glob("*.md")} - {ADDING})
PAGES = [ROOT / "README.md", *DOCS]
TRANSLATIONS = [ROOT / "README.ja.md", *sorted((ROOT / "docs" / "ja").glob("*.md"))]
ASSUMED = {
    "export": ["runs/mine", "runs/bert", "OLD"],
    "reliability": ["runs/mine"],
    "training": ["runs/quickstart", "models/bert-base"],
    "transformer-lm-japanese": ["runs/japanese_0.1b_v1"],
    "data": ["corpora/jawiki"],
}
"""What a page takes for granted, by its name."""
FROM = {"models/bert-base": ["runs/bert-base"]}
THIS_SUITE = re.compile(r"make (test|fuzz|notebooks)\b")
"""Runs these tests."""


def to_run(page):
    """What a page tells to type and a test can run."""
    return [
        found
        for found in typed(page)
        if not found.needs and not THIS_SUITE.match(found.script)
    ]


MISTAKE = "problem(s)"
"""What a page shows below a command that is wrong on purpose."""
RUN = [page for page in PAGES if to_run(page)]
QUICK = {"README", "kernels", "performance"}
"""Pages of the default suite."""


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Returns a function that puts something of MADE into a folder; made once."""
    store = tmp_path_factory.mktemp("made")
    begin(store)
    ready = set()

    def put(name, folder):
        for needed in FROM.get(name, []):
            put(needed, folder)
        if name not in ready:
            make(name, store)
            ready.add(name)
        if not (folder / name).exists():
            shutil.copytree(store / name, folder / name)

    return put


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "page",
    [
        pytest.param(
            page, id=page.stem, marks=() if page.stem in QUICK else pytest.mark.slow
        )
        for page in RUN
    ],
)
def test_commands_run(page, made, tmp_path):
    begin(tmp_path)
    for name in ASSUMED.get(page.stem, []):
        made(name, tmp_path)
    for script, shown, _ in to_run(page):
        done = run(script, tmp_path)
        said = f"{script}\n{done.stdout}\n{done.stderr}"
        if MISTAKE in shown:
            assert done.returncode == 2, said
        else:
            assert done.returncode == 0, said
        assert done.stdout or done.stderr, f"{script} says nothing"
        printed = form(done.stdout + done.stderr)
        for line in lines_to_print(shown):
            assert line in printed, (
                f"{page.name} shows {line!r}, which is not in\n{said}"
            )


def form(text):
    """A text with all numbers alike, and files or file."""
    text = re.sub(r"[\d.,]*\d(e[-+]\d+)?", "0", text)
    return " ".join(re.sub(r"(?<=\w)s\b", "", text).split())


def lines_to_print(shown):
    """The form of lines of output that do not depend on the text that was learnt."""
    for line in shown.splitlines():
        line = line.split("…")[0]
        if "self-check: pt" in line and importlib.util.find_spec("torch") is None:
            continue
        if line.strip() and line.isascii():
            yield form(line)


def test_the_commands_of_adding_are_marked_or_of_python():
    """test_adding.py runs those, in a copy that has what the page adds."""
    for found in typed(ADDING):
        assert found.needs or found.script.startswith("python "), found.script


def test_a_program_that_a_test_does_not_have_fails(tmp_path):
    begin(tmp_path)
    assert run("printf said", tmp_path).stdout == "said"
    done = run("gcloud config list", tmp_path)
    assert done.returncode == 127
    assert "gcloud: command not found" in done.stderr


def test_needs_are_found_in_both_languages(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "Needs a\nGPU.\n\n```console\none\n```\n\nfree\n\n```sh\ntwo\n```\n"
        "| a | `python benchmarks/a.py --b` | GPU が必要 |\n"
        "| b | `python main.py --config=…` `python main.py --config=c` |\n"
        "\n複数のマシンが必要です。\n\n```console\n$ three \\\n  four\nsaid\n$ five\n```\n"
        "\n```text\nshown\n```\n"
    )
    assert list(typed(page)) == [
        ("one\n", "", {"a GPU"}),
        ("two\n", "", set()),
        ("python benchmarks/a.py --b", "", {"a GPU"}),
        ("python main.py --config=c", "", set()),
        ("three \\\n  four\nfive\n", "said\nshown\n", {"several machines"}),
    ]


def test_pages_have_commands_to_run():
    assert {page.stem for page in RUN} >= {"README", "start", "data", "export", "gpu"}
    assert {
        need for page in PAGES for found in typed(page) for need in found.needs
    } == {*NEEDS}


@pytest.mark.parametrize("page", TRANSLATIONS, ids=lambda page: page.name)
def test_translations_have_the_same_commands(page):
    other = ROOT / "README.md"
    if page.parent.name == "ja":
        other = ROOT / "docs" / page.name
    found, expected = (
        [(words_of(script), needs) for script, _, needs in typed(each)]
        for each in (page, other)
    )
    assert found == expected


def program_of(words):
    """main.py, generate_text.py, or the module of a tool; None for anything else."""
    if words[0] != "python" or words[1] == "-c":
        return None
    return words[2] if words[1] == "-m" else words[1]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_are_understood(page, monkeypatch):
    """Also where they cannot run: configs have their keys, tools their flags."""
    monkeypatch.chdir(ROOT)
    for script, shown, _ in typed(page):
        if MISTAKE in shown:
            continue
        for words in commands(script):
            program = program_of(words)
            if words[0] == "make":
                subprocess.run(
                    ["make", "-n", *words[1:]], check=True, capture_output=True
                )
            elif program == "main.py":
                given = train.parser().parse_args(words[2:])
                settings_from(given.config, given.overrides)
            elif program == "generate_text.py":
                generate.parser().parse_args(words[2:])
            elif program is not None and program.startswith("transformer_lm."):
                importlib.import_module(program).parser().parse_args(words[3:])
            elif program is not None:
                file = (
                    program.replace(".", "/") + ".py" if words[1] == "-m" else program
                )
                assert (ROOT / file).exists(), words
