"""Networks: jax and flax only, so that each file can be shipped to the Hub as it is."""

from transformer_lm.registry import Registry

MODELS = Registry(
    "model",
    {
        "transformer_lm": "transformer_lm.models.transformer_lm:TransformerLMConfig",
        "gpt2": "transformer_lm.models.gpt2:Gpt2Config",
        "bert": "transformer_lm.models.bert:BertConfig",
        "roberta": "transformer_lm.models.roberta:RobertaConfig",
        "albert": "transformer_lm.models.albert:AlbertConfig",
        "electra": "transformer_lm.models.electra:ElectraConfig",
    },
)
