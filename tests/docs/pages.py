"""The commands of a page of the documentation, and what of them cannot run in a test."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]

NEEDS = {
    "a cloud account": "クラウドのアカウント",
    "a Hub account": "Hub のアカウント",
    "the network": "ネットワーク",
    "a GPU": "GPU",
    "a SLURM cluster": "SLURM のクラスター",
    "several machines": "複数のマシン",
}
"""What a command may need that a test does not have.

"needs a GPU" in the paragraph before a block, or in the row or the paragraph around a
command, says it of all commands there.
"""
NEED = re.compile(
    rf"[Nn]eeds? ({'|'.join(NEEDS)})|({'|'.join(NEEDS.values())}) ?が必要"
)
_ENGLISH = {japanese: english for english, japanese in NEEDS.items()}

PIECE = re.compile(
    r"^```(?P<kind>\w*)[^\n]*\n(?P<block>.*?)^```$"
    r"|^(?P<heading>#+ [^\n]*)$"
    r"|(?<!`)`(?P<inline>(?:\.venv/bin/)?python3?\s[^`]+)`",
    re.DOTALL | re.MULTILINE,
)
SHELLS = ("console", "bash", "sh")
OURS = re.compile(
    r"(\S*/)?python3? (main\.py|generate_text\.py|-m transformer_lm\.\S+"
    r"|-m benchmarks\.\S+|benchmarks/\S+\.py)(?P<arguments>.*)",
    re.DOTALL,
)
PATTERN = re.compile(r"…|\b[A-Z]{3,}\b")
"""Stands for what a user puts in: RUN1, DATE, an ellipsis."""
RECORDER = r"""
command_not_found_handle() { printf '%s\0' "$@"; printf '\n\0'; }
cd() { :; }
.() { :; }
PATH=/nowhere
"""
"""Bash that prints each command's words instead of running it."""


class Typed(NamedTuple):
    """What a user types at one place."""

    script: str
    """Lines of a shell."""
    shown: str
    """Output that the page shows below it."""
    needs: frozenset[str]
    """In English; empty: it can run here."""


def needs(text: str) -> frozenset[str]:
    """What a text says that is needed."""
    found = NEED.findall(" ".join(text.split()))
    return frozenset(english or _ENGLISH[japanese] for english, japanese in found)


def typed(page: Path) -> Iterator[Typed]:
    """What a page tells its reader to type, in its order."""
    text = page.read_text()
    pieces = list(PIECE.finditer(text))
    for number, piece in enumerate(pieces):
        before = text[: piece.start()]
        if piece["kind"] in SHELLS:
            script, shown = _with_output(piece["block"])
            follows = pieces[number + 1 : number + 2]
            if follows and follows[0]["kind"] == "text":
                shown += follows[0]["block"]
            paragraph = before.rstrip().rsplit("\n\n")[-1]
            yield Typed(script, shown, needs(paragraph))
        elif piece["inline"] is not None:
            script = " ".join(piece["inline"].replace(r"\|", "|").split())
            ours = OURS.fullmatch(script)
            if ours is None or PATTERN.search(script):
                continue
            if ours["arguments"] or "benchmarks" in script:
                yield Typed(script, "", needs(_around(text, piece)))


def _around(text: str, piece: re.Match[str]) -> str:
    """The row of a table, or the paragraph, that something stands in."""
    line = text[: piece.start()].rsplit("\n", 1)[-1]
    end = "\n" if line.startswith("|") else "\n\n"
    before = text[: piece.start()].rsplit(end, 1)[-1]
    return before + text[piece.end() :].split(end, 1)[0]


def _with_output(block: str) -> tuple[str, str]:
    """Commands and output of a block; with output, lines of commands begin with $."""
    if not block.startswith("$ "):
        return block, ""
    command = re.compile(r"^\$ ((?:.*\\\n)*.*\n)", re.MULTILINE)
    return "".join(command.findall(block)), command.sub("", block)


def words_of(script: str) -> list[list[str]]:
    """The words of each command, as bash reads them."""
    done = subprocess.run(
        ["/bin/bash", "-c", RECORDER + re.sub(r"(?<!\S)[~.\w/-]+/bin/", "", script)],
        capture_output=True,
        text=True,
    )
    assert not done.stderr, f"{script}: {done.stderr}"
    return [found.split("\0")[:-1] for found in done.stdout.split("\n\0")[:-1]]


def commands(script: str) -> Iterator[list[str]]:
    """The words of each command, and of those that another machine is given."""
    for words in words_of(script):
        yield words
        for word in words:
            if " " in word and "python" in word:
                yield from commands(word.removeprefix("--command="))
