"""An 18-layer decoder of 1 billion parameters on Japanese Wikipedia (wiki40b/ja).

  python main.py --config=configs/japanese_1.0b_v1.py --workdir=gs://BUCKET/1.0b

Needs the TFDS data set wiki40b/ja prepared in data_dir. transformer-lm-japanese has this
config but no published result. What is not named here is as in japanese_0.1b_v1.
"""

from transformer_lm.config_files import load_config

TOPOLOGY = "v4-32"


def get_config():
    config = load_config("japanese_0.1b_v1")
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
    config.prompts = "日本の首都は"
    config.max_predict_length = 50
    return config
