"""Training of a SentencePiece model, and its errors in words of ours."""

import io
import re
from collections.abc import Iterable, Mapping
from typing import Any

import sentencepiece
from sentencepiece import sentencepiece_model_pb2

from transformer_lm.registry import UserError
from transformer_lm.tokenizers.training_text import training_lines

_THREADS = 4
"""Fixed, because the sums of another number of threads round to another model."""


_STEPS = 64
"""Scores are multiples of 1 / this; float32 has 24 bits."""


def train(
    texts: Iterable[str],
    *,
    vocab_size: int,
    max_characters: int,
    options: Mapping[str, str],
) -> bytes:
    """Trains a model and returns its file's bytes; equal arguments give equal bytes.

    Args:
      texts: training text, of which the first `max_characters` characters are read.
      vocab_size: number of pieces, special ones included.
      max_characters: see `texts`.
      options: of SentencePiece's trainer, over its defaults: unigram, unk 0, bos 1,
        eos 2, no pad.

    Raises:
      UserError: if the text does not suffice for the vocabulary, or an option has an
        impossible value.
    """
    sentencepiece.set_random_generator_seed(0)
    model = io.BytesIO()
    # Any: the trainer takes options as text or as values.
    settings: dict[str, Any] = {"num_threads": _THREADS, "minloglevel": 1, **options}
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=training_lines(texts, max_characters),
            model_writer=model,
            vocab_size=vocab_size,
            **settings,
        )
    except (RuntimeError, ValueError, OSError) as error:
        raise UserError(explain(str(error), vocab_size)) from error
    return snapped(model.getvalue())


def snapped(model: bytes) -> bytes:
    """Rounds the scores of a unigram model to multiples of 1/64.

    SentencePiece adds scores up in float32. Sums of rounded ones are exact up to 262,144
    (about 80,000 characters), so that programs that add in float64, such as the fast
    tokenizers of Hugging Face, find the same pieces where two ways are nearly as good.
    """
    messages: Any = sentencepiece_model_pb2  # Made when it is imported.
    proto = messages.ModelProto()
    proto.ParseFromString(model)
    if proto.trainer_spec.model_type == proto.trainer_spec.UNIGRAM:
        for piece in proto.pieces:
            piece.score = round(piece.score * _STEPS) / _STEPS
    return proto.SerializeToString(deterministic=True)


def explain(message: str, vocab_size: int) -> str:
    """Says in one line what SentencePiece's error means and what to do about it.

    Args:
      message: SentencePiece's own.
      vocab_size: the config's.
    """
    given = f"cannot train a vocabulary of vocab_size={vocab_size}"
    if match := re.search(r"Please set it to a value <= (\d+)", message):
        return (
            f"{given}: the text has pieces for at most {match[1]}; lower"
            f" --config.vocab_size to {match[1]} or less, give more text (data,"
            " max_corpus_chars), or add --hard_vocab_limit=false to spm_train_options"
        )
    if match := re.search(r"smaller than required_chars. \d+ vs (\d+)", message):
        return (
            f"{given}: the text's characters alone need {match[1]}; raise"
            f" --config.vocab_size to more than {match[1]}, or lower"
            " --character_coverage in spm_train_options (with --byte_fallback=true"
            " nothing becomes unknown)"
        )
    if "!sentences_.empty()" in message:
        return f"{given}: there is no training text; check the training split"
    return f"{given}: SentencePiece says {message!r}; check spm_train_options"
