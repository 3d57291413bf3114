"""Tokenizers: text ⇄ token ids."""

from transformer_lm.registry import Registry

TOKENIZERS = Registry(
    "tokenizer",
    {
        "sentencepiece": "transformer_lm.tokenizers.sentencepiece:SentencePieceConfig",
        "wordpiece": "transformer_lm.tokenizers.wordpiece:WordPieceConfig",
        "character": "transformer_lm.tokenizers.character:CharacterConfig",
    },
)
