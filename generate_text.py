"""Writes texts with a trained decoder.

  python generate_text.py --workdir=runs/quickstart --config.prompts='昨日、;;田中さんは'

The work folder knows its own config; --config and --config.key=value change it.
"""

import json
from collections.abc import Sequence
from typing import Any

from absl import flags
from etils import epath

from transformer_lm import command_line
from transformer_lm.config import ConfigError, Settings, from_saved, resolve
from transformer_lm.registry import UserError
from transformer_lm.settings import Sampling
from transformer_lm.train.restore import load_trained
from transformer_lm.train.samples import PROMPT_SEPARATOR, sample_texts
from transformer_lm.train.workdir import read_settings

WORKDIR = flags.DEFINE_string(
    "workdir", None, "Work folder of a run (also gs://).", required=True
)
CONFIG = flags.DEFINE_string(
    "config", None, "Config file to take sampling keys from, instead of the run's own."
)
NUM_GENERATED_TEXTS = flags.DEFINE_integer(
    "num_generated_texts", 1, "Texts for each prompt.", lower_bound=1
)
PROMPTS_FILE = flags.DEFINE_string(
    "prompts_file", None, "File with one prompt a line, instead of config.prompts."
)
STEP = flags.DEFINE_integer("step", None, "Checkpoint to use; by default the newest.")
OUTPUT = flags.DEFINE_string(
    "output", None, "Also write the texts to this file, as JSON lines."
)


def main(overrides: Sequence[str]) -> None:
    """Prints the texts."""
    saved = read_settings(WORKDIR.value)
    settings = _settings(saved, overrides)
    tokenizer = settings.tokenizer.load(WORKDIR.value)
    step, model, parameters = load_trained(
        settings, WORKDIR.value, tokenizer.vocab_size, STEP.value
    )
    texts = sample_texts(
        settings,
        model,
        parameters,
        tokenizer,
        texts_per_prompt=NUM_GENERATED_TEXTS.value,
    )
    prompts = settings.sampling.prompts.split(PROMPT_SEPARATOR)
    records = [
        {
            "step": step,
            "prompt": prompts[number // NUM_GENERATED_TEXTS.value],
            "text": t,
        }
        for number, t in enumerate(texts)
    ]
    for record in records:
        print(record["text"])
    if OUTPUT.value:
        lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        epath.Path(OUTPUT.value).write_text("".join(lines))


def _settings(saved: dict[str, Any], overrides: Sequence[str]) -> Settings:
    """The run's settings, with sampling keys from the command line."""
    own = from_saved(saved)
    problems = []
    if CONFIG.value:
        given = command_line.load_config(CONFIG.value)
        for key in (*vars(Sampling()), "seed"):
            own[key] = given[key]
    if PROMPTS_FILE.value:
        lines = epath.Path(PROMPTS_FILE.value).read_text().splitlines()
        own.prompts = PROMPT_SEPARATOR.join(line for line in lines if line)
    problems += command_line.override(own, overrides)
    if problems:
        raise ConfigError(problems, "the command line")
    settings = resolve(own, "the command line")
    if "causal_lm" not in settings.model.objectives:
        raise UserError(
            f"{WORKDIR.value} holds a {dict(settings.choices)['model']}, which fills in"
            " masked words and cannot continue a text"
        )
    return settings


if __name__ == "__main__":
    command_line.start(main)
