"""GPT-2 extra small (37 million parameters) on CC-100 and Wikipedia, rinna's recipe.

  python main.py --config=configs/gpt2_ja_xsmall.py --workdir=gs://BUCKET/gpt2_ja_xsmall \
      --config.data_path='cc100/train-*.jsonl.gz,wiki/train-*.jsonl.gz' \
      --config.eval_data_path='cc100/validation-*.jsonl.gz'

rinna reports a held-out perplexity of 28 after 3 epochs, 4 days on eight V100. Its counts
are of micro-steps, here of updates: 1,600,000 / 3 = 533,333 steps and 2,000 / 3 = 667 of
warm-up, each of 20 documents x 8 GPUs x 3 micro-steps = 480 rows. All else is as in
gpt2_ja_small.
"""

from transformer_lm.config_files import load_config

TOPOLOGY = "v4-16"


def get_config():
    config = load_config("gpt2_ja_small")
    config.num_layers = 6
    config.emb_dim = 512
    config.num_heads = 8
    # 4.5 times the width, where the other sizes have 4.
    config.mlp_dim = 2304

    config.batch_size = 480
    config.grad_accumulation_steps = 3
    config.num_train_steps = 533_333
    config.learning_rate = 7e-4
    config.warmup_steps = 667
    return config
