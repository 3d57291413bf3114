"""ALBERT of 9 layers (9 million parameters), after nknytk's recipe.

  python main.py --config=configs/albert_ja_medium.py --workdir=runs/albert_ja_medium \
      --config.data_path='wiki/train-*.jsonl.gz' \
      --config.eval_data_path='wiki/validation-*.jsonl.gz'

The size that nknytk/albert-japanese-tinysegmenter recommends. All else is as in
albert_ja_base.
"""

from configs.albert_ja_base import get_config as get_base_config

TOPOLOGY = "v4-16"


def get_config():
    config = get_base_config()
    config.num_layers = 9
    config.emb_dim = 576
    config.mlp_dim = 2304
    return config
