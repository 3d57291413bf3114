"""lm1b_default's 6-layer decoder on Japanese web text (CC-100).

  python main.py --config=configs/japanese_default_v1.py \
      --workdir=gs://BUCKET/japanese_default_v1

Needs the TFDS data set huggingface:cc100/lang=ja prepared in data_dir; to read ja.txt.xz
itself: --config.dataset_name=cc100/ja --config.eval_dataset_name=cc100/ja
--config.data_path=FOLDER/ja.txt.xz. transformer-lm-japanese reports half a day on a TPU
v3-8 and a held-out perplexity of 66.38.
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
    config.dataset_name = "huggingface:cc100/lang=ja"
    # cc100 has one split only.
    config.train_split = "train[:98%]"
    config.eval_dataset_name = "huggingface:cc100/lang=ja"
    config.eval_split = "train[98%:]"

    config.vocab_size = 30_000
    config.max_corpus_chars = 5_000_000
    config.spm_train_options = "--character_coverage=0.9995"

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
    config.prompts = "昔々あるところに"
    config.max_predict_length = 50
    return config
