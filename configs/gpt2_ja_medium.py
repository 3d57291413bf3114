"""GPT-2 medium (336 million parameters) on CC-100 and Wikipedia, after rinna's recipe.

  python main.py --config=configs/gpt2_ja_medium.py --workdir=gs://BUCKET/gpt2_ja_medium \
      --config.data_path='cc100/train-*.jsonl.gz,wiki/train-*.jsonl.gz' \
      --config.eval_data_path='cc100/validation-*.jsonl.gz'

rinna reports a held-out perplexity of 18 after 4 epochs, 45 days on eight V100. Its counts
are of micro-steps, here of updates: 13,000,000 / 20 = 650,000 steps and 2,000 / 20 = 100 of
warm-up, each of 3 documents x 8 GPUs x 20 micro-steps = 480 rows. All else is as in
gpt2_ja_small.
"""

from transformer_lm.config_files import load_config

TOPOLOGY = "v4-16"


def get_config():
    config = load_config("gpt2_ja_small")
    config.num_layers = 24
    config.emb_dim = 1024
    config.num_heads = 16
    config.mlp_dim = 4096
    # Two dozen equal blocks: compile one.
    config.scan_layers = True

    config.batch_size = 480
    config.grad_accumulation_steps = 20
    config.num_train_steps = 650_000
    config.learning_rate = 3e-4
    config.warmup_steps = 100
    return config
