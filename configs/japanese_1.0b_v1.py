"""An 18-layer decoder of 1 billion parameters on Japanese Wikipedia (wiki40b/ja).

  python main.py --config=configs/japanese_1.0b_v1.py --workdir=gs://BUCKET/1.0b

Needs the TFDS data set wiki40b/ja prepared in data_dir. transformer-lm-japanese has this
config but no published result.
"""

from transformer_lm.config import defaults

TOPOLOGY = "v4-32"


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

    config.num_layers = 18
    config.emb_dim = 2048
    config.qkv_dim = 2048
    config.mlp_dim = 8192
    config.num_heads = 16
    # 12 GB of state, and scores that dropout keeps: what v4-32 and v5e-64 have room for
    # (docs/scale-out.md). The results are the same without.
    config.scan_layers = True
    config.remat = "full"
    config.shard_optimizer_over_data = True

    config.per_device_batch_size = 16
    config.eval_per_device_batch_size = 16
    config.max_target_length = 1024
    config.max_eval_target_length = 1024
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
    config.prompts = "日本の首都は"
    config.max_predict_length = 50
    return config
