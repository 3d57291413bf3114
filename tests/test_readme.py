"""The README's commands are run, in order, on a small scale; those of docs/ are parsed."""

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from transformer_lm.config_files import settings_from
from transformer_lm.tools import generate, train

ROOT = Path(__file__).parents[1]
DOCS = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "README.ja.md", *DOCS]
TOOLS = "transformer_lm.tools."
CLOUD = "a cloud account"
"""Says of a block of the README that a test cannot run it."""
SHRUNK = {
    "main.py": [
        "--config.num_train_steps=3",
        "--config.warmup_steps=1",
        "--config.eval_every_steps=3",
        "--config.checkpoint_every_steps=3",
        "--config.num_eval_steps=1",
        "--config.num_layers=1",
        "--config.vocab_size=1500",
        "--config.max_corpus_chars=20000",
        "--config.batch_size=8",
        "--config.tensorboard=false",
    ],
    f"{TOOLS}train_tokenizer": ["--vocab_size=800", "--limit_alphabet=600"],
}
RECORDER = r"""
command_not_found_handle() { printf '%s\0' "$@"; printf '\n\0'; }
cd() { :; }
PATH=/nowhere
"""
"""Bash that prints each command's words instead of running it."""


def blocks(page):
    """Console blocks of a page, each with the paragraphs before and after it."""
    text = page.read_text()
    for match in re.finditer(r"```console\n(.*?)```", text, re.DOTALL):
        before = text[: match.start()].rstrip().rsplit("\n\n", 1)[-1]
        after = text[match.end() :].lstrip().split("\n\n", 1)[0]
        yield match[1], before + after


def commands(page):
    """(words, paragraphs around it) of each command of a page, as bash reads it."""
    for block, context in blocks(page):
        typed = re.sub(r"\.venv[\w-]*/bin/", "", block)
        if typed.startswith("$ "):  # With its output: lines of commands begin with $.
            typed = "\n".join(re.findall(r"^\$ ((?:.*\\\n)*.*)$", typed, re.MULTILINE))
        done = subprocess.run(
            ["/bin/bash", "-c", RECORDER + typed], capture_output=True, text=True
        )
        assert not done.stderr, f"{page.name}: {done.stderr}"
        for command in done.stdout.split("\n\0")[:-1]:
            yield command.split("\0")[:-1], context


def program_of(words):
    """main.py, generate_text.py, or the module of a tool; None for anything else."""
    if words[:2] == ["make", "quickstart"]:
        return "main.py"
    if words[0] != "python" or words[1] == "-c":
        return None
    return words[2] if words[1] == "-m" else words[1]


def test_pages_have_commands():
    assert len(list(commands(ROOT / "README.md"))) >= 10


def test_both_readmes_have_the_same_commands():
    english, japanese = (
        [words for words, _ in commands(ROOT / name)]
        for name in ("README.md", "README.ja.md")
    )
    assert english == japanese


TRANSLATED = ["start", "data", "tpu", "gpu", "export", "reproduce"]
"""Pages of docs/ that docs/ja/ has too."""


@pytest.mark.parametrize(
    ("first", "second"),
    [("README.md", "README.ja.md")]
    + [(f"docs/{name}.md", f"docs/ja/{name}.md") for name in ("index", *TRANSLATED)],
)
def test_both_languages_have_the_same_parts(first, second):
    """Headings, points, rows of tables, blocks and pictures, in the same order."""
    marks = re.compile(r"^(#+ |\| |- |```\w*|!\[)", re.MULTILINE)
    english, japanese = (
        marks.findall((ROOT / name).read_text()) for name in (first, second)
    )
    assert english == japanese


@pytest.mark.parametrize("name", TRANSLATED)
def test_japanese_pages_have_the_commands_of_the_english_ones(name):
    english, japanese = (
        [words for words, _ in commands(ROOT / "docs" / folder / f"{name}.md")]
        for folder in ("", "ja")
    )
    assert english == japanese


def test_make_targets_of_the_pages_exist():
    for page in PAGES:
        for words, _ in commands(page):
            if words[0] == "make":
                subprocess.run(
                    ["make", "-n", *words[1:]],
                    cwd=ROOT,
                    check=True,
                    capture_output=True,
                )


def anchors(page):
    """Names of the places of a page: its headings, as sites write them, and own ids."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    found = set(re.findall(r"\{ #([\w-]+) \}", text))
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        words = re.sub(r"[^\w\s-]", "", heading.lower())
        found.add(re.sub(r"\s", "-", words.strip()))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^):#]*)(?:#([^)]+))?\)", page.read_text())
    for target, anchor in links:
        file = page.parent / target if target else page
        assert file.exists(), f"{page.name} links to {target}"
        if anchor:
            assert anchor in anchors(file), f"{page.name} links to {target}#{anchor}"


@pytest.mark.parametrize(
    "page",
    # Its commands need what the page adds: tests/docs runs them.
    [page for page in DOCS if page.name != "adding.md"],
    ids=lambda page: page.name,
)
def test_commands_of_the_docs_are_understood(page, monkeypatch):
    """Configs resolve with their keys; tools know their flags."""
    monkeypatch.chdir(ROOT)
    for words, _ in commands(page):
        program = program_of(words)
        if words[0] == "make":
            continue
        if program == "main.py":
            given = train.parser().parse_args(words[2:])
            settings_from(given.config, given.overrides)
        elif program == "generate_text.py":
            generate.parser().parse_args(words[2:])
        elif program is not None and program.startswith(TOOLS):
            importlib.import_module(program).parser().parse_args(words[3:])
        else:
            assert program is None or (ROOT / program).exists(), words


@pytest.mark.timeout(2400)
@pytest.mark.parametrize(
    ("page", "tools"),
    [
        ("README.md", 5),
        pytest.param("docs/start.md", 3, marks=pytest.mark.slow),
    ],
)
def test_commands_run(page, tools, tmp_path):
    """What needs a cloud account must say so beside its block."""
    (tmp_path / "my").mkdir()
    village = (ROOT / "tests" / "data" / "fishing_village.txt").read_text()
    houses = [village.replace("村", f"村{number}") for number in range(40)]
    (tmp_path / "my" / "text.txt").write_text("\n\n".join(houses))
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    ran = []
    for words, context in commands(ROOT / page):
        program = program_of(words)
        if program is None or CLOUD in context:
            continue
        if words[0] == "make":
            words = ["python", "main.py", "--config=configs/quickstart.py"]
            words += ["--workdir=runs/quickstart"]
        arguments = [str(ROOT / word) if word == program else word for word in words]
        if program.startswith(TOOLS):
            arguments = words
        result = subprocess.run(
            [sys.executable, *arguments[1:], *SHRUNK.get(program, [])],
            cwd=tmp_path,
            env={
                **os.environ,
                "JAX_PLATFORMS": "cpu",
                "PYTHONPATH": str(ROOT),
                "WANDB_MODE": "offline",
            },
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert result.returncode == 0, f"{words}\n{result.stderr}"
        assert result.stdout or result.stderr
        ran.append(program)
    assert len({program for program in ran if program.startswith(TOOLS)}) >= tools
