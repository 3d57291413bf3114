"""Text with hidden words, as token ids."""

from typing import Any

from sentencepiece import sentencepiece_model_pb2

from transformer_lm.registry import UserError
from transformer_lm.tokenizers.interface import Tokenizer
from transformer_lm.tokenizers.sentencepiece import SentencePieceTokenizer
from transformer_lm.tools.trained_model import TrainedModel

MASK = "[MASK]"


def hide(tokenizer: Tokenizer, text: str, word: str) -> str:
    """Puts a [MASK] in place of each token of a word, wherever it stands in a text.

    Raises:
      UserError: if the text does not have the word.
    """
    if not word or word not in text:
        raise UserError(f"--hide={word}: the text {text!r} does not have it")
    first, *others = text.split(word)
    hidden = first
    for other in others:
        before = hidden.replace(MASK, "")
        tokens = len(tokenizer.encode(before + word)) - len(tokenizer.encode(before))
        hidden += MASK * max(tokens, 1) + other
    return hidden


def encode_hidden(trained: TrainedModel, text: str) -> list[int]:
    """Returns the ids of a text with [MASK] in it, in the marks of a row.

    What stands between two masks is tokenised by itself; it does not get the blank that
    SentencePiece puts before a text.

    Raises:
      UserError: if the text has no [MASK], the vocabulary neither, or the row is too
        long.
    """
    tokenizer = trained.tokenizer
    marks = (tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id)
    if None in marks:
        raise UserError(
            f"the tokenizer of {trained.folder} lacks [CLS], [SEP] or [MASK]: the model"
            " cannot fill in words"
        )
    cls_id, sep_id, mask_id = (mark for mark in marks if mark is not None)
    first, *others = text.split(MASK)
    if not others:
        raise UserError(f"{text!r} has no {MASK}; write one, or give --hide=WORD")
    later = _continuing(tokenizer)
    ids = [cls_id, *tokenizer.encode(first)]
    for other in others:
        ids += [mask_id, *later.encode(other)]
    ids.append(sep_id)
    limit = trained.position_limit
    if limit is not None and len(ids) > limit:
        raise UserError(
            f"{text[:20]!r}… has {len(ids)} tokens; the model reads {limit} at most"
        )
    return ids


def _continuing(tokenizer: Tokenizer) -> Tokenizer:
    """The same tokenizer for what is not the beginning of a text."""
    if not isinstance(tokenizer, SentencePieceTokenizer):
        return tokenizer
    # The class is made when the module is imported, out of sight of type checkers.
    messages: Any = sentencepiece_model_pb2
    model = messages.ModelProto.FromString(tokenizer.model_proto)
    model.normalizer_spec.add_dummy_prefix = False
    model.normalizer_spec.remove_extra_whitespaces = False
    return SentencePieceTokenizer(model.SerializeToString())
