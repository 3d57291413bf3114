"""What --help says of each tool."""

import importlib
import re
from pathlib import Path

import pytest

from transformer_lm import tools

FOLDER = Path(tools.__file__).parent
TOOLS = sorted(
    path.stem
    for path in FOLDER.glob("*.py")
    if re.search(r"^    start_(tool|program)\(", path.read_text(), re.MULTILINE)
)


@pytest.fixture(params=TOOLS)
def parser(request):
    return importlib.import_module(f"transformer_lm.tools.{request.param}").parser()


def test_there_are_tools():
    assert {"build_corpus", "export_hf", "generate", "report", "train"} <= {*TOOLS}


def test_every_flag_says_what_it_does(parser):
    assert parser.description
    for action in parser._actions:
        assert action.help, f"{parser.prog} {action.option_strings or action.dest}"


def test_help_is_plain_text(parser):
    text = parser.format_help()
    assert parser.prog in text
    assert "\x1b" not in text
    assert "None" not in text, "a default that is not set says nothing to a reader"
    assert not re.search(r"\S {4,}--", text), "a command lost the end of its line"
