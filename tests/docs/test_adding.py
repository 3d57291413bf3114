"""docs/adding.md is done, word for word, in a copy of the project."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adding.md").read_text()
BLOCK = re.compile(
    r'^```(?P<kind>\w+)(?: title="(?P<file>[^"]+)")?\n(?P<text>.*?)^```$',
    re.DOTALL | re.MULTILINE,
)
SECTIONS = dict(
    section.split("\n", 1)
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
)


def change(file: Path, lines: list[str]) -> None:
    """Does a block of + and - lines; what stands around them must be in the file."""
    old = "".join(line[1:] + "\n" for line in lines if line[0] != "+")
    new = "".join(line[1:] + "\n" for line in lines if line[0] != "-")
    text = file.read_text()
    assert old in text, f"{file}: the page shows lines that it does not have:\n{old}"
    file.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    "section",
    [
        # Its tests are those of a whole family.
        pytest.param(name, marks=pytest.mark.slow if name == "A model" else ())
        for name in SECTIONS
    ],
)
def test_the_example_works(section, tmp_path):
    for name in ("transformer_lm", "configs", "tests", "hf_custom_model"):
        shutil.copytree(
            ROOT / name,
            tmp_path / name,
            ignore=shutil.ignore_patterns("__pycache__", "*.pyc"),
        )
    for name in ("main.py", "generate_text.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    commands = []
    for block in BLOCK.finditer(SECTIONS[section]):
        kind, file, text = block["kind"], block["file"], block["text"]
        if kind == "diff":
            change(tmp_path / file, text.splitlines())
        elif file is not None:
            assert not (tmp_path / file).exists()
            (tmp_path / file).write_text(text)
        elif kind == "console":
            commands += text.replace("\\\n", " ").splitlines()
    assert len(commands) >= 2
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("PYTEST")},
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": str(tmp_path),
    }
    for command in commands:
        program, *arguments = shlex.split(command)
        assert program == "python"
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        if "pytest" in command:
            assert re.search(r"\d+ passed", done.stdout), done.stdout


def test_the_page_has_all_four_parts():
    assert list(SECTIONS) == ["A data set", "An objective", "A tokenizer", "A model"]
