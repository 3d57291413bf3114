"""A 12-layer decoder of 0.1 billion parameters on Japanese Wikipedia (wiki40b/ja).

  python main.py --config=configs/japanese_0.1b_v1.py --workdir=gs://BUCKET/0.1b

Needs the TFDS data set wiki40b/ja prepared in data_dir. transformer-lm-japanese reports
1.5 days on a TPU v3-8, a held-out loss of 3.562 and a perplexity of 35.22.
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
    config.dataset_name = "wiki40b/ja"
    config.train_split = "train"
    config.eval_dataset_name = "wiki40b/ja"
    config.eval_split = "validation"

    config.vocab_size = 30_000
    config.max_corpus_chars = 400_000_000
    config.spm_train_options = "--character_coverage=0.9995 --byte_fallback=true"

    config.num_layers = 12
    config.emb_dim = 768
    config.qkv_dim = 768
    config.mlp_dim = 3072
    config.num_heads = 12

    config.per_device_batch_size = 32
    config.eval_per_device_batch_size = 32
    config.max_target_length = 256
    config.max_eval_target_length = 512
    config.num_train_steps = 500_000
    config.learning_rate = 0.0016
    config.warmup_steps = 1000
    config.weight_decay = 0.1
    # The reference decays every parameter.
    config.weight_decay_exclude = "none"
    config.use_bfloat16 = True

    config.eval_every_steps = 5000
    config.num_eval_steps = 2000
    config.checkpoint_every_steps = 10_000
    config.prompts = "昔々あるところに"
    config.max_predict_length = 512
    return config
