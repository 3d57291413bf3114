"""Optimizers of optax and learning-rate schedules, each chosen by a config."""

from transformer_lm.registry import Registry

OPTIMIZERS = Registry(
    "optimizer",
    {
        "adafactor": "transformer_lm.optim.adafactor:Adafactor",
        "adam": "transformer_lm.optim.adam:Adam",
        "adamw": "transformer_lm.optim.adam:AdamW",
        "lamb": "transformer_lm.optim.lamb:Lamb",
        "lion": "transformer_lm.optim.lion:Lion",
        "muon": "transformer_lm.optim.muon:Muon",
    },
)

SCHEDULES = Registry(
    "schedule",
    {
        "constant": "transformer_lm.optim.schedules:Constant",
        "cosine": "transformer_lm.optim.schedules:Cosine",
        "linear": "transformer_lm.optim.schedules:Linear",
        "polynomial": "transformer_lm.optim.schedules:Polynomial",
        "rsqrt": "transformer_lm.optim.schedules:ReciprocalSquareRoot",
        "wsd": "transformer_lm.optim.schedules:WarmupStableDecay",
    },
)
