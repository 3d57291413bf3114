"""Special tokens by the names that config.json has for them."""

from transformer_lm.registry import UserError
from transformer_lm.tokenizers.interface import Tokenizer


def token_ids(tokenizer: Tokenizer, *, is_decoder: bool) -> dict[str, int]:
    """Returns the ids of a config.json.

    A batch of texts needs padding, and transformers asks for a token of its own for it.
    Where the vocabulary has none, a token that never stands among the text of a row is
    taken: the end mark for decoders, the start mark for encoders, whose rows begin with
    [CLS]. RoBERTa counts positions by it.

    Args:
      tokenizer: of the model.
      is_decoder: whether the model continues texts.

    Raises:
      UserError: if an encoder's vocabulary has neither padding nor a start mark.
    """
    if is_decoder:
        ids = {
            "bos_token_id": tokenizer.bos_id,
            "eos_token_id": tokenizer.eos_id,
            "pad_token_id": _first(tokenizer.pad_id, tokenizer.eos_id),
        }
    else:
        padding = _first(tokenizer.pad_id, tokenizer.bos_id)
        if padding is None:
            raise UserError(
                "the tokenizer has neither a padding token nor a start mark, and"
                " transformers cannot pad rows without one; train with a vocabulary"
                " that has (SentencePiece: --pad_id=3 in spm_train_options)"
            )
        ids = {
            "bos_token_id": tokenizer.cls_id,
            "eos_token_id": tokenizer.sep_id,
            "pad_token_id": padding,
        }
    return {name: number for name, number in ids.items() if number is not None}


def _first(*ids: int | None) -> int | None:
    return next((number for number in ids if number is not None), None)
