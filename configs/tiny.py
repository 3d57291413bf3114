"""Every model family at toy size: a training that takes seconds, for tries and tests.

python main.py --config=configs/tiny.py:transformer_lm
python main.py --config=configs/tiny.py:electra
"""

from transformer_lm.config import defaults

TOPOLOGY = "v5e-1"

FAMILIES = {
    "transformer_lm": {"objective": "causal_lm"},
    "gpt2": {"objective": "causal_lm"},
    "bert": {"objective": "sentence_pairs"},
    "roberta": {"objective": "masked_lm"},
    "albert": {"objective": "sentence_pairs"},
    "electra": {"objective": "replaced_token"},
}
"""What each family is trained with."""


def get_config(family: str = "transformer_lm"):
    config = defaults(
        model=family,
        tokenizer="sentencepiece",
        optimizer="adamw",
        schedule="rsqrt",
        **FAMILIES[family],
    )
    config.dataset_name = "quickstart"
    config.vocab_size = 1500
    config.spm_train_options = "--hard_vocab_limit=false --byte_fallback=true"
    config.max_corpus_chars = 100_000

    config.num_layers = 2
    config.emb_dim = 32
    config.num_heads = 2
    config.mlp_dim = 64
    if "qkv_dim" in config:
        config.qkv_dim = 32

    if config.objective != "causal_lm":
        config.special_tokens = "[CLS],[SEP],[MASK]"
    if family == "albert":
        config.pair_objective = "sop"
        config.embedding_size = 16
    if family == "electra":
        config.generator_size = 0.5
        config.best_metric = "discriminator_loss"

    config.batch_size = 8
    config.max_target_length = 64
    config.max_eval_target_length = 64
    config.num_train_steps = 40
    config.learning_rate = 3e-3
    config.warmup_steps = 10
    config.log_every_steps = 5
    config.eval_every_steps = 20
    config.num_eval_steps = 4
    config.checkpoint_every_steps = 10
    config.prompts = "昨日、"
    config.max_predict_length = 40
    return config
