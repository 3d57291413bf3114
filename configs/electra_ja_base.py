"""ELECTRA base (110 million parameters) on Japanese Wikipedia, after retarfi's recipe.

  python main.py --config=configs/electra_ja_base.py --workdir=gs://BUCKET/electra_ja_base \
      --config.data_path='wiki/train-*.jsonl.gz' \
      --config.eval_data_path='wiki/validation-*.jsonl.gz'

retarfi/language-pretraining has these sizes (parameter.json, electra-base: 110.6 million
parameters and 35.2 million in the generator) but publishes no losses. Its README gives the
embeddings 128 dimensions, its file 768, as here. All else is as in electra_ja_small.
"""

from transformer_lm.config_files import load_config

TOPOLOGY = "v4-32"


def get_config():
    config = load_config("electra_ja_small")
    config.emb_dim = 768
    config.num_heads = 12
    config.mlp_dim = 3072
    config.embedding_size = 768
    config.generator_size = 1 / 3

    config.batch_size = 256
    config.max_target_length = 512
    config.max_eval_target_length = 512
    config.num_train_steps = 766_000
    config.learning_rate = 2e-4
    config.checkpoint_every_steps = 50_000
    return config
