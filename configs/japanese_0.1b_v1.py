"""A 12-layer decoder of 0.1 billion parameters on Japanese Wikipedia (wiki40b/ja).

  python main.py --config=configs/japanese_0.1b_v1.py --workdir=gs://BUCKET/0.1b

Needs the TFDS data set wiki40b/ja prepared in data_dir. transformer-lm-japanese reports
1.5 days on a TPU v3-8, a held-out loss of 3.562 and a perplexity of 35.22. What is not
named here is as in lm1b_default.
"""

from transformer_lm.config_files import load_config

TOPOLOGY = "v4-8"


def get_config():
    config = load_config("lm1b_default")
    config.dataset_name = "wiki40b/ja"
    config.eval_split = "validation"
    config.max_corpus_chars = 400_000_000
    config.spm_train_options = "--character_coverage=0.9995 --byte_fallback=true"

    config.num_layers = 12
    config.emb_dim = 768
    config.qkv_dim = 768
    config.mlp_dim = 3072
    config.num_heads = 12

    config.max_target_length = 256
    config.eval_every_steps = 5000
    config.prompts = "昔々あるところに"
    config.max_predict_length = 512
    return config
