"""ALBERT of 4 layers (6 million parameters), after nknytk's recipe.

  python main.py --config=configs/albert_ja_tiny.py --workdir=runs/albert_ja_tiny \
      --config.data_path='wiki/train-*.jsonl.gz' \
      --config.eval_data_path='wiki/validation-*.jsonl.gz'

All but the sizes is as in albert_ja_base.
"""

from transformer_lm.config_files import load_config

TOPOLOGY = "v4-8"


def get_config():
    config = load_config("albert_ja_base")
    config.num_layers = 4
    config.emb_dim = 312
    config.mlp_dim = 1248
    return config
