"""Tokens over words of MeCab as `BertJapaneseTokenizer` of transformers has them."""

from etils import epath

from transformer_lm.convert.tokenizers.config_files import (
    added_tokens,
    common_values,
    special_names,
    write_configs,
)
from transformer_lm.tokenizers.segmented import SegmentedTokenizer

PREFIX = "mecab_"
"""Of the names of MeCab's segmenters; the dictionary's name follows."""


def fits(tokenizer: SegmentedTokenizer, *, is_decoder: bool) -> bool:
    """Whether the class of transformers does what this tokenizer does.

    It always puts [CLS] and [SEP] around a text, always applies NFKC to characters, and
    makes letters small before MeCab sees them in transformers 4 but not in 5.
    """
    rules = tokenizer.rules
    normalises = rules.normalization == "nfkc" or tokenizer.kind == "wordpiece"
    same = rules.segmenter.startswith(PREFIX) and normalises and not rules.lower_case
    return same and not is_decoder


def write(
    tokenizer: SegmentedTokenizer,
    folder: epath.Path,
    *,
    model_type: str,
    max_length: int,
    is_decoder: bool,
) -> None:
    """Writes vocab.txt and the files that say how it is used."""
    rules = tokenizer.rules
    names = special_names(tokenizer, tokenizer.tokens, is_decoder=is_decoder)
    # The class gives [CLS] and [SEP] no second name.
    names = {key: names[key] for key in names if key not in ("bos_token", "eos_token")}
    for file, content in tokenizer.files.items():
        (folder / file).write_bytes(content)
    values = {
        **common_values(names, model_type, max_length, is_decoder=is_decoder),
        "added_tokens_decoder": added_tokens(tokenizer, tokenizer.tokens),
        "do_lower_case": False,
        "do_subword_tokenize": True,
        "do_word_tokenize": True,
        "mecab_kwargs": {
            "mecab_dic": rules.segmenter.removeprefix(PREFIX),
            "normalize_text": rules.normalization == "nfkc",
        },
        "subword_tokenizer_type": tokenizer.kind,
        "tokenizer_class": "BertJapaneseTokenizer",
        "word_tokenizer_type": "mecab",
    }
    write_configs(folder, values, names)
