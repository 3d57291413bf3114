"""A SentencePiece model as a tokenizer.json, with the same ids or not at all."""

from collections.abc import Sequence
from typing import Any

import tokenizers
from sentencepiece import sentencepiece_model_pb2
from tokenizers import decoders, models, normalizers, pre_tokenizers

from transformer_lm.convert.tokenizers.normalisation import (
    NormalisationError,
    deleted_by,
    steps_of,
)
from transformer_lm.registry import UserError

SPACE = "▁"
"""U+2581, which stands for a blank in pieces."""

_NEVER = -1e6
"""Score of what no text becomes: marks, bytes. Any other way through a text is better."""

_MANY = 1024
"""Blanks before a text that are not decoded, where SentencePiece joins blanks."""

_MESSAGES: Any = sentencepiece_model_pb2  # Made when it is imported.
_Piece = _MESSAGES.ModelProto.SentencePiece
_Trainer = _MESSAGES.TrainerSpec


def fast_tokenizer(model_proto: bytes) -> tokenizers.Tokenizer:
    """Returns the tokenizer, without special tokens around a text.

    Raises:
      UserError: if the library cannot do exactly what the model says.
    """
    proto = _MESSAGES.ModelProto()
    proto.ParseFromString(model_proto)
    problems = _problems(proto)
    steps: tuple[Any, ...] = ()
    try:
        steps = steps_of(proto.normalizer_spec.precompiled_charsmap)
    except NormalisationError as error:
        problems.append(f"its normalisation: {error}")
    if problems:
        raise UserError(
            "this SentencePiece model cannot become a tokenizer.json with the same"
            " ids:" + "".join(f"\n  - {problem}" for problem in problems)
        )
    kind = proto.trainer_spec.model_type
    model = _unigram(proto) if kind == _Trainer.UNIGRAM else _merges(proto)
    fast = tokenizers.Tokenizer(model)
    _set_blanks(fast, proto.normalizer_spec, steps)
    return fast


def _problems(proto: Any) -> list[str]:
    """Lists what the library has no counterpart for, a line each."""
    trainer, normaliser = proto.trainer_spec, proto.normalizer_spec
    kinds = {piece.type for piece in proto.pieces}
    problems = []
    if trainer.model_type == _Trainer.WORD:
        problems.append("it is a model of whole words (--model_type=word)")
    if trainer.treat_whitespace_as_suffix:
        problems.append("blanks stand behind words (--treat_whitespace_as_suffix)")
    if not normaliser.escape_whitespaces:
        problems.append("blanks stay blanks (--escape_whitespaces=false)")
    if proto.denormalizer_spec.precompiled_charsmap:
        problems.append("it changes texts when it decodes (denormalization rules)")
    if _Piece.UNUSED in kinds:
        problems.append("it has pieces that are marked as not used")
    if _Piece.USER_DEFINED in kinds:
        problems.append("it has symbols that texts are cut at (--user_defined_symbols)")
    letters = {piece.piece for piece in proto.pieces if len(piece.piece) == 1}
    lonely = sorted({*"".join(_texts(proto))} - letters)
    if lonely:
        shown = " ".join(lonely[:5])
        problems.append(f"{len(lonely)} characters are only in longer pieces: {shown}")
    return problems


def _texts(proto: Any) -> list[str]:
    """The pieces that stand for text."""
    return [piece.piece for piece in proto.pieces if piece.type == _Piece.NORMAL]


def _unigram(proto: Any) -> Any:
    """The pieces with their scores."""
    unknown = [piece.type for piece in proto.pieces].index(_Piece.UNKNOWN)
    vocabulary = [
        (piece.piece, piece.score if piece.type == _Piece.NORMAL else _NEVER)
        for piece in proto.pieces
    ]
    return models.Unigram(
        vocabulary, unk_id=unknown, byte_fallback=proto.trainer_spec.byte_fallback
    )


def _merges(proto: Any) -> Any:
    """The pieces, and which two become one; none do in a model of characters.

    A pair is merged if together it is a piece, those of the best score first.
    """
    vocabulary = {piece.piece: number for number, piece in enumerate(proto.pieces)}
    scores = {
        piece.piece: piece.score
        for piece in proto.pieces
        if piece.type == _Piece.NORMAL
    }
    pairs: list[tuple[str, str]] = []
    if proto.trainer_spec.model_type == _Trainer.BPE:
        for text in sorted(scores, key=lambda text: -scores[text]):
            halves = ((text[:end], text[end:]) for end in range(1, len(text)))
            pairs += [
                (left, right)
                for left, right in halves
                if left in scores and right in scores
            ]
    (unknown,) = (p.piece for p in proto.pieces if p.type == _Piece.UNKNOWN)
    return models.BPE(
        vocabulary,
        pairs,
        unk_token=unknown,
        fuse_unk=True,
        byte_fallback=proto.trainer_spec.byte_fallback,
    )


def _set_blanks(
    fast: tokenizers.Tokenizer, normaliser: Any, rules: Sequence[Any]
) -> None:
    """Sets how blanks become marks in pieces, and marks become blanks.

    Where SentencePiece joins blanks, only the beginning of a text gets one put before
    it, not what follows a special token; it gets none if it begins with one. Where
    blanks are kept as they are, both get one.

    Args:
      fast: the tokenizer.
      normaliser: what the model says about blanks.
      rules: the steps of its table, which come first.
    """
    joins, prefixed = normaliser.remove_extra_whitespaces, normaliser.add_dummy_prefix
    steps: list[Any] = [*rules]
    if joins:
        # The library puts no blank before a text whose first character is gone.
        gone = deleted_by(normaliser.precompiled_charsmap)
        if prefixed and gone:
            first = tokenizers.Regex(rf"\A[{gone}]+")
            steps.insert(0, normalizers.Replace(first, " "))
        if prefixed:
            mark = tokenizers.Regex(rf"\A{SPACE}")
            steps.append(normalizers.Replace(mark, SPACE * 2))
        blanks = tokenizers.Regex(r"\A +")
        steps.append(normalizers.Replace(blanks, SPACE if prefixed else ""))
        steps.append(normalizers.Replace(tokenizers.Regex(" +(?= )"), ""))
        # At the end the mark itself goes too, however it came into the text.
        end = tokenizers.Regex(rf"[ {SPACE}]+\z")
        steps.append(normalizers.Replace(end, ""))
    elif prefixed:
        steps.insert(0, normalizers.Prepend(" "))
    steps.append(normalizers.Replace(" ", SPACE))
    fast.normalizer = normalizers.Sequence(steps)  # pyright: ignore[reportAttributeAccessIssue]
    fast.pre_tokenizer = pre_tokenizers.Metaspace(  # pyright: ignore[reportAttributeAccessIssue]
        replacement=SPACE,
        prepend_scheme="first" if joins and prefixed else "never",
        split=False,
    )
    decoded = [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    if joins or prefixed:
        decoded.append(decoders.Strip(" ", _MANY if joins else 1, 0))
    fast.decoder = decoders.Sequence(decoded)  # pyright: ignore[reportAttributeAccessIssue]
