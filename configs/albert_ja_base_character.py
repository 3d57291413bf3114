"""ALBERT base over characters (9 million parameters), after nknytk's recipe.

  python main.py --config=configs/albert_ja_base_character.py \
      --workdir=gs://BUCKET/albert_ja_base_character \
      --config.data_path='wiki/train-*.jsonl.gz' \
      --config.eval_data_path='wiki/validation-*.jsonl.gz'

docs/data.md says how the corpus is made. nknytk/albert-japanese-tinysegmenter publishes no
losses, and made most of its training text unknown: it marks all but the first characters
of a word with ##, which its vocabulary lacks. Here an array beside the ids says where
words begin, so that whole words are hidden and every character is itself. All else is as
in albert_ja_base.
"""

from transformer_lm.config_files import load_config

TOPOLOGY = "v4-32"


def get_config():
    config = load_config("albert_ja_base:character")
    config.vocab_size = 6144
    return config
