"""What is predicted and how it is scored."""

from transformer_lm.registry import Registry

OBJECTIVES = Registry(
    "objective",
    {
        "causal_lm": "transformer_lm.objectives.causal_lm:CausalLM",
        "masked_lm": "transformer_lm.objectives.masked_lm:MaskedLM",
        "sentence_pairs": "transformer_lm.objectives.sentence_pairs:SentencePairs",
        "replaced_token": "transformer_lm.objectives.replaced_token:ReplacedToken",
    },
)
