r"""Trains a tokenizer on text files and writes it into a folder.

    python -m transformer_lm.tools.train_tokenizer --kind=wordpiece \
      --input='corpus/train-*.jsonl.gz' --output=tokenizers/wordpiece_32k \
      --vocab_size=32768 --segmenter=mecab_unidic_lite --sample_characters=50000000

A config uses it by the same keys and --config.vocab_path=<the file that this prints>.
Text is .txt or .jsonl, plain, .gz or .xz.
"""

import argparse
import dataclasses
import logging
import time
from collections.abc import Iterable, Iterator
from typing import Any

from etils import epath

from transformer_lm.bar import watched
from transformer_lm.corpora.text_files import TextFiles
from transformer_lm.registry import UserError
from transformer_lm.tokenizers import TOKENIZERS
from transformer_lm.tokenizers.segmented_config import SegmentedConfig
from transformer_lm.tokenizers.training_sample import sample_lines
from transformer_lm.tokenizers.training_text import training_lines
from transformer_lm.tools.command import ToolParser, start_tool

_NAME = "transformer_lm.tools.train_tokenizer"
"""This module, which is called __main__ when it runs."""

_OURS = ("vocab_path", "max_corpus_chars")
"""Keys of configs that --output and --sample_characters stand for, or that differ."""


def main(arguments: argparse.Namespace) -> None:
    """Trains.

    Raises:
      UserError: if a file cannot be read, an option cannot work, or the text does not
        suffice.
    """
    config = config_from(arguments)
    folder = str(epath.Path(arguments.output).expanduser())
    path = config.path(folder)
    if epath.Path(path).exists():
        raise UserError(f"{path} exists already; delete it, or choose another --output")
    log = logging.getLogger(_NAME)
    files = TextFiles(",".join(arguments.input))
    texts: Iterable[str] = texts_of(files)
    if arguments.sample_characters:
        lines = watched(training_lines(texts, None), "reading", "characters", len)
        drawn = sample_lines(lines, arguments.sample_characters, arguments.seed)
        log.info("drew %d lines", len(drawn))
        texts = drawn
    elif not isinstance(config, SegmentedConfig):
        texts = watched(texts, "reading", "characters", len)
    log.info("training a %s vocabulary", arguments.kind)
    started = time.monotonic()
    if isinstance(config, SegmentedConfig):
        made = config.train(texts, folder, processes=arguments.processes)
    else:
        made = config.train(texts, folder)
    for kind, found in files.report().items():
        log.warning("%s: %s", kind, found)
    seconds = time.monotonic() - started
    log.info("trained a vocabulary of %d tokens in %.0f s", made.vocab_size, seconds)
    print(path)


def config_from(arguments: argparse.Namespace) -> Any:  # Any: a tokenizer's config.
    """Returns the settings of the tokenizer that the arguments ask for.

    Raises:
      UserError: with everything that is wrong with them.
    """
    kind = TOKENIZERS[arguments.kind]
    names = {field.name for field in dataclasses.fields(kind)}
    given = {
        name: value
        for name, value in vars(arguments).items()
        if name in option_defaults() and value is not None
    }
    problems = [
        f"--{name} is no option of --kind={arguments.kind}"
        for name in sorted(given.keys() - names)
    ]
    limit = arguments.sample_characters or arguments.max_corpus_chars
    if arguments.sample_characters is not None and arguments.max_corpus_chars:
        problems.append(
            "--sample_characters and --max_corpus_chars both say how much text is used;"
            " give one"
        )
    if arguments.sample_characters is not None and arguments.sample_characters < 1:
        problems.append("--sample_characters must be at least 1")
    if arguments.seed and not arguments.sample_characters:
        problems.append("--seed has no effect without --sample_characters")
    if arguments.processes < 1:
        problems.append("--processes must be at least 1")
    if arguments.processes > 1 and not issubclass(kind, SegmentedConfig):
        problems.append(
            f"--processes has no effect on --kind={arguments.kind}, whose trainer has"
            " threads of its own"
        )
    known = {name: value for name, value in given.items() if name in names}
    if limit is not None:
        known["max_corpus_chars"] = limit
    config = kind(**known)
    if problems := problems + config.problems():
        raise UserError("".join(f"\n  - {problem}" for problem in problems))
    return config


def option_defaults() -> dict[str, dict[str, Any]]:
    """Returns each key of the kinds' configs, and its default in each of them."""
    found: dict[str, dict[str, Any]] = {}
    for kind in TOKENIZERS:
        for field in dataclasses.fields(TOKENIZERS[kind]):
            if field.name not in _OURS:
                found.setdefault(field.name, {})[kind] = field.default
    return found


def texts_of(files: TextFiles) -> Iterator[str]:
    """Yields the text of all records."""
    number = 0
    while records := files.block(number):
        yield from (record.text for record in records)
        number += 1


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    made = ToolParser(module=_NAME, description=__doc__)
    made.add_argument(
        "--kind",
        choices=sorted(TOKENIZERS),
        required=True,
        help="kind of the tokenizer",
    )
    made.add_argument(
        "--input", nargs="+", required=True, help="files or globs, also by commas"
    )
    made.add_argument("--output", required=True, help="folder, local or gs://")
    made.add_argument(
        "--sample_characters",
        type=int,
        help="train on so many characters, drawn at random from all lines of the text",
    )
    made.add_argument("--seed", type=int, default=0, help="of the draw; default 0")
    made.add_argument(
        "--max_corpus_chars",
        type=int,
        help="train on the first so many characters; default 10000000",
    )
    made.add_argument(
        "--processes",
        type=int,
        default=1,
        help="how many cut text into words; default 1",
    )
    for name, defaults in option_defaults().items():
        shown = ", ".join(f"{value!r} ({kind})" for kind, value in defaults.items())
        made.add_argument(
            f"--{name}",
            type=_READERS[type(next(iter(defaults.values())))],
            metavar="VALUE",
            help=f"default {shown}".replace("%", "%%"),
        )
    return made


def _truth(text: str) -> bool:
    """Reads a boolean."""
    values = {"true": True, "false": False}
    if text.lower() not in values:
        raise argparse.ArgumentTypeError(f"{text!r} must be true or false")
    return values[text.lower()]


_READERS = {int: int, str: str, bool: _truth}


if __name__ == "__main__":
    start_tool(main, parser())
