"""Writes texts with a trained decoder.

  python generate_text.py --workdir=runs/quickstart --config.prompts='昨日、;;田中さんは'
  transformer-lm-generate --workdir=…            (where the package is installed)

The work folder knows its own config; --config and --config.key=value change it.
"""

import argparse
import json
from typing import NoReturn

from etils import epath

from transformer_lm.command_line import start_program
from transformer_lm.config import ConfigError, from_saved, resolve
from transformer_lm.config_files import load_config, override
from transformer_lm.registry import UserError
from transformer_lm.run_settings import Settings
from transformer_lm.settings import Sampling
from transformer_lm.tools.command import ConfigParser, ToolParser
from transformer_lm.train.restore import load_trained
from transformer_lm.train.samples import PROMPT_SEPARATOR, sample_texts
from transformer_lm.train.workdir import read_settings


def main(arguments: argparse.Namespace) -> None:
    """Prints the texts.

    Raises:
      UserError: if the folder holds no decoder, or the arguments do not fit it.
    """
    copies = arguments.num_generated_texts
    if copies < 1:
        raise UserError(f"--num_generated_texts={copies} must be at least 1")
    settings = _settings(arguments)
    tokenizer = settings.tokenizer.load(arguments.workdir)
    step, model, parameters = load_trained(
        settings, arguments.workdir, tokenizer.vocab_size, arguments.step
    )
    texts = sample_texts(
        settings, model, parameters, tokenizer, texts_per_prompt=copies
    )
    prompts = settings.sampling.prompts.split(PROMPT_SEPARATOR)
    records = [
        {"step": step, "prompt": prompts[number // copies], "text": text}
        for number, text in enumerate(texts)
    ]
    for record in records:
        print(record["text"])
    if arguments.output:
        lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        epath.Path(arguments.output).write_text("".join(lines))


def _settings(arguments: argparse.Namespace) -> Settings:
    """The run's settings, with sampling keys from the command line."""
    own = from_saved(read_settings(arguments.workdir))
    if arguments.config:
        given = load_config(arguments.config)
        for key in (*vars(Sampling()), "seed"):
            own[key] = given[key]
    if arguments.prompts_file:
        lines = epath.Path(arguments.prompts_file).read_text().splitlines()
        own.prompts = PROMPT_SEPARATOR.join(line for line in lines if line)
    if problems := override(own, arguments.overrides):
        raise ConfigError(problems, "the command line")
    settings = resolve(own, "the command line")
    if "causal_lm" not in settings.model.objectives:
        raise UserError(
            f"{arguments.workdir} holds a {dict(settings.choices)['model']}, which"
            " fills in masked words and cannot continue a text"
        )
    return settings


def parser() -> ToolParser:
    """Returns the program's arguments."""
    made = ConfigParser(description=__doc__)
    made.add_argument(
        "--workdir", required=True, help="work folder of a run (also gs://)"
    )
    made.add_argument(
        "--config",
        help="config file, or the name of a shipped one, to take sampling keys from"
        " instead of the run's own",
    )
    made.add_argument(
        "--num_generated_texts", type=int, default=1, help="texts for each prompt (1)"
    )
    made.add_argument(
        "--prompts_file", help="one prompt a line, instead of --config.prompts"
    )
    made.add_argument("--step", type=int, help="checkpoint (default: the newest)")
    made.add_argument("--output", help="also write the texts there, as JSON lines")
    return made


def start() -> NoReturn:
    """Is the command transformer-lm-generate, and generate_text.py."""
    start_program(main, parser())


if __name__ == "__main__":
    start()
