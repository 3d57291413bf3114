"""Training the vocabulary on first use, and waiting for the host that does."""

import dataclasses
import threading
import time
from pathlib import Path

import pytest

from transformer_lm.data import tokenizer_training
from transformer_lm.data.source import Source
from transformer_lm.data.tokenizer_training import (
    train_or_load_tokenizer,
    training_texts,
)
from transformer_lm.data.windows import Windows
from transformer_lm.registry import UserError
from transformer_lm.tokenizers.sentencepiece import SentencePieceConfig
from transformer_lm.tokenizers.wordpiece import WordPieceConfig

VILLAGE = Path(__file__).parent / "fishing_village.txt"
SOURCE = Source("text_files", data_path=str(VILLAGE), eval_data_path="none")
CONFIG = SentencePieceConfig(
    vocab_size=560, spm_train_options="--character_coverage=0.98 --byte_fallback=true"
)


def test_the_first_use_trains_and_the_second_loads(tmp_path):
    trained = train_or_load_tokenizer(CONFIG, SOURCE, str(tmp_path / "new"))
    path = tmp_path / "new" / "sentencepiece_model"
    assert path.read_bytes() == trained.model_proto
    missing = dataclasses.replace(SOURCE, data_path="none.txt")
    loaded = train_or_load_tokenizer(CONFIG, missing, str(tmp_path / "new"))
    assert loaded.model_proto == trained.model_proto
    again = train_or_load_tokenizer(CONFIG, SOURCE, str(tmp_path / "other"))
    assert again.model_proto == trained.model_proto


def test_a_given_vocabulary_of_another_size_is_named(tmp_path, caplog):
    given = train_or_load_tokenizer(CONFIG, SOURCE, str(tmp_path))
    path = str(tmp_path / "sentencepiece_model")
    for size, warns in [(given.vocab_size, False), (32_000, True)]:
        config = SentencePieceConfig(vocab_path=path, vocab_size=size)
        train_or_load_tokenizer(config, SOURCE, str(tmp_path / "other"))
        assert (f"vocab_size={size} only matters" in caplog.text) == warns


def test_a_vocabulary_of_words_is_trained_on_first_use_too(tmp_path, caplog):
    caplog.set_level("INFO")
    config = WordPieceConfig(vocab_size=900)
    trained = train_or_load_tokenizer(config, SOURCE, str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "tokenizer_settings.json",
        "vocab.txt",
    ]
    said = [record.getMessage() for record in caplog.records]
    assert said[0] == f"training the vocabulary {tmp_path / 'vocab.txt'}"
    assert said[-1].startswith(
        f"trained a vocabulary of {trained.vocab_size} tokens in"
    )
    missing = dataclasses.replace(SOURCE, data_path="none.txt")
    loaded = train_or_load_tokenizer(config, missing, str(tmp_path))
    assert loaded.files == trained.files


def test_only_the_training_split_is_read():
    documents = VILLAGE.read_text("utf-8").strip().split("\n\n")
    source = Source("text_files", data_path=str(VILLAGE))
    texts = list(training_texts(source, Windows()))
    assert len(texts) == 9
    assert set(texts) < set(documents)
    whole = list(training_texts(SOURCE, Windows()))
    assert sorted(whole) == sorted(documents)
    assert whole != documents  # Shuffled, so that the first texts stand for all.


def test_other_hosts_wait_for_the_file(tmp_path):
    trained = CONFIG.train(training_texts(SOURCE, Windows()), str(tmp_path / "made"))
    path = tmp_path / "work" / "sentencepiece_model"
    path.parent.mkdir()

    def appear():
        time.sleep(0.3)
        (tmp_path / "made" / "sentencepiece_model").rename(path)

    thread = threading.Thread(target=appear)
    thread.start()
    hosts = {"process_index": 1, "process_count": 2, "patience_seconds": 5.0}
    waited = train_or_load_tokenizer(CONFIG, SOURCE, str(tmp_path / "work"), **hosts)
    thread.join()
    assert waited.model_proto == trained.model_proto


def test_waiting_has_an_end(tmp_path):
    hosts = {"process_index": 1, "process_count": 2, "patience_seconds": 0.2}
    with pytest.raises(UserError, match="which the first of 2 processes trains; give"):
        train_or_load_tokenizer(CONFIG, SOURCE, str(tmp_path), **hosts)
    assert not list(tmp_path.iterdir())
    assert tokenizer_training._PATIENCE_SECONDS >= 3600


def test_missing_text_is_named(tmp_path):
    source = dataclasses.replace(SOURCE, data_path="none.txt")
    with pytest.raises(UserError, match=r"none\.txt does not exist"):
        train_or_load_tokenizer(CONFIG, source, str(tmp_path))
