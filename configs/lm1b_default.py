"""Flax's lm1b example: a 6-layer English decoder on the One Billion Word benchmark.

  python main.py --config=configs/lm1b_default.py --workdir=gs://BUCKET/lm1b_default

Needs the TFDS data set lm1b prepared in data_dir. transformer-lm-japanese reports half
a day on a TPU v3-8 and a held-out perplexity of 22.67.
"""

from transformer_lm.config import defaults

TOPOLOGY = "v4-8"


def get_config():
    config = defaults(
        model="transformer_lm",
        objective="causal_lm",
        tokenizer="sentencepiece",
        optimizer="adamw",
        schedule="rsqrt",
    )
    config.dataset_name = "lm1b"
    config.train_split = "train"
    config.eval_split = "test"

    config.vocab_size = 30_000
    config.max_corpus_chars = 5_000_000
    config.spm_train_options = "--character_coverage=1.0"

    config.num_layers = 6
    config.emb_dim = 512
    config.qkv_dim = 512
    config.mlp_dim = 2048
    config.num_heads = 8

    config.per_device_batch_size = 32
    config.eval_per_device_batch_size = 32
    config.max_target_length = 128
    config.max_eval_target_length = 512
    config.num_train_steps = 500_000
    config.learning_rate = 0.0016
    config.warmup_steps = 1000
    config.weight_decay = 0.1
    # The reference decays every parameter.
    config.weight_decay_exclude = "none"
    config.use_bfloat16 = True

    config.eval_every_steps = 1000
    config.num_eval_steps = 2000
    config.checkpoint_every_steps = 10_000
    config.prompts = "I love to "
    config.max_predict_length = 50
    return config
