"""What tokenizer_config.json and special_tokens_map.json say."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from etils import epath

from transformer_lm.convert.token_ids import token_ids
from transformer_lm.tokenizers.interface import Tokenizer
from transformer_lm.tokenizers.special_tokens import is_unused


def special_names(
    tokenizer: Tokenizer, tokens: Sequence[str], *, is_decoder: bool
) -> dict[str, str]:
    """Returns {bos_token, eos_token, …: the token}; the ids are those of config.json.

    Args:
      tokenizer: of the model.
      tokens: all of its tokens, by id.
      is_decoder: whether the model continues texts.
    """
    ids = token_ids(tokenizer, is_decoder=is_decoder)
    named = {key.removesuffix("_id"): tokens[number] for key, number in ids.items()}
    others = {"unk_token": tokenizer.unk_id}
    if not is_decoder:
        others |= {
            "cls_token": tokenizer.cls_id,
            "sep_token": tokenizer.sep_id,
            "mask_token": tokenizer.mask_id,
        }
    found = {
        key: tokens[number] for key, number in others.items() if number is not None
    }
    return named | found


def added_tokens(tokenizer: Tokenizer, tokens: Sequence[str]) -> dict[str, Any]:
    """Returns `added_tokens_decoder`: every special token by its id.

    Those that are not used yet are left out: they would be read in texts.
    """
    plain = dict.fromkeys(("lstrip", "normalized", "rstrip", "single_word"), False)
    return {
        str(number): {"content": tokens[number], **plain, "special": True}
        for number in tokenizer.special_ids
        if not is_unused(tokens[number])
    }


def input_names(model_type: str, *, is_decoder: bool) -> list[str]:
    """Returns the arrays that a model wants from its tokenizer.

    RoBERTa is trained without token types.
    """
    types = [] if is_decoder or model_type == "roberta" else ["token_type_ids"]
    return ["input_ids", *types, "attention_mask"]


def common_values(
    names: Mapping[str, str], model_type: str, max_length: int, *, is_decoder: bool
) -> dict[str, Any]:
    """Returns what every tokenizer_config.json says."""
    return {
        **names,
        "clean_up_tokenization_spaces": False,
        "model_input_names": input_names(model_type, is_decoder=is_decoder),
        "model_max_length": max_length,
    }


def write_configs(
    folder: epath.Path, values: Mapping[str, Any], names: Mapping[str, str]
) -> None:
    """Writes tokenizer_config.json and special_tokens_map.json."""
    for file, content in (
        ("tokenizer_config.json", values),
        ("special_tokens_map.json", names),
    ):
        text = json.dumps(content, indent=2, ensure_ascii=False, sort_keys=True)
        (folder / file).write_text(text + "\n")
