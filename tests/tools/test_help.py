"""What --help says of each tool."""

import importlib
from pathlib import Path

import pytest

from transformer_lm import tools

FOLDER = Path(tools.__file__).parent
TOOLS = sorted(
    path.stem for path in FOLDER.glob("*.py") if "    start_tool(" in path.read_text()
)


@pytest.fixture(params=TOOLS)
def parser(request):
    return importlib.import_module(f"transformer_lm.tools.{request.param}").parser()


def test_there_are_tools():
    assert {"build_corpus", "compare", "export_hf", "report"} <= {*TOOLS}


def test_every_flag_says_what_it_does(parser):
    assert parser.description
    for action in parser._actions:
        assert action.help, f"{parser.prog} {action.option_strings or action.dest}"


def test_help_is_plain_text(parser):
    text = parser.format_help()
    assert parser.prog in text
    assert "\x1b" not in text
    assert "None" not in text, "a default that is not set says nothing to a reader"
