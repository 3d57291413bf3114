"""Continues what you type, token by token, with a trained decoder.

    python -m transformer_lm.tools.chat --model=runs/quickstart

Type the beginning of a text; an empty line begins one from nothing, Ctrl-D ends. Lines
from a pipe are continued one by one. --model is a work folder or a folder of
tools.export_hf. Sampling is as the run's config says, unless changed here.
"""

import argparse
import dataclasses
import itertools
import sys
from collections.abc import Iterable, Iterator

from transformer_lm.config import ConfigError
from transformer_lm.data.row_builders import special_ids
from transformer_lm.environment import prepare_environment
from transformer_lm.registry import UserError
from transformer_lm.sampling import stream
from transformer_lm.settings import Sampling
from transformer_lm.tokenizers.interface import Tokenizer
from transformer_lm.tools.command import ToolParser, start_tool
from transformer_lm.tools.trained_model import TrainedModel, open_trained

UNFINISHED = "\N{REPLACEMENT CHARACTER}"
"""What a character decodes to while some of its bytes are still to come."""

FLAGS = {
    "temperature": "sampling_temperature",
    "top_k": "sampling_top_k",
    "top_p": "sampling_top_p",
    "repetition_penalty": "repetition_penalty",
    "max_length": "max_predict_length",
}
"""By flag: the key of the config that it stands for."""


def continuation(
    trained: TrainedModel, prompt: str, sampling: Sampling, seed: int
) -> Iterator[str]:
    """Yields the text that follows a prompt, piece by piece.

    Raises:
      UserError: if the model cannot continue texts, or the prompt is too long.
    """
    if not trained.is_decoder:
        raise UserError(
            f"{trained.folder} holds a {trained.family}, which fills in hidden words and"
            " cannot continue a text; use tools.fill_mask"
        )
    tokenizer = trained.tokenizer
    start_id, eos_id = special_ids(tokenizer)
    ids = tokenizer.encode(prompt)
    limit = trained.position_limit
    if limit is not None and len(ids) + 1 > limit:
        raise UserError(
            f"the prompt has {len(ids)} tokens; the model reads {limit - 1} at most"
        )
    tokens = stream(
        trained.network,
        trained.parameters,
        ids,
        sampling,
        start_id=start_id,
        eos_id=eos_id,
        seed=seed,
        position_limit=limit,
    )
    yield from _pieces(tokenizer, ids, tokens)


def _pieces(
    tokenizer: Tokenizer, prompt: list[int], tokens: Iterable[int]
) -> Iterator[str]:
    """Text that each token adds; bytes wait until they make up a character."""
    ids, shown = list(prompt), tokenizer.decode(prompt)
    for token in tokens:
        ids.append(token)
        text = tokenizer.decode(ids)
        if not text.endswith(UNFINISHED):
            yield text[len(shown) :]
            shown = text
    yield tokenizer.decode(ids)[len(shown) :]


def main(arguments: argparse.Namespace) -> None:
    """Reads prompts until they end."""
    prepare_environment()
    trained = open_trained(arguments.model, step=arguments.step)
    given = {
        key: getattr(arguments, flag)
        for flag, key in FLAGS.items()
        if getattr(arguments, flag) is not None
    }
    sampling = dataclasses.replace(trained.settings.sampling, **given)
    if problems := sampling.problems():
        raise ConfigError(problems, "the command line")
    interactive = sys.stdin.isatty()
    for number in itertools.count(arguments.seed):
        try:
            prompt = input("> " if interactive else "")
        except EOFError:
            return
        print(prompt, end="", flush=True)
        for piece in continuation(trained, prompt, sampling, number):
            print(piece, end="", flush=True)
        print(flush=True)


def parser() -> ToolParser:
    """Returns the command's arguments."""
    made = ToolParser(module="transformer_lm.tools.chat", description=__doc__)
    made.add_argument("--model", required=True, help="work folder or exported folder")
    made.add_argument("--step", type=int, help="checkpoint (default: the newest)")
    made.add_argument("--temperature", type=float, help="0: always the likeliest token")
    made.add_argument("--top_k", type=int, help="sample among so many; 0: all")
    made.add_argument("--top_p", type=float, help="sample among this probability")
    made.add_argument("--repetition_penalty", type=float, help="above 1: fewer loops")
    made.add_argument(
        "--max_length", type=int, help="tokens of a text, prompt included"
    )
    made.add_argument("--seed", type=int, default=0, help="of the first text")
    return made


if __name__ == "__main__":
    start_tool(main, parser())
