"""A tool started as a process: its message, its exit code, no traceback."""

import subprocess
import sys

import pytest

from transformer_lm.tools.command import ConfigParser

TOOL = """
import logging, sys
from transformer_lm.registry import UserError
from transformer_lm.tools.command import ToolParser, start_tool

def main(arguments):
    logging.getLogger("transformer_lm.corpora").info("began %s", arguments.name)
    if arguments.name == "mistake":
        raise UserError("--name=mistake is no name; give another")
    if arguments.name == "system":
        open("/")
    if arguments.name == "ctrl-c":
        raise KeyboardInterrupt
    print("jax" in sys.modules, "tensorflow" in sys.modules)

parser = ToolParser(module="transformer_lm.tools.example", description="An example.")
parser.add_argument("--name", required=True)
start_tool(main, parser)
"""


@pytest.mark.parametrize(
    ("argument", "code", "output", "error"),
    [
        ("--name=good", 0, "False False\n", "began good\n"),
        (
            "--name=mistake",
            2,
            "",
            "began mistake\nexample: --name=mistake is no name; give another\n",
        ),
        (
            "--name=system",
            2,
            "",
            "began system\nexample: [Errno 21] Is a directory: '/'\n",
        ),
        ("--name=ctrl-c", 130, "", "began ctrl-c\nexample: interrupted\n"),
        (
            "--nam=good",
            2,
            "",
            "example: the following arguments are required: --name;"
            " --help lists the flags\n",
        ),
    ],
)
def test_a_tool_ends_with_one_message(argument, code, output, error):
    done = subprocess.run(
        [sys.executable, "-c", TOOL, argument],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, output, error)


def test_keys_of_a_config_are_kept_apart_and_a_space_may_stand_for_the_equals_sign():
    parser = ConfigParser(module="example", description="An example.")
    parser.add_argument("--name")
    given = ["--config.seed", "3", "--name", "good", "--config.x", "--config.y=-1"]
    found = parser.parse_args(given)
    assert found.overrides == ["--config.seed=3", "--config.x", "--config.y=-1"]
    assert found.name == "good"
