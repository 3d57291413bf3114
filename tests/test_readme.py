"""The commands of README and docs are run, in order, on a shrunk scale."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "README.ja.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
CLOUD = ("gs://", "gcloud")
ELSEWHERE = (
    *("a cloud account", "needs that corpus", "needs the data set"),
    "a config of your own",
)
"""Words that say what a block needs that a test does not have."""
SHRUNK = [
    "--config.num_train_steps=3",
    "--config.warmup_steps=1",
    "--config.eval_every_steps=3",
    "--config.checkpoint_every_steps=3",
    "--config.num_eval_steps=1",
    "--config.max_predict_length=16",
    "--config.num_layers=1",
    "--config.vocab_size=1500",
    "--config.max_corpus_chars=20000",
    "--config.spm_train_options=--hard_vocab_limit=false --byte_fallback=true",
    "--config.tensorboard=false",
]
PROGRAMS = ("main.py", "generate_text.py")


def blocks(page):
    """Console blocks of a page, each with the paragraph before it."""
    text = page.read_text()
    for match in re.finditer(r"```console\n(.*?)```", text, re.DOTALL):
        before = text[: match.start()].rstrip().rsplit("\n\n", 1)[-1]
        after = text[match.end() :].lstrip().split("\n\n", 1)[0]
        yield match[1].replace("\\\n", " "), before + after


def commands(page):
    for block, context in blocks(page):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            if words:
                yield words, context


def test_pages_have_commands():
    assert len(list(commands(ROOT / "README.md"))) >= 5


def test_both_readmes_have_the_same_commands():
    english, japanese = (
        [words for words, _ in commands(ROOT / name)]
        for name in ("README.md", "README.ja.md")
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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_programs_of_a_page_run(page, tmp_path):
    """What needs a cloud account or a large data set must say so beside its block."""
    (tmp_path / "my").mkdir()
    village = (ROOT / "tests" / "data" / "fishing_village.txt").read_text()
    (tmp_path / "my" / "text.txt").write_text("\n\n".join([village] * 20))
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    if page.name == "README.ja.md":
        pytest.skip("has the commands of README.md, see above")
    for words, context in commands(page):
        if words[0] == "make":
            target = [*words[1:], ""][0]
            if target == "quickstart":
                words = ["python", "main.py", "--config=configs/quickstart.py"]
                words += ["--workdir=runs/quickstart"]
        program = next((w for w in words if Path(w).name in PROGRAMS), None)
        if program is None:
            continue
        if any(sign in word for word in words for sign in CLOUD) or any(
            word in context for word in ELSEWHERE
        ):
            assert any(word in context for word in ELSEWHERE), words
            continue
        arguments = words[words.index(program) + 1 :]
        shrunk = SHRUNK if Path(program).name == "main.py" else []
        result = subprocess.run(
            [sys.executable, str(ROOT / Path(program).name), *arguments, *shrunk],
            cwd=tmp_path,
            env={**os.environ, "JAX_PLATFORMS": "cpu"},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert result.returncode == 0, f"{words}\n{result.stderr}"
        assert result.stdout
