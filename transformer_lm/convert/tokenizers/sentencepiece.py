"""SentencePiece models as fast tokenizers: tokenizer.json and what belongs to it."""

from typing import Any

from etils import epath
from tokenizers import AddedToken, processors

from transformer_lm.convert.tokenizers.config_files import (
    added_tokens,
    common_values,
    special_names,
    write_configs,
)
from transformer_lm.convert.tokenizers.sentencepiece_fast import fast_tokenizer
from transformer_lm.tokenizers.sentencepiece import SentencePieceTokenizer


def write(
    tokenizer: SentencePieceTokenizer,
    folder: epath.Path,
    *,
    model_type: str,
    max_length: int,
    is_decoder: bool,
) -> None:
    """Writes tokenizer.json, tokenizer_config.json, special_tokens_map.json, spiece.model.

    Raises:
      UserError: if a tokenizer.json cannot do exactly what the model does.
    """
    fast = fast_tokenizer(tokenizer.model_proto)
    tokens = [str(fast.id_to_token(number)) for number in range(tokenizer.vocab_size)]
    names = special_names(tokenizer, tokens, is_decoder=is_decoder)
    fast.add_special_tokens(
        [
            AddedToken(tokens[number], normalized=False, special=True)
            for number in tokenizer.special_ids
        ]
    )
    fast.post_processor = _marks(tokenizer, names, is_decoder)
    (folder / "tokenizer.json").write_text(fast.to_str(pretty=True))
    (folder / "spiece.model").write_bytes(tokenizer.model_proto)
    values = {
        **common_values(names, model_type, max_length, is_decoder=is_decoder),
        "added_tokens_decoder": added_tokens(tokenizer, tokens),
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
    write_configs(folder, values, names)


def _marks(
    tokenizer: SentencePieceTokenizer, names: dict[str, str], is_decoder: bool
) -> Any:
    """What stands around a text: bos before it, or [CLS] and [SEP]."""
    if is_decoder:
        bos = names["bos_token"]
        return processors.TemplateProcessing(
            single=f"{bos} $A",
            pair=f"{bos} $A $B:1",
            special_tokens=[(bos, tokenizer.bos_id)],
        )
    cls, sep = names["cls_token"], names["sep_token"]
    return processors.TemplateProcessing(
        single=f"{cls} $A {sep}",
        pair=f"{cls} $A {sep} $B:1 {sep}:1",
        special_tokens=[(cls, tokenizer.cls_id), (sep, tokenizer.sep_id)],
    )
