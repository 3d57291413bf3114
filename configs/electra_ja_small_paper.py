"""ELECTRA small with the paper's generator, a quarter as wide, after retarfi's recipe.

  python main.py --config=configs/electra_ja_small_paper.py --workdir=runs/paper \
      --config.data_path='wiki/train-*.jsonl.gz' \
      --config.eval_data_path='wiki/validation-*.jsonl.gz'

retarfi/language-pretraining published izumi-lab/electra-small-paper-japanese, without
losses or times: 13.7 million parameters and 4.8 million in the generator, the embeddings
counted in both. All else is as in electra_ja_small.
"""

from transformer_lm.config_files import load_config

TOPOLOGY = "v4-8"


def get_config():
    config = load_config("electra_ja_small")
    config.generator_size = 0.25
    return config
