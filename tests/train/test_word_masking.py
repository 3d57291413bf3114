"""Encoders that hide whole words, of tokenizers that know them."""

import pytest

from transformer_lm.config import defaults, resolve
from transformer_lm.config_files import load_config
from transformer_lm.run_settings import CHOICES
from transformer_lm.train.loop import run

SHORT = {
    "num_layers": 1,
    "num_train_steps": 20,
    "eval_every_steps": 20,
    "checkpoint_every_steps": 20,
    "num_eval_steps": 1,
    "log_every_steps": 4,
    "tensorboard": False,
}


@pytest.mark.parametrize(
    ("tokenizer", "unit"), [("wordpiece", "word"), ("character", "ngram")]
)
def test_whole_words_are_hidden_where_the_tokenizer_knows_them(
    tokenizer, unit, tmp_path
):
    config = load_config("configs/tiny.py:roberta")
    keys = {key: value for key, value in config.items() if key != "spm_train_options"}
    parts = {part: config[part] for part in CHOICES} | {"tokenizer": tokenizer}
    with_words = defaults(**parts)
    words = {"special_tokens": with_words.special_tokens, "segmenter": "tinysegmenter"}
    hiding = {
        "masking_unit": unit,
        "masking_budget": "exact",
        "max_corpus_chars": 20_000,
    }
    keys |= {"tokenizer": tokenizer, **words, **hiding, **SHORT}
    with with_words.ignore_type():
        with_words.update(keys)
    outcome = run(resolve(with_words), str(tmp_path))
    assert outcome.metrics["eval_loss"] < 7.3  # log(1500)
    assert (tmp_path / "vocab.txt").is_file()
