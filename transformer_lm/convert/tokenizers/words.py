"""Tokens over words that transformers has no class for, by code of our own."""

from etils import epath

from transformer_lm.convert.remote_code import write_remote_code
from transformer_lm.convert.tokenizers.config_files import (
    added_tokens,
    common_values,
    special_names,
    write_configs,
)
from transformer_lm.tokenizers.segmented import SegmentedTokenizer

REMOTE_CODE = "segmented_tokenizer"
"""Folder in `hf_custom_model/`."""


def write(
    tokenizer: SegmentedTokenizer,
    folder: epath.Path,
    *,
    model_type: str,
    max_length: int,
    is_decoder: bool,
) -> None:
    """Writes vocab.txt, the files that say how it is used, and the code that reads it."""
    rules = tokenizer.rules
    names = special_names(tokenizer, tokenizer.tokens, is_decoder=is_decoder)
    for file, content in tokenizer.files.items():
        (folder / file).write_bytes(content)
    write_remote_code(REMOTE_CODE, folder)
    marks = (names["bos_token"], None)
    if not is_decoder:
        marks = (names["cls_token"], names["sep_token"])
    values = {
        **common_values(names, model_type, max_length, is_decoder=is_decoder),
        "added_tokens_decoder": added_tokens(tokenizer, tokenizer.tokens),
        "auto_map": {
            "AutoTokenizer": ["tokenization_segmented.SegmentedTokenizer", None]
        },
        "mark_before": marks[0],
        "kind": tokenizer.kind,
        "mark_after": marks[1],
        "lower_case": rules.lower_case,
        "normalization": rules.normalization,
        "segmenter": rules.segmenter,
        "tokenizer_class": "SegmentedTokenizer",
    }
    write_configs(folder, values, names)
