r"""Fills hidden words in with a trained encoder.

    python -m transformer_lm.tools.fill_mask --model=runs/bert '昨日、[MASK]へ行った。'
    python -m transformer_lm.tools.fill_mask --model=runs/bert --hide=学校 \
        '昨日、学校へ行った。'

Without a text it reads lines from standard input. --model is a work folder or a folder
of tools.export_hf; of an ELECTRA, the generator fills in.
"""

import argparse
import json
import sys
import unicodedata
from collections.abc import Iterable

import numpy as np

from transformer_lm.environment import prepare_environment
from transformer_lm.registry import UserError
from transformer_lm.tokenizers.interface import Tokenizer
from transformer_lm.tools.command import ToolParser, start_tool
from transformer_lm.tools.head_outputs import rows_of, token_scores
from transformer_lm.tools.masked_text import encode_hidden, hide
from transformer_lm.tools.trained_model import TrainedModel, open_trained

Guess = tuple[str, float]
"""(token's text, probability)."""
_ROW_MULTIPLE = 32
"""Rows are as long as a multiple of this, so that few lengths are compiled."""


def fill(trained: TrainedModel, text: str, top_k: int) -> list[list[Guess]]:
    """Returns the likeliest tokens of each [MASK], best first.

    Raises:
      UserError: if the model is no encoder, or the text has no [MASK].
    """
    if trained.is_decoder:
        raise UserError(
            f"{trained.folder} holds a {trained.family}, which continues texts and"
            " cannot fill in words; use tools.chat"
        )
    ids = encode_hidden(trained, text)
    tokenizer = trained.tokenizer
    length = -(-len(ids) // _ROW_MULTIPLE) * _ROW_MULTIPLE
    limit = trained.position_limit or length
    rows = rows_of([ids], tokenizer.pad_id or 0, min(length, limit))
    scores = token_scores(trained, rows)[0].astype(np.float64)  # [length, vocab]
    guesses = []
    for place in np.flatnonzero(np.array(ids) == tokenizer.mask_id):
        row = scores[place] - scores[place].max()
        chances = np.exp(row) / np.exp(row).sum()
        best = np.argsort(-chances, kind="stable")[:top_k]
        guesses.append([(_shown(tokenizer, int(i)), float(chances[i])) for i in best])
    return guesses


def table(guesses: list[list[Guess]]) -> str:
    """Returns a column of words with their probabilities for each [MASK]."""
    columns = []
    for number, guess in enumerate(guesses, start=1):
        cells = [f"{word}  {chance:6.1%}" for word, chance in guess]
        width = max(_width(cell) for cell in [*cells, f"[MASK] {number}"])
        words = [_padded(word, width - 8) + f"  {p:6.1%}" for word, p in guess]
        columns.append([_padded(f"[MASK] {number}", width), "─" * width, *words])
    lines = zip(*columns, strict=True)
    return "\n".join("  │  ".join(line) for line in lines)


def _shown(tokenizer: Tokenizer, number: int) -> str:
    """A token for the eye: its text, or its number where it stands for none."""
    text = tokenizer.decode([number])
    return text if text.strip() else f"<{number}>"


def _width(text: str) -> int:
    """Columns on a terminal, where Japanese letters take two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WFA" else 1 for c in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def main(arguments: argparse.Namespace) -> None:
    """Prints a table for each text."""
    prepare_environment()
    trained = open_trained(arguments.model, step=arguments.step)
    texts: Iterable[str] = arguments.text or (line.rstrip("\n") for line in sys.stdin)
    for text in texts:
        if arguments.hide:
            text = hide(trained.tokenizer, text, arguments.hide)
        guesses = fill(trained, text, arguments.top_k)
        if arguments.json:
            print(json.dumps({"text": text, "masks": guesses}, ensure_ascii=False))
        else:
            print(f"{text}\n{table(guesses)}\n")


def parser() -> ToolParser:
    """Returns the command's arguments."""
    made = ToolParser(module="transformer_lm.tools.fill_mask", description=__doc__)
    made.add_argument("text", nargs="*", help="texts with [MASK] in them")
    made.add_argument("--model", required=True, help="work folder or exported folder")
    made.add_argument("--step", type=int, help="checkpoint (default: the newest)")
    made.add_argument("--hide", metavar="WORD", help="a word to put [MASK] in place of")
    made.add_argument("--top_k", type=int, default=5, help="guesses (default: 5)")
    made.add_argument("--json", action="store_true", help="JSON lines, not tables")
    return made


if __name__ == "__main__":
    start_tool(main, parser())
