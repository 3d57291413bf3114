"""Tokenizers: text ⇄ token ids."""

from transformer_lm.registry import Registry

TOKENIZERS = Registry(
    "tokenizer",
    {"sentencepiece": "transformer_lm.tokenizers.sentencepiece:SentencePieceConfig"},
)
