"""Parameter names of other programs, and the way from and to them."""

from transformer_lm.registry import Registry

CONVERSIONS = Registry(
    "conversion",
    {
        "transformer_lm": "transformer_lm.convert.transformer_lm:CONVERSION",
        "gpt2": "transformer_lm.convert.gpt2:CONVERSION",
        "bert": "transformer_lm.convert.bert:CONVERSION",
        "roberta": "transformer_lm.convert.roberta:CONVERSION",
        "albert": "transformer_lm.convert.albert:CONVERSION",
        "electra": "transformer_lm.convert.electra:CONVERSION",
    },
)
"""Families that transformers can load; see conversion.py."""
