"""ALBERT of 4 layers over characters (2 million parameters), after nknytk's recipe.

  python main.py --config=configs/albert_ja_tiny_character.py \
      --workdir=runs/albert_ja_tiny_character \
      --config.data_path='wiki/train-*.jsonl.gz' \
      --config.eval_data_path='wiki/validation-*.jsonl.gz'

The sizes of albert_ja_tiny with the vocabulary of albert_ja_base_character.
"""

from transformer_lm.config_files import load_config

TOPOLOGY = "v4-8"


def get_config():
    config = load_config("albert_ja_base_character")
    config.num_layers = 4
    config.emb_dim = 312
    config.mlp_dim = 1248
    return config
