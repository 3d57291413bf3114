"""ALBERT of 6 layers (6 million parameters), after nknytk's recipe.

  python main.py --config=configs/albert_ja_small.py --workdir=runs/albert_ja_small \
      --config.data_path='wiki/train-*.jsonl.gz' \
      --config.eval_data_path='wiki/validation-*.jsonl.gz'

All but the sizes is as in albert_ja_base.
"""

from transformer_lm.config_files import load_config

TOPOLOGY = "v4-8"


def get_config():
    config = load_config("albert_ja_base")
    config.num_layers = 6
    config.emb_dim = 384
    config.mlp_dim = 1536
    return config
