"""ALBERT of 9 layers (9 million parameters), after nknytk's recipe.

  python main.py --config=configs/albert_ja_medium.py --workdir=runs/albert_ja_medium \
      --config.data_path='wiki/train-*.jsonl.gz' \
      --config.eval_data_path='wiki/validation-*.jsonl.gz'

The size that nknytk/albert-japanese-tinysegmenter recommends. All else is as in
albert_ja_base.
"""

from transformer_lm.config_files import load_config

TOPOLOGY = "v4-16"


def get_config():
    config = load_config("albert_ja_base")
    config.num_layers = 9
    config.emb_dim = 576
    config.mlp_dim = 2304
    return config
