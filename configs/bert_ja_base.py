"""BERT base (112 million parameters) on Japanese Wikipedia, after retarfi's recipe.

  python main.py --config=configs/bert_ja_base.py --workdir=gs://BUCKET/bert_ja_base \
      --config.data_path='wiki/train-*.jsonl.gz' \
      --config.eval_data_path='wiki/validation-*.jsonl.gz'

retarfi/language-pretraining has these sizes (parameter.json, bert-base) but publishes no
losses. On four machines of 80, 80, 48 and 48 rows (bert-base-dist):
--config.batch_size=None --config.per_process_batch=80,80,48,48
--config.grad_accumulation_steps=5. All else is as in bert_ja_small.
"""

from transformer_lm.config_files import load_config

TOPOLOGY = "v4-32"


def get_config():
    config = load_config("bert_ja_small")
    config.emb_dim = 768
    config.num_heads = 12
    config.mlp_dim = 3072

    config.batch_size = 256
    config.max_target_length = 512
    config.max_eval_target_length = 512
    config.num_train_steps = 1_000_000
    config.learning_rate = 1e-4
    config.checkpoint_every_steps = 50_000
    return config
